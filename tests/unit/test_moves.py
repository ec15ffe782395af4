"""Where feeds went: laws of the chains, and rule files that nothing can break out of."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.feeds.moves import ENDINGS, Gone, Moved, caddy_rules, nginx_rules, where

BASE = "https://example.jp/feeds/"
ADDRESSES = st.sampled_from(["category/us", "category/usa", "tag/f-35", "own/a_b", "all", "archive/x", "b"])
ODD = st.text(max_size=12) | st.sampled_from(["a/", "/a", "a//b", "../a", "a\n", 'a"; }', "a{b}", "$uri", "A", ""])
MOVED = st.dictionaries(ADDRESSES | ODD, st.none() | ADDRESSES | ODD, max_size=9)
PATHS = st.builds(
    "{}{}{}.{}".format,
    st.sampled_from(["", "archive/"]),
    ADDRESSES | ODD,
    st.sampled_from(["", "/1", "/20", "/x"]),
    st.sampled_from([*ENDINGS, "html", "rss.gz"]),
)
NGINX = re.compile(
    r'location ~ "\^/(?:[\w/-]|\\x[0-9a-f]{2})*\(\?:[a-z0-9_/-]+\|\(archive/\)[a-z0-9_/-]+\(/\[0-9\]\+\)\)'
    r'\\\.\(rss\|atom\|json\)\\z" \{ return (?:410|301 "[!#%-\[\]-z|~]+\$1[a-z0-9_/-]+\$2\.\$3"); \}',
    re.ASCII,
)
CADDY = re.compile(
    r'\t"~\^/\(\?:[a-z0-9_/-]+\|\(archive/\)[a-z0-9_/-]+\(/\[0-9\]\+\)\)'
    r'\\\.\(rss\|atom\|json\)\\z" "(?:gone|[!#%-\[\]-z|~]+\$\{1\}[a-z0-9_/-]+\$\{2\}\.\$\{3\})"',
    re.ASCII,
)


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("category/us.rss", "category/america.rss"),
        ("category/us.json", "category/america.json"),
        ("category/usa.atom", "category/america.atom"),
        ("archive/category/us/12.atom", "archive/category/america/12.atom"),
        ("tag/old.rss", Gone.GONE),
        ("tag/older.rss", Gone.GONE),
        ("archive/tag/old/1.json", Gone.GONE),
        ("category/america.rss", None),
        ("category/us.html", None),
        ("category/us", None),
        ("category/us.rss.gz", None),
        ("/category/us.rss", None),
        ("category/us/1.rss", None),
        ("archive/category/us.rss", None),
        ("archive/category/us/x.rss", None),
        ("archive/category/us/1.rss\n", None),
    ],
)
def test_every_file_of_a_moved_feed_leads_to_the_end_of_its_way(path: str, end: str | Gone | None) -> None:
    moved = {"category/us": "category/usa", "category/usa": "category/america", "tag/older": "tag/old", "tag/old": None}
    assert where(path, moved) == end


def test_a_feed_at_a_number_is_no_part_of_an_archive() -> None:
    moved = {"tag/2024": "tag/last-year", "tag": None}
    assert where("tag/2024.rss", moved) == "tag/last-year.rss"
    assert where("archive/tag/2024/1.rss", moved) == "archive/tag/last-year/1.rss"


def test_a_chain_that_comes_back_to_itself_leads_nowhere() -> None:
    moved = {"a": "b", "b": "c", "c": "b", "d": "d", "e": "d", "f": "g"}
    assert [where(f"{one}.rss", moved) for one in "abcdef"] == [None] * 5 + ["g.rss"]
    assert nginx_rules(moved, BASE) == nginx_rules({"f": "g"}, BASE)
    assert caddy_rules(moved, BASE) == caddy_rules({"f": "g"}, BASE)


@given(PATHS, MOVED)
def test_nobody_is_led_on_twice_and_nowhere_but_to_an_address_of_ours(path: str, moved: Moved) -> None:
    end = where(path, moved)
    if isinstance(end, str):
        assert re.fullmatch(r"[a-z0-9_/-]+\.(rss|atom|json)", end)
        assert where(end, moved) is None
        assert not end.startswith("/")
        assert "//" not in end


@given(MOVED, st.text(max_size=20).map(lambda path: f"https://example.jp/{path}"))
def test_a_rule_file_holds_nothing_but_rules_whatever_the_addresses(moved: Moved, base_url: str) -> None:
    told, *rules, end = nginx_rules(moved, base_url).content.decode("ascii").split("\n")
    assert (told[0], end) == ("#", "")
    assert all(NGINX.fullmatch(rule) for rule in rules)
    told, *lines, end = caddy_rules(moved, base_url).content.decode("ascii").split("\n")
    assert (told[0], end) == ("#", "")
    if lines:
        assert lines[0] == "map {http.request.uri.path} {feedpub_moved} {"
        closing = lines.index("}")
        assert all(CADDY.fullmatch(rule) for rule in lines[1:closing])
        assert lines[closing:] == caddy_rules({"a": None}, BASE).content.decode().split("\n")[3:-1]
        assert closing == len(rules) + 1


@given(st.dictionaries(ADDRESSES, st.none() | ADDRESSES, max_size=6))
def test_rules_do_not_depend_on_the_order_of_what_moved(moved: Moved) -> None:
    backwards = dict(reversed(list(moved.items())))
    assert nginx_rules(moved, BASE) == nginx_rules(backwards, BASE)
    assert caddy_rules(moved, BASE) == caddy_rules(backwards, BASE)


def test_the_rules_of_a_site_where_nothing_moved_say_nothing() -> None:
    for rules in (nginx_rules({}, BASE), caddy_rules({}, BASE)):
        assert re.fullmatch(rb"#[^\n]*\n", rules.content)
