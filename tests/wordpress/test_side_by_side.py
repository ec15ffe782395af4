"""Our feeds beside WordPress's own, of the same site: the same entries, by the same names, in the same order.

What differs is named here, each with its reason (docs/design.md tells them at length); nothing else may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from itertools import groupby
from time import struct_time
from typing import Any
from urllib.request import urlopen

import pytest

from tests.edge.front_door import Launcher, Site
from tests.wordpress.site import MARKS, URL, php, post
from tests.wordpress.test_end_to_end import house, read

pytestmark = MARKS

CATEGORIES = ("parent-category", "block", "uncategorized")
"""One with children and grandchildren, one with many posts, and that of all that is filed nowhere."""
FEEDS = ("", *CATEGORIES)
FORMATS = ("rss", "atom")
PROTECTED = "保護中"
"""How WordPress's feeds begin the title of a post with a password."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What readers know an entry by."""

    id: str
    link: str
    published: struct_time


@dataclass
class Both:
    """feedpub's files and WordPress's answers, of one moment."""

    site: Site

    def ours(self, feed: str, ending: str) -> list[Any]:
        name = f"category/{feed}.{ending}" if feed else f"all.{ending}"
        return list(read(self.site.files()[name][1]).entries)

    def theirs(self, feed: str, ending: str) -> list[Any]:
        """WordPress's own, without those that we leave out: what a password keeps from readers is in no feed of ours.

        WordPress lists it, with a title and without its text.
        """
        with urlopen(address(feed, ending)) as reply:
            entries = list(read(reply.read()).entries)
        return [entry for entry in entries if not entry.title.startswith(PROTECTED)]


def address(feed: str, ending: str) -> str:
    """Where WordPress has its feed, as its pages say."""
    kind = {"rss": "rss2", "atom": "atom"}[ending]
    if not feed:
        return php(f"echo get_feed_link('{kind}');")
    return php(f"echo get_term_feed_link(get_term_by('slug', '{feed}', 'category')->term_id, 'category', '{kind}');")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    php("update_option('posts_per_rss', 500);")
    child = "[get_term_by('slug', 'grandchild-category', 'category')->term_id, 1]"
    sticky = post(post_title="'先頭に固定'", post_date="'2015-01-01 10:00:00'", post_category=child)
    php(f"stick_post({sticky});")
    post(post_title="'日本語の住所'", post_name="'横田基地'", post_date="'2016-02-29 00:30:00'", post_category=child)
    post(post_title="'同じ秒の一'", post_date="'2016-03-01 10:00:00'", post_category=child)
    post(post_title="'同じ秒の二'", post_date="'2016-03-01 10:00:00'", post_category=child)
    post(post_title="'合言葉'", post_password="'秘密'", post_date="'2016-04-01 10:00:00'", post_category=child)
    post(post_title="'極秘'", post_status="'private'", post_category=child)
    edited = post(post_title="'あとで直した'", post_date="'2016-05-01 10:00:00'", post_category=child)
    php(f"wp_update_post(['ID' => {edited}, 'post_content' => '<p>追記</p>']);")
    aside = post(post_title="'短信'", post_date="'2016-06-01 10:00:00'", post_category=child)
    php(f"set_post_format({aside}, 'aside');")
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        site = house(tmp_path_factory.mktemp("site"), launcher, {"desk": {"kind": "console"}})
        site.feedpub("once")
        yield Both(site)


def known_by(entries: list[Any]) -> list[set[Entry]]:
    """Tell the entries in their order; those of one second together.

    WordPress sorts by the date alone, and leaves to the database which of two comes first: in one feed it is this one,
    in another that. Ours are in one order everywhere.
    """
    known = (Entry(entry.id, entry.link, entry.published_parsed) for entry in entries)
    return [set(same) for _, same in groupby(known, key=lambda entry: entry.published)]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("feed", FEEDS)
def test_the_same_entries_by_the_same_ids_links_and_dates_in_the_same_order(both: Both, feed: str, ending: str) -> None:
    theirs = known_by(both.theirs(feed, ending))
    assert len(theirs) > 5
    assert known_by(both.ours(feed, ending)) == theirs


@pytest.mark.parametrize("feed", FEEDS)
def test_the_first_ten_are_those_that_wordpress_gives_unless_told_otherwise(both: Both, feed: str) -> None:
    php("update_option('posts_per_rss', 10);")
    try:
        theirs = both.theirs(feed, "rss")
    finally:
        php("update_option('posts_per_rss', 500);")
    assert known_by(both.ours(feed, "rss")[: len(theirs)]) == known_by(theirs)


@pytest.mark.parametrize("feed", FEEDS)
def test_an_entry_is_as_new_as_its_post_and_never_older_than_it_was_published(both: Both, feed: str) -> None:
    """WordPress keeps the date of the last edit before a scheduled post went live: that is older than the post."""
    theirs = {entry.id: max(entry.updated_parsed, entry.published_parsed) for entry in both.theirs(feed, "atom")}
    assert {entry.id: entry.updated_parsed for entry in both.ours(feed, "atom")} == theirs


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_titles_but_for_short_topics_which_have_none(both: Both, ending: str) -> None:
    """No theme shows the title of an aside or a status; ours is a brief, told by its text."""
    theirs = {entry.id: unescape(entry.title) for entry in both.theirs("", ending)}
    ours = {entry.id: entry.get("title", "") for entry in both.ours("", ending)}
    other = {id_ for id_, title in ours.items() if title != theirs[id_]}
    listed = "get_posts(['numberposts' => -1, 'has_password' => false])"
    briefs = "fn($one) => in_array(get_post_format($one), ['aside', 'status']) || trim($one->post_title) === ''"
    named = php(f"echo implode(' ', array_map(fn($one) => $one->guid, array_filter({listed}, {briefs})));")
    assert other <= set(named.split())
    assert "短信" in theirs.values()
    assert "短信" not in ours.values()


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_authors_categories_and_tags(both: Both, ending: str) -> None:
    """WordPress's RSS gives some of them with their `&` still escaped for a page of HTML."""
    theirs = {entry.id: entry for entry in both.theirs("", ending)}
    for entry in both.ours("", ending):
        other = theirs[entry.id]
        assert [author.name for author in entry.authors] == [unescape(other.author)]
        assert {tag.term for tag in entry.tags} == {unescape(tag.term) for tag in other.tags}


def test_what_a_password_or_a_login_keeps_from_readers_is_only_in_theirs(both: Both) -> None:
    with urlopen(f"{URL}feed/") as reply:
        theirs = read(reply.read()).entries
    assert [entry for entry in theirs if entry.title == "保護中: 合言葉"]
    for feed in FEEDS:
        for ending in FORMATS:
            assert not [entry for entry in both.ours(feed, ending) if "合言葉" in entry.get("title", "")]
