"""A small world in virtual time: a store, boards that posts stand on, and a door between. Hand-written, no network.

The boards differ in what they can tell after a doubt; the world remembers everything that ever happened on them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from feedpub.model import (
    Absent,
    Again,
    Batch,
    Category,
    Census,
    Context,
    Conversation,
    Doubt,
    FetchImage,
    Measure,
    Notice,
    Outcome,
    RawArticle,
    RawComment,
    Refused,
    Remember,
    Remembering,
    Reply,
    Request,
    Said,
    Show,
)
from feedpub.networks.base import Network, ask
from feedpub.stores.base import Home, StoreOptions

HOME = Home("https://news.test/feeds/", ZoneInfo("Asia/Tokyo"))
"""What a store is told of us."""

# ---------------------------------------------------------------- a store


class ListOptions(StoreOptions):
    """Options of a store that is a list in memory."""

    kind: str = "list"

    @property
    def names_everything(self) -> bool:
        """Its log tells of every withdrawal."""
        return True


@dataclass
class ListStore:
    """A store that answers from a log of what happened, a few rows at a time."""

    rows_at_once: ClassVar[int] = 3

    log: list[RawArticle | RawComment | str] = field(default_factory=list)
    categories: tuple[Category, ...] = ()
    down: bool = False
    told: tuple[Category, ...] | None = None
    """The taxonomy as it was last asked for."""

    def put(self, raw: RawArticle | RawComment) -> None:
        """Write an article or a comment, new or changed."""
        self.log.append(raw)

    def remove(self, article: str) -> None:
        """Take an article away."""
        self.log.append(article)

    def changes(self, cursor: str | None) -> Batch:
        """Answer the next rows."""
        start = int(cursor or 0)
        rows = self.log[start : start + self.rows_at_once]
        latest = {row if isinstance(row, str) else row.id: row for row in rows}
        changed, self.told = self.told != self.categories, self.categories
        return Batch(
            articles=tuple(row for row in latest.values() if isinstance(row, RawArticle)),
            gone=tuple(row for row in latest.values() if isinstance(row, str)),
            cursor=str(start + len(rows)),
            more=start + len(rows) < len(self.log),
            categories=self.categories if cursor is None or changed else None,
            comments=tuple(row for row in latest.values() if isinstance(row, RawComment)),
        )

    def census(self, ids: Sequence[str] | None) -> Census:
        """Answer which articles are there."""
        present = {row.id for row in self.log if isinstance(row, RawArticle)}
        return Census(frozenset(present), None if ids is None else frozenset(ids))

    def close(self) -> None:
        """Nothing to let go of."""


# ---------------------------------------------------------------- networks


class Board(Network):
    """A network whose answers are plain: 200 said, 429 later, 403 and 422 refused, else nobody knows."""

    kind: Literal["board"] = "board"
    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract"})

    def measure(self, text: str) -> Measure:
        """Count characters."""
        return Measure(len(text), 1000, "characters")

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post."""
        return self._ask("announce", notice)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit."""
        return self._ask("correct", notice)

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Post below."""
        return self._ask("reply", notice)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete."""
        return self._ask("retract", notice)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look."""
        reply = yield from ask(self._request("find", notice, says=False))
        if reply.status != 200:
            return Again("the board did not answer")
        found = json.loads(reply.body)["id"]
        return Said(found) if found else Absent()

    def _ask(self, verb: str, notice: Notice) -> Conversation:
        reply = yield from ask(self._request(verb, notice, says=True))
        status = reply.status
        if status == 200:
            return Said(json.loads(reply.body)["id"])
        if status == 429:
            return Again("too many", timedelta(seconds=30))
        if status in {403, 422}:
            return Refused("not wanted here", "target" if status == 403 else "item")
        return Doubt(f"HTTP {status}")

    def _request(self, verb: str, notice: Notice, *, says: bool) -> Request:
        said = {
            "verb": verb, "target": notice.target, "key": notice.key, "guid": notice.guid,
            "text": notice.text, "remote_id": notice.remote_id, "action": notice.action, "also": notice.also,
        }  # fmt: skip
        return Request("POST", "http://board.test/", body=json.dumps(said).encode(), says=says)


class KeyedBoard(Board):
    """Drops a repeated key for an hour."""

    dedupe_for: ClassVar[timedelta] = timedelta(minutes=55)


class FindBoard(Board):
    """Knows no keys, but can be looked at."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract", "find"})


class RepostBoard(FindBoard):
    """Cannot edit: what changed is deleted and said anew."""

    can: ClassVar[frozenset[str]] = frozenset({"retract", "find"})


class ThreadBoard(Board):
    """Knows a key for ever, takes replies, and can be looked at."""

    dedupe_for: ClassVar[timedelta] = timedelta(days=36_500)
    can: ClassVar[frozenset[str]] = frozenset({"reply", "retract", "find"})


class KnowingBoard(KeyedBoard):
    """Drops a repeated key for an hour, and can be looked at after that."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract", "find"})


