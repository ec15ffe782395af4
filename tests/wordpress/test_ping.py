"""WordPress pings its update services, feedpub is one of them: a new post is out in seconds, whatever the cadence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.front_door import Launcher, Site, Table, measured, until
from tests.wordpress.site import MARKS, URL, php, post

pytestmark = MARKS

SITE: Table = {"title": "航空ニュース", "url": URL, "language": "ja", "timezone": "Asia/Tokyo"}
STORE: Table = {"kind": "wordpress", "url": URL, "allow_private": True, "poll": "6h"}


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


@pytest.fixture
def site(tmp_path: Path, launcher: Launcher) -> Iterator[Site]:
    site = Site(tmp_path / "site", launcher)
    site.folder.mkdir()
    before = php("echo get_option('ping_sites');")
    yield site
    php(f"update_option('ping_sites', '{before}');")
    site.stop_all()


def test_a_post_is_out_within_seconds_of_its_publication(site: Site) -> None:
    site.configure(site=SITE, stores={"blog": STORE})
    secret = site.feedpub("ping-url").out.strip().rpartition("/")[2]
    running = site.start("run")
    admin: str = running.wait_for("listening")["admin"]
    until((site.folder / "public" / "all.rss").exists, within=60)
    running.wait_for("published", within=60)
    php(f"update_option('ping_sites', 'http://{admin}/ping/{secret}');")
    post(post_title="'すぐに出る見出し'")
    # What its cron does next; that does much else, which asks servers that no test can reach.
    assert int(php("echo wp_next_scheduled('do_pings');")) > 0
    php("do_action('do_pings');")
    seconds = until(
        lambda: "すぐに出る見出し" in (site.folder / "public" / "all.rss").read_text(encoding="utf-8"), within=60
    )
    measured("from WordPress's ping to the feed", seconds)
    assert running.events("pinged")[0]["stores"] == ["blog"]
    assert secret not in running.err
