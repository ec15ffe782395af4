"""`feedpub check`: what is judged of a machine and of the network, without either."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.commands.findings import How
from feedpub.commands.machine import file_system_of
from feedpub.commands.outside import clock, is_inside, mismatch
from feedpub.settings import Settings

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/feed\\040files rw,relatime shared:9 - nfs4 nas:/feeds rw,vers=4.2
31 22 0:41 / /data rw - tmpfs tmpfs rw
32 31 0:42 / /data rw - fuse.sshfs me@host:/ rw
33 22 0:43
""".splitlines()


def settings(base_url: str, listen: str) -> Settings:
    site: dict[str, Any] = {"title": "航空ニュース", "url": "https://news.test/"}
    return Settings.model_validate({"site": site, "feeds": {"base_url": base_url}, "web": {"listen": listen}})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/srv/feed files/x", "nfs4"),
        ("/srv/feed", "ext4"),
        ("/data/a.db", "fuse.sshfs"),
        ("/data2", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_mount_nearest_to_a_path(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


@given(st.lists(st.text(), max_size=5))
def test_whatever_a_machine_tells_of_its_mounts_is_read(lines: list[str]) -> None:
    assert isinstance(file_system_of(Path("/data"), lines), str)


@pytest.mark.parametrize(
    ("base_url", "listen", "told"),
    [
        ("https://news.test/feeds/", "127.0.0.1:8080", ""),
        ("https://news.test:8443/feeds/", "127.0.0.1:8080", ""),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080", ""),
        ("http://news.test:8080/", "0.0.0.0:8080", ""),
        ("http://news.test:8080/", "127.0.0.1:0", ""),
        ("http://127.0.0.1:8080/", "127.0.0.1:8090", "feeds.base_url says port 8080, and web.listen port 8090"),
        ("http://news.test:8080/", "127.0.0.1:8080", 'write web.listen = "0.0.0.0:8080"'),
        ("http://[2606:4700::1111]:8080/", "[::1]:8080", "readers come to port 8080 by feeds.base_url"),
    ],
)
def test_two_options_that_should_agree_are_compared(base_url: str, listen: str, told: str) -> None:
    found = list(mismatch(settings(base_url, listen)))
    assert [one.how for one in found] == ([How.CAUTION] if told else [])
    assert all(told in one.told for one in found)


def test_an_address_within_is_told_by_how_it_is_written() -> None:
    inside = ("127.0.0.1", "10.1.2.3", "::1", "localhost", "nas.local", "a.localhost", "192.168.0.7")
    assert [host for host in inside if not is_inside(host)] == []
    assert [
        host for host in ("news.test", "8.8.8.8", "2606:4700::1111", "localhost.example.net") if is_inside(host)
    ] == []


def test_a_clock_is_judged_by_what_most_others_say() -> None:
    right, wrong = timedelta(seconds=1), timedelta(hours=2)
    assert clock({"a": right}).how is How.WELL
    assert clock({"a": right, "b": -right, "c": wrong}).how is How.WELL
    behind = clock({"a": -wrong, "b": right, "c": -wrong})
    assert behind.how is How.ILL
    assert "7,200 s behind a, b, c" in behind.told
    assert "ahead of a" in clock({"a": wrong}).told
    assert clock({}).how is How.UNSEEN
    assert "(--offline)" in clock({}, offline=True).told