class AnsweringBoard(Board):
    """Takes replies, knows no keys, and cannot be looked at."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract"})


class MuteBoard(Board):
    """Tells nothing, and cannot edit or delete."""

    can: ClassVar[frozenset[str]] = frozenset()


# ---------------------------------------------------------------- the other side

Behaviour = Literal[
    "ok", "busy", "lost before", "lost after", "refused", "forbidden", "crash before", "crash after", "late", "late no"
]  # fmt: skip


_NO: dict[Behaviour, int] = {"busy": 429, "refused": 422, "forbidden": 403, "late no": 422}


class Crash(BaseException):
    """The process is gone, this very moment."""


@dataclass
class Post:
    """One post that was made on a board."""

    id: str
    target: str
    guid: str
    key: str
    text: str
    made_at: datetime
    above: str = ""
    standing: bool = True


@dataclass
class World:
    """The boards, and how they behave next. `doubts` counts answers that got lost, per target and guid.

    `carried` tells whether readers of the feeds can see an article now; what was announced without is in `early`.
    `welcome` tells whether its author wants it announced there; what was announced all the same is in `unwelcome`.
    `late`: the answer just given is still on its way. `keys` are those of every announcement that was asked for.
    """

    now: datetime
    posts: list[Post] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What hubs were told, as it was sent."""
    behaviours: list[Behaviour] = field(default_factory=list)
    doubts: dict[tuple[str, str], int] = field(default_factory=dict)
    keyed: Mapping[str, timedelta] = field(default_factory=dict)
    """How long each target that drops a repeated key remembers it."""
    carried: Callable[[str], bool] = lambda _: True
    early: list[str] = field(default_factory=list)
    welcome: Callable[[str, str], bool] = lambda _target, _guid: True
    unwelcome: list[tuple[str, str]] = field(default_factory=list)
    late: bool = False
    keys: list[str] = field(default_factory=list)
    prefix: str = "p"
    closed: bool = False
    """Whether the process is stopping, as http.Door says it."""

    def standing(self, target: str, guid: str) -> list[Post]:
        """What readers of a board see of an article, replies apart."""
        return [post for post in self.replied(target, guid) if not post.above]

    def replied(self, target: str, guid: str) -> list[Post]:
        """What readers of a board see of an article, replies included."""
        return [post for post in self.posts if post.standing and (post.target, post.guid) == (target, guid)]

    def converse(
        self, conversation: Conversation, remember: Remembering, *, timeout: timedelta, allow_private: bool
    ) -> Outcome:
        """Carry out a conversation as http.Door does."""
        reply: Reply | None = None
        while True:
            try:
                asked = conversation.send(reply)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            if isinstance(asked, Remember):
                remember(asked.key, asked.value)
                reply = None
            elif isinstance(asked, Show | FetchImage):
                reply = None
            else:
                answered = self._answer(asked)
                if not isinstance(answered, Reply):
                    return answered
                reply = answered

    def _answer(self, asked: Request) -> Reply | Outcome:
        if not asked.url.startswith("http://board.test/"):
            self.told.append(asked.body.decode())
            return Reply(204)
        said = json.loads(asked.body)
        behaviour = self.behaviours.pop(0) if self.behaviours else "ok"
        if said["verb"] == "announce":
            self.keys.append(said["key"])
            if not self.carried(said["guid"]):
                self.early.append(said["guid"])
            if said["key"] not in self.keys[:-1] and not self.welcome(said["target"], said["guid"]):
                self.unwelcome.append((said["target"], said["guid"]))
        if behaviour == "crash before":
            raise Crash
        self.late = behaviour in {"late", "late no"}
        if behaviour in _NO:
            return Reply(_NO[behaviour])
        if behaviour == "lost before":
            return self._lost(said, asked)
        body = json.dumps({"id": self._do(said)}).encode()
        if behaviour == "crash after":
            raise Crash
        if behaviour == "late":
            self.doubt(said["target"], said["guid"])
        return self._lost(said, asked) if behaviour == "lost after" else Reply(200, body=body)

    def _lost(self, said: dict[str, str], asked: Request) -> Outcome:
        self.doubt(said["target"], said["guid"])
        return Doubt("no answer") if asked.says else Again("no answer")

    def doubt(self, target: str, guid: str) -> None:
        """Count one more answer that feedpub may never hear."""
        self.doubts[target, guid] = self.doubts.get((target, guid), 0) + 1

    def _do(self, said: dict[str, Any]) -> str:
        if said["verb"] == "find":
            return self._find(said)
        if said["verb"] in {"announce", "reply"}:
            return self._post(said)
        for post in self.posts:
            if post.id == said["remote_id"]:
                post.standing = post.standing and said["verb"] != "retract"
                post.text = said["text"] if said["verb"] == "correct" else post.text
        return str(said["remote_id"])

    def _find(self, said: dict[str, Any]) -> str:
        """Look for a reply below what it answers, for anything else of the subject apart from what is known."""
        if said["action"] == "reply":
            below = (said["remote_id"], said["text"])
            replied = self.replied(said["target"], said["guid"])
            return next((post.id for post in replied if (post.above, post.text) == below), "")
        found = (post.id for post in self.standing(said["target"], said["guid"]))
        return next((id_ for id_ in found if id_ not in {said["remote_id"], *said["also"]}), "")

    def _post(self, said: dict[str, str]) -> str:
        for post in self.posts:
            repeat = said["target"] in self.keyed and post.key == said["key"]
            if repeat and self.now - post.made_at < self.keyed[said["target"]]:
                return post.id
        id_, above = f"{self.prefix}{len(self.posts)}", said["remote_id"] if said["verb"] == "reply" else ""
        made = Post(id_, said["target"], said["guid"], said["key"], said["text"], self.now, above)
        self.posts.append(made)
        return made.id
