"""Pictures for networks: whatever a server sends, a small clean picture comes of it, or none; never a failure."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from structlog.testing import capture_logs

from feedpub import images
from feedpub.app import App
from feedpub.http import Door
from feedpub.images import Pictures, origins, reencode
from feedpub.model import Conversation, FetchImage, Picture, Request, Said
from feedpub.networks.base import ask, look
from feedpub.settings import Loaded, load
from tests.edge.front_door import Site
from tests.edge.receiver import FLOOD, LOGIN_PAGE, Answer, Mood, Receiver

CARD = 1_000_000
"""What Bluesky takes."""
TIME = timedelta(seconds=20)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="http://169.254.169.254/"/></svg>'


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> Image.Image:
    """A picture that no encoder can make small."""
    return Image.frombytes("RGB", (width, height), Random(7).randbytes(width * height * 3))


def halves(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, size[0], size[1]), fill="blue")
    return image.convert(mode, dither=Image.Dither.NONE)


def opened(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.content))
    image.load()
    assert image.size == (picture.width, picture.height)
    assert picture.media_type == f"image/{(image.format or '').lower()}"
    return image


def colour(image: Image.Image, x: int, y: int) -> str:
    red, green, blue = image.convert("RGB").getpixel((x, y))  # type: ignore[misc]  # three numbers
    names = {"red": (255, 0, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}
    return min(names, key=lambda one: sum(abs(a - b) for a, b in zip(names[one], (red, green, blue), strict=True)))


def pictures(server: Receiver) -> Pictures:
    return Pictures(Door(), origins(server.url))


def fetched(server: Receiver, body: object, *, within: timedelta = TIME, **how: Any) -> Picture | None:
    server.script = [Answer(how.pop("status", 200), body, how.pop("headers", {}), **how)]
    return pictures(server).fetch(FetchImage(server.url + "/og.png", CARD), within)


# ---------------------------------------------------------------- case 25


def big_picture() -> bytes:
    content = encoded(noise(1000, 800), "JPEG", quality=98)
    assert len(content) > 1_200_000
    return content


@pytest.mark.parametrize(
    ("answer", "had"),
    [
        (Answer(404, encoded(halves(), "PNG")), False),
        (LOGIN_PAGE, False),
        (Answer(200, SVG, {"content-type": "image/svg+xml"}), False),
        (Answer(200, big_picture(), {"content-type": "image/jpeg"}), True),
        (Answer(200, encoded(halves(), "PNG"), mood=Mood.HANG), False),
        (Answer(200, encoded(halves(), "PNG"), mood=Mood.DRIP_BODY), False),
        (Answer(200, encoded(halves(), "PNG"), {"content-type": "text/html"}), True),
    ],
    ids=["404", "html", "svg", "1.2MB", "hangs", "drips", "wrong type"],
)
def test_a_picture_is_small_or_left_out_and_time_is_left_for_the_notice(
    server: Receiver, answer: Answer, had: bool
) -> None:
    server.script = [answer]
    within = 3 if answer.mood is not Mood.PLAIN else 30
    start = time.monotonic()
    got = pictures(server).fetch(FetchImage(server.url + "/og.jpg", CARD), timedelta(seconds=within))
    assert time.monotonic() - start < within * 0.9
    assert (got is not None) == had
    assert got is None or len(got.content) < CARD
    assert got is None or opened(got).size == (1000, 800) or opened(got).size == (40, 20)


def test_a_notice_is_said_though_its_picture_never_comes(server: Receiver) -> None:
    server.script = [Answer(200, mood=Mood.HANG), Answer(201)]
    door = Door()
    door.picture = Pictures(door, origins(server.url)).fetch

    def talk() -> Conversation:
        picture = yield from look(FetchImage(server.url + "/og.png", CARD))
        reply = yield from ask(Request("POST", server.url + "/post"))
        return Said(f"{reply.status} {picture}")

    outcome = door.converse(talk(), lambda _key, _value: None, timeout=timedelta(seconds=2), allow_private=True)
    assert outcome == Said("201 None")


def test_the_sites_own_pictures_are_had_and_no_other_private_ones(
    site: Site, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the site has moved, without a restart."""
    server.default = Answer(200, encoded(halves(), "PNG"))
    wanted = FetchImage(server.url + "/og.png", CARD)

    def settings_for(url: str) -> Loaded:
        site.configure(site={"title": "航空ニュース", "url": url})
        return load(site.folder / "config", {})

    monkeypatch.chdir(site.folder)
    app = App.open(settings_for(server.url), lead=True)
    try:
        assert app.door.picture(wanted, TIME)
        app.apply(settings_for("https://news.test/"))
        assert app.door.picture(wanted, TIME) is None
        app.apply(settings_for(server.url))
        assert app.door.picture(wanted, TIME)
    finally:
        app.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.1:{port}/og.png",
        "http://localhost:{port}/og.png",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "http://[",
        "gopher://a.test/",
        "",
    ],
)
def test_nothing_private_is_fetched(server: Receiver, url: str) -> None:
    server.default = Answer(200, encoded(halves(), "PNG"))
    private = Pictures(Door(), origins("https://news.test/"))
    with capture_logs() as told:
        assert private.fetch(FetchImage(url.format(port=server.port), CARD), TIME) is None
    assert [one["event"] for one in told] == ["picture_left_out"]
    assert "allow_private" not in told[0]["why"]
    assert server.requests == []


