"""Rules for other web servers: what they say, and that nothing breaks out of the line that it stands in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.feeds.headers import Said, caddy_headers, nginx_headers
from feedpub.feeds.wordpress import caddy_wordpress, nginx_wordpress
from feedpub.web.addresses import wordpress

BASE = "https://example.jp/feeds/"
FRESH = timedelta(minutes=3)
HUB = "https://hub.example/"
ODD = st.text(max_size=12) | st.sampled_from(['a"; }', "a'; }", "a`\n}", "a{b}", "$uri", "${x}", "\r\n", "A", "", "~^"])
ADDRESSES = st.sampled_from(["all", "category/us", "tag/f-35", "own/a_b"]) | ODD
HUBS = st.lists(st.sampled_from([HUB, "https://hub.example/?a=1,2"]) | ODD.map(lambda odd: HUB + odd), max_size=3)
SAID = st.builds(Said, ODD.map(lambda odd: f"https://example.jp/{odd}"), st.dictionaries(ADDRESSES, HUBS, max_size=5),
                 st.just(FRESH))  # fmt: skip
SHAPE = r"(?:[!#-&(-_a-z|~]|\\x\{[0-9a-f]+\})*"
"""A regular expression that no quote can end."""
VALUE = r"""(?:'[ -&(-~]*'|"[ !#-~]*")"""
NGINX = re.compile(rf"""map "\$[a-z_]+(?:\?\$args)?" \$feedpub_[a-z_]+ \{{|\}}|    (?:"~{SHAPE}"|default) {VALUE};""")
CADDY = re.compile(rf"map `[{{}}?a-z_]+` \{{feedpub_[a-z_]+\}} \{{|\}}|\t(?:`~{SHAPE}`|default) `[ -_a-~]*`")


def lines(content: bytes) -> list[str]:
    told, *rules, end = content.decode("ascii").split("\n")
    assert (told[:2], end) == ("# ", "")
    return rules


def rows(content: bytes, name: str) -> list[tuple[str, str]]:
    """The rows of one map, as (regular expression, value)."""
    text = content.decode()
    block = text[text.index(f"feedpub_{name}") :]
    found = re.findall(
        r"""^\s+(?:["`]~(.*?)["`]|default) ["'`](.*?)["'`];?$""", block[: block.index("\n}")], re.MULTILINE
    )
    return [(shape.replace(r"\z", r"\Z"), value) for shape, value in found]


def read(table: Sequence[tuple[str, str]], text: str) -> str:
    """What a map makes of a text: PCRE's groups are Python's."""
    for shape, value in table:
        if found := re.search(shape, text):
            return re.sub(r"\$\{(\w+)\}", lambda name: found[name[1]], value)
    return ""


@given(SAID)
def test_a_file_of_headers_holds_nothing_but_maps_whatever_the_addresses(said: Said) -> None:
    assert all(NGINX.fullmatch(line) for line in lines(nginx_headers(said).content))
    assert all(CADDY.fullmatch(line) for line in lines(caddy_headers(said).content))


@given(st.dictionaries(ODD, st.sampled_from(["category/us", "tag/f-35"]) | ODD, max_size=5))
def test_a_file_of_wordpress_addresses_holds_nothing_but_maps_whatever_the_slugs(slugs: Mapping[str, str]) -> None:
    assert all(NGINX.fullmatch(line) for line in lines(nginx_wordpress(slugs).content))
    assert all(CADDY.fullmatch(line) for line in lines(caddy_wordpress(slugs).content))


@given(SAID)
def test_the_order_in_which_feeds_are_told_makes_no_difference(said: Said) -> None:
    backwards = Said(said.base_url, dict(reversed(list(said.hubs.items()))), said.fresh)
    assert nginx_headers(said) == nginx_headers(backwards)
    assert caddy_headers(said) == caddy_headers(backwards)


HEARD = {"all": [HUB], "briefs": [], "category/us": [], "category/us-navy": [HUB, "https://other.example/"]}


@pytest.mark.parametrize(
    ("file", "links"),
    [
        ("all.rss", f'<{BASE}all.rss>; rel="self", <{HUB}>; rel="hub"'),
        ("category/us.json", f'<{BASE}category/us.json>; rel="self"'),
        (
            "category/us-navy.atom",
            f'<{BASE}category/us-navy.atom>; rel="self", <{HUB}>; rel="hub", <https://other.example/>; rel="hub"',
        ),
        ("category/new.rss", f'<{BASE}category/new.rss>; rel="self"'),
        ("archive/all/1.rss", f'<{BASE}archive/all/1.rss>; rel="self"'),
        ("index.html", ""),
        ("all.rss.gz", ""),
        ("all.opml", ""),
        ("All.rss", ""),
    ],
)
def test_a_feed_names_itself_and_its_hubs(file: str, links: str) -> None:
    said = Said(BASE, HEARD, FRESH)
    assert read(rows(nginx_headers(said).content, "links"), f"/feeds/{file}") == links
    assert read(rows(caddy_headers(said).content, "links"), f"/{file}") == links


def test_hubs_that_hear_of_every_feed_take_one_row_however_many_feeds_there_are() -> None:
    said = Said(BASE, {f"tag/{number}": [HUB] for number in range(5000)}, FRESH)
    assert len(rows(nginx_headers(said).content, "links")) == 2


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/all.rss", "public, max-age=180"),
        ("/", "no-cache"),
        ("/index.html", "no-cache"),
        ("/a.css", "public, max-age=3600"),
    ],
)
def test_how_long_a_file_may_be_kept_is_said_as_by_our_own_server(path: str, kept: str) -> None:
    said = Said(BASE, HEARD, FRESH)
    for table in (rows(nginx_headers(said).content, "kept"), rows(caddy_headers(said).content, "kept")):
        assert read(table, path) == kept


