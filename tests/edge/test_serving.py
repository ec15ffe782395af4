"""One suite for whatever serves the feeds: feedpub's own server, nginx and Caddy by config/examples. The same answers.

Where a server cannot, DIFFERENT says so, and docs/operations.md tells why.
"""

from __future__ import annotations

import http.client
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import brotli
import pytest

from feedpub.feeds.headers import Said, caddy_headers, nginx_headers
from feedpub.feeds.moves import Gone, Signposts, caddy_rules, nginx_rules, where
from feedpub.feeds.wordpress import caddy_wordpress, nginx_wordpress
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
from feedpub.web import Server, public_app
from tests.edge.plain import Plain, running, shipped
from tests.edge.serving import Answer
from tests.guides import blocks, rows

BASE = "https://news.test/feeds/"
HUB = "https://hub.test/?a=1,2"
FRESH = timedelta(minutes=3)
MOVED = {"category/us": "category/usa", "category/usa": "category/america", "tag/f-35": "tag/f35", "tag/old": None}
SLUGS = {"category/米国関連": "category/america", "tag/air-force": "tag/air-force-0a1b2c3d"}
POSTS = Signposts(MOVED, {"all": [HUB]}, SLUGS)
LONG = "<rss>長い記事です。</rss>\n".encode() * 50
SHORT = b"<rss/>"
FILES = {
    **{f"all.{ending}": LONG for ending in ("rss", "atom", "json")},
    **{f"category/america.{ending}": SHORT for ending in ("rss", "atom", "json")},
    **{f"{address}.{ending}": SHORT for address in ("tag/air-force-0a1b2c3d", "tag/f35") for ending in ("rss", "atom")},
    **dict.fromkeys(
        ("author/kamome.rss", "comments.rss", "comments.atom", "archive/all/1.rss", "briefs/7.html"), SHORT
    ),
    **dict.fromkeys(("index.html", "feeds.opml", "feed.css"), LONG),
    **{f"images/a.{kind}": b"picture" for kind in ("jpg", "jpeg", "png", "webp", "avif", "gif")},
}
FEED = ("rss", "atom", "json", "opml")
SERVERS = ("feedpub", "nginx", "caddy")
HOUR_AGO = time.time() - 3600

DIFFERENT: Mapping[str, Mapping[str, object]] = {
    "`If-Modified-Since` with a date that the feed never had, later than its own": {"nginx": 200},
    "`If-Modified-Since` with a date still to come": {"caddy": 304},
    "`If-None-Match` fits, and beside it stands another date than the feed's": {"nginx": 200},
    "`Accept-Encoding: *`, or `x-gzip`": {"nginx": "bare", "caddy": "bare"},
    "`Accept-Encoding` that likes the bare file better than `gzip`": {"nginx": "gzip", "caddy": "gzip"},
    "`Accept-Encoding: br` alone": {"nginx": "bare"},
    "`If-None-Match` on two lines, and the second fits": {"nginx": 400, "caddy": 200},
    "`Accept-Encoding` on two lines, and the second is `gzip`": {"nginx": "bare", "caddy": "bare"},
    "a feed's path with `//` or `/./` in it": {"nginx": 200, "caddy": 200},
    "no `Host`, or two": {"feedpub": 200},
    "`HEAD`, or `GET`, of a compressed copy": {"caddy": "untold"},
    "a link that somebody put into the directory, to a feed outside": {"caddy": 200},
}
"""What a server answers otherwise, by the words of docs/operations.md. Nobody is told "not modified" of a change."""


class Service(NamedTuple):
    """One of the servers, the directory that it serves, and what writes there."""

    name: str
    plain: Plain
    output: DiskOutput

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return self.plain.ask(path, method, **headers)

    def feed(self, file: str = "all.rss", **headers: str) -> Answer:
        return self.ask(f"/feeds/{file}", **headers)

    def or_else(self, question: str, usual: object) -> object:
        """What is right for this server."""
        return DIFFERENT[question].get(self.name, usual)


@contextmanager
def own(root: Path) -> Iterator[Plain]:
    server = Server.start(public_app(root, BASE, lambda: POSTS, fresh=FRESH, addresses="wordpress"), "127.0.0.1:0")
    yield Plain(root, server.port)
    server.stop()


