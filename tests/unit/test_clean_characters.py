"""Any string becomes one that every format can carry; whatever an author can mean stays as typed."""

from __future__ import annotations

import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from feedpub.clean import line, text
from feedpub.clean.characters import broken, glimpse, opening

LAW = settings(max_examples=80, deadline=None)  # a busy machine is no failure

ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)
"""Every code point Python can hold, lone surrogates and noncharacters among them."""


@given(ANYTHING)
@LAW
def test_any_text_survives_xml_and_json_bytes_unchanged(value: str) -> None:
    element = etree.Element("title")
    element.text = text(value)
    element.set("about", text(value))
    read = etree.fromstring(etree.tostring(element, encoding="utf-8"))
    assert (read.text or "") == text(value)
    assert read.get("about") == text(value)
    assert text(value).encode().decode() == text(value)


@given(ANYTHING)
@LAW
def test_repairing_twice_is_repairing_once(value: str) -> None:
    assert text(text(value)) == text(value)
    assert line(line(value)) == line(value)
    assert not broken(text(value))


def test_control_characters_vanish_or_are_mended_and_what_is_no_character_is_shown_as_lost() -> None:
    assert text("a\x00\x08\x0b\x0c\x1f\tb\n") == "a\tb\n"
    assert text("\ud83d \ude00 \ufffe \uffff \ufdd0 \ufdef \U0001fffe \U0010ffff") == " ".join("\ufffd" * 8)
    assert text("\x93米国\x94\x85\x80\x81\x8d\x8f\x90\x9d\x9f") == "“米国”\n€Ÿ"
    assert line("一行\x85二行\x85") == "一行 二行"
    assert all(broken(chr(control)) for control in range(0x80, 0xA0))
    assert text("\x7f\xa0“") == "\x7f\xa0“"
    assert text("一行\r\n二行\r三行\n") == "一行\n二行\n三行\n"


def test_what_authors_mean_stays_as_typed() -> None:
    for meant in ("👨‍👩‍👧‍👦", "☀️", "🇯🇵", "か\u3099き\u3099", "ｶﾞｷﾞ", "\u2028", "髙﨑𠮷", "\ufeff", "A & B <試験>", "]]>"):
        assert text(meant) == meant
        assert not broken(meant)


def test_a_line_has_single_spaces_but_keeps_the_ideographic_one() -> None:
    assert line("\u3000 4/28更新　｜\n\t追記\xa0あり \r\n") == "4/28更新　｜ 追記 あり"


@given(st.text(alphabet="あa👨👩\u200d\u0301\ufe0f🇯🇵 ", max_size=500))
@LAW
def test_an_opening_never_cuts_a_grapheme(words: str) -> None:
    whole = regex.findall(r"\X", words)
    shown = regex.findall(r"\X", opening(words).removesuffix("…"))
    assert len(shown) <= 200
    assert shown == whole[: len(shown)]
    assert opening(words) == words or opening(words).endswith("…")


def test_a_text_of_200_characters_is_not_cut_and_a_longer_one_says_so() -> None:
    assert opening("あ" * 200) == "あ" * 200
    assert opening("あ" * 201) == "あ" * 199 + "…"
    assert opening("👨‍👩‍👧‍👦" * 150) == "👨‍👩‍👧‍👦" * 150


@given(ANYTHING)
@LAW
def test_a_glimpse_is_short_and_printable(value: str) -> None:
    assert len(glimpse(value)) <= 40
    assert glimpse(value).isprintable()
    assert not broken(glimpse(value))
