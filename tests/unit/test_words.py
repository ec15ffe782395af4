"""Laws of plain words: nothing acts, nothing is torn, nothing is lost that readers see."""

from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.notices.words import line, reading, words

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ANYTHING = st.text() | st.text("ab か\u3099葛\U000e0100\r\n\t\x00\x1b\x85\u200e" + BIDI)


@given(ANYTHING)
def test_words_are_nfc_and_nothing_in_them_acts(text: str) -> None:
    plain = words(text)
    assert plain == normalize("NFC", plain)
    assert not set(plain) & set(BIDI)
    assert {letter for letter in plain if category(letter) == "Cc"} <= {"\n", "\t"}


@given(ANYTHING)
def test_words_stay_as_they_are_the_second_time(text: str) -> None:
    assert words(words(text)) == words(text)
    assert line(line(text)) == line(text)


@given(ANYTHING)
def test_words_begin_with_a_letter_of_their_own(text: str) -> None:
    assert not words(text)[:1].isspace()
    assert category(words(text)[:1] or "a")[0] != "M"
    assert "\n" not in line(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("一行目\r\n二行目\r三行目", "一行目\n二行目\n三行目"),
        ("か\u3099き", "がき"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("שלום\u200f!", "שלום\u200f!"),
        ("\u3099か", "か"),
        ("\u3000 字下げ ", "字下げ"),
        ("👨‍👩‍👧‍👦 🇯🇵", "👨‍👩‍👧‍👦 🇯🇵"),
    ],
)
def test_text_is_written_as_networks_take_it(text: str, plain: str) -> None:
    assert words(text) == plain


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<p>海自の&amp;<b>新型艦</b></p>\n<p>二段落目<br>続き</p>", "海自の&新型艦\n\n二段落目\n続き"),
        ("<ul><li>一</li><li>二</li></ul>", "一\n二"),
        ("文\n章 <a href='https://example.jp/'>出典</a>", "文 章 出典"),
        ("a &lt;b&gt; c", "a <b> c"),
        ("<p> </p><p></p>", ""),
        ("", ""),
    ],
)
def test_html_is_read_as_people_see_it(html: str, plain: str) -> None:
    assert reading(html) == plain
