"""What every network owes, each against a real server on loopback that speaks its dialect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import unquote_plus

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from feedpub.http import Door
from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Conversation,
    Doubt,
    Notice,
    Outcome,
    Picture,
    Refused,
    Reply,
    Request,
    Said,
    Step,
)
from feedpub.networks import AnyNetwork, Console
from feedpub.networks.base import Network
from tests.edge.kinds import KINDS
from tests.edge.kinds.kind import LINK, NOW, PATIENCE, SECRET, SERVER, TEXT, TOKEN, Kind
from tests.edge.receiver import FLOOD, LOGIN_PAGE, Answer, Mood, Receiver

MADE = {name: kind.make("http://a.test") for name, kind in KINDS.items()}


def each(names: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", names)


def that_can(deed: str) -> list[str]:
    """Those networks where it changes something that stands there: no new event, no feed that is told of again."""
    return [
        name for name in KINDS if deed in MADE[name].can and not KINDS[name].events and MADE[name].subject == "article"
    ]


EVERY = each(list(KINDS))
OF_ARTICLES = each([name for name in KINDS if MADE[name].subject == "article"])
SECRETIVE = each([name for name in KINDS if any(MADE[name].secrets())])
PREPARED = pytest.mark.parametrize(("kind", "route"), [(name, route) for name in KINDS for route in KINDS[name].routes])
CORRECTING = each(that_can("correct"))
RETRACTING = each(that_can("retract"))
REPLYING = each(that_can("reply"))
FINDING = each(that_can("find"))
VERIFYING = each([name for name in KINDS if MADE[name].verify(Context(NOW)) is not None])

PICTURE = Picture(b"\xff\xd8 a picture", "image/jpeg", 640, 480)


@dataclass
class Counter:
    """Both sides of a network: how we talk with its server, and what it is told to answer."""

    name: str
    server: Receiver
    kind: Kind
    network: Network
    memory: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    picture: Picture | None = PICTURE

    def notice(self, action: Action = Action.ANNOUNCE, **changes: Any) -> Notice:
        """What is said: the same each time, but for `changes`."""
        standing = "" if action is Action.ANNOUNCE else self.kind.said.id
        said = Notice(
            target="news",
            action=action,
            article="1",
            guid="g",
            revision=1,
            key="msg_2f",
            at=NOW,
            text=self.kind.text,
            link=LINK,
            title="航空ニュース",
            language="ja",
            remote_id=standing,
        )
        return replace(said, **(dict(self.kind.notice) | changes))

    def do(self, deed: str) -> Outcome:
        """Carry out `announce`, `correct`, `retract`, `reply`, `find` or `verify`."""
        context = Context(NOW, dict(self.memory))
        if deed == "verify":
            checking = self.network.verify(context)
            assert checking is not None
            return self.talk(checking)
        action = Action(deed) if deed in set(Action) else Action.ANNOUNCE
        return self.talk(getattr(self.network, deed)(self.notice(action), context))

    def talk(self, conversation: Conversation) -> Outcome:
        door = Door(picture=lambda _image, _within: self.picture)
        # Whoever keeps silent is left at once: what the clock does, test_http.py waits for.
        self.server.silence = lambda: _leave(door)
        outcome = door.converse(
            self._watched(conversation),
            self.memory.__setitem__,
            timeout=PATIENCE,
            allow_private=self.network.allow_private,
        )
        # What was said stands at the server's own address, which is another one each time.
        if isinstance(outcome, Said):
            return replace(outcome, url=outcome.url.replace(self.server.url, SERVER))
        return outcome

    def _watched(self, conversation: Conversation) -> Conversation:
        reply: Reply | Picture | None = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            self.steps.append(step)
            reply = yield step

    def saying(self) -> list[Request]:
        """The requests that would have left a doubt."""
        return [step for step in self.steps if isinstance(step, Request) and step.says]


def _leave(door: Door) -> None:
    """Do now what a door does at the deadline."""
    for line in tuple(door._lines):
        line.cut("127.0.0.1 did not answer in time")


@pytest.fixture
def at(kind: str) -> Iterator[Counter]:
    with Receiver() as server:
        spec = KINDS[kind]
        server.routes = dict(spec.routes)
        server.key = spec.key
        yield Counter(kind, server, spec, spec.make(server.url), dict(spec.memory))


def test_every_network_is_held_to_this_contract() -> None:
    union = get_args(get_args(AnyNetwork)[0])
    assert {network.model_fields["kind"].default for network in union} - {"console"} == set(KINDS)


def test_what_a_network_can_do_is_tested_here() -> None:
    for name, kind in KINDS.items():
        deeds = MADE[name].can - {"correct"} if MADE[name].subject == "feed" else MADE[name].can
        assert deeds <= {"correct", "retract", "reply", "find"}
        for deed, needed in {"retract": kind.gone, "find": kind.found and kind.absent}.items():
            assert needed or kind.events or deed not in deeds, (name, deed)
    # The bodies behind `can` are there, and only those.
    for name, network in MADE.items():
        for deed in ("correct", "retract", "reply", "find"):
            written = getattr(type(network), deed) is not getattr(Network, deed)
            assert written == (deed in network.can), (name, deed)


def test_the_console_needs_no_server_and_shows_what_it_would_post() -> None:
    shown: list[str] = []
    console = Console(name="news")
    notice = Notice("news", Action.ANNOUNCE, "1", "g", 1, "msg_2f", NOW, TEXT, LINK)
    for talk in (console.announce, console.correct, console.retract):
        conversation = talk(notice, Context(NOW))
        outcome = Door(show=shown.append).converse(
            conversation, lambda _key, _value: None, timeout=PATIENCE, allow_private=False
        )
        assert outcome == Said()
    assert len(shown) == 3
    assert all(TEXT in text for text in shown)


# ---------------------------------------------------------------- announcing


@EVERY
def test_a_notice_is_said_once_with_its_words(at: Counter) -> None:
    at.server.script = [at.kind.yes]

    assert at.do("announce") == at.kind.said
    assert len(at.server.requests) == 1
    seen = at.server.requests[0]
    assert (seen.method, seen.path) == (at.kind.method, at.kind.path)
    assert seen.headers["content-type"] == at.kind.sends
    body = seen.body.decode()
    assert at.kind.says in (unquote_plus(body) if "form" in at.kind.sends else body)


@EVERY
def test_one_request_of_an_announcement_says_it_and_the_last_one_at_that(at: Counter) -> None:
    at.server.script = [at.kind.yes]
    at.do("announce")

    assert len(at.saying()) == (1 if at.network.subject == "article" else 0)
    assert at.saying() == [step for step in at.steps if isinstance(step, Request)][-1:] or not at.saying()


@EVERY
def test_other_ways_to_say_yes_are_understood(at: Counter) -> None:
    for yes in (at.kind.yes, *at.kind.yes_too):
        at.server.script = [yes]
        assert isinstance(at.do("announce"), Said)


@EVERY
def test_a_picture_that_cannot_be_had_holds_nothing_back(at: Counter) -> None:
    at.picture = None
    at.server.script = [at.kind.yes]

    assert at.do("announce") == at.kind.said


@PREPARED
@pytest.mark.parametrize(
    "trouble",
    [
        Answer(500, {}),
        Answer(503, {}),
        Answer(429, {}, {"Retry-After": "9"}),
        Answer(401, {}),
        LOGIN_PAGE,
        FLOOD,
        Answer(200, b"\xff["),
        Answer(200, {"unknown": [None]}),
        Answer(200, [1]),
        Answer(200, {}, mood=Mood.RESET),
        Answer(200, {}, mood=Mood.HANG),
    ],
    ids=lambda answer: f"{answer.status} {answer.mood.name} {answer.content[:9]!r}",
)
def test_what_goes_wrong_before_it_is_said_leaves_no_doubt(at: Counter, route: str, trouble: Answer) -> None:
    at.server.routes[route] = trouble
    at.server.default = at.kind.yes

    outcome = at.do("announce")
    if isinstance(outcome, Doubt):  # only if the notice was in hand, and the trouble came behind it
        assert at.server.requests
    if not isinstance(outcome, Said):
        assert outcome.why


@pytest.mark.parametrize(("kind", "what"), [(kind, what) for kind in KINDS for what in KINDS[kind].refusals])
def test_a_refusal_is_final_for_the_item_or_for_the_target(at: Counter, what: str) -> None:
    answer, scope = at.kind.refusals[what]
    at.server.default = answer

    outcome = at.do("announce")
    assert isinstance(outcome, Refused)
    assert outcome.scope == scope


@EVERY
def test_too_many_requests_are_waited_out_as_the_network_asks(at: Counter) -> None:
    at.server.script = [at.kind.slow_down]

    outcome = at.do("announce")
    assert isinstance(outcome, Again)
    assert outcome.wait == at.kind.wait


@EVERY
def test_an_unavailable_server_surely_said_nothing_and_a_failing_one_leaves_a_doubt_unless_twice_is_harmless(
    at: Counter,
) -> None:
    at.server.script = [Answer(503, {}), Answer(500, {}), Answer(502, "bad gateway"), Answer(504, {})]

    assert isinstance(at.do("announce"), Again)
    for _ in range(3):
        assert isinstance(at.do("announce"), at.kind.unsure)


@EVERY
@pytest.mark.parametrize("mood", [Mood.HANG, Mood.RESET])
def test_silence_after_the_server_kept_the_post_leaves_a_doubt_unless_twice_is_harmless(
    at: Counter, mood: Mood
) -> None:
    at.server.script = [replace(at.kind.yes, mood=mood)]

    assert isinstance(at.do("announce"), at.kind.unsure)
    assert len(at.server.kept) == 1


@EVERY
def test_where_the_network_drops_a_repeat_the_same_again_is_said_once(at: Counter) -> None:
    at.server.script = [replace(at.kind.yes, mood=Mood.RESET), at.kind.yes]

    assert isinstance(at.do("announce"), at.kind.unsure)
    assert at.do("announce") == at.kind.said
    first, second = at.server.requests
    assert first.body == second.body
    by_key = at.network.dedupe_for > timedelta(0) and at.network.subject == "article"  # a feed told twice is no more
    assert len(at.server.kept) == (1 if by_key else 2)


@EVERY
def test_a_login_page_is_a_failure_that_says_so(at: Counter) -> None:
    at.server.script = [LOGIN_PAGE]

    outcome = at.do("announce")
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert "web page" in outcome.why


@EVERY
def test_of_an_endless_answer_only_the_beginning_is_read(at: Counter) -> None:
    at.server.script = [FLOOD]

    start = time.monotonic()
    outcome = at.do("announce")
    assert isinstance(outcome, Said if at.kind.flood_is_yes else at.kind.unread)
    assert time.monotonic() - start < PATIENCE.total_seconds() / 2


@EVERY
@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"null", b"[]", b'{"unknown":{}}', b'"yes"'])
def test_a_yes_that_is_none_of_the_documented_is_not_taken_for_one(at: Counter, body: bytes) -> None:
    at.server.script = [Answer(200, body, {"content-type": "application/json"})]

    assert isinstance(at.do("announce"), Said if at.kind.flood_is_yes else at.kind.unread)


@EVERY
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_told_and_not_followed(at: Counter, status: int) -> None:
    with Receiver() as elsewhere:
        at.server.script = [Answer(status, b"", {"location": elsewhere.url})]

        outcome = at.do("announce")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"
        assert "redirect" in outcome.why
        assert elsewhere.requests == []


@SECRETIVE
def test_no_reason_holds_the_secret_even_if_the_server_repeats_it(at: Counter) -> None:
    deeds = ["announce", *sorted(at.network.can), *(["verify"] if at.network.verify(Context(NOW)) else [])]
    error = {"error": f"no {TOKEN} and {at.server.url}/services/T0/B0/{TOKEN}"}
    for status in (200, 302, 400, 401, 403, 404, 422, 429, 500):
        at.server.default = Answer(status, error)
        for deed in deeds:
            assert TOKEN not in repr(at.do(deed))
    for status in (200, 400, 401, 403, 500):
        at.memory.clear()
        at.server.routes = dict.fromkeys(at.kind.routes, Answer(status, error))
        for deed in deeds:
            assert TOKEN not in repr(at.do(deed))


@EVERY
def test_private_addresses_are_refused_unless_the_target_allows_them(at: Counter) -> None:
    at.network = at.network.model_copy(update={"allow_private": False})

    outcome = at.do("announce")
    assert isinstance(outcome, Refused)
    assert "allow_private" in outcome.why
    assert at.server.requests == at.server.aside == []


# ---------------------------------------------------------------- correcting, retracting, replying


@CORRECTING
def test_an_edit_changes_what_stands_there(at: Counter) -> None:
    at.server.script = [at.kind.edited]

    assert at.do("correct") == (at.kind.edited_as or at.kind.said)
    (seen,) = at.server.requests
    assert at.kind.edits in ("", f"{seen.method} {seen.path}")
    assert at.kind.names(seen)
    assert "海自の新型護衛艦" in str(seen.json)


@RETRACTING
def test_a_retraction_deletes_it_and_a_second_one_is_a_success_too(at: Counter) -> None:
    for answer in (at.kind.deleted, *at.kind.gone):
        at.server.script = [answer]
        outcome = at.do("retract")
        assert isinstance(outcome, Said)
        assert outcome.id in ("", at.kind.said.id)
    for seen in at.server.requests:
        assert at.kind.deletes in ("", f"{seen.method} {seen.path}")
        assert at.kind.names(seen)


@CORRECTING
def test_there_is_nothing_to_correct_in_what_was_deleted_by_hand(at: Counter) -> None:
    for gone in at.kind.gone if at.kind.missing is None else at.kind.missing:
        at.server.script = [gone]
        outcome = at.do("correct")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "item"


@RETRACTING
def test_a_retraction_from_a_webhook_or_account_that_is_gone_is_no_success(at: Counter) -> None:
    for lost in (*at.kind.lost, LOGIN_PAGE):
        at.server.script = [lost]
        outcome = at.do("retract")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"


CHANGES = [(kind, deed) for deed in ("correct", "retract") for kind in that_can(deed)]


@pytest.mark.parametrize(("kind", "deed"), CHANGES)
def test_to_edit_or_delete_twice_is_harmless_so_it_leaves_no_doubt(at: Counter, deed: str) -> None:
    at.server.script = [Answer(500, {}), Answer(200, {}, mood=Mood.RESET), Answer(200, {}, mood=Mood.HANG)]

    for _ in range(3):
        assert isinstance(at.do(deed), Again)
    assert at.saying() == []


@pytest.mark.parametrize(("kind", "deed"), CHANGES)
def test_edits_and_deletions_wait_too_and_are_not_led_elsewhere(at: Counter, deed: str) -> None:
    with Receiver() as elsewhere:
        at.server.script = [
            at.kind.slow_down,
            Answer(401, {}),
            Answer(307, b"", {"location": elsewhere.url}),
            LOGIN_PAGE,
        ]
        assert isinstance(at.do(deed), Again)
        for _ in range(3):
            assert isinstance(at.do(deed), Refused)
        assert elsewhere.requests == []


@pytest.mark.parametrize(("kind", "deed"), CHANGES + [(kind, "reply") for kind in that_can("reply")])
@pytest.mark.parametrize("nonsense", ["", "../../me", "1?x=", "1\n2"])
def test_a_post_whose_id_nobody_kept_is_not_guessed_at(at: Counter, deed: str, nonsense: str) -> None:
    outcome = at.talk(getattr(at.network, deed)(at.notice(Action(deed), remote_id=nonsense), Context(NOW)))

    assert isinstance(outcome, Refused)
    assert outcome.scope == "item"
    assert at.server.requests == []


@REPLYING
def test_a_reply_stands_below_what_was_said(at: Counter) -> None:
    at.server.script = [at.kind.yes, Answer(500, {})]

    assert at.do("reply") == at.kind.said
    (seen,) = at.server.requests
    assert at.kind.replies in ("", f"{seen.method} {seen.path}")
    assert at.kind.names(seen)
    assert "海自の新型護衛艦" in str(seen.json)
    assert isinstance(at.do("reply"), at.kind.unsure)


def test_a_webhook_is_told_of_edits_and_retractions_by_signed_events() -> None:
    now = Context(datetime.fromtimestamp(time.time(), UTC))
    with Receiver() as server:
        kind = KINDS["webhook"]
        at = Counter("webhook", server, kind, kind.make(server.url), {})
        for talk in (at.network.announce, at.network.correct, at.network.retract):
            assert at.talk(talk(at.notice(), now)) == Said()

        for seen in server.requests:
            body: dict[str, Any] = Verifier(SECRET).verify(seen.body, dict(seen.headers))
            assert body["data"]["title"] == "海自の新型護衛艦"


# ---------------------------------------------------------------- finding, verifying


@FINDING
def test_what_may_have_been_said_is_found_or_surely_not_there(at: Counter) -> None:
    at.server.routes.pop(at.kind.looks, None)
    at.server.script = list(at.kind.found)
    assert at.do("find") == (at.kind.found_as or at.kind.said)

    at.server.script = list(at.kind.absent)
    assert at.do("find") == Absent()
    assert at.server.script == []
    assert at.saying() == []


@FINDING
@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}),
        Answer(503, {}),
        Answer(401, {}),
        Answer(404, {}),
        LOGIN_PAGE,
        FLOOD,
        Answer(200, {"unknown": 1}),
        Answer(200, "null"),
        Answer(200, b"", mood=Mood.RESET),
    ],
    ids=lambda answer: f"{answer.status} {answer.mood.name} {answer.content[:9]!r}",
)
def test_a_list_that_cannot_be_read_tells_nothing(at: Counter, answer: Answer) -> None:
    at.server.routes.pop(at.kind.looks, None)
    at.server.default = answer
    assert isinstance(at.do("find"), Again | Refused | Doubt)

    at.server.routes = dict.fromkeys(at.kind.routes, answer)
    at.memory.clear()
    assert isinstance(at.do("find"), Again | Refused | Doubt)


@VERIFYING
def test_credentials_are_tried_without_posting_anything(at: Counter) -> None:
    at.server.script = list(at.kind.verified)

    assert at.do("verify") == Said(at.kind.who)
    assert at.server.script == []
    assert at.saying() == []


@VERIFYING
def test_credentials_that_are_none_are_told(at: Counter) -> None:
    for answer in (Answer(401, {}), Answer(403, {}), LOGIN_PAGE):
        at.server.default = answer
        at.server.routes = dict.fromkeys(at.kind.routes, answer)
        at.memory = dict(at.kind.memory)
        outcome = at.do("verify")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "target"

    for answer in (Answer(500, {}), Answer(503, {}), Answer(200, {}, mood=Mood.RESET)):
        at.server.default = answer
        at.server.routes = dict.fromkeys(at.kind.routes, answer)
        assert isinstance(at.do("verify"), Again)
