"""The rules for nginx and Caddy that lie beside the feeds: they follow the config and the feeds there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedpub.networks import WebSub
from feedpub.pipeline import Source
from tests.edge.newsroom import Make, files, settle, write
from tests.edge.test_publisher import Desk
from tests.world import ListOptions

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SERVERS = ("nginx.conf", "Caddyfile")
RULES = [f"{what}.{server}" for what in ("headers", "moved", "wordpress") for server in SERVERS]


@pytest.fixture
def desk(make: Make) -> Desk:
    hub = WebSub.model_validate({"kind": "websub", "name": "hub", "hub_url": "https://hub.test/", "feeds": ["all"]})
    desk = make(tags=True, targets={"hub": hub})
    write(desk, 1, tags=("Air Force",), categories=("2",))
    return desk


def rules(desk: Desk, what: str) -> list[str]:
    """One kind of rules, as each server has them."""
    return [files(desk)[f"{what}.{server}"].decode() for server in SERVERS]


def test_they_tell_of_hubs_of_freshness_and_of_wordpress_slugs(desk: Desk) -> None:
    for told in rules(desk, "headers"):
        assert "max-age=180" in told
        (announced,) = [line for line in told.splitlines() if "hub.test" in line]
        assert "all" in announced
        assert '; rel="hub"' in announced
    for told in rules(desk, "wordpress"):
        assert "^tag/air-force" in told
        assert "tag/air-force-" in told


def test_another_cadence_changes_how_long_feeds_may_be_kept_and_nothing_else(desk: Desk) -> None:
    before = files(desk)
    setup = desk.setup()
    sources = {"blog": Source(ListOptions(name="blog", poll="20s"), desk.store)}
    desk.publisher.apply(replace(setup, sources=sources))
    settle(desk)
    after = files(desk)
    assert {path for path in after if after[path] != before[path]} == {f"headers.{server}" for server in SERVERS}
    assert all("max-age=20" in told for told in rules(desk, "headers"))


def test_they_are_not_written_again_while_they_say_the_same(desk: Desk) -> None:
    def written() -> dict[str, int]:
        return {path: (desk.folder / desk.output / path).stat().st_ino for path in RULES}

    before = written()
    write(desk, 2, tags=("Air Force",))
    desk.publisher.apply(desk.setup())
    settle(desk)
    assert written() == before
