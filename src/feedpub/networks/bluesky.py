"""a notice -> a record of a Bluesky account, at a place of its own: put there twice, it stands there once."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import urlsplit

import regex
from pydantic import Field, SecretStr, field_validator

from feedpub.model import (
    EPOCH,
    Absent,
    Again,
    Context,
    Conversation,
    Doubt,
    FetchImage,
    Image,
    Measure,
    Notice,
    Outcome,
    Picture,
    Refused,
    Remember,
    Reply,
    Said,
    Span,
    Step,
    language_tag,
)
from feedpub.networks.answers import field_of, is_page, is_yes, puzzling, shown, unnamed
from feedpub.networks.base import Network, bare_server, look
from feedpub.networks.feed_subject import FOREVER
from feedpub.networks.pds import LABEL, MEND, Answered, Talk

_POSTS = "app.bsky.feed.post"
_GRAPHEME = regex.compile(r"\X")
_GRAPHEMES, _BYTES = 300, 3000
_BLOB_BYTES = 1_000_000
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_OF_THE_MOMENT, _OF_THE_CLOCK = 20, 10
"""How many bits of a TID we take from the notice's key: a second's microseconds, and the clock's number."""
_CARD = 300
_OF_THE_ACCOUNT = frozenset(
    {"ExpiredToken", "InvalidToken", "AccountTakedown", "AccountDeactivated", "RepoTakendown", "RepoDeactivated"}
)
_ADDRESS = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]{1,200})/app\.bsky\.feed\.post/([A-Za-z0-9._~:-]{1,512})")
_PICTURE = "picture"
"""What is remembered while a picture is on its way: the key of its notice."""
_UNREAD = Again("Bluesky's answer cannot be read; it is not known yet what stands there")


