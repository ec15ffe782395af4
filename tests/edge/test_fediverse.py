"""Once on the fediverse: a Mastodon that others wrote, and servers that drop no repeats, each through the real door."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.request import Request as Ask
from urllib.request import urlopen

import pytest

from feedpub.app import now
from feedpub.http import Door
from feedpub.model import (
    Absent,
    Action,
    Again,
    Article,
    Context,
    Conversation,
    Delivery,
    Doubt,
    Image,
    Notice,
    Outcome,
    Picture,
    Refused,
    Said,
    Site,
    State,
)
from feedpub.networks import Mastodon, Misskey
from feedpub.notices.compose import compose
from feedpub.notices.lifecycle import WayOut, way_out
from tests.edge import fediverse
from tests.edge.fediverse import TOKEN, GoToSocial, Wire, wire
from tests.edge.front_door import Site as Newsroom

LINK = "https://example.org/2026/04/28/mogami?p=1&q=2"
PHOTO = Picture(b"\xff\xd8\xff" + bytes(range(256)), "image/jpeg", 800, 600)
SITE = Site(title="航空ニュース", url="https://example.org/", language="ja", timezone="Asia/Tokyo")
AnyOfThem = Mastodon | Misskey


@dataclass
class Desk:
    """Does with one target what the program does around a delivery, and keeps its memory."""

    target: AnyOfThem
    memory: dict[str, str] = field(default_factory=dict)
    doubted: bool = False

    def converse(self, conversation: Conversation) -> Outcome:
        door = Door(picture=lambda _image, _within: PHOTO)
        return door.converse(
            conversation, self.memory.__setitem__, timeout=timedelta(seconds=5), allow_private=self.target.allow_private
        )

    @property
    def context(self) -> Context:
        return Context(now(), {key: value for key, value in self.memory.items() if value}, self.doubted)

    def knowing(self) -> AnyOfThem:
        if (asking := self.target.learn(self.context)) is not None:
            self.converse(asking)
        return self.target.knowing(self.memory)

    def announce(self, notice: Notice) -> Outcome:
        return self.converse(self.knowing().announce(notice, self.context))

    def find(self, notice: Notice) -> Outcome:
        return self.converse(self.knowing().find(notice, self.context))

    def way_out(self, notice: Notice) -> WayOut:
        moment = now()
        doubtful = Delivery(1, "news", 1, State.DOUBTFUL, wanted=1, frozen=notice, doubt_since=moment)
        return way_out(doubtful, self.knowing(), moment)


def notice(text: str = f"海自の新型護衛艦「もがみ」型8番艦が就役 @bob\n{LINK}", **changes: Any) -> Notice:
    made = Notice(
        "news", Action.ANNOUNCE, "1", "g", 1, "msg_2f", now(), text, LINK if LINK in text else "", language="ja"
    )
    return replace(made, **changes)


def article(title: str, url: str = LINK) -> Article:
    return Article("blog", "1", "g", url, title, "", "<p>本文</p>", now(), now())


def written(desk: Desk, title: str, key: str = "msg_2f", url: str = LINK) -> Notice:
    return compose(
        article(title, url),
        desk.knowing(),
        action=Action.ANNOUNCE,
        revision=1,
        key=key,
        now=now(),
        categories=(),
        site=SITE,
    )


# ---------------------------------------------------------------- Mastodon


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fediverse.mastodon(tmp_path_factory.mktemp("media")) as url:
        yield url


@pytest.fixture
def line(address: str) -> Iterator[Wire]:
    """A wire to the real thing, which has just forgotten everything."""
    with urlopen(Ask(f"{address}/api/v1/_mock/reset", method="POST")):
        pass
    with wire(address) as made:
        yield made


def on_mastodon(line: Wire, **options: Any) -> Desk:
    return Desk(Mastodon(name="news", server=line.url, token=TOKEN, allow_private=True, **options))


def posts(line: Wire) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with urlopen(Ask(f"{line.url}/api/v1/accounts/verify_credentials", headers=headers)) as me:
        account = json.load(me)["id"]
    with urlopen(Ask(f"{line.url}/api/v1/accounts/{account}/statuses?limit=40", headers=headers)) as page:
        found: list[dict[str, Any]] = json.load(page)
        return found


def test_an_answer_lost_on_the_way_is_asked_for_again_by_the_same_key(line: Wire) -> None:
    desk, said = on_mastodon(line), notice()
    line.breaks = {"/api/v1/statuses": "after"}
    assert isinstance(desk.announce(said), Doubt)
    assert desk.way_out(said) is WayOut.RESEND
    assert isinstance(desk.announce(said), Said)
    assert len(posts(line)) == 1
    assert isinstance(desk.find(said), Said)
    assert isinstance(desk.announce(notice(key="msg_30")), Said)
    assert len(posts(line)) == 2, "two subjects with the same words are two posts"


def test_mastodon_is_edited_in_place_replied_to_and_cleared_and_a_second_time_is_done(line: Wire) -> None:
    desk = on_mastodon(line)
    first = desk.announce(notice())
    assert isinstance(first, Said)
    target = desk.knowing()
    edited = notice(f"就役した\n{LINK}", action=Action.CORRECT, remote_id=first.id, key="msg_30")
    for _ in range(2):
        assert desk.converse(target.correct(edited, desk.context)) == first
    assert ["就役した" in post["content"] for post in posts(line)] == [True]
    below = notice("訂正", action=Action.REPLY, remote_id=first.id, key="msg_31")
    reply = desk.converse(target.reply(below, desk.context))
    assert isinstance(reply, Said)
    assert {post["in_reply_to_id"] for post in posts(line)} == {first.id, None}
    for id_ in (first.id, reply.id, first.id):
        gone = notice(action=Action.RETRACT, remote_id=id_, key="msg_32")
        assert desk.converse(target.retract(gone, desk.context)) == Said(id_)
    assert posts(line) == []


def test_credentials_are_verified_without_a_post(line: Wire) -> None:
    desk = on_mastodon(line)
    assert desk.converse(desk.target.verify(desk.context)) == Said("@alice@127.0.0.1")
    stranger = Desk(Mastodon(name="news", server=line.url, token="nobody", allow_private=True))
    assert isinstance(stranger.converse(stranger.target.verify(stranger.context)), Refused)
    assert posts(line) == []


def test_a_crash_between_a_picture_and_its_post_leaves_one_picture_and_one_post(line: Wire) -> None:
    desk = on_mastodon(line, image="attach")
    said = notice(image=Image("https://example.org/m.jpg", "護衛艦", "海上自衛隊", "CC BY 4.0"))
    line.breaks = {"/api/v1/statuses": "before"}
    assert isinstance(desk.announce(said), Doubt)
    kept = {key: value for key, value in desk.memory.items() if key.startswith("picture")}
    assert isinstance(desk.find(said), Absent)
    assert isinstance(desk.announce(said), Said)
    (post,) = posts(line)
    (picture,) = post["media_attachments"]
    assert picture["description"] == "護衛艦 (海上自衛隊, CC BY 4.0)"
    assert [value.split()[-1] for value in kept.values()] == [picture["id"]]
    assert not any(value for key, value in desk.memory.items() if key.startswith("picture"))
    with urlopen(picture["url"]) as file:
        assert file.read() == PHOTO.content


def test_a_server_that_counts_links_whole_gets_the_notice_cut_shorter_once(line: Wire) -> None:
    # mastodon_mock says that it is Mastodon, and counts every letter of an address all the same.
    desk = on_mastodon(line)
    url = "https://example.org/" + "a" * 200
    title = "海自の新型護衛艦「もがみ」型8番艦が就役した。" * 18
    first = written(desk, title, url=url)
    assert len(first.text) > 500
    assert isinstance(desk.announce(first), Again)
    second = written(desk, title, url=url)
    assert len(second.text) <= 500
    assert second.key == first.key
    assert isinstance(desk.announce(second), Said)
    (post,) = posts(line)
    assert f'"{url}"' in post["content"] or url in post["content"]


# ---------------------------------------------------------------- servers that drop no repeats


@dataclass
class Place:
    """One such server: the wire to it, the path where posts are made, and how many there are."""

    desk: Desk
    line: Wire
    server: GoToSocial | fediverse.Misskey
    path: str

    @property
    def said(self) -> list[str]:
        posts = self.server.posts if isinstance(self.server, GoToSocial) else self.server.notes
        return [str(post["text"]) for post in posts.values()]


@pytest.fixture(params=["gotosocial", "misskey"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    options: dict[str, Any] = {"name": "news", "token": TOKEN, "allow_private": True}
    if request.param == "gotosocial":
        with fediverse.gotosocial(1000) as server, wire(server.url) as line:
            yield Place(Desk(Mastodon(server=line.url, **options)), line, server, "/api/v1/statuses")
    else:
        with fediverse.misskey(5000) as other, wire(other.url) as line:
            yield Place(Desk(Misskey(server=line.url, **options)), line, other, "/api/notes/create")


@pytest.mark.parametrize("text", [f"海自の新型護衛艦 @bob #1機\n{LINK}", "短信：*もがみ*、#1機 就役 <予定> @bob"])
def test_where_no_key_helps_what_was_posted_is_found_and_not_posted_again(place: Place, text: str) -> None:
    said = notice(text)
    place.line.breaks = {place.path: "after"}
    assert isinstance(place.desk.announce(said), Doubt)
    assert place.desk.way_out(said) is WayOut.FIND
    found = place.desk.find(said)
    assert isinstance(found, Said)
    assert found.id
    assert len(place.said) == 1


def test_where_no_key_helps_what_was_not_posted_is_posted_once(place: Place) -> None:
    said = notice()
    place.desk.announce(notice("別の短信", key="msg_1"))
    place.line.breaks = {place.path: "before"}
    assert isinstance(place.desk.announce(said), Doubt)
    assert place.desk.way_out(said) is WayOut.FIND
    assert place.desk.find(said) == Absent()
    assert isinstance(place.desk.announce(said), Said)
    assert len(place.said) == 2


def test_each_of_these_servers_would_have_kept_a_repeat(place: Place) -> None:
    for _ in range(2):
        assert isinstance(place.desk.announce(notice()), Said)
    assert len(place.said) == 2


def test_limits_are_those_that_the_server_tells(place: Place) -> None:
    limit = place.server.limit
    assert place.desk.knowing().measure("あ").limit == limit
    headline = "海自の新型護衛艦「もがみ」型8番艦が就役した。" * 400
    said = written(place.desk, headline)
    assert isinstance(place.desk.announce(said), Said)
    assert limit * 0.8 < len(place.said[0]) <= limit
    over = notice("あ" * (limit + 1))
    assert not place.desk.knowing().measure(over.text).fits
    assert not isinstance(place.desk.announce(over), Said)


def test_what_is_taken_back_twice_is_gone(place: Place) -> None:
    first = place.desk.announce(notice())
    assert isinstance(first, Said)
    gone = notice(action=Action.RETRACT, remote_id=first.id)
    for _ in range(2):
        assert place.desk.converse(place.desk.target.retract(gone, place.desk.context)) == Said(first.id)
    assert place.said == []


def test_a_doubtful_reply_is_found_below_the_post_and_not_taken_for_it(place: Place) -> None:
    first = place.desk.announce(notice())
    assert isinstance(first, Said)
    below = notice(f"訂正\n{LINK}", action=Action.REPLY, remote_id=first.id, key="msg_31")
    assert place.desk.find(below) == Absent()
    place.line.breaks = {place.path: "after"}
    target = place.desk.knowing()
    assert isinstance(place.desk.converse(target.reply(below, place.desk.context)), Doubt)
    found = place.desk.find(below)
    assert isinstance(found, Said)
    assert found.id != first.id
    assert place.desk.find(notice()) == first


def test_the_hour_that_misskey_asks_for_is_waited_out() -> None:
    with fediverse.misskey(left=1) as server:
        desk = Desk(Misskey(name="news", server=server.url, token=TOKEN, allow_private=True))
        assert isinstance(desk.announce(notice()), Said)
        outcome = desk.announce(notice(key="msg_30"))
    assert outcome == Again("Misskey asks to come back later (HTTP 429)", timedelta(seconds=3597))


def test_misskey_takes_the_picture_into_its_drive_once() -> None:
    with fediverse.misskey() as server, wire(server.url) as line:
        desk = Desk(Misskey(name="news", server=line.url, token=TOKEN, allow_private=True, image="attach"))
        said = notice(image=Image("https://example.org/m.jpg", "護衛艦", "海上自衛隊", "CC BY 4.0"))
        line.breaks = {"/api/notes/create": "before"}
        assert isinstance(desk.announce(said), Doubt)
        assert isinstance(desk.announce(said), Said)
    ((file_id, file),) = server.drive.items()
    assert (file["comment"], file["size"]) == ("護衛艦 (海上自衛隊, CC BY 4.0)", len(PHOTO.content))
    assert [note["fileIds"] for note in server.notes.values()] == [[file_id]]


# ---------------------------------------------------------------- the whole program, killed


PATHS = {"mastodon": "/api/v1/statuses", "gotosocial": "/api/v1/statuses", "misskey": "/api/notes/create"}


@pytest.mark.parametrize("where", ["after", "before"])
@pytest.mark.parametrize("name", PATHS)
def test_killed_while_it_posts_feedpub_makes_one_post(
    site: Newsroom, name: str, where: str, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        line = request.getfixturevalue("line") if name == "mastodon" else stack.enter_context(_line_to(name, stack))
        kind = "misskey" if name == "misskey" else "mastodon"
        site.configure(targets={"social": {"kind": kind, "server": line.url, "token": TOKEN, "allow_private": True}})
        site.feedpub("once")
        site.publish("one")
        line.breaks, line.hangs = {PATHS[name]: where}, True
        killed = site.start("once")
        assert line.done.wait(30), killed.err
        assert killed.end().code == -signal.SIGKILL
        line.closing.set()
        for minutes in (1, 2, 3):
            site.environ["MORTAL_AHEAD"] = str(60 * minutes)
            site.feedpub("once")

        (delivery,) = site.deliveries()
        assert delivery["state"] == "sent", delivery
        assert delivery["remote_url"]
        links = [post for post in _posted(line, name) if "https://news.test/one" in post]
        assert len(links) == 1


@contextmanager
def _line_to(name: str, stack: ExitStack) -> Iterator[Wire]:
    server = stack.enter_context(fediverse.gotosocial() if name == "gotosocial" else fediverse.misskey())
    with wire(server.url) as line:
        yield line


def _posted(line: Wire, name: str) -> list[str]:
    if name != "misskey":
        return [str(post["content"]) for post in posts(line)]
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    asked = json.dumps({"userId": "7news", "withReplies": True, "limit": 100}).encode()
    with urlopen(Ask(f"{line.url}/api/users/notes", asked, headers)) as page:
        return [str(note["text"]) for note in json.load(page)]
