"""Entries rendered once and spliced: the same bytes as one by one; and the gate that every one of them passes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.errors import GateError
from feedpub.feeds import gate
from feedpub.feeds.catalog import FeedsOptions
from feedpub.feeds.entries import Entry, Fragment, Look
from feedpub.feeds.footer import check_footer
from feedpub.feeds.render import Unfit, document, fitting, render_entries, too_long
from feedpub.feeds.rss_atom import Around
from feedpub.model import Article
from tests.golden.rules import assert_feed
from tests.golden.samples import NAMES, OPTIONS, SITE, WHOLE, article, articles, files

LOOK = Look(SITE, OPTIONS, NAMES)
FORMATS = ("rss", "atom", "json")
NOW = datetime(2026, 4, 29, 1, 2, 3, tzinfo=UTC)


def entries(*some: Article) -> list[Entry]:
    return [Entry(one) for one in some]


def fit_ones(found: list[Fragment | Unfit]) -> list[Fragment]:
    assert all(isinstance(one, Fragment) for one in found), found
    return [one for one in found if isinstance(one, Fragment)]


@settings(max_examples=25, deadline=None)
@given(st.lists(articles, min_size=1, max_size=4, unique_by=lambda one: one.guid))
def test_many_at_once_are_the_same_bytes_as_one_by_one(some: list[Article]) -> None:
    assert render_entries(entries(*some), LOOK) == [render_entries([entry], LOOK)[0] for entry in entries(*some)]


def test_more_than_one_pass_renders_makes_no_difference() -> None:
    some = [article(number) for number in range(1, 120)]
    assert render_entries(entries(*some), LOOK) == [render_entries([entry], LOOK)[0] for entry in entries(*some)]


def test_a_format_that_nobody_wants_is_not_rendered() -> None:
    look = Look(SITE, OPTIONS.model_copy(update={"formats": ("atom",)}), NAMES)
    (one,) = fit_ones(render_entries(entries(article()), look))
    assert (one.rss, bool(one.atom), one.json) == (b"", True, b"")


# ---------------------------------------------------------------- the gate


WICKED = OPTIONS.model_copy(update={"footer": "{{ '<script>1</script>'|safe if '爆' in title }}"})


@settings(max_examples=25, deadline=None)
@given(st.lists(articles, max_size=4, unique_by=lambda one: one.guid), st.integers(0, 4))
def test_one_entry_that_cannot_go_out_costs_no_other_one_anything(good: list[Article], place: int) -> None:
    bad = article(9999, title="爆弾")
    some = [one for one in good if "爆" not in one.title and one.guid != bad.guid]
    some.insert(min(place, len(some)), bad)
    found = render_entries(entries(*some), Look(SITE, WICKED, NAMES))
    assert [isinstance(one, Unfit) for one in found] == [one is bad for one in some]


@pytest.mark.parametrize("broken", ["\0", "\ud800", "\ufffe"])
def test_an_entry_that_no_format_can_hold_is_told_and_the_rest_goes_out(broken: str) -> None:
    """Cleaning never lets one through; should it, no feed is lost."""
    found = render_entries(entries(article(1), article(2, title=f"題{broken}"), article(3)), LOOK)
    assert [type(one) for one in found] == [Fragment, Unfit, Fragment]


@pytest.mark.parametrize(
    ("html", "what"),
    [
        ("<p>a</p><ScRipt>x</script>", "a <script> element"),
        ("<iframe src='https://a.example/'>", "a <iframe> element"),
        ("<img src=x oNerror=alert(1)>", "an onerror handler"),
        ('<a href="javascript:alert(1)">', "a javascript: address"),
        ("<a href='data:text/html,x'>", "a data: address"),
        ('<p>on=1 script: a &lt;script&gt; data:</p><a href="https://a.example/?on=1">', ""),
    ],
)
def test_the_gate_knows_what_readers_must_not_be_given(html: str, what: str) -> None:
    assert gate.danger(html) == what


def test_what_comes_out_otherwise_than_it_went_in_is_told() -> None:
    (one,) = fit_ones(render_entries(entries(article()), LOOK))
    rss = b'<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom">'
    document_ = b"".join((rss, b"<channel>", one.rss.replace("本文".encode(), "別文".encode()), b"</channel></rss>"))
    expected = gate.Expected(article().guid, article().guid, article().title, article().url, article().content)
    assert gate.check_entries([expected], {"rss": document_}, []) == {
        0: "its content does not come out as it went in: please report it"
    }
    told = json.dumps(json.loads(one.json) | {"id": "x"}).encode()
    assert gate.check_entries([expected], {}, [told])[0].startswith("its id does not")


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_without_its_head_or_tail_or_with_an_entry_twice_does_not_go_out(ending: str) -> None:
    content = files([article(1), article(2)])[ending]
    gate.check_file(ending, content, ["1", "2"])
    for wrong in (content[1:], content[:-5], b" " + content):
        with pytest.raises(GateError, match="begin or end"):
            gate.check_file(ending, wrong, ["1", "2"])
    with pytest.raises(GateError, match="twice"):
        gate.check_file(ending, content, ["1", "1"])


@pytest.mark.parametrize(
    ("ending", "right", "wrong"),
    [
        ("rss", b"</item>", b"</itme>"),
        ("atom", b"<id>https://example.com/?p=1</id>", b""),
        ("atom", b"&lt;p&gt;", b"\x00"),
        ("json", b'"id": "https://example.com/?p=1", ', b""),
        ("json", b'"version": "https', b'"odd": 1, "version": "https'),
        ("json", b"2026-04-29T01:02:03+00:00", b"yesterday"),
    ],
)
def test_a_whole_file_is_judged_by_its_formats_own_rules(ending: str, right: bytes, wrong: bytes) -> None:
    content = files([article(1)])[ending]
    gate.parse_file(ending, content)
    assert right in content
    with pytest.raises(GateError):
        gate.parse_file(ending, content.replace(right, wrong, 1))


# ---------------------------------------------------------------- around the entries


@pytest.mark.parametrize("ending", FORMATS)
def test_words_that_hold_the_date_that_stands_in_for_others_are_kept(ending: str) -> None:
    said = "Fri, 31 Dec 1999 23:59:58 +0000 と 1999-12-31T23:59:58+00:00"
    look = Look(SITE.model_copy(update={"description": said}), OPTIONS, NAMES)
    found = {one.path: one.content for one in document(WHOLE, look, Around("all", updated=NOW), [], [])}
    assert said in found[f"all.{ending}"].decode()
    assert_feed(ending, found[f"all.{ending}"])


def test_a_frame_at_hand_is_the_same_as_one_rendered_anew() -> None:
    look, later = Look(SITE, OPTIONS, NAMES), datetime(2026, 5, 1, tzinfo=UTC)
    document(WHOLE, look, Around("all", updated=NOW), [], [])
    at_hand = document(WHOLE, look, Around("all", updated=later), [], [])
    assert at_hand == document(WHOLE, Look(SITE, OPTIONS, NAMES), Around("all", updated=later), [], [])


# ---------------------------------------------------------------- bytes


def fragment(size: int) -> Fragment:
    return Fragment(b"r" * size, b"a" * (size // 2), b"")


def test_the_longest_give_way_first_and_only_as_many_as_must() -> None:
    some = [fragment(size) for size in (5000, 90_000, 5000, 50_000)]
    assert too_long(some, FORMATS, 200_000) == []
    assert too_long(some, FORMATS, 100_000) == [1]
    assert too_long(some, FORMATS, 20_000) == [1, 3]
    assert too_long([fragment(4000)] * 9, FORMATS, 1000) == []


def test_a_file_holds_the_newest_that_fit() -> None:
    assert fitting([fragment(1000)] * 5, FORMATS, 3500) == [0, 1, 2]
    assert fitting([fragment(1000)] * 5, FORMATS, 2500, [4]) == [0, 4]
    assert fitting([fragment(1000)] * 5, FORMATS, 5000) == [0, 1, 2, 3, 4]
    assert fitting([fragment(1000)] * 5, ("atom",), 1000) == [0, 1]


# ---------------------------------------------------------------- footers


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", None),
        ('<p><a href="{{ url }}">{{ title }}</a> – {{ site }}</p>', None),
        ("{{ titel }}", 'speaks of "titel", which does not exist'),
        ("{{ title", "cannot be read: look at its line 1"),
        ("{{ ''.__class__.__mro__ }}", "the template fails"),
        ("<script>x</script>", "readers would refuse a <script> element"),
    ],
)
def test_a_footer_is_refused_in_words(template: str, why: str | None) -> None:
    told = check_footer(template)
    assert told is None if why is None else why in (told or "")


def test_a_footer_ends_every_whole_article_and_cannot_be_broken_by_a_title() -> None:
    options: Any = FeedsOptions.model_validate(
        {"base_url": OPTIONS.base_url, "footer": '<p><a href="{{ url }}">{{ title }}</a> – {{ site }}</p>'}
    )
    made = files([article(1, title="A & <b>"), replace(article(2), content="")], options=options)
    item = json.loads(made["json"])["items"][0]
    assert item["content_html"] == (
        '<p>本文です。</p><p><a href="https://example.com/articles/1/">A &amp; &lt;b&gt;</a> – 航空ニュース</p>'
    )