def test_only_the_sites_own_place_may_be_private(server: Receiver) -> None:
    with Receiver() as other:
        for one in (server, other):
            one.default = Answer(200, encoded(halves(), "PNG"))
        own = Pictures(Door(), origins(server.url + "/blog/"))
        assert own.fetch(FetchImage(server.url + "/a.png", CARD), TIME)
        assert own.fetch(FetchImage(other.url + "/a.png", CARD), TIME) is None
        assert other.requests == []


def test_a_site_answers_with_and_without_tls() -> None:
    assert origins("https://News.test/blog/") == {("news.test", 443), ("news.test", 80)}
    assert origins("http://news.test/") == origins("https://news.test/")
    assert origins("http://news.test:8080/") == {("news.test", 8080)}


def test_a_picture_that_moved_is_followed_but_never_to_a_private_place(server: Receiver) -> None:
    good = Answer(200, encoded(halves(), "PNG"))
    server.script = [Answer(301, b"", {"location": "/new.png"}), Answer(302, b"", {"location": "newer.png"}), good]
    assert pictures(server).fetch(FetchImage(server.url + "/x/old.png", CARD), TIME)
    assert [seen.path for seen in server.requests] == ["/x/old.png", "/new.png", "/newer.png"]
    with Receiver() as private:
        private.default = good
        for place in (private.url, "file:///etc/passwd", "//[", "http://169.254.169.254/"):
            server.script = [Answer(302, b"", {"location": place})]
            assert pictures(server).fetch(FetchImage(server.url + "/x.png", CARD), TIME) is None
        assert private.requests == []


def test_a_picture_that_moves_in_circles_is_left_out(server: Receiver) -> None:
    server.default = Answer(302, b"", {"location": "/again.png"})
    assert pictures(server).fetch(FetchImage(server.url + "/again.png", CARD), TIME) is None
    assert len(server.requests) == 4
    server.default = Answer(304, b"")
    assert pictures(server).fetch(FetchImage(server.url + "/again.png", CARD), TIME) is None


def test_what_is_asked_for_is_a_picture_and_nothing_of_ours_goes_with_it(server: Receiver) -> None:
    assert fetched(server, encoded(halves(), "PNG"))
    (seen,) = server.requests
    assert (seen.method, seen.headers["accept"], seen.body) == ("GET", "image/*", b"")
    assert not {"cookie", "authorization", "referer"} & seen.headers.keys()


@pytest.mark.parametrize("mood", [Mood.RESET, Mood.CUT, Mood.NOISE])
def test_a_connection_that_breaks_leaves_the_picture_out(server: Receiver, mood: Mood) -> None:
    assert fetched(server, encoded(halves(), "PNG"), mood=mood) is None


def test_more_bytes_than_a_picture_needs_are_not_taken(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 100_000)
    assert fetched(server, FLOOD.body) is None
    assert fetched(server, encoded(halves(), "PNG") + bytes(200_000)) is None


