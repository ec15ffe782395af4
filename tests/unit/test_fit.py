"""Laws of cutting a headline: it fits, it reads well, and nothing is torn."""

from collections.abc import Callable
from itertools import accumulate

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Measure
from feedpub.notices.fit import fit

LINK = "https://example.jp/a"
FAMILY, FLAG, VARIANT, DAKUTEN = "👨‍👩‍👧‍👦", "🇯🇵", "葛\U000e0100", "か\u3099"
OPENING, CLOSING = "「『（【〈《([“", "」』）】〉》)]”"
SYLLABLES = [
    *"海上自衛隊の新型護衛艦もがみ、。ー々っ・！Ab1 .%…\n",
    *OPENING,
    *CLOSING,
    FAMILY,
    FLAG,
    VARIANT,
    DAKUTEN,
    LINK,
]

HEADLINES = st.lists(st.sampled_from(SYLLABLES), max_size=60).map("".join) | st.text(max_size=60)
LANGUAGES = st.sampled_from(["ja", "ja-JP", "en", "zh-Hant", ""])


def weight(text: str) -> int:
    """Roughly as X counts: a link is 23, what is not ASCII is 2, graphemes of many parts are 2."""
    bare, links = regex.subn(r"https?://[!-~]+", "", text)
    return 23 * links + sum(1 if one.isascii() else 2 for one in regex.findall(r"\X", bare))


COUNTERS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "bytes": lambda text: len(text.encode()),
    "graphemes": lambda text: len(regex.findall(r"\X", text)),
    "weight": weight,
}


def scale(limit: int, unit: str = "characters") -> Callable[[str], Measure]:
    return lambda text: Measure(COUNTERS[unit](text), limit, unit)


def as_it_is(cut: str) -> str:
    return cut


def with_link(cut: str) -> str:
    return f"{cut}\n{LINK}"


def cut_to(headline: str, limit: int, language: str = "ja") -> str | None:
    return fit(as_it_is, headline, scale(limit), language=language)


def kept(cut: str) -> str:
    """What a cut has of its headline."""
    return cut[: cut.rindex("…")].removesuffix(" ")


@given(HEADLINES, st.integers(0, 200), st.sampled_from(sorted(COUNTERS)), LANGUAGES)
def test_what_fits_is_measured_whole(headline: str, limit: int, unit: str, language: str) -> None:
    cut = fit(with_link, headline, scale(limit, unit), language=language)
    assert cut is None or COUNTERS[unit](with_link(cut)) <= limit


@given(HEADLINES, LANGUAGES)
def test_a_headline_that_fits_is_not_touched(headline: str, language: str) -> None:
    assert cut_to(headline, len(headline), language) == headline


@given(HEADLINES, st.integers(0, 60), LANGUAGES)
def test_a_cut_is_the_beginning_of_its_headline_and_tears_no_grapheme(headline: str, limit: int, language: str) -> None:
    cut = cut_to(headline, limit, language)
    if cut is not None and cut != headline:
        assert headline.startswith(kept(cut))
        assert len(kept(cut)) in set(accumulate(map(len, regex.findall(r"\X", headline))))
        assert kept(cut)[-1] not in OPENING


@given(HEADLINES, st.integers(0, 60), LANGUAGES)
def test_a_link_inside_a_headline_is_kept_whole_or_left_out(headline: str, limit: int, language: str) -> None:
    links = r"https?://[!-~]+"
    cut = cut_to(headline, limit, language)
    assert cut is None or set(regex.findall(links, cut)) <= set(regex.findall(links, headline))


@st.composite
def quotations(draw: st.DrawFn, depth: int = 3) -> str:
    """Words and whole quotations, one inside the other."""
    words = draw(st.text("海自の艦", min_size=1, max_size=8))
    if not depth:
        return words
    inner = draw(st.lists(quotations(depth - 1), max_size=2))
    return words + "".join(f"「{one}」{words}" for one in inner)


@given(quotations(), st.integers(3, 60))
def test_brackets_that_were_closed_stay_closed(headline: str, limit: int) -> None:
    cut = cut_to(headline, limit)
    assert cut is None or cut.count("「") == cut.count("」")


