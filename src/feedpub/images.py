"""a picture's address -> a JPEG or PNG as a network takes it, or None: fetched through the guarded door, made anew.

The only importer of Pillow. What is fetched is hostile until it was decoded: few formats, bounded in bytes, pixels and
scans, one at a time, and left behind where it takes too long. No picture is ever a reason for a notice to fail.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from io import BytesIO
from math import ceil
from threading import Lock, Thread
from time import monotonic
from urllib.parse import urljoin, urlsplit

import structlog
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from feedpub.errors import UnreachableError
from feedpub.http import Door, MisdirectedError
from feedpub.model import FetchImage, Picture, Request

log = structlog.get_logger("feedpub")

MOST_BYTES = 20_000_000
"""A larger file is not fetched whole."""
MOST_PIXELS = 25_000_000
"""A larger picture is not decoded: it would take 400 MB and two seconds. A JPEG may have twice that: it takes less."""
MOST_SCANS = 64
"""A progressive JPEG of more scans is not decoded. Real ones have a dozen; each costs as much as a whole picture."""
PATIENCE = timedelta(seconds=10)
"""What one picture may take at most, and never more than half of what its conversation has left."""

_FORMATS = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")
_HOPS = 4
_KEPT = 8
_KEPT_BYTES = MOST_BYTES
_KEPT_FOR = 120.0

Origin = tuple[str, int]
"""A host and a port."""


class _UnusableError(Exception):
    """Why a picture cannot be had, in a few words; safe to show."""


def origins(url: str) -> frozenset[Origin]:
    """Name where a site answers: its host and port; where that is a usual one, with and without TLS."""
    here = _origin(url)
    return frozenset((here[0], port) for port in {here[1], *({80, 443} if here[1] in {80, 443} else ())})


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(slots=True, eq=False)
class _Shelf:
    """Keeps what was fetched, or why it was not, for two minutes: the last few files only."""

    _kept: dict[str, tuple[float, Future[bytes]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, url: str, fetch: Callable[[], bytes], deadline: float) -> bytes:
        """Give what `fetch` brings from this address; whoever asks meanwhile waits for the same."""
        with self._lock:
            until, kept = self._kept.pop(url, (0.0, Future[bytes]()))
            if mine := until < monotonic():
                until, kept = monotonic() + _KEPT_FOR, Future[bytes]()
            self._kept[url] = until, kept
            self._make_room()
        if mine:
            try:
                kept.set_result(fetch())
            except BaseException as error:  # noqa: BLE001 - raised below
                kept.set_exception(error)
        try:
            return kept.result(max(deadline - monotonic(), 0))
        except TimeoutError:
            raise _UnusableError("it did not come in time") from None

    def _make_room(self) -> None:
        while len(self._kept) > _KEPT or sum(_size(one) for _, one in self._kept.values()) > _KEPT_BYTES:
            del self._kept[next(iter(self._kept))]


def _size(kept: Future[bytes]) -> int:
    return len(kept.result()) if kept.done() and kept.exception() is None else 0


@dataclass(slots=True, eq=False)
class Pictures:
    """Fetches and re-encodes pictures; its `fetch` is a Door's `picture`. Safe to call from several threads.

    `own` is the site's own place: only there may a private address be fetched from.
    """

    door: Door
    own: frozenset[Origin] = frozenset()
    _shelf: _Shelf = field(default_factory=_Shelf, init=False, repr=False)
    _decoding: Lock = field(default_factory=Lock, init=False, repr=False)

    def fetch(self, image: FetchImage, within: timedelta) -> Picture | None:
        """Give a picture within its bounds and the time, without its metadata; None if it cannot be had. Never raises.

        It takes no more than half of the time, so that the notice can still be said without it.
        """
        deadline = monotonic() + min(within / 2, PATIENCE).total_seconds()
        try:
            # Once, for all the networks that ask for it about the same time.
            content = self._shelf.get(image.url, lambda: self._fetched(image.url, deadline), deadline)
            return self._made(content, image, deadline)
        except MisdirectedError:  # in other words than its own: no option of a target allows it
            why = "its address is private, or whoever answers there is not who it should be"
        except (_UnusableError, UnreachableError) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a picture, the notice goes on
            why = f"it cannot be read ({type(error).__name__})"
        log.info("picture_left_out", host=_host(image.url), why=why)
        return None

    def _fetched(self, url: str, deadline: float) -> bytes:
        for _ in range(_HOPS):
            request = Request("GET", url, {"accept": "image/*"}, says=False, read_limit=MOST_BYTES)
            left = timedelta(seconds=max(deadline - monotonic(), 0))
            reply = self.door.fetch(request, timeout=left, allow_private=_origin(url) in self.own)
            if 200 <= reply.status < 300:
                return reply.body
            if not 300 <= reply.status < 400 or "location" not in reply.headers:
                raise _UnusableError(f"HTTP {reply.status}")
            url = urljoin(url, reply.headers["location"])
            if not url.startswith(("http://", "https://")):
                break
        raise _UnusableError("it leads elsewhere without an end")

    def _made(self, content: bytes, image: FetchImage, deadline: float) -> Picture:
        """Re-encode it beside us: a decoder cannot be interrupted, so at the deadline we leave it to end by itself.

        One at a time, whoever was left behind included: that bounds the memory.
        """
        if not self._decoding.acquire(timeout=max(deadline - monotonic(), 0)):
            raise _UnusableError("other pictures take too long")
        made = Future[Picture]()
        try:
            Thread(target=partial(self._make, content, image, made), daemon=True).start()
        except RuntimeError:
            self._decoding.release()
            raise
        try:
            return made.result(max(deadline - monotonic(), 0))
        except TimeoutError:
            raise _UnusableError("it takes too long to decode") from None

    def _make(self, content: bytes, image: FetchImage, made: Future[Picture]) -> None:
        try:
            with warnings.catch_warnings():  # Pillow's doubts about a picture are none of the log's
                warnings.simplefilter("ignore")
                picture = reencode(content, image.max_bytes, image.max_side)
            made.set_result(picture)
        except Exception as error:  # noqa: BLE001 - told by whoever waits for it
            made.set_exception(error)
        finally:
            self._decoding.release()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


# ---------------------------------------------------------------- bytes -> a picture


def reencode(content: bytes, max_bytes: int, max_side: int) -> Picture:
    """Make a picture anew within these bounds: the same bytes for the same picture.

    The first frame, upright, in sRGB: a PNG where it is transparent and fits, else a JPEG (on white). Raises whatever
    Pillow does, where it is none.
    """
    image = _plain(_upright(_decoded(content, max_side)))
    image.info = {}  # else Pillow would hand on a comment
    if image.mode == "RGBA":
        png = _saved(image, "PNG")
        if len(png) <= max_bytes:
            return Picture(png, "image/png", image.width, image.height)
        image = _on_white(image)
    for smaller in _ever_smaller(image):
        for quality in (88, 78, 65):
            jpeg = _saved(smaller, "JPEG", quality=quality, optimize=True)
            if len(jpeg) <= max_bytes:
                return Picture(jpeg, "image/jpeg", smaller.width, smaller.height)
    raise _UnusableError(f"it cannot be made as small as {max_bytes} bytes")


def _decoded(content: bytes, max_side: int) -> Image.Image:
    """Decode it, no larger than needed."""
    try:
        opened = Image.open(BytesIO(content), formats=_formats())
    except UnidentifiedImageError:
        raise _UnusableError("it is no JPEG, PNG, WebP, GIF or AVIF, or a broken one") from None
    jpeg = opened.format in {"JPEG", "MPO"}
    if opened.width * opened.height > MOST_PIXELS * (2 if jpeg else 1):
        raise _UnusableError(f"it has {opened.width} × {opened.height} pixels")
    if jpeg and _scans(content) > MOST_SCANS:
        raise _UnusableError("it is a JPEG of far too many scans")
    _draft(opened, max_side)
    opened.load()
    # These can be made smaller as they are.
    smooth = opened.mode in {"CMYK", "L", "LA", "RGB", "RGBA"} and "transparency" not in opened.info
    image: Image.Image = opened if smooth else _smooth(opened)
    image.thumbnail((max_side, max_side), reducing_gap=2.0)
    return image


def _draft(opened: Image.Image, max_side: int) -> None:
    """Have a JPEG made smaller while it is decoded, though not yet as small as it is to be."""
    scale = min(1.5 * max_side / max(opened.size), 1)
    opened.draft(None, (ceil(opened.width * scale), ceil(opened.height * scale)))


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)  # AVIF is not in every build


# Inside the data of a scan, 0xFF stands before 0x00 or a restart mark only.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_START, _END, _SCAN, _ALONE = 0xD8, 0xD9, 0xDA, 0x01


def _scans(jpeg: bytes) -> int:
    count, place = 0, 0
    while (found := _MARKER.search(jpeg, place)) and (marker := found[1][0]) != _END:
        place = found.end()
        if marker not in {_START, _ALONE}:
            place += int.from_bytes(jpeg[place : place + 2], "big")
        count += marker == _SCAN
    return count


def _smooth(opened: Image.Image) -> Image.Image:
    """Spread out palettes, bits and 16-bit greys."""
    if opened.mode.startswith("I"):
        return opened.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    return opened.convert("RGBA" if opened.has_transparency_data else "RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Turn it as its camera was held; what is wrong with its metadata is no fault of the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - metadata may break in any way
        return image


def _plain(image: Image.Image) -> Image.Image:
    """Make it RGB, or RGBA where anything shines through."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return _srgb(image, "RGB" if image.getchannel("A").getextrema() == (255, 255) else "RGBA")
    return _srgb(image, "RGB")


def _srgb(image: Image.Image, mode: str) -> Image.Image:
    """Mean the same colours without the profile; where that is of no use, take them as they are."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        meant = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, KeyError, OSError, TypeError, ValueError):
        meant = None
    return meant or image.convert(mode)


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _ever_smaller(image: Image.Image) -> Iterator[Image.Image]:
    yield image
    for percent in (75, 55, 40, 30, 20, 10, 5):
        yield image.resize((max(image.width * percent // 100, 1), max(image.height * percent // 100, 1)))


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
