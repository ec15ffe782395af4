"""Each network's own kind of doubt, and of an end: a publisher, real HTTP, and a server that keeps what it was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus
from uuid import uuid4

import pytest

from feedpub.http import Door
from feedpub.model import State
from feedpub.pipeline import Publisher
from tests.databases import migrated_sqlite
from tests.edge.kinds import KINDS
from tests.edge.kinds.kind import LINK, Kind
from tests.edge.receiver import Answer, Mood, Receiver, Seen
from tests.edge.test_publisher import Desk

HEADLINE = "海自の新型護衛艦「もがみ」型8番艦が就役"
MADE = {name: kind.make("http://a.test") for name, kind in KINDS.items()}
# What a PDS answers depends on what stands there; one that keeps to the rules is in fake_pds.py.
OF_ARTICLES = [name for name in KINDS if MADE[name].subject == "article" and name != "bluesky"]
FORGETFUL = [name for name in OF_ARTICLES if not MADE[name].dedupe_for]
BLIND = [name for name in FORGETFUL if "find" not in MADE[name].can]


LIMITS = {
    "POST /api/meta": Answer(200, {"maxNoteTextLength": 3000}),
    "GET /api/v2/instance": Answer(200, {"version": "4.3.0", "configuration": {"statuses": {"max_characters": 500}}}),
}
"""What servers say of their limits, whenever they are asked."""


class Outside(Door):
    """The way out, for a desk: it keeps its own time."""

    now: datetime


class Place:
    """A desk with one target, and the server behind it."""

    def __init__(self, kind: Kind, server: Receiver, folder: Path, **options: object) -> None:
        server.routes, server.key, server.default = LIMITS | dict(kind.routes), kind.key, kind.yes
        self.kind, self.server = kind, server
        target = kind.make(server.url).model_copy(update=options)
        self.desk: Desk = Desk(migrated_sqlite(folder), folder, targets={"news": target})
        outside: Any = Outside()
        self.desk.world = outside  # real servers, instead of a small world
        self.desk.publisher = Publisher(self.desk.ledger, outside, self.desk.setup(), lambda: self.desk.now)
        self.desk.publisher.apply(self.desk.setup())

    def publish(self) -> None:
        self.desk.article("1", title=HEADLINE, url=LINK)
        self.desk.round(minutes=1)

    def wait(self, *hours: float) -> None:
        """Some time passes, in steps in which anything due would be done."""
        for some in hours or (0.1, 1, 5, 18, 48):
            self.desk.round(hours=some)

    def says(self, seen: Seen) -> bool:
        return HEADLINE[:8] in unquote_plus(seen.body.decode("utf-8", "replace"))

    @property
    def calls(self) -> int:
        return len(self.server.requests) + len(self.server.aside)

    @property
    def standing(self) -> int:
        """How many posts of it the server kept."""
        return sum(map(self.says, self.server.kept))


Open = Callable[..., Place]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Open]:
    """Opens places, each with a server and a ledger of its own."""
    with ExitStack() as stack:

        def opened(kind: Kind, **options: object) -> Place:
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            place = Place(kind, stack.enter_context(Receiver()), folder, **options)
            stack.callback(place.desk.ledger.close)
            return place

        yield opened


@pytest.mark.parametrize("name", OF_ARTICLES)
def test_an_answer_that_got_lost_makes_no_second_post(name: str, at: Open) -> None:
    kind = KINDS[name]
    place = at(kind)
    place.server.script = [replace(kind.yes, mood=Mood.RESET), *(kind.found if name in FORGETFUL else ())]

    place.publish()
    place.wait()
    assert place.standing == 1
    assert place.desk.states() == {"1": State.DOUBTFUL if name in BLIND else State.SENT}


@pytest.mark.parametrize("name", BLIND)
def test_where_nobody_can_tell_an_admin_may_prefer_twice_to_never(name: str, at: Open) -> None:
    place = at(KINDS[name], on_doubt="resend")
    place.server.script = [replace(KINDS[name].yes, mood=Mood.RESET)]

    place.publish()
    place.wait()
    assert place.standing == 2
    assert place.desk.states() == {"1": State.SENT}


GONE = {  # one of each network; that Discord says 404 and a webhook 410 is among them
    name: what
    for name in OF_ARTICLES
    for what, (answer, scope) in KINDS[name].refusals.items()
    if scope == "target" and answer.status in {401, 404, 410}
}


@pytest.mark.parametrize(("name", "what"), GONE.items())
def test_a_target_that_is_gone_is_never_called_again_until_a_person_says_so(name: str, what: str, at: Open) -> None:
    kind = KINDS[name]
    place = at(kind)
    place.server.default = kind.refusals[what][0]

    place.publish()
    place.desk.article("2", title=HEADLINE)
    calls = place.calls
    place.wait(0.1, 1, 5, 18)
    assert place.desk.rest("news").paused
    assert place.calls == calls

    place.server.default = kind.yes
    place.desk.ledger.targets.resume("news")
    place.desk.round(minutes=1)
    assert place.standing == 2
    assert set(place.desk.states().values()) == {State.SENT}


RETRACTING = [name for name in OF_ARTICLES if "retract" in MADE[name].can and not KINDS[name].events]


@pytest.mark.parametrize("name", RETRACTING)
def test_what_was_deleted_by_hand_counts_as_retracted(name: str, at: Open) -> None:
    kind = KINDS[name]
    for gone in kind.gone:
        place = at(kind)
        place.publish()
        place.desk.store.remove("1")
        place.server.script = [Answer(503, {}), gone]
        place.wait()
        assert place.desk.states() == {"1": State.SKIPPED}, [
            one.delivery for one in place.desk.ledger.deliveries.listed()
        ]
