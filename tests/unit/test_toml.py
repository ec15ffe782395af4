from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.settings import toml
from feedpub.settings.tables import show
from tests.toml_text import values, words, written


@settings(max_examples=150)
@given(st.dictionaries(words, values, max_size=5), st.data())
def test_every_key_is_found_on_the_line_it_was_written_on(table: dict[str, Any], data: st.DataObject) -> None:
    text, lines = written(table, lambda: data.draw(st.sampled_from(["header", "dotted", "inline"])))
    assert toml.parse(text.encode()) == (table, lines)


TRICKY = (
    'a = """',
    '[not.a.table] \\""" # = ',
    '"""""',
    "b = '''it's ]''''",
    "'c.d' . e = 1979-05-27 07:32:00 # when",
    "[[ rows ]]",
    "list = [ # of",
    "  1, 'two]',",
    '  { x = "}", y = [[ 3 ]] },',
    "]",
    "[[rows]]",
    "[rows.below]",
    'f = ""',
)


def test_lines_are_found_past_texts_that_look_like_toml() -> None:
    _, lines = toml.parse("\n".join(TRICKY).encode())
    assert {show(trail): line for trail, line in lines.items()} == {
        "a": 1,
        "b": 4,
        '"c.d"': 5,
        '"c.d".e': 5,
        "rows": 6,
        "rows[0]": 6,
        "rows[0].list": 7,
        "rows[0].list[0]": 8,
        "rows[0].list[1]": 8,
        "rows[0].list[2]": 9,
        "rows[0].list[2].x": 9,
        "rows[0].list[2].y": 9,
        "rows[0].list[2].y[0]": 9,
        "rows[0].list[2].y[0][0]": 9,
        "rows[1]": 11,
        "rows[1].below": 12,
        "rows[1].below.f": 13,
    }


@given(st.one_of(st.binary(max_size=40), st.text("ab.=[]{}\"'\\\n #,1-:T\r\t", max_size=40).map(str.encode)))
def test_any_bytes_are_read_or_refused_with_a_sentence(content: bytes) -> None:
    try:
        table, lines = toml.parse(content)
    except toml.Broken as error:
        line, sentence = error.line, str(error)
        assert sentence.endswith((")", "it", "UTF-8", "file?", "deeply"))
        assert line is None or 1 <= line <= content.count(b"\n") + 1
    else:
        assert {trail[0] for trail in lines} == set(table)


@pytest.mark.parametrize(
    ("text", "line", "begins"),
    [
        ("title = “航空”", 1, "a full-width character stands at column 9"),
        ("[site]\ntitle＝'x'", 2, "a full-width character stands at column 6"),
        ("[site]\ntitle = 航空", 2, "a value is needed"),
        ("[site]\ntitle = News", 2, "a value is needed"),
        ("[site]\ntitle 'x'", 2, 'an option needs "="'),
        ("[site]\ntitle = 'x' 'y'", 2, "something follows"),
        ("[site]\ntitle = 'x", 2, "a text"),
        ('[site]\ntitle = "x\nurl = 1', 2, "a text"),
        ('[site]\ntitle = """x', 2, "a text begins here"),
        ("[site]\nurl = 1\nurl = 2", 3, "this was already set above"),
        ("[site]\nx = 1\n[site]\n", 3, "this was already set above"),
        ("a = {x = 1, x = 2}", 1, "this was already set above"),
        ("a = {x = 1}\na.y = 2", 2, "this was already set above"),
        ("a = 1\n[a.b]", 2, "this was already set above"),
        ("[site\nx = 1", 1, "a table is written [name]"),
        ("a = [1, 2\nb = 3", 2, "a list is not closed"),
        ("a = {x = 1\n}", 1, "a { table } is not closed"),
        ('a = "C:\\data"', 1, "in a text in double quotes"),
        ('a = "\\uZZZZ"', 1, "\\u needs four"),
        ('a = "\\ud800"', 1, "this \\u escape is no character"),
        ("a = 2023-02-30", 1, "this date"),
        ("米国 = 1", 1, "a line is a [table]"),
        ("[feeds.米国]", 1, "a key is written with a-z"),
        ("a = 1 # \x01", 1, "a control character"),
        ("a = 1\nb = '\x00'", 2, "a NUL byte"),
        ("", None, "the file is empty"),
        ("a = " + "9" * 5000, None, "a number has too many digits"),
        ("a = " + "[" * 5000, None, "lists or tables are nested too deeply"),
        (".".join("a" * 5000) + " = 1", None, "lists or tables are nested too deeply"),
    ],
)
def test_a_broken_file_is_refused_at_its_line_in_plain_words(text: str, line: int | None, begins: str) -> None:
    with pytest.raises(toml.Broken) as caught:
        toml.parse(text.encode())
    assert str(caught.value).startswith(begins)
    assert caught.value.line == line
    assert caught.value.__context__ is None  # the library's text may hold a part of the file


def test_a_file_in_shift_jis_is_refused_at_its_first_foreign_line() -> None:
    with pytest.raises(toml.Broken, match="not UTF-8") as caught:
        toml.parse("[site]\ntitle = '航空'\n".encode("shift_jis"))
    assert caught.value.line == 2


def test_windows_editors_may_be_used() -> None:
    table, lines = toml.parse("\ufeff[site]\r\ntitle = '航空'\r\n".encode())
    assert table == {"site": {"title": "航空"}}
    assert lines["site", "title"] == 2
