"""The feeds served by nginx and by Caddy themselves, configured as docs/operations.md says: what readers get there."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

import pytest

from feedpub.feeds.moves import Gone, caddy_rules, nginx_rules, where
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
from tests.edge.plain import Plain, running
from tests.guides import blocks

BASE = "https://news.test/feeds/"
MOVED = {"category/us": "category/usa", "category/usa": "category/america", "tag/f-35": "tag/f35", "tag/old": None}
PATHS = [
    f"{part}{address}{number}.{ending}"
    for part, number in (("", ""), ("archive/", "/12"), ("archive/", ""), ("", "/1"), ("archive/", "/x"))
    for address in ("category/us", "category/usa", "category/america", "tag/f-35", "tag/f35", "tag/old", "all", "us")
    for ending in ("rss", "json", "html")
]
PLACE = "/var/lib/feedpub/data/public"


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    folder = tmp_path_factory.mktemp(request.param)
    root = folder / "public"
    DiskOutput(root).write([nginx_rules(MOVED, BASE), caddy_rules(MOVED, BASE)])
    (guide,) = [text for text in blocks(request.param).values() if PLACE in text]
    with running(request.param, folder, root, guide.replace(PLACE, str(root))) as server:
        yield server


def test_a_plain_server_answers_for_moved_feeds_as_feedpub_does(server: Plain) -> None:
    DiskOutput(server.root).write([FeedFile("category/america.rss", b"here"), FeedFile("all.rss", b"all")])
    told = {path: server.ask(f"/feeds/{path}") for path in PATHS}
    for path, answer in told.items():
        end = where(path, MOVED)
        if isinstance(end, str):
            assert (answer.status, answer.headers["location"]) == (301, BASE + end), path
        elif end is Gone.GONE:
            assert answer.status == 410, path
        else:
            assert answer.status == (200 if path in {"category/america.rss", "all.rss"} else 404), path
    assert {answer.status for answer in told.values()} == {200, 301, 404, 410}


def test_a_plain_server_sends_the_compressed_sibling_as_it_stands(server: Plain) -> None:
    content = "<rss>長い記事です。</rss>".encode() * 50
    kinds = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
    DiskOutput(server.root, ("gz", "br")).write([FeedFile(f"packed.{ending}", content) for ending in kinds])
    for ending, kind in kinds.items():
        bare = server.ask(f"/feeds/packed.{ending}")
        packed = server.ask(f"/feeds/packed.{ending}", Accept_Encoding="gzip")
        assert (bare.status, bare.body) == (200, content)
        assert (packed.headers["content-encoding"], zlib.decompress(packed.body, wbits=31)) == ("gzip", content)
        assert packed.body == (server.root / f"packed.{ending}.gz").read_bytes()
        assert {one.headers["content-type"].partition(";")[0] for one in (bare, packed)} == {kind}
        assert bare.headers["last-modified"] == packed.headers["last-modified"]
        assert bare.headers["etag"] != packed.headers["etag"]
        assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_plain_server_notices_contents_that_follow_each_other_in_one_second(server: Plain, encoding: str) -> None:
    moment = time.time() - 100  # of the past, so that no date lies ahead of the server's clock
    output = DiskOutput(server.root, ("gz", "br"), now=lambda: moment)
    seen = []
    for letter in (b"a", b"b", b"c"):
        output.write([FeedFile(f"often-{encoding}.rss", letter * 900)])  # of one length, compressed and not
        seen.append(server.ask(f"/feeds/often-{encoding}.rss", Accept_Encoding=encoding))
    assert len({one.headers["etag"] for one in seen}) == 3
    assert len({one.headers["last-modified"] for one in seen}) == 3
    assert len({len(one.body) for one in seen}) == 1
    for one, status in zip(seen, (200, 200, 304), strict=True):
        path = f"/feeds/often-{encoding}.rss"
        by_tag = server.ask(path, Accept_Encoding=encoding, If_None_Match=one.headers["etag"])
        by_date = server.ask(path, Accept_Encoding=encoding, If_Modified_Since=one.headers["last-modified"])
        assert (by_tag.status, by_date.status) == (status, status)


def test_a_plain_server_shows_no_file_that_is_just_being_written(server: Plain) -> None:
    (server.root / ".feedpub-0.tmp").write_bytes(b"half")
    assert server.ask("/feeds/.feedpub-0.tmp").status == 404