WORDPRESS = {
    "nginx": {
        f"    #{line}": f"    {line}"
        for line in (
            "if ($feedpub_wordpress_address) {",
            "    rewrite ^ /feeds/$feedpub_wordpress_address.$feedpub_wordpress_ending last;",
            "}",
        )
    },
    "caddy": {"#rewrite @wordpress": "rewrite @wordpress"},
}
"""The lines of the examples that an admin takes the # from."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    root = folder / "public"
    output = DiskOutput(root, ("gz", "br"), now=lambda: HOUR_AGO)
    said = Said(BASE, {"all": [HUB], "category/america": [], "tag/f35": []}, FRESH)
    output.write([nginx_rules(MOVED, BASE), nginx_headers(said), nginx_wordpress(SLUGS)])
    output.write([caddy_rules(MOVED, BASE), caddy_headers(said), caddy_wordpress(SLUGS)])
    output.write(FeedFile(path, content) for path, content in FILES.items())
    serving = own(root) if name == "feedpub" else shipped(name, folder, root, WORDPRESS[name])
    with serving as plain:
        yield Service(name, plain, output)


def test_the_guide_tells_every_difference_and_no_other() -> None:
    said = {
        cells[0]: {name: cells[column] for column, name in enumerate(SERVERS, 1)}
        for cells in rows("operations.md", "asked")
    }
    assert said.keys() == DIFFERENT.keys()
    for question, answers in DIFFERENT.items():
        for name, answer in answers.items():
            assert str(answer) in said[question][name].split(), question


# ---------------------------------------------------------------- "not modified", exactly


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize(
    "asked",
    ["{etag}", "W/{etag}", '"x", {etag}', 'W/"a,b" ,  W/{etag},"c"', "*"],
    ids=["it", "weak", "listed", "listed weak", "any"],
)
def test_who_has_the_feed_is_not_sent_it_again(server: Service, asked: str, coding: str) -> None:
    first = server.feed(Accept_Encoding=coding)
    again = server.feed(Accept_Encoding=coding, If_None_Match=asked.format(etag=first.headers["etag"]))
    assert (again.status, again.body) == (304, b"")
    told = ("etag", "cache-control", "vary", "access-control-allow-origin")  # RFC 9110 §15.4.5
    assert {name: again.headers[name] for name in told} == {name: first.headers[name] for name in told}
    assert "content-type" not in again.headers
    head = server.ask("/feeds/all.rss", "HEAD", Accept_Encoding=coding, If_None_Match=first.headers["etag"])
    assert head.status == 304


@pytest.mark.parametrize("asked", ['"x"', '"x", W/"y"', "x", '"', 'W/"', '"{etag}"', "{bare}", "{upper}"])
def test_who_has_something_else_gets_the_feed(server: Service, asked: str) -> None:
    etag = server.feed().headers["etag"]
    assert re.fullmatch('"[^" ]{5,}"', etag), "strong, and of some length"
    other = asked.format(etag=etag, bare=etag.strip('"'), upper=etag.swapcase())
    if other != etag:
        assert (server.feed(If_None_Match=other).status, server.feed(If_None_Match=other).body) == (200, LONG)


def test_the_etag_of_one_encoding_says_nothing_of_another(server: Service) -> None:
    bare, packed = server.feed(), server.feed(Accept_Encoding="gzip")
    assert bare.headers["etag"] != packed.headers["etag"]
    for coding, etag, status in (
        ("gzip", packed.headers["etag"], 304),
        ("identity", packed.headers["etag"], 200),
        ("gzip", bare.headers["etag"], 200),
        ("identity", bare.headers["etag"], 304),
    ):
        assert server.feed(Accept_Encoding=coding, If_None_Match=etag).status == status


def test_a_date_counts_where_no_etag_is_given(server: Service) -> None:
    first = server.feed()
    modified = first.headers["last-modified"]
    assert modified == formatdate(int(HOUR_AGO), usegmt=True)
    assert server.feed(If_Modified_Since=modified).status == 304
    assert server.feed(If_Modified_Since=formatdate(HOUR_AGO - 1, usegmt=True)).status == 200
    for nonsense in ("yesterday", "", "0", "Sun, 99 Nov 1994 08:49:37 GMT"):
        assert server.feed(If_Modified_Since=nonsense).status == 200
    later = "`If-Modified-Since` with a date that the feed never had, later than its own"
    assert server.feed(If_Modified_Since=formatdate(HOUR_AGO + 60, usegmt=True)).status == server.or_else(later, 304)
    ahead = "`If-Modified-Since` with a date still to come"
    assert server.feed(If_Modified_Since=formatdate(time.time() + 9999, usegmt=True)).status == server.or_else(
        ahead, 200
    )


def test_beside_an_etag_no_date_counts(server: Service) -> None:
    first = server.feed()
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    assert server.feed(If_None_Match='"x"', If_Modified_Since=modified).status == 200
    assert server.feed(If_None_Match=etag, If_Modified_Since=modified).status == 304
    other = server.or_else("`If-None-Match` fits, and beside it stands another date than the feed's", 304)
    for date in (HOUR_AGO - 99, HOUR_AGO + 99):
        told = server.feed(If_None_Match=etag, If_Modified_Since=formatdate(date, usegmt=True))
        assert told.status == other


def test_a_feed_that_is_no_longer_the_one_that_is_meant_is_not_sent(server: Service) -> None:
    etag = server.feed().headers["etag"]
    for headers, status in (
        ({"If_Match": etag}, 200),
        ({"If_Match": f'"x", {etag}'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"x"'}, 412),
        ({"If_Match": f"W/{etag}"}, 412),
        ({"If_Unmodified_Since": formatdate(HOUR_AGO, usegmt=True)}, 200),
        ({"If_Unmodified_Since": formatdate(HOUR_AGO - 1, usegmt=True)}, 412),
        ({"If_Match": '"x"', "If_None_Match": etag}, 412),
    ):
        assert server.feed(**headers).status == status, headers


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("step", [0, -1800], ids=["the same second", "a clock set back"])
def test_contents_of_one_length_that_follow_each_other_are_told_apart(
    server: Service, coding: str, step: float
) -> None:
    moments = iter([HOUR_AGO, HOUR_AGO + step, HOUR_AGO + step])
    output = DiskOutput(server.output.root, ("gz", "br"), now=lambda: next(moments))
    file = f"often{step}-{coding}.rss"
    seen = []
    for letter in (b"a", b"b", b"c"):
        output.write([FeedFile(file, b"<" + letter * 900)])  # of one length, compressed and not
        seen.append(server.feed(file, Accept_Encoding=coding))
    assert len({one.headers["etag"] for one in seen}) == 3
    assert len({len(one.body) for one in seen}) == 1
    dates = [parsedate_to_datetime(one.headers["last-modified"]) for one in seen]
    assert dates == sorted(set(dates))
    for one, status in zip(seen, (200, 200, 304), strict=True):
        by_tag = server.feed(file, Accept_Encoding=coding, If_None_Match=one.headers["etag"])
        by_date = server.feed(file, Accept_Encoding=coding, If_Modified_Since=one.headers["last-modified"])
        assert (by_tag.status, by_date.status) == (status, status)


# ---------------------------------------------------------------- encodings

UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "bare": bytes,
    "gzip": lambda packed: zlib.decompress(packed, wbits=31),
    "br": brotli.decompress,
}
SIBLING = {"bare": "all.rss", "gzip": "all.rss.gz", "br": "all.rss.br"}
STAR = "`Accept-Encoding: *`, or `x-gzip`"
BARE_LIKED = "`Accept-Encoding` that likes the bare file better than `gzip`"
BR_ALONE = "`Accept-Encoding: br` alone"


@pytest.mark.parametrize(
    ("accepted", "coding", "question"),
    [
        (None, "bare", ""),
        ("", "bare", ""),
        ("identity", "bare", ""),
        ("gzip", "gzip", ""),
        ("GZip", "gzip", ""),
        ("deflate, gzip;q=0.5", "gzip", ""),
        ("gzip;q=1.0, identity;q=0.5, *;q=0", "gzip", ""),
        ("gzip ; q=0.8", "gzip", ""),
        ("identity;q=0, gzip", "gzip", ""),
        ("gzip;q=0", "bare", ""),
        ("gzip;q=0.000, deflate", "bare", ""),
        ("gzip;q=0, br;q=0", "bare", ""),
        ("deflate", "bare", ""),
        ("zstd, compress", "bare", ""),
        ("gzipped", "bare", ""),
        ("br", "br", BR_ALONE),
        ("*", "br", STAR),
        ("x-gzip", "gzip", STAR),
        ("gzip;q=0.5, identity", "bare", BARE_LIKED),
    ],
)
def test_what_is_sent_is_the_sibling_that_the_reader_likes_best(
    server: Service, accepted: str | None, coding: str, question: str
) -> None:
    expected = server.or_else(question, coding) if question else coding
    answer = server.feed(**({} if accepted is None else {"Accept_Encoding": accepted}))
    assert answer.headers.get("content-encoding", "bare") == expected
    assert answer.body == (server.output.root / SIBLING[str(expected)]).read_bytes()
    assert UNPACK[str(expected)](answer.body) == LONG
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"


def test_the_smallest_that_is_accepted_is_sent(server: Service) -> None:
    best = server.or_else(BR_ALONE, "br")
    answer = server.feed(Accept_Encoding="gzip, deflate, br")
    assert answer.headers["content-encoding"] == ("gzip" if best == "bare" else best)
    assert server.feed(Accept_Encoding="br;q=0.5, gzip").headers["content-encoding"] == "gzip"


def test_a_cache_in_between_is_sent_what_it_takes(server: Service) -> None:
    answer = server.feed(Accept_Encoding="gzip", Via="1.1 cache.test")
    assert answer.headers["content-encoding"] == "gzip"


def test_a_file_without_siblings_goes_as_it_is(server: Service) -> None:
    for file in ("category/america.rss", "images/a.jpg"):
        answer = server.feed(file, Accept_Encoding="gzip, br")
        assert (answer.body, answer.headers.get("content-encoding")) == (FILES[file], None)


# ---------------------------------------------------------------- what is said of a file


@pytest.mark.parametrize(
    ("file", "kind", "kept"),
    [
        ("all.rss", "application/rss+xml; charset=utf-8", "public, max-age=180"),
        ("category/america.atom", "application/atom+xml; charset=utf-8", "public, max-age=180"),
        ("all.json", "application/feed+json", "public, max-age=180"),
        ("archive/all/1.rss", "application/rss+xml; charset=utf-8", "public, max-age=180"),
        ("feeds.opml", "text/x-opml; charset=utf-8", "no-cache"),
        ("briefs/7.html", "text/html; charset=utf-8", "no-cache"),
        ("", "text/html; charset=utf-8", "no-cache"),
        ("feed.css", "text/css; charset=utf-8", "public, max-age=3600"),
        ("images/a.jpg", "image/jpeg", "public, max-age=3600"),
        ("images/a.jpeg", "image/jpeg", "public, max-age=3600"),
        *((f"images/a.{kind}", f"image/{kind}", "public, max-age=3600") for kind in ("png", "webp", "avif", "gif")),
    ],
)
def test_each_kind_of_file_has_its_headers(server: Service, file: str, kind: str, kept: str) -> None:
    answer = server.feed(file)
    assert (answer.status, answer.body) == (200, FILES[file or "index.html"])
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (kind, kept)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert answer.headers.get("access-control-allow-origin") == ("*" if file.endswith(FEED) else None)
    assert ("access-control-expose-headers" in answer.headers) == file.endswith(FEED)
    assert not [name for name in answer.headers if name.startswith(("access-control-allow-m", "access-control-max"))]
    assert "accept-ranges" not in answer.headers
    for coding in ("identity", "gzip"):
        got, told = (server.ask(f"/feeds/{file}", method, Accept_Encoding=coding) for method in ("GET", "HEAD"))
        assert (told.status, told.body) == (200, b"")
        assert _besides(told, "date", "content-length") == _besides(got, "date", "content-length")
        length = server.or_else("`HEAD`, or `GET`, of a compressed copy", "told")
        if length == "told" or "content-encoding" not in got.headers:
            assert told.headers["content-length"] == got.headers["content-length"] == str(len(got.body))


def _besides(answer: Answer, *names: str) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in names}


def test_a_feed_begins_with_its_first_tag(server: Service) -> None:
    assert server.feed().body.startswith(b"<")
    assert server.feed("all.atom").body.startswith(b"<")


@pytest.mark.parametrize(
    ("file", "links"),
    [
        ("all.rss", f'<{BASE}all.rss>; rel="self", <{HUB}>; rel="hub"'),
        ("all.json", f'<{BASE}all.json>; rel="self", <{HUB}>; rel="hub"'),
        ("category/america.atom", f'<{BASE}category/america.atom>; rel="self"'),
        ("archive/all/1.rss", f'<{BASE}archive/all/1.rss>; rel="self"'),
        ("index.html", None),
        ("feeds.opml", None),
        ("feed.css", None),
    ],
)
def test_a_feed_names_itself_and_its_hubs(server: Service, file: str, links: str | None) -> None:
    assert server.feed(file).headers.get("link") == links
    assert server.feed(file, Accept_Encoding="gzip").headers.get("link") == links


@pytest.mark.parametrize("file", ["all.rss", "all.atom"])
def test_a_feed_opened_as_a_page_is_xml_to_the_browser(server: Service, file: str) -> None:
    page = server.feed(file, Sec_Fetch_Dest="document")
    assert (page.status, page.body) == (200, LONG)
    assert page.headers["content-type"] == "application/xml; charset=utf-8"
    assert "sec-fetch-dest" in page.headers["vary"].lower()
    assert "sec-fetch-dest" in server.feed(file).headers["vary"].lower()
    assert server.feed("all.json", Sec_Fetch_Dest="document").headers["content-type"] == "application/feed+json"
    assert server.feed("tag/old.rss", Sec_Fetch_Dest="document").status == 410


def test_a_part_is_not_to_be_had(server: Service) -> None:
    answer = server.feed(Range="bytes=0-3")
    assert (answer.status, answer.body) == (200, LONG)


# ---------------------------------------------------------------- feeds that went elsewhere

PATHS = [
    f"{part}{address}{number}.{ending}"
    for part, number in (("", ""), ("archive/", "/12"), ("archive/", ""), ("", "/1"), ("archive/", "/x"))
    for address in ("category/us", "category/usa", "category/america", "tag/f-35", "tag/old", "us")
    for ending in ("rss", "json", "html")
]


def test_a_feed_that_moved_says_where_and_one_that_ended_says_so(server: Service) -> None:
    told = {path: server.feed(path) for path in PATHS}
    for path, answer in told.items():
        end = where(path, MOVED)
        if isinstance(end, str):
            assert (answer.status, answer.headers["location"]) == (301, BASE + end), path
            assert answer.headers["cache-control"] == "no-cache"
        elif end is Gone.GONE:
            assert (answer.status, answer.headers["cache-control"]) == (410, "no-store"), path
        else:
            assert answer.status == (200 if path in FILES else 404), path
        assert ("link" in answer.headers) == (answer.status == 200), path
    assert {answer.status for answer in told.values()} == {200, 301, 404, 410}


def test_the_folder_is_led_to_by_its_name(server: Service) -> None:
    answer = server.ask("/feeds")
    assert (answer.status, answer.headers["location"]) == (307, "/feeds/")


# ---------------------------------------------------------------- readers in a browser, and methods


def test_readers_that_live_in_a_browser_may_ask_from_any_site(server: Service) -> None:
    asked = server.ask(
        "/feeds/all.rss", "OPTIONS", Origin="https://reader.test", Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="if-none-match",
    )  # fmt: skip
    assert asked.status in {200, 204}
    assert (asked.body, asked.headers["access-control-allow-origin"]) == (b"", "*")
    assert {"if-none-match", "if-modified-since"} <= set(
        asked.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    )
    assert {"GET", "HEAD"} <= set(asked.headers["access-control-allow-methods"].replace(" ", "").split(","))
    assert int(asked.headers["access-control-max-age"]) >= 600
    got = server.feed(Origin="https://reader.test")
    assert got.headers["access-control-allow-origin"] == "*"
    assert {"etag", "link", "last-modified"} <= set(
        got.headers["access-control-expose-headers"].lower().replace(" ", "").split(",")
    )
    for path in ("category/us.rss", "tag/old.rss", "none.rss"):  # or the browser tells the reader nothing of why
        assert server.feed(path).headers.get("access-control-allow-origin") == "*", path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
def test_feeds_are_only_read(server: Service, method: str) -> None:
    answer = server.ask("/feeds/all.rss", method)
    assert answer.status == 405
    assert {word.strip() for word in answer.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


# ---------------------------------------------------------------- nothing else is there


@pytest.mark.parametrize(
    "path",
    [
        "none.rss",
        "../secret.json",
        "%2e%2e/secret.json",
        "..%2fsecret.json",
        "..%5csecret.json",
        "category/../../secret.json",
        "category/%2e%2e/%2E%2E/secret.json",
        "%2e%2e%2fsecret.json",
        "..;/secret.json",
        "/../secret.json",
        ".all.rss.tmp",
        ".hidden.rss",
        ".git/config.json",
        ".page/all.rss",
        "ledger.sqlite3",
        "all.rss.tmp",
        "all.rss.gz",
        "all.rss.br",
        "all.rss~",
        "moved.nginx.conf",
        "headers.Caddyfile",
        "all.rss/",
        "all.rss/index.html",
        "all",
        "category",
        "category/",
        "all.rss%00.rss",
        "%00",
        "all.RSS",
        "a" * 300 + ".rss",
        "%ff.rss",
    ],
)
def test_only_public_files_can_be_reached(server: Service, path: str) -> None:
    root = server.output.root
    (root.parent / "secret.json").write_text("secret")
    for name in (".hidden.rss", ".all.rss.tmp", "ledger.sqlite3", "all.rss.tmp", "all.rss~"):
        (root / name).write_text("secret")
    (root / ".git").mkdir(exist_ok=True)
    (root / ".git/config.json").write_text("secret")
    answer = server.feed(path)
    # A path that is broken, or leads out of the folder, may be refused before anybody looks at what it means.
    odd = ".." in unquote(path) or "%00" in path
    assert answer.status in ({400, 404} if odd else {404})
    assert b"secret" not in answer.body
    assert odd or answer.headers["cache-control"] == "no-store"


def test_a_link_leads_nowhere(server: Service) -> None:
    root = server.output.root
    outside = root.parent / "outside.json"
    outside.write_text("{}")
    for link, target in ((root / "link.json", outside), (root / "elsewhere", root.parent)):
        if not link.is_symlink():
            link.symlink_to(target)
    expected = server.or_else("a link that somebody put into the directory, to a feed outside", 404)
    assert [server.feed(path).status for path in ("link.json", "elsewhere/outside.json")] == [expected] * 2


# ---------------------------------------------------------------- how it is asked


def test_many_questions_are_answered_over_one_connection(server: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.plain.port, timeout=5)
    etag = server.feed(Accept_Encoding="identity").headers["etag"]
    questions: list[tuple[str, str, dict[str, str], int, bytes | None]] = [
        ("GET", "/feeds/all.rss", {}, 200, LONG),
        ("HEAD", "/feeds/all.rss", {}, 200, b""),
        ("GET", "/feeds/all.rss", {"If-None-Match": etag}, 304, b""),
        ("GET", "/feeds/none.rss", {}, 404, None),
        ("HEAD", "/feeds/none.rss", {}, 404, b""),
        ("GET", "/feeds/tag/old.rss", {}, 410, None),
        ("OPTIONS", "/feeds/all.rss", {}, 204, b""),
        ("GET", "/feeds/category/america.rss", {}, 200, SHORT),
    ]
    try:
        connection.connect()
        door = connection.sock
        for method, path, headers, status, body in questions:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            said = reply.read()
            assert (reply.status, said if body is not None else None) == (status, body), path
            assert connection.sock is door
    finally:
        connection.close()


def test_a_header_may_stand_on_several_lines(server: Service) -> None:
    etag = server.feed().headers["etag"]
    expected = server.or_else("`If-None-Match` on two lines, and the second fits", 304)
    assert server.feed(**{"If_None_Match": '"x"', "If-None-Match": etag}).status == expected
    coding = server.or_else("`Accept-Encoding` on two lines, and the second is `gzip`", "gzip")
    answer = server.feed(**{"Accept_Encoding": "deflate", "Accept-Encoding": "gzip"})
    assert answer.headers.get("content-encoding", "bare") == coding


@pytest.mark.parametrize("path", ["/all.rss", "./all.rss", "category/../all.rss", "category//america.rss"])
def test_a_path_that_is_not_tidy_is_nobody_elses(server: Service, path: str) -> None:
    expected = server.or_else("a feed's path with `//` or `/./` in it", 404)
    answer = server.feed(path)
    assert answer.status == expected
    assert (
        answer.status == 404 or answer.body == FILES[path.removeprefix("category/../").replace("//", "/").lstrip("./")]
    )


HOST = b"Host: news.test\r\n"


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        (b"GET http://news.test/feeds/all.rss HTTP/1.1\r\n" + HOST, {200}),
        (b"GET /feeds/all.rss HTTP/1.1\r\nhOST:news.test\r\naccept-encoding:\tidentity\r\n", {200}),
        (b"GET /feeds/all.rss HTTP/1.0\r\n", {200}),
        (b"GET /feeds/all.rss?utm_source=a/../b HTTP/1.1\r\n" + HOST, {200}),
        (b"GET /feeds/./all.rss HTTP/1.1\r\n" + HOST, {200, 404}),
        (b"GET /feeds/all.rss HTTP/1.1\r\n" + HOST + b"If-None-Match : *\r\n", {200, 400}),
        (b"GET /feeds/all.rss HTTP/9.9\r\n" + HOST, {400, 505}),
        (b"get /feeds/all.rss HTTP/1.1\r\n" + HOST, {400, 405, 501}),
        (b"GET feeds/all.rss HTTP/1.1\r\n" + HOST, {400}),
        (b"GET /feeds/all.rss\0 HTTP/1.1\r\n" + HOST, {400}),
        (b"GET /feeds/%zz.rss HTTP/1.1\r\n" + HOST, {400, 404}),
        (b"NONSENSE\r\n", {400}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", {400}),
    ],
    ids=range(13),
)
def test_what_is_asked_in_another_manner_is_understood_or_refused(
    server: Service, asked: bytes, statuses: set[int]
) -> None:
    assert _asked_raw(server, asked) in statuses


@pytest.mark.parametrize("hosts", [0, 2])
def test_who_names_no_site_or_two_gets_nothing_that_is_not_public(server: Service, hosts: int) -> None:
    status = _asked_raw(server, b"GET /feeds/all.rss HTTP/1.1\r\n" + HOST * hosts)
    assert status == server.or_else("no `Host`, or two", 400)


def _asked_raw(server: Service, asked: bytes) -> int:
    """Send these bytes; the status of the answer, which holds the feed whole where it is 200."""
    with socket.create_connection(("127.0.0.1", server.plain.port), timeout=5) as door:
        door.sendall(asked + b"Connection: close\r\n\r\n")
        answer = b"".join(iter(lambda: door.recv(65536), b""))
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3}) ", answer)
    assert status, answer[:80]
    assert (LONG in answer) == (status[1] == b"200")
    return int(status[1])


# ---------------------------------------------------------------- WordPress's addresses


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/feed/", "all.rss"),
        ("/feed", "all.rss"),
        ("/feed/?utm_source=x", "all.rss"),
        ("/feed/rss2/", "all.rss"),
        ("/feed/rdf/", "all.rss"),
        ("/feed/atom/", "all.atom"),
        ("/feed/atom", "all.atom"),
        ("/comments/feed/", "comments.rss"),
        ("/comments/feed/atom/", "comments.atom"),
        ("/category/america/feed/", "category/america.rss"),
        ("/category/world/america/feed/atom/", "category/america.atom"),
        ("/category/%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3/feed/", "category/america.rss"),
        ("/category/world/%E7%B1%B3%E5%9B%BD%E9%96%A2%E9%80%A3/feed", "category/america.rss"),
        ("/tag/f35/feed/", "tag/f35.rss"),
        ("/tag/air-force/feed/atom/", "tag/air-force-0a1b2c3d.atom"),
        ("/author/kamome/feed/", "author/kamome.rss"),
        ("/?feed=rss2", "all.rss"),
        ("/?utm_source=x&feed=atom", "all.atom"),
        ("/?feed=comments-rss2", "comments.rss"),
        ("/index.php?feed=rss2", "all.rss"),
    ],
)
def test_wordpress_addresses_are_answered_with_the_same_feed(server: Service, path: str, file: str) -> None:
    ours, theirs = server.feed(file), server.ask(path)
    assert (theirs.status, theirs.body) == (200, FILES[file])
    assert _besides(theirs, "date") == _besides(ours, "date")
    assert server.ask(path, If_None_Match=ours.headers["etag"]).status == 304


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/category/us/feed/", 301),
        ("/category/world/usa/feed/atom/", 301),
        ("/tag/old/feed/", 410),
        ("/tag/never/feed/", 404),
        ("/category/%e7%b1%b3/feed/", 404),
    ],
)
def test_wordpress_addresses_of_feeds_that_are_not_there_say_what_became_of_them(
    server: Service, path: str, status: int
) -> None:
    assert server.ask(path).status == status


@pytest.mark.parametrize(
    "path", ["/2026/06/slug/feed/", "/?feed=rss2&cat=3", "/?s=f-35&feed=rss2", "/feed/x/", "/FEED/"]
)
def test_what_wordpress_has_and_we_have_not_is_left_alone(server: Service, path: str) -> None:
    assert b"<rss" not in server.ask(path).body


# ---------------------------------------------------------------- other sites

AT_THE_ROOT = {
    "nginx": {"    location = /feeds { return 307 /feeds/; }\n": "", "/feeds/": "/"},
    "caddy": {"\tredir /feeds /feeds/ 307\n": "", "handle_path /feeds/*": "handle_path /*"},
}


@pytest.mark.parametrize("name", AT_THE_ROOT)
def test_feeds_may_have_a_site_of_their_own(name: str, tmp_path: Path) -> None:
    base, moved = "https://feeds.test/", {"category/us": "category/usa"}
    output = DiskOutput(tmp_path / "public", ("gz", "br"), now=lambda: HOUR_AGO)
    said = Said(base, {"all": [HUB]}, FRESH)
    output.write([nginx_rules(moved, base), nginx_headers(said), nginx_wordpress({})])
    output.write([caddy_rules(moved, base), caddy_headers(said), caddy_wordpress({})])
    output.write([FeedFile("all.rss", LONG), FeedFile("index.html", LONG)])
    with shipped(name, tmp_path, output.root, AT_THE_ROOT[name]) as server:
        feed, page = server.ask("/all.rss"), server.ask("/all.rss", Sec_Fetch_Dest="document")
        assert (feed.body, feed.headers["link"]) == (LONG, f'<{base}all.rss>; rel="self", <{HUB}>; rel="hub"')
        assert (page.body, page.headers["content-type"]) == (LONG, "application/xml; charset=utf-8")
        assert page.headers["link"] == feed.headers["link"]
        assert server.ask("/all.rss", If_None_Match=feed.headers["etag"]).status == 304
        assert server.ask("/category/us.rss").headers["location"] == f"{base}category/usa.rss"
        assert server.ask("/").body == LONG
        assert [server.ask(path).status for path in ("/all.rss.gz", "/moved.Caddyfile", "/none.rss")] == [404] * 3


# ---------------------------------------------------------------- feedpub's own server, behind one of the others


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_server_that_passes_requests_on_changes_nothing(name: str, tmp_path: Path) -> None:
    output = DiskOutput(tmp_path / "public", ("gz", "br"), now=lambda: HOUR_AGO)
    output.write([FeedFile("all.rss", LONG)])
    (lines,) = [text for place, text in blocks(name).items() if place.startswith("operations.md")]
    with own(output.root) as behind:
        (folder := tmp_path / "front").mkdir()
        with running(name, folder, output.root, lines.replace("127.0.0.1:8080", f"127.0.0.1:{behind.port}")) as front:
            for headers in (
                {},
                {"Accept_Encoding": "gzip"},
                {"If_None_Match": behind.ask("/feeds/all.rss").headers["etag"]},
            ):
                passed, direct = (one.ask("/feeds/all.rss", **headers) for one in (front, behind))
                assert (passed.status, passed.body) == (direct.status, direct.body)
                told = direct.headers.keys() - {"date", "connection", "content-length"}  # Caddy asks for gzip itself
                assert {name: passed.headers[name] for name in told} == {name: direct.headers[name] for name in told}
            assert front.ask("/feeds").headers["location"].endswith("/feeds/")