def test_why_a_picture_is_left_out_is_told_without_its_address(server: Receiver) -> None:
    for answer, why in (
        (Answer(404), "HTTP 404"),
        (Answer(200, SVG), "it is no JPEG, PNG, WebP, GIF or AVIF, or a broken one"),
        (Answer(200, encoded(noise(99, 99), "PNG")[:9000]), "it cannot be read (OSError)"),
    ):
        server.script = [answer]
        with capture_logs() as told:
            pictures(server).fetch(FetchImage(server.url + "/og.png?token=canary", CARD), TIME)
        assert told == [{"event": "picture_left_out", "log_level": "info", "host": "127.0.0.1", "why": why}]


# ---------------------------------------------------------------- once for all


def test_a_picture_is_fetched_once_for_all_the_networks_that_want_it(server: Receiver) -> None:
    server.default = Answer(200, encoded(noise(300, 300), "PNG"), after=0.2)
    together, got = pictures(server), list[Picture | None]()

    def want(max_bytes: int) -> None:
        got.append(together.fetch(FetchImage(server.url + "/og.png", max_bytes), TIME))

    threads = [threading.Thread(target=want, args=(20_000 + 5_000 * n,)) for n in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(server.requests) == 1
    assert len({one.content for one in got if one}) > 1
    assert all(got)


def test_a_picture_that_is_not_there_is_asked_for_once_too(server: Receiver) -> None:
    server.default = Answer(404)
    together = pictures(server)
    assert [together.fetch(FetchImage(server.url, CARD), TIME) for _ in range(5)] == [None] * 5
    assert len(server.requests) == 1


def test_what_was_fetched_is_soon_forgotten(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    server.default = Answer(200, encoded(halves(), "PNG"))
    together = pictures(server)

    def requests_for(*paths: str) -> int:
        before = len(server.requests)
        assert all(together.fetch(FetchImage(server.url + path, CARD), TIME) for path in paths)
        return len(server.requests) - before

    assert requests_for("/1", "/2", "/1") == 2
    monkeypatch.setattr(images, "_KEPT", 2)
    assert requests_for("/3", "/1", "/2") == 2
    monkeypatch.setattr(images, "_KEPT_BYTES", 1)
    assert requests_for("/4", "/2") == 2
    monkeypatch.setattr(images, "_KEPT_FOR", 0)
    assert requests_for("/5", "/5") == 2


def test_a_decoder_that_does_not_end_is_left_behind_and_holds_up_nobody(
    server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()

    def endless(content: bytes, max_bytes: int, max_side: int) -> Picture:
        ends.wait(20)
        return Picture(b"", "image/png", 1, 1)

    server.default = Answer(200, encoded(halves(), "PNG"))
    together, short = pictures(server), timedelta(seconds=1.6)
    monkeypatch.setattr(images, "reencode", endless)
    with capture_logs() as told:
        assert together.fetch(FetchImage(server.url, CARD), short) is None
        assert together.fetch(FetchImage(server.url, CARD), short) is None
    assert [one["why"] for one in told] == ["it takes too long to decode", "other pictures take too long"]
    monkeypatch.undo()
    ends.set()
    assert together.fetch(FetchImage(server.url, CARD), TIME)


# ---------------------------------------------------------------- every kind of picture


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "RGB", {"progressive": True}),
        ("PNG", "RGB", {}),
        ("PNG", "P", {}),
        ("PNG", "1", {}),
        ("PNG", "RGBA", {}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("AVIF", "RGB", {}),
    ],
)
def test_every_kind_that_sites_use_becomes_a_jpeg(kind: str, mode: str, options: dict[str, Any]) -> None:
    picture = reencode(encoded(halves(mode), kind, **options), CARD, 2000)
    assert (picture.media_type, picture.width, picture.height) == ("image/jpeg", 40, 20)
    grey = {"L": ("black", "black"), "1": ("black", "black")}
    assert (colour(opened(picture), 5, 10), colour(opened(picture), 35, 10)) == grey.get(mode, ("red", "blue"))


def test_sixteen_bits_of_grey_are_still_grey() -> None:
    deep = Image.new("I;16", (8, 8), 40_000)
    assert abs(opened(reencode(encoded(deep, "PNG"), CARD, 100)).convert("L").getpixel((4, 4)) - 156) < 3  # type: ignore[operator]  # a number


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_what_is_transparent_stays_so_where_it_fits_and_is_white_where_not(kind: str) -> None:
    clear = noise(64, 64).quantize(64) if kind == "GIF" else noise(64, 64).convert("RGBA")
    clear.paste(9 if kind == "GIF" else (0, 0, 0, 0), (0, 0, 32, 64))
    content = encoded(clear, kind, **({"transparency": 9} if kind == "GIF" else {}))
    picture = reencode(content, CARD, 2000)
    assert picture.media_type == "image/png"
    assert opened(picture).convert("RGBA").getpixel((4, 4))[3] == 0  # type: ignore[index]  # four numbers
    flat = reencode(content, 5_000, 2000)
    assert flat.media_type == "image/jpeg"
    assert colour(opened(flat), 4, 4) == "white"


def test_a_colour_that_stands_for_nothing_shows_nothing() -> None:
    keyed = encoded(halves(size=(64, 32)), "PNG", transparency=(255, 0, 0))
    picture = opened(reencode(keyed, CARD, 32)).convert("RGBA")
    assert picture.getchannel("A").getpixel((2, 8)) == 0
    assert picture.getpixel((30, 8)) == (0, 0, 255, 255)


def test_of_what_moves_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (30, 30), name) for name in ("red", "blue", "white")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        assert colour(opened(reencode(content, CARD, 2000)), 15, 15) == "red"


