"""What feeds leave out is taken out whole, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.clean import fault, html, plain_text, without
from tests.unit.test_clean_markup import BASE, MARKUP

LAW = settings(max_examples=60, deadline=None)  # a busy machine is no failure

SIMPLE = st.sampled_from(["p", "TABLE", "td", "a", "svg", "script", "*", ".c", "[href]", "[title*=b]", ":not(.c)"])
SELECTORS = st.builds(" ".join, st.lists(SIMPLE, min_size=1, max_size=3)) | st.builds(
    "{} > {}, {}".format, *[SIMPLE] * 3
)
DROPS = st.lists(SELECTORS, min_size=1, max_size=2).map(tuple)


# ---------------------------------------------------------------- laws


@given(MARKUP, DROPS)
@LAW
def test_what_is_left_has_nothing_more_to_lose_and_is_at_rest(value: str, drop: tuple[str, ...]) -> None:
    rest = without(value, drop)
    assert without(rest, drop) == rest
    made = html(rest, BASE)
    assert html(made, BASE) == made


@given(MARKUP)
@LAW
def test_where_nothing_is_selected_nothing_is_touched(value: str) -> None:
    drop = ("#sharing", "[data-x]", "p.other", "amp-ad", ".c .other")
    assert without(value, drop) == value


@given(MARKUP)
@LAW
def test_however_tangled_the_rest_is_it_keeps_its_words(value: str) -> None:
    dropped = without('<i class="share">x</i>' + value, (".share",))
    assert bare(dropped) == bare(value)


def bare(markup: str) -> str:
    return "".join(plain_text(html(markup, BASE)).split())


Tree = tuple[str, bool, list[object]]
TREES: st.SearchStrategy[Tree] = st.deferred(
    lambda: st.tuples(
        st.sampled_from(["div", "section", "blockquote", "figure"]),
        st.booleans(),
        st.lists(st.sampled_from(["本文", "&amp;", "\n", '<img src="https://e.jp/a.png">']) | TREES, max_size=4),
    )
)


@given(TREES)
@LAW
def test_exactly_what_is_selected_is_missing_and_all_that_is_around_it_stays(tree: Tree) -> None:
    around = ("div", False, ["前", tree, "後"])
    assert html(without(written(around), (".share",)), BASE) == html(written(around, shared=False), BASE)


def written(tree: object, *, shared: bool = True) -> str:
    """Write a tree as an author would; without what has the class, unless it is `shared`."""
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, tuple)
    tag, share, inside = tree
    if share and not shared:
        return ""
    said = "".join(written(one, shared=shared) for one in inside)
    return f"<{tag}{' class=share' if share else ''}>{said}</{tag}>"


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("drop", "value", "rest"),
    [
        (".sharedaddy", '<p>本文</p><div class="x sharedaddy"><a href=/t>T</a></div>続き', "<p>本文</p>続き"),
        ("#ad", "<img src=https://e.jp/a.png><span id=ad>広告</span>の後", '<img src="https://e.jp/a.png">の後'),
        ("amp-ad", "前<AMP-AD type=x><p>広告</p></AMP-AD>後", "前後"),
        ("div[data-share]", "<div DATA-SHARE=1>x</div><div>y</div>", "<div>y</div>"),
        ("a[href^='javascript:' i]", "<a href='JavaScript:x'>印刷</a><a href=/y>y</a>", '<a href="https://example.jp/y">y</a>'),
        (".広告", "<p class='広告'>x</p>y", "y"),
        ("p > .share", "<p>a<b class=share>x</b></p><div class=share>y</div>", "<p>a</p><div>y</div>"),
        ("p:not([lang])", "<p>x</p><p lang=en>y</p>", '<p lang="en">y</p>'),
        ("tbody .ad", "<table><tr class=ad><td>x<tr></table>", "<table><tbody><tr></tr></tbody></table>"),
        ("noscript", "<noscript><img src=/t></noscript>y", "y"),
        (".Share", "<p class=share>case counts</p>", "<p>case counts</p>"),
        (".share", "<p>a<div class=share>x</div>c</p>d", "<p>a</p>c<p></p>d"),
        (".share", "<iframe class=share src=https://e.jp/x></iframe><iframe src=https://e.jp/y></iframe>",
         '<a href="https://e.jp/y">https://e.jp/y</a>'),
    ],
)  # fmt: skip
def test_share_buttons_and_advertisements_are_left_out(drop: str, value: str, rest: str) -> None:
    assert html(without(value, (drop,)), BASE) == rest


def test_html_too_deep_to_be_searched_goes_out_whole() -> None:
    deep = "<b>" * 3000 + '<p class="share">x</p>'
    assert without(deep, (".share",)) == deep


# ---------------------------------------------------------------- selectors that are none


@pytest.mark.parametrize(
    "selector", [".share", "#a > .b ~ c", "a, .b", "[x='a:b']", "p:nth-child(2n+1)", ":is(.a, .b) c"]
)
def test_a_selector_that_can_select_something_is_well(selector: str) -> None:
    assert fault(selector) == ""


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        (".share >", "this is no CSS selector (see its character 9); write one such as .sharedaddy or div[data-share]"),
        ("", "this is no CSS selector (see its character 1); write one such as .sharedaddy or div[data-share]"),
        *(
            (odd, "this kind of CSS selector selects nothing in an article; write one such as .sharedaddy")
            for odd in ("p::before", "p:unknown", "ns|p", "a[b|c]", "p:nth-child(x)", "a " * 3000 + "a")
        ),
    ],
)
def test_one_that_cannot_is_told_without_being_repeated(selector: str, sentence: str) -> None:
    assert fault(selector) == sentence


@given(st.text(max_size=12) | st.lists(st.sampled_from([*".#[]>:()|*=\"' a"]), max_size=9).map("".join))
@LAW
def test_any_text_is_a_selector_that_can_be_used_or_is_refused(selector: str) -> None:
    if not fault(selector):
        assert "x" in without("<p class='a' id='a' a='='>x</p>x", (selector,))
