"""an article's picture -> what is uploaded with it, and an upload that survives whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from feedpub.model import (
    EPOCH,
    Again,
    Context,
    Conversation,
    FetchImage,
    Image,
    Notice,
    Picture,
    Refused,
    Remember,
    Reply,
    Request,
    Said,
    Step,
)
from feedpub.networks.base import ask, look, shortened

Brought = Generator[Step, Reply | Picture | None, str | Again]
"""Steps of a conversation that end in the id of an uploaded picture, in "" (go without it), or in Again."""


def description_of(image: Image, most: int = 1500) -> str:
    """Describe a picture for those who do not see it, with its credit and licence, in at most so many letters.

    A long description is cut; whom the picture belongs to is said whole as long as there is room.
    """
    owed = ", ".join(part for part in (image.credit.strip(), image.license.strip()) if part)
    alt = image.alt.strip()
    ending = f" ({owed})" if owed and alt else owed
    return shortened(f"{shortened(alt, most - len(ending))}{ending}".strip(), most)


def multipart(fields: Mapping[str, str], name: str, picture: Picture) -> tuple[str, bytes]:
    """Write a form with a picture in its field `name` (RFC 7578): its media type and body.

    The same form is the same bytes.
    """
    ending = "png" if picture.media_type == "image/png" else "jpg"
    parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
    front = f'name="{name}"; filename="picture.{ending}"\r\ncontent-type: {picture.media_type}\r\n\r\n'.encode()
    parts.append(front + picture.content)
    # Nothing holds the hash of itself, so no part can end early.
    boundary = sha256(b"".join(parts)).hexdigest()
    opening = f"--{boundary}\r\ncontent-disposition: form-data; ".encode()
    body = b"".join(opening + part + b"\r\n" for part in parts)
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a network takes pictures in.

    `upload` makes the request that brings one, `look_up` the one that asks for what was brought; `place` reads its id
    from the answer to either, "" where there is none. An answer of 202 or 206 means that the server still works on it.
    """

    fetch: FetchImage
    upload: Callable[[Picture], Request]
    look_up: Callable[[str], Request]
    place: Callable[[Reply], str]


def bring(notice: Notice, context: Context, shelf: Shelf) -> Brought:
    """Upload the notice's picture and remember its id, or go on from the id remembered.

    A picture that cannot be had or is not taken is gone without; so is one whose upload was cut off twice.
    """
    was = _Upload.read(context.memory.get(_name(notice), ""))
    if was.id and context.doubted:
        return was.id  # the same words as before, whatever became of the picture
    if was.id:
        ready = yield from _is_ready(was.id, shelf)
        if ready is not None:
            return was.id if ready else _unready(was, context)
    if was.tries >= _TRIES:
        return ""
    yield _Upload("", was.tries + 1, context.now).note(notice)
    picture = yield from look(shelf.fetch)
    if picture is None:
        return ""
    reply = yield from ask(shelf.upload(picture))
    taken = _Upload(shelf.place(reply) if 200 <= reply.status < 300 else "", was.tries + 1, context.now)
    if not taken.id:
        return ""
    yield taken.note(notice)
    ready = reply.status != 202 or (yield from _is_ready(taken.id, shelf))
    return taken.id if ready else _unready(taken, context)


def say_with(
    notice: Notice, context: Context, shelf: Shelf | None, post: Callable[[str], Conversation]
) -> Conversation:
    """Say a notice with its picture; `post` is given its id, or "" where there is none.

    The upload is forgotten once the notice is said or given up.
    """
    if shelf is None:
        return (yield from post(""))
    picture = yield from bring(notice, context, shelf)
    if isinstance(picture, Again):
        return picture
    outcome = yield from post(picture)
    if isinstance(outcome, Said | Refused):
        yield Remember(_name(notice), "")
    return outcome


def left_over(memory: Mapping[str, str], now: datetime) -> tuple[Remember, ...]:
    """Forget the uploads of notices that ended without us, such as those found said: those of days ago."""
    uploads = {name: _Upload.read(value) for name, value in memory.items() if value and name.startswith(_PREFIX)}
    return tuple(Remember(name, "") for name, one in uploads.items() if abs(now - one.began) > _LEFT_OVER)


# ---------------------------------------------------------------- what is remembered of an upload

_PREFIX = "picture "
_TRIES = 2
_LOOKS = 3
_LOOK_AGAIN = timedelta(seconds=5)
_PATIENCE = timedelta(minutes=5)
_LEFT_OVER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Upload:
    """How often one was begun, when the last time, and its id as soon as there is one."""

    id: str = ""
    tries: int = 0
    began: datetime = EPOCH

    @classmethod
    def read(cls, said: str) -> _Upload:
        try:
            tries, moment, id_ = said.split(" ", 2)
            began = datetime.fromisoformat(moment)
            return cls(id_, int(tries), began if began.tzinfo else began.replace(tzinfo=UTC))
        except ValueError:
            return cls()

    def note(self, notice: Notice) -> Remember:
        return Remember(_name(notice), f"{self.tries} {self.began.isoformat()} {self.id}")


def _name(notice: Notice) -> str:
    return _PREFIX + notice.key


def _is_ready(id_: str, shelf: Shelf) -> Generator[Step, Reply | Picture | None, bool | None]:
    """Whether the server is done with it; None where it has it no more."""
    for _ in range(_LOOKS):
        reply = yield from ask(shelf.look_up(id_))
        if reply.status not in {202, 206}:
            return True if 200 <= reply.status < 300 and shelf.place(reply) == id_ else None
    return False


def _unready(upload: _Upload, context: Context) -> Again | str:
    """Come back for a picture that the server still works on, but not for ever."""
    if abs(context.now - upload.began) >= _PATIENCE:
        return ""
    return Again("the picture was uploaded, and the server is still working on it", _LOOK_AGAIN)