def photograph(orientation: int) -> bytes:
    """As a telephone writes it, held so: with the place where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "CANARY"
    exif.get_ifd(0x8825)[2] = (35.0, 41.0, 22.0)
    return encoded(halves(), "JPEG", exif=exif, comment=b"CANARY", quality=95)


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (40, 20), (5, 10)),
        (2, (40, 20), (35, 10)),
        (3, (40, 20), (35, 10)),
        (4, (40, 20), (5, 10)),
        (5, (20, 40), (10, 5)),
        (6, (20, 40), (10, 5)),
        (7, (20, 40), (10, 35)),
        (8, (20, 40), (10, 35)),
        (99, (40, 20), (5, 10)),
    ],
)
def test_a_photograph_stands_upright(orientation: int, size: tuple[int, int], red: tuple[int, int]) -> None:
    image = opened(reencode(photograph(orientation), CARD, 2000))
    assert image.size == size
    assert colour(image, *red) == "red"


def test_where_a_photograph_was_taken_is_nobodys_business() -> None:
    assert b"CANARY" in photograph(6)
    picture = reencode(photograph(6), CARD, 2000)
    assert b"CANARY" not in picture.content
    assert b"Exif" not in picture.content
    assert dict(opened(picture).getexif()) == {}
    exif = Image.open(io.BytesIO(photograph(1))).getexif()
    clear = encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), "PNG", exif=exif)
    assert b"CANARY" in clear
    assert b"CANARY" not in reencode(clear, CARD, 2000).content


def test_broken_metadata_does_not_cost_the_picture(server: Receiver) -> None:
    broken = photograph(6).replace(b"II*\x00\x08\x00\x00\x00", b"II*\x00\xff\xff\xff\xff")
    broken = broken.replace(b"MM\x00*\x00\x00\x00\x08", b"MM\x00*\xff\xff\xff\xff")
    assert broken != photograph(6)
    assert fetched(server, broken)


def test_colours_mean_the_same_without_their_profile() -> None:
    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = usual.replace(b"rXYZ", b"tmp.", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp.", b"bXYZ", 1)
    for profile, left in ((usual, "red"), (swapped, "blue")):
        for mode in ("RGB", "RGBA"):
            picture = reencode(encoded(halves(mode), "PNG", icc_profile=profile), CARD, 2000)
            assert "icc_profile" not in opened(picture).info
            assert colour(opened(picture), 5, 10) == left
    for useless in (b"garbage", usual[:200], bytes(500)):
        assert colour(opened(reencode(encoded(halves(), "PNG", icc_profile=useless), CARD, 2000)), 35, 10) == "blue"


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize(("size", "fits"), [((3000, 1500), (2000, 1000)), ((1, 2500), (1, 2000)), ((90, 60), (90, 60))])
def test_a_picture_is_made_no_larger_than_asked_and_never_larger_than_it_was(
    size: tuple[int, int], fits: tuple[int, int]
) -> None:
    for kind in ("PNG", "JPEG"):
        picture = reencode(encoded(halves(size=size), kind), CARD, 2000)
        assert (picture.width, picture.height) == fits


@settings(max_examples=25, deadline=None)
@given(st.integers(700, 60_000), st.integers(1, 400), st.booleans())
def test_whatever_the_bounds_they_are_kept(max_bytes: int, max_side: int, clear: bool) -> None:
    image = noise(320, 200)
    if clear:
        image.putalpha(128)
    picture = reencode(encoded(image, "PNG"), max_bytes, max_side)
    assert len(picture.content) <= max_bytes
    assert max(opened(picture).size) <= max_side


def test_bounds_that_no_picture_can_keep_leave_it_out(server: Receiver) -> None:
    server.default = Answer(200, encoded(halves(), "PNG"))
    for max_bytes, max_side in ((10, 2000), (0, 2000), (-1, 2000), (CARD, 0), (CARD, -5)):
        assert pictures(server).fetch(FetchImage(server.url, max_bytes, max_side), TIME) is None


def test_the_same_picture_gives_the_same_bytes() -> None:
    for content in (photograph(6), encoded(noise(400, 400), "WEBP"), encoded(halves("RGBA"), "PNG")):
        assert reencode(content, 40_000, 300) == reencode(content, 40_000, 300)


def header_of(width: int, height: int) -> bytes:
    """A PNG that claims to be of this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    head, *parts = encoded(noise(64, 64), "JPEG", progressive=True).split(b"\xff\xda")
    last = parts[-1].removesuffix(b"\xff\xd9")
    return b"\xff\xda".join([head, *parts[:-1], *[last] * (count - len(parts) + 1)]) + b"\xff\xd9"


