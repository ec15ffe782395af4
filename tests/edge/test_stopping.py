"""`feedpub run` told to stop while a store is being asked."""

from __future__ import annotations

import signal

from tests.edge.front_door import Site
from tests.edge.receiver import Answer, Mood, Receiver


def test_a_poll_that_is_cut_by_the_end_is_no_fault_of_the_store(site: Site) -> None:
    with Receiver() as blog:
        blog.default = Answer(200, mood=Mood.HANG)
        store = {"kind": "wordpress", "url": f"{blog.url}/", "allow_private": True, "timeout": "30s"}
        site.configure(stores={"blog": store}, targets={})
        daemon = site.start("run")
        assert blog.wait_for(1)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait().code == 0
    assert daemon.events("store_failed") == []
    assert site.feedpub("status", "--json").json["problems"] == []
