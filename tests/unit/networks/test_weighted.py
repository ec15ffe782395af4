"""X's counting, held to vectors rebuilt from twitter-text's documentation, and to twitter-text itself."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.networks import weighted


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("a", 1),
        ("é", 1),
        ("e\u0301", 1),  # NFC makes one of two
        ("Ünïcode Кириллица Ελληνικά עברית العربية ไทย", 44),
        ("\u10ff", 1),
        ("\u1100", 2),
        ("\u2000\u200d\u2010\u201f\u2032\u2037", 6),
        ("\u200e\u200f\u2020\u2031\u2038", 10),
        ("海自", 4),
        ("か\u3099", 2),  # が
        ("…", 2),
        ("〜", 2),
        ("—", 1),
        ("ﾊﾝｶｸ", 8),
        ("①㈱", 4),
        ("葛\U000e0100", 4),  # a variant's selector is a letter to X
        ("👾", 2),
        ("🙋🏽", 2),
        ("👨‍🎤", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("🇯🇵", 2),
        ("1️⃣", 2),
        ("❤️", 2),
        ("©", 2),
        ("👨‍👩‍👧‍👦" * 140, 280),
        ("a\r\nb", 3),
        ("あ" * 140, 280),
    ],
)
def test_letters_weigh_what_the_configuration_says(text: str, weight: int) -> None:
    assert weighted.length(text) == weight


@pytest.mark.parametrize(
    ("text", "weight", "links"),
    [
        ("https://example.com", 23, ["https://example.com"]),
        ("https://example.com/very/long/path?with=a&query=of#parts" + "a" * 300, 23, None),
        ("http://a.jp", 23, ["http://a.jp"]),
        ("example.com", 23, ["example.com"]),
        ("詳細はexample.jpへ", 31, ["example.jp"]),
        ("U.S.Navy", 23, ["U.S.Navy"]),
        ("米海軍（U.S.Navy）の", 35, ["U.S.Navy"]),
        ("node.js", 7, []),
        ("F-35B", 5, []),
        ("第1.2章、3.5インチ", 18, []),
        ("U.S. e.g. i.e.", 14, []),
        ("user@example.jp", 15, []),
        ("@example.jp", 11, []),
        ("#example.jp", 11, []),
        ("$example.jp", 11, []),
        ("日本語.jp", 9, []),
        ("https://example.jp/記事/海自", 32, ["https://example.jp/"]),
        ("https://example.jp/%E8%A8%98%E4%BA%8B/", 23, ["https://example.jp/%E8%A8%98%E4%BA%8B/"]),
        ("海自https://a.jp/x", 27, ["https://a.jp/x"]),
        ("（https://a.jp/x）", 27, ["https://a.jp/x"]),
        ("https://a.jp/x。次", 27, ["https://a.jp/x"]),
        ("https://a.jp/x. next", 29, ["https://a.jp/x"]),
        ("https://a.jp/(x)", 23, ["https://a.jp/(x)"]),
        ("https://localhost/", 18, []),
        ("ftp://example.jp", 16, []),
        ("a.jp b.jp", 47, ["a.jp", "b.jp"]),
        ("\n…\u200d.がexample.jp", 30, ["example.jp"]),
        ("…\u200d.がexample.jp", 16, []),
        ("https://a.jp/1️⃣", 27, ["https://a.jp/1"]),
    ],
)
def test_a_link_weighs_23_and_links_are_what_x_makes_links_of(text: str, weight: int, links: list[str] | None) -> None:
    assert weighted.length(text) == weight
    assert [link.text for link in weighted.links(text)] == (links if links is not None else [text])


def test_128_letters_a_space_and_an_address_are_280() -> None:
    address = "https://example.jp/" + "a" * 86
    assert weighted.length("あ" * 128 + " " + address) == 280
    assert weighted.length("あ" * 129 + " " + address) == 282


PIECES = (
    *("海", "U.S.", "Navy", ".", "example.jp", "https://a.jp/", "?a=1", "@", "#", "-", "記", "/", "a", "$", "…", "©"),
    *("👨‍👩‍👧‍👦", "🇯🇵", "1️⃣", "か\u3099", "\u200d", "\ufe0f", "\u2060", " ", "\u3000", "\n"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_it_counts_as_the_library_does_whole(text: str) -> None:
    weighted.length("")
    whole = sys.modules["twitter_text"].parse_tweet(text)
    assert weighted.length(text) == whole.weightedLength


def test_where_a_link_stands_is_counted_in_code_points() -> None:
    text = "👨‍👩‍👧‍👦 詳細はexample.jpへ\nhttps://a.jp/x。"
    assert [text[link.start : link.end] for link in weighted.links(text)] == ["example.jp", "https://a.jp/x"]


@pytest.mark.parametrize(
    "text", ["a." * 20_000, "あ.い" * 10_000, "https://a." + "b." * 20_000, "海" * 100_000, "👨‍👩‍👧‍👦" * 2_000]
)
def test_no_text_takes_long(text: str) -> None:
    weighted.length("")
    start = time.process_time()
    assert weighted.length(text) > weighted.LIMIT
    assert time.process_time() - start < 5


def test_counting_a_notice_takes_less_than_a_blink() -> None:
    text = "海自の新型護衛艦「もがみ」型8番艦が就役、" * 5 + "\nhttps://example.jp/%E8%A8%98?a={}"
    weighted.length(text)
    start = time.process_time()
    for round_ in range(100):
        weighted.length(text.format(round_))
    assert (time.process_time() - start) / 100 < 0.005  # 0.0003 on a free machine


def test_twitter_text_is_loaded_with_the_first_text_and_leaves_no_stand_in_behind() -> None:
    program = """if True:
        import sys
        from feedpub.networks import X, weighted
        assert "twitter_text" not in sys.modules
        assert weighted.length("詳細はexample.jpへ") == 31
        assert "twitter_text" in sys.modules
        assert "pkg_resources" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_stands_in_the_place_of_the_stand_in_is_left_alone() -> None:
    program = """if True:
        import sys
        from pkgutil import get_data
        from types import ModuleType
        theirs = ModuleType("pkg_resources")
        theirs.resource_string = get_data
        sys.modules["pkg_resources"] = theirs
        from feedpub.networks import weighted
        assert weighted.length("海自") == 4
        assert sys.modules["pkg_resources"] is theirs
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