SLUGS = {"category/米国関連": "category/us", "tag/air-force": "tag/air-force-0a1b2c3d"}
ASKED = [
    *(
        "/feed/",
        "/feed",
        "/feed/rss2/",
        "/feed/rdf",
        "/feed/atom/",
        "/comments/feed/",
        "/comments/feed/atom/",
        "/feed/x",
    ),
    *("/category/us/feed/", "/category/a/b/feed/atom", "/category/feed/feed/", "/category/feed", "/category//feed/"),
    *(
        "/category/%e7%b1%b3%e5%9b%bd%e9%96%a2%e9%80%a3/feed/",
        "/tag/air-force/feed/",
        "/tag/a/b/feed/",
        "/tag/f-35/feed",
    ),
    *("/author/kamome/feed/", "/author/feed", "/2026/06/slug/feed/", "/", "/feeds/", "/wp/feed/", "/feed//"),
]
QUERIES = ["", "utm_source=x", "feed=rss2", "feed=atom", "a=b&feed=feed", "feed=comments-rss2", "feed=comments-atom",
           "feed=rss2&cat=3", "s=f-35&feed=rss2", "feed=xml", "feed=", "feeds=rss2"]  # fmt: skip


@pytest.mark.parametrize("path", ASKED)
def test_wordpress_addresses_mean_the_feeds_that_our_own_server_takes_them_for(path: str) -> None:
    made = caddy_wordpress(SLUGS).content
    for query in QUERIES:
        asked = f"{unquote(path)}?{query}"
        called = read(rows(made, "wordpress_name"), asked)
        escaped = [(re.sub(r"\\x\{(\w+)\}", lambda rune: chr(int(rune[1], 16)), shape), value)
                   for shape, value in rows(made, "wordpress_address")]  # fmt: skip
        address = read(escaped, called)
        file = f"{address}.{read(rows(made, 'wordpress_ending'), asked)}" if address else None
        assert file == wordpress(unquote(path), query, SLUGS), asked