@given(st.text("海上自衛隊新型護衛艦就役", min_size=20, max_size=400), st.integers(10, 300))
def test_a_cut_gives_away_no_more_than_it_must(headline: str, limit: int) -> None:
    cut = cut_to(headline, limit)
    assert cut is not None
    assert len(cut) >= min(len(headline), limit * 85 // 100 - 4)


@given(st.integers(0, 60), st.sampled_from([FAMILY, FLAG, VARIANT, DAKUTEN, "ﾊﾟ", "e\u0301"]))
def test_no_limit_tears_what_readers_see_as_one_letter(limit: int, letter: str) -> None:
    cut = fit(as_it_is, letter * 40, scale(limit, "bytes"), language="ja")
    assert cut is None or kept(cut) == letter * (len(kept(cut)) // len(letter))


@pytest.mark.parametrize(
    ("limit", "cut"),
    [
        (3, "海上…"),
        (16, "海上自衛隊の新型護衛艦…"),  # before 「 rather than inside
        (19, "海上自衛隊の新型護衛艦「もがみ」…"),
        (25, "海上自衛隊の新型護衛艦「もがみ」型8番艦が就役…"),  # no 、 before the …
        (35, "海上自衛隊の新型護衛艦「もがみ」型8番艦が就役、防衛省が…"),
    ],
)
def test_japanese_is_cut_between_phrases(limit: int, cut: str) -> None:
    assert cut_to("海上自衛隊の新型護衛艦「もがみ」型8番艦が就役、防衛省が23日発表した。", limit) == cut


def test_japanese_is_known_by_its_kana_where_no_language_is_given() -> None:
    assert cut_to("海上自衛隊の新型護衛艦が就役した", 13, language="") == "海上自衛隊の新型護衛艦が…"


def test_a_quotation_longer_than_the_notice_is_closed() -> None:
    assert cut_to("「もがみ型護衛艦の8番艦が三菱重工長崎造船所で就役」", 12) == "「もがみ型護衛艦の…」"
    assert cut_to("『「もがみ型」護衛艦の8番艦が三菱重工長崎造船所で就役』", 18) == "『「もがみ型」護衛艦の8番艦が…』"


def test_a_bracket_the_author_never_closed_stays_open() -> None:
    assert cut_to("（速報）「もがみ型護衛艦の8番艦が就役", 14) == "（速報）「もがみ型護衛艦の…"


@pytest.mark.parametrize(
    ("limit", "cut"),
    [
        (16, "The US Navy…"),  # before ( rather than after
        (25, "The US Navy (USN)…"),
        (41, "The US Navy (USN) deploys F-35B to…"),
        (62, "The US Navy (USN) deploys F-35B to Japan’s Iwakuni for…"),  # no 1…
    ],
)
def test_other_languages_are_cut_between_words(limit: int, cut: str) -> None:
    headline = "The US Navy (USN) deploys F-35B to Japan’s Iwakuni for 10,000,000 days"
    assert cut_to(headline, limit, language="en") == cut


@pytest.mark.parametrize("limit", range(5, 22))
def test_no_cut_leaves_behind_what_begins_no_line(limit: int) -> None:
    headline = "艦が「やまと」。佐々木さんの表ー。ちょっと待った、100%！"
    cut = cut_to(headline, limit)
    assert cut is not None
    assert headline[len(kept(cut)) :][0] not in "。」ー々っょ%！"


def test_a_katakana_word_is_not_cut() -> None:
    assert cut_to("米海軍のミサイル駆逐艦が出港", 8) == "米海軍の…"


def test_a_headline_of_one_endless_word_is_still_cut() -> None:
    assert cut_to("ー" * 500, 100) == "ー" * 99 + "…"
    assert cut_to("a" * 500, 100, language="en") == "a" * 99 + "…"


def test_nothing_is_given_where_not_one_letter_fits() -> None:
    assert cut_to("海自", 1) is None
    assert cut_to("「海自の艦」", 3) is None
    assert cut_to("", -1) is None


def test_a_book_is_measured_in_few_steps() -> None:
    measured = list[int]()

    def measure(text: str) -> Measure:
        measured.append(len(text))
        return Measure(len(text), 500, "characters")

    cut = fit(as_it_is, "海上自衛隊の護衛艦が就役した。" * 10_000, measure, language="ja")
    assert cut is not None
    assert len(measured) < 20
    assert sum(measured) < 160_000