@pytest.mark.parametrize(
    "content",
    [
        header_of(100_000, 100_000),
        header_of(2**31 - 1, 2**31 - 1),
        header_of(10_000, 9_000),
        header_of(6_000, 5_000),
        scans(65),
        b"",
        b"\x00" * 1000,
        b"GIF89a",
        b"\xff\xd8\xff",
        SVG,
        b"<!DOCTYPE html><html></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        encoded(halves(), "BMP"),
        encoded(halves(), "TIFF"),
        encoded(halves(), "PPM"),
        encoded(noise(200, 200), "PNG")[:20_000],
        encoded(noise(200, 200), "JPEG")[:5_000],
        encoded(noise(200, 200), "WEBP")[:5_000],
    ],
    ids=[
        "100,000 pixels wide", "largest PNG", "90 MP", "30 MP", "scans", "nothing", "zeros", "GIF's first letters",
        "JPEG's first letters", "SVG", "HTML", "EPS", "BMP", "TIFF", "PPM", "cut PNG", "cut JPEG", "cut WebP",
    ],
)  # fmt: skip
def test_what_is_no_picture_for_a_network_is_left_out_at_once(server: Receiver, content: bytes) -> None:
    start = time.process_time()
    assert fetched(server, content) is None
    assert time.process_time() - start < 3


def test_a_picture_of_too_many_pixels_is_not_decoded_though_a_jpeg_may_have_twice_as_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)
    for kind, width, fits in (("PNG", 50, True), ("PNG", 51, False), ("JPEG", 100, True), ("JPEG", 101, False)):
        content = encoded(halves(size=(width, 20)), kind)
        if fits:
            assert reencode(content, CARD, 2000).width == width
        else:
            with pytest.raises(Exception, match=f"it has {width} × 20 pixels"):
                reencode(content, CARD, 2000)


def test_a_jpeg_may_have_scans_and_what_a_telephone_adds_behind_it() -> None:
    assert reencode(scans(64), CARD, 2000).width == 64
    film = photograph(1) + b"\xff\xda\x00\x02" * 100_000
    assert reencode(film, CARD, 2000).width == 40


GOOD = [encoded(halves(), kind) for kind in ("PNG", "JPEG", "WEBP", "AVIF")] + [encoded(halves("P"), "GIF")]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=20), st.data())
def test_no_bytes_make_it_fail(good: bytes, changes: list[tuple[int, int]], data: st.DataObject) -> None:
    hostile = bytearray(good)
    for place, byte in changes:
        hostile[place % len(hostile)] = byte
    cut = data.draw(st.just(0) | st.integers(0, len(hostile)))
    some = Pictures(Door())
    some._shelf.get("u", lambda: bytes(hostile[: cut or None]), time.monotonic() + 5)
    picture = some.fetch(FetchImage("u", CARD), TIME)
    assert picture is None or 0 < len(picture.content) <= CARD
