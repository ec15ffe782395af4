"""What a template may do, and what it is told when it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.errors import ComposeError
from feedpub.notices.atoms import BLANK
from feedpub.notices.template import VARIABLES, meets, render

WORDS: dict[str, object] = {
    **dict.fromkeys(VARIABLES, ""),
    "headline": "海自の新型艦",
    "title": "海自の新型艦",
    "url": "https://example.jp/1",
    "tags": ("海自", "護衛艦"),
    "image": None,
}


def refusal(template: str) -> str:
    with pytest.raises(ComposeError) as refused:
        render(template, WORDS)
    return str(refused.value)


SCRAPS = [
    "{{",
    "}}",
    "{%",
    "%}",
    "if",
    "for",
    "in",
    "end",
    "set",
    "title",
    "tags",
    "=",
    "|",
    ".",
    "(",
    ")",
    "'",
    "1",
    "\n",
]


@given(st.lists(st.sampled_from(SCRAPS)).map(" ".join))
def test_any_template_gives_a_text_or_a_sentence_of_our_own(template: str) -> None:
    try:
        said, library_said = render(template, WORDS), "\x01"
    except ComposeError as refused:
        said, library_said = str(refused), str(refused.__cause__)
    assert library_said not in said


@given(st.text(alphabet=st.characters(exclude_characters="\x00")))
def test_a_text_comes_out_as_it_went_in(title: str) -> None:
    assert render("{{ title }}", {**WORDS, "title": title}) == (title or BLANK)


def test_what_is_empty_is_marked() -> None:
    assert render("{{ title }}\n{{ summary }}", WORDS) == f"海自の新型艦\n{BLANK}"
    assert render("{{ image }}{{ image.url if image }}", WORDS) == BLANK * 2


def test_tags_alone_on_a_line_are_marked() -> None:
    assert render("{% if title %}\n{{ title }}\n{% endif %}", WORDS) == f"{BLANK}\n海自の新型艦\n{BLANK}"


def test_what_a_block_keeps_is_not_marked_before_it_is_shown() -> None:
    kept = "{% set said %}{{ summary }}{% endset %}{{ said or title }}"
    assert render(kept, WORDS).replace(BLANK, "") == "海自の新型艦"
    macro = "{% macro tagged(tag) %}{{ tag }}{{ summary }}{% endmacro %}{{ tagged('x') | length }}"
    assert render(macro, WORDS).replace(BLANK, "") == "1"


def test_loops_know_where_they_are() -> None:
    loop = "{% for tag in tags %}{{ loop.index }}/{{ loop.length }}#{{ tag }}{{ '' if loop.last else ' ' }}{% endfor %}"
    assert render(loop, WORDS).replace(BLANK, "") == "1/2#海自 2/2#護衛艦"


def test_json_keeps_japanese_readable() -> None:
    assert render("{{ tags | tojson }}", WORDS) == '["海自", "護衛艦"]'


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ headlin }}", 'did you mean "headline"?'),
        ("{{ zzz }}", "there are action, authors"),
        ("{% if false %}{{ zzz }}{% endif %}", "there are action, authors"),
        ("{{ title", "its line 1"),
        ("\n\n{% if %}", "its line 3"),
        ("{{ title | shout }}", "its line 1"),
        ("{{ title | random }}", "its line 1"),
        ("{{ image.url }}", "ask first"),
        ("{% include 'other' %}", "stands alone"),
        ("{{ title.__class__.__mro__ }}", "may not do"),
        ("{{ tags.__init__.__globals__ }}", "may not do"),
        ("{{ 1 / 0 }}", "the template fails"),
        ("{{ title + 1 }}", "the template fails"),
    ],
)
def test_a_template_is_told_what_is_wrong_with_it(template: str, sentence: str) -> None:
    assert sentence in refusal(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(50) }}",
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * ['a'] }}",
        "{% for a in range(9000) %}{{ title * 1000 }}{% endfor %}",
        "{{ range(1000000000) | list }}",
    ],
)
def test_a_template_that_would_not_end_is_stopped(template: str) -> None:
    assert "does not come to an end" in refusal(template)


def test_a_separator_may_be_drawn() -> None:
    assert render("{{ '─' * 20 }}", WORDS) == "─" * 20


# ---------------------------------------------------------------- conditions


def fault(condition: str) -> str:
    with pytest.raises(ComposeError) as refused:
        meets(condition, WORDS)
    return str(refused.value)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("'新型艦' in title", True),
        ("'海自' in tags and 'F-35' in tags", False),
        ("title is string\n  and tags | length == 2", True),
        ("title", True),
        ("summary", False),
        ("not image", True),
        ("tags | select('equalto', '海自')", True),
        ("tags | select('equalto', 'F-35')", False),
        ("'}}' in title", False),
        ("True if tags else False", True),
    ],
)
def test_a_condition_holds_or_does_not(condition: str, holds: bool) -> None:
    assert meets(condition, WORDS) == holds


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("titel", 'the condition speaks of "titel", which does not exist (did you mean "title"?)'),
        ("false and zzz", "there are action, authors"),
        ("{{ title }}", "write an expression without {{ }}"),
        ("title }}{{ url", "write an expression without {{ }}"),
        ("title %}{% if url", "write an expression without {{ }}"),
        ("title = '速報'", "write an expression without {{ }}"),
        ("", "write an expression without {{ }}"),
        ("title | random", 'the condition uses "random", which does not exist'),
        ("false and title is shouted", 'the condition uses "shouted", which does not exist'),
        ("image.url", "ask first, as in image and image.url"),
        ("title.__class__", "conditions may not do"),
        ("title > 5", "the condition fails"),
        ("'a' * 1000000000", "does not come to an end"),
        ("range(1000000000) | list", "does not come to an end"),
    ],
)
def test_a_condition_is_told_what_is_wrong_with_it(condition: str, sentence: str) -> None:
    assert sentence in fault(condition)


@given(st.lists(st.sampled_from(SCRAPS)).map(" ".join))
def test_any_condition_holds_or_not_or_gets_a_sentence_of_our_own(condition: str) -> None:
    try:
        holds, sentence = meets(condition, WORDS), "the condition"
    except ComposeError as refused:
        holds, sentence = False, str(refused)
    assert holds in {True, False}
    assert sentence.startswith("the condition")