class Bluesky(Network):
    """Posts to the account of an app password."""

    # A record's place is made of its notice, and nothing else can be put there.
    dedupe_for: ClassVar[timedelta] = FOREVER
    can: ClassVar[frozenset[str]] = frozenset({"correct", "reply", "retract", "find"})
    images: ClassVar[frozenset[str]] = frozenset({"card", "attach", "none"})
    docs: ClassVar[str] = "https://docs.bsky.app/docs/advanced-guides/posts"
    label: ClassVar[str] = LABEL
    mend: ClassVar[str] = MEND

    kind: Literal["bluesky"] = "bluesky"
    server: Annotated[str, bare_server("https://bsky.social")] = Field(
        default="https://bsky.social", description="the account's server (PDS)"
    )
    identifier: str = Field(
        description="the account's handle, such as news.example.com, or its DID", examples=["news.example.com"]
    )
    app_password: SecretStr = Field(description="an app password: Settings, Privacy and security, App passwords")
    languages: tuple[str, ...] = Field(
        default=(), max_length=3, description="the posts' languages, if not the article's own"
    )

    @field_validator("identifier")
    @classmethod
    def _names_an_account(cls, identifier: str) -> str:
        name = identifier.strip().removeprefix("@")
        if not re.fullmatch(r"[!-~]*[.:@][!-~]+", name):
            raise ValueError("the account's whole handle is needed, such as news.bsky.social")
        return name

    @field_validator("languages")
    @classmethod
    def _tags(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if not all(language_tag(one) == one != "" for one in languages):
            raise ValueError('a language is written as in BCP 47, such as "ja" or "en-GB"')
        return languages

    def measure(self, text: str) -> Measure:
        """Count graphemes and UTF-8 bytes, and tell whichever is nearer to its limit."""
        graphemes, size = len(_GRAPHEME.findall(text)), len(text.encode())
        if size * _GRAPHEMES > graphemes * _BYTES:
            return Measure(used=size, limit=_BYTES, unit="bytes")
        return Measure(used=graphemes, limit=_GRAPHEMES, unit="characters")

    # ------------------------------------------------------------ conversations

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Put the record where nothing may be yet; what is there already is what an earlier try put there."""
        return (yield from self._say(notice, context, self._talk(context)))

    def reply(self, notice: Notice, context: Context) -> Conversation:
        """Put it below the post, in the same thread."""
        talk = self._talk(context)
        post = yield from self._standing(notice, context, talk, "reply to")
        if not isinstance(post, _Record):
            return post
        parent = {"uri": post.place.uri, "cid": post.cid}
        above = post.value.get("reply")
        root = above.get("root") if isinstance(above, dict) else None
        return (yield from self._say(notice, context, talk, thread={"root": root or parent, "parent": parent}))

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Put other words at the same place, if nobody else changed them meanwhile; when it was made stays."""
        talk = self._talk(context)
        post = yield from self._standing(notice, context, talk, "correct")
        if not isinstance(post, _Record):
            return post
        lasting: dict[str, object] = {key: post.value[key] for key in ("createdAt", "reply") if key in post.value}
        embed = yield from self._embed(notice, talk)
        record = {**self._record(notice), **lasting, **embed}
        if record == post.value:
            return self._stands(post.place, talk)
        reply = yield from talk.put("com.atproto.repo.putRecord", post.place.holds(record, swap=post.cid))
        if not isinstance(reply, Reply):
            return reply
        if field_of(reply, "error") == "InvalidSwap":
            return Again("the post was changed on Bluesky at the same time")
        outcome = self.read(reply, context, says=False)
        return self._stands(post.place, talk) if isinstance(outcome, Said) else outcome

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the record; to delete nothing is a success there too."""
        talk = self._talk(context)
        place = yield from self._place(notice, talk)
        if not isinstance(place, _Place):
            return place
        reply = yield from talk.put("com.atproto.repo.deleteRecord", place.named())
        if not isinstance(reply, Reply):
            return reply
        if is_yes(reply):
            return Said(notice.remote_id)
        return self.read(reply, context, says=False)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look at the place that is the notice's own."""
        talk = self._talk(context)
        if ended := (yield from talk.begin()):
            return ended
        place = _Place(talk.session.did, rkey(notice))
        reply = yield from self._look(talk, place)
        if not isinstance(reply, Reply):
            return reply
        if _is_absent(reply):
            return Absent()
        return self._stands(place, talk) if _Record.of(reply, place) else self.unread(reply, context, _UNREAD)

    def verify(self, context: Context) -> Conversation:
        """Ask who we are, in the session that posts are made in."""
        talk = self._talk(context)
        reply = yield from talk.get("com.atproto.server.getSession")
        if not isinstance(reply, Reply):
            return reply
        handle = field_of(reply, "handle")
        if 200 <= reply.status < 300 and isinstance(handle, str) and re.fullmatch(r"[A-Za-z0-9.-]{1,253}", handle):
            return Said(f"@{handle}")
        return self.unread(reply, context, _UNREAD)

    # ------------------------------------------------------------ steps

    def _talk(self, context: Context) -> Talk:
        owner = sha256(f"{self.server} {self.identifier.lower()}".encode()).hexdigest()[:16]
        login = {"identifier": self.identifier, "password": self.app_password.get_secret_value()}
        return Talk(self.server, owner, login, context)

    def _place(self, notice: Notice, talk: Talk) -> Generator[Step, Reply | Picture | None, _Place | Outcome]:
        """Name where the post lies that is to be changed."""
        place = _Place.of(notice.remote_id)
        if place is None:
            return unnamed(self.label)
        if ended := (yield from talk.begin()):
            return ended
        if place.did != talk.session.did:
            return Refused("the post stands on another Bluesky account than this target's: change or delete it by hand")
        return place

    def _standing(
        self, notice: Notice, context: Context, talk: Talk, deed: str
    ) -> Generator[Step, Reply | Picture | None, _Record | Outcome]:
        """Look at the post that is to be changed."""
        place = yield from self._place(notice, talk)
        if not isinstance(place, _Place):
            return place
        reply = yield from self._look(talk, place)
        if not isinstance(reply, Reply):
            return reply
        if _is_absent(reply):
            return Refused(f"the post was deleted on Bluesky: there is nothing left to {deed}")
        return _Record.of(reply, place) or self.unread(reply, context, _UNREAD)

    def _say(
        self, notice: Notice, context: Context, talk: Talk, thread: dict[str, object] | None = None
    ) -> Conversation:
        if ended := (yield from talk.begin()):
            return ended
        place = _Place(talk.session.did, rkey(notice))
        if context.doubted:
            # A PDS that has it already may answer HTTP 500 for ever: so look, before it is put there again.
            reply = yield from self._look(talk, place)
            known = self._known(reply, notice, context, place, talk)
            if known is not None:
                return known
        embed = yield from self._embed(notice, talk)
        record = {**self._record(notice), **({"reply": thread} if thread else {}), **embed}
        reply = yield from talk.put("com.atproto.repo.putRecord", place.holds(record, swap=None), says=True)
        if not isinstance(reply, Reply):
            return reply
        if field_of(reply, "error") == "InvalidSwap":
            return Doubt("something stands on Bluesky already where this notice belongs")
        outcome = self.read(reply, context)
        if isinstance(outcome, Said):
            return self._stands(place, talk) if outcome.id == place.uri else puzzling(self.label)
        return outcome

    def _known(
        self, reply: Reply | Outcome, notice: Notice, context: Context, place: _Place, talk: Talk
    ) -> Outcome | None:
        """Judge what was seen at the notice's own place; None where nothing is."""
        if not isinstance(reply, Reply):
            return reply
        if _is_absent(reply):
            return None
        post = _Record.of(reply, place)
        if post is None:
            return self.unread(reply, context, _UNREAD)
        if post.value.get("text") == notice.text:
            return self._stands(place, talk)
        return Refused("other words stand on Bluesky where this notice belongs: look at the account")

    def _look(self, talk: Talk, place: _Place) -> Answered:
        return talk.get("com.atproto.repo.getRecord", **place.named())

    def _stands(self, place: _Place, talk: Talk) -> Said:
        who = talk.session.handle if talk.session.did == place.did and talk.session.handle else place.did
        return Said(place.uri, f"https://bsky.app/profile/{who}/post/{place.rkey}")

    # ------------------------------------------------------------ the record

    def _record(self, notice: Notice) -> dict[str, object]:
        record: dict[str, object] = {"$type": _POSTS, "text": notice.text, "createdAt": _moment(notice.at)}
        if languages := self.languages or tuple(filter(None, [language_tag(notice.language)])):
            record["langs"] = list(languages)
        if facets := [_facet(notice.text, span) for span in notice.spans if _can_be_one(span)]:
            record["facets"] = facets
        return record

    def _embed(self, notice: Notice, talk: Talk) -> Generator[Step, Reply | Picture | None, dict[str, object]]:
        """Make the card of the link, or attach the picture; without a picture, whatever hindered it, a bare card."""
        if self.image == "none" or not (notice.link or self.image == "attach"):
            return {}
        had = (yield from self._picture(notice, notice.image, talk)) if notice.image else None
        if had and notice.image and self.image == "attach":
            return {"embed": had.attached(notice.image)}
        return {"embed": _card(notice, had)} if notice.link else {}

    def _picture(
        self, notice: Notice, image: Image, talk: Talk
    ) -> Generator[Step, Reply | Picture | None, _Uploaded | None]:
        """Fetch the picture and hand it over; None where that fails, for whatever reason.

        What takes all the time of a conversation is noted before, so that the next try goes without it.
        """
        if talk.context.memory.get(_PICTURE) == notice.key:
            return None
        yield Remember(_PICTURE, notice.key)
        picture = yield from look(FetchImage(image.url, max_bytes=_BLOB_BYTES - 1))
        reply = (yield from talk.upload(picture)) if picture else None
        yield Remember(_PICTURE, "")
        blob = field_of(reply, "blob") if isinstance(reply, Reply) and reply.status == 200 else None
        return _Uploaded(blob, picture.width, picture.height) if picture and isinstance(blob, dict) else None

    # ------------------------------------------------------------ answers

    def said(self, reply: Reply) -> Outcome:
        """Take the record's address for its id."""
        uri = field_of(reply, "uri")
        return Said(uri) if isinstance(uri, str) and _Place.of(uri) else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Read XRPC's errors: their status alone does not tell a bad token from a bad record."""
        error = field_of(reply, "error")
        why = shown(str(field_of(reply, "message") or error or ""), self.secrets())
        if error and (error in _OF_THE_ACCOUNT or reply.status in {401, 403}):
            return Refused(
                f"Bluesky does not let us in (HTTP {reply.status}: {why}): check {self.mend}, then resume the target",
                "target",
            )
        if reply.status == 400 and error:
            return Refused(f"Bluesky did not take this notice (HTTP 400: {why}): change its template or the article")
        return None


# ---------------------------------------------------------------- where a record lies, and what lies there


class _Place(NamedTuple):
    """Where a post lies: in whose repository, and under which key."""

    did: str
    rkey: str

    @classmethod
    def of(cls, uri: str) -> _Place | None:
        """Read an at:// address; None where it is no post's."""
        found = _ADDRESS.fullmatch(uri)
        return cls(found[1], found[2]) if found else None

    @property
    def uri(self) -> str:
        """The address of what lies there."""
        return f"at://{self.did}/{_POSTS}/{self.rkey}"

    def named(self) -> dict[str, str]:
        """Name it as requests do."""
        return {"repo": self.did, "collection": _POSTS, "rkey": self.rkey}

    def holds(self, record: dict[str, object], *, swap: str | None) -> dict[str, object]:
        """Ask for a record there instead of the one named by its cid; None: instead of nothing."""
        return {**self.named(), "record": record, "swapRecord": swap}


class _Record(NamedTuple):
    """A record as getRecord shows it."""

    place: _Place
    cid: str
    value: dict[str, object]

    @classmethod
    def of(cls, reply: Reply, place: _Place) -> _Record | None:
        """Read one; None where the answer shows none."""
        cid, value = field_of(reply, "cid"), field_of(reply, "value")
        if not (200 <= reply.status < 300 and isinstance(cid, str) and isinstance(value, dict)):
            return None
        return cls(place, cid, value)


def _is_absent(reply: Reply) -> bool:
    # Older servers call it InvalidRequest, as they do everything else.
    if reply.status not in {400, 404} or is_page(reply):
        return False
    return field_of(reply, "error") == "RecordNotFound" or "locate record" in str(field_of(reply, "message"))


def rkey(notice: Notice) -> str:
    """Make a record's key, a TID: the second it was frozen in, and a hash of the notice's key.

    The hash stands where a clock's microseconds and number would, so that no clock that jumps makes two notices meet.
    """
    chance = int.from_bytes(sha256(notice.key.encode()).digest()[:8], "big")
    moment = (notice.at - EPOCH) // timedelta(microseconds=1)
    number = (moment >> _OF_THE_MOMENT << _OF_THE_MOMENT << _OF_THE_CLOCK) | chance % (
        1 << _OF_THE_MOMENT + _OF_THE_CLOCK
    )
    return "".join(_ALPHABET[number >> place & 31] for place in range(60, -1, -5))


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


# ---------------------------------------------------------------- what a record holds


class _Uploaded(NamedTuple):
    """A picture as the server names it, and its size."""

    blob: dict[str, object]
    width: int
    height: int

    def attached(self, image: Image) -> dict[str, object]:
        """Show it below the text, with what it shows and whose it is in words."""
        alt = _short(" / ".join(filter(None, (image.alt, image.credit, image.license))), most=2000)
        ratio = {"width": self.width, "height": self.height}
        return {"$type": "app.bsky.embed.images", "images": [{"image": self.blob, "alt": alt, "aspectRatio": ratio}]}


def _card(notice: Notice, picture: _Uploaded | None) -> dict[str, object]:
    """Write the card of the link."""
    card: dict[str, object] = {
        "uri": notice.link,
        "title": _short(notice.title) or urlsplit(notice.link).hostname or "",
        "description": _short(notice.summary),
    }
    return {"$type": "app.bsky.embed.external", "external": {**card, **({"thumb": picture.blob} if picture else {})}}


def _short(text: str, most: int = _CARD) -> str:
    letters = _GRAPHEME.findall(text[: 20 * most])
    return text if len(letters) <= most and len(text) <= 20 * most else "".join(letters[: most - 1]) + "…"


def _can_be_one(span: Span) -> bool:
    """Whether the server takes it: it takes no tag beyond this length, nor the post that holds one."""
    return span.kind == "link" or (len(_GRAPHEME.findall(span.value)) <= 64 and len(span.value.encode()) <= 640)


def _facet(text: str, span: Span) -> dict[str, object]:
    """Say in bytes of UTF-8 what stands where; nothing is a link or a hashtag there but by this."""
    start, end = (len(text[:place].encode()) for place in (span.start, span.end))
    feature = (
        {"$type": "app.bsky.richtext.facet#link", "uri": span.value}
        if span.kind == "link"
        else {"$type": "app.bsky.richtext.facet#tag", "tag": span.value}
    )
    return {
        "$type": "app.bsky.richtext.facet",
        "index": {"byteStart": start, "byteEnd": end},
        "features": [feature],
    }
