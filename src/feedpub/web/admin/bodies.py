"""a request -> its body or its form, within limits of size; those of time are the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 256 * 1024
MOST_FIELDS = 2000

Form = Mapping[str, Sequence[str]]


class Refusal(Exception):  # noqa: N818 - it is an answer
    """The request is answered with one sentence, and nothing is done."""

    def __init__(self, status: int, sentence: str) -> None:
        """Keep what to answer."""
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


async def body(request: Request, most: int = MOST_BYTES) -> bytes:
    """Read the body. Raises Refusal."""
    read = bytearray()
    try:
        async for piece in request.stream():
            read += piece
            if len(read) > most:
                raise Refusal(413, f"That is too much: at most {most // 1024} KiB are taken.")
    except ClientDisconnect:
        raise Refusal(400, "The request broke off.") from None
    return bytes(read)


async def form(request: Request) -> Form:
    """Read a form as browsers send it. Raises Refusal."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal(415, "Only forms are taken here: application/x-www-form-urlencoded.")
    return fields(await body(request))


def fields(encoded: bytes) -> Form:
    """Read the fields of an encoded form. Raises Refusal."""
    try:
        return parse_qs(encoded.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal(413, f"That is too much: at most {MOST_FIELDS} fields are taken.") from None


def first(form: Form, name: str) -> str:
    """The first value of a field; empty if there is none."""
    return next(iter(form.get(name, ())), "")
