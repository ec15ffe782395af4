"""An address goes out absolute, in ASCII, over http or https, or not at all."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feedpub.clean import url
from feedpub.clean.urls import srcset

LAW = settings(max_examples=100, deadline=None)  # a busy machine is no failure

ARTICLE = "https://example.jp/記事/1?p=2"

WORDS = re.findall(
    r"\S+",
    "http: https: // / ? # @ : [ ] % %E3 %zz . .. , ; = & \\ xn-- 例え jp .jp a b 80 99999 ::1 user ｊｐ 。 ℀ 💩",
)
ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=4)
PIECES = st.lists(st.sampled_from([*WORDS, "\t", "\u3000"]) | ANYTHING, max_size=12).map("".join)


@given(PIECES, st.sampled_from(["", ARTICLE, "http://[::1]:8080/x/;y", "ftp://example.jp/"]))
@example("https://xn--/", "")
@example("//[", ARTICLE)
@example("http://a;/;", ARTICLE)
@LAW
def test_an_address_is_ascii_http_with_a_host_or_nothing(value: str, base: str) -> None:
    made = url(value, base)
    if made:
        assert re.fullmatch(r"https?://[a-z0-9._:\[\]-]+/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?#]|%[0-9A-Fa-f]{2})*", made)
        assert urlsplit(made).hostname
        assert "@" not in urlsplit(made).netloc
    assert url(made) == made
    assert url(made, base) == made


@given(PIECES)
@LAW
def test_an_address_that_needs_nothing_is_what_the_long_way_makes_of_it(value: str) -> None:
    made = url(f"https://example.jp/{value}")
    assert url(made.replace("https", "HTTPS", 1)) == made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("https://example.jp/a", "https://example.jp/a"),
        ("https://example.jp", "https://example.jp/"),
        ("/記事/%E3%81%82", "https://example.jp/%E8%A8%98%E4%BA%8B/%E3%81%82"),
        ("b c[1].png", "https://example.jp/%E8%A8%98%E4%BA%8B/b%20c%5B1%5D.png"),
        ("../上", "https://example.jp/%E4%B8%8A"),
        ("//cdn.example.jp/x", "https://cdn.example.jp/x"),
        ("?q=日本&a=1", "https://example.jp/%E8%A8%98%E4%BA%8B/1?q=%E6%97%A5%E6%9C%AC&a=1"),
        ("#追記", "https://example.jp/%E8%A8%98%E4%BA%8B/1?p=2#%E8%BF%BD%E8%A8%98"),
        ("https://例え.jp:443/", "https://xn--r8jz45g.jp/"),
        ("HTTP://ＥＸＡＭＰＬＥ。ＪＰ:8080/", "http://example.jp:8080/"),
        ("http://%E4%BE%8B.jp/", "http://xn--fsq.jp/"),
        ("http://foo_bar.example.jp/", "http://foo_bar.example.jp/"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
        ("http://example.jp/100%", "http://example.jp/100%25"),
        (" https://example.jp/a\n", "https://example.jp/a"),
        ("　https://example.jp/a　", "https://example.jp/a"),
    ],
)
def test_addresses_become_absolute_and_ascii(value: str, made: str) -> None:
    assert url(value, ARTICLE) == made


@pytest.mark.parametrize(
    "value",
    [
        "",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:image/png;base64,AAAA",
        "mailto:a@example.jp",
        "ftp://example.jp/",
        "http://",
        "http:///path",
        "http://example.jp:99999/",
        "http://example.jp:0/",
        "http://example.jp:port/",
        "http://-example.jp/",
        f"http://{'a' * 64}.jp/",
        "http://exa mple.jp/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://a℀b.jp/",
    ],
)
def test_what_is_no_web_address_is_nothing(value: str) -> None:
    assert url(value, ARTICLE) == ""


def test_a_relative_address_without_a_base_is_nothing() -> None:
    assert url("/a") == ""


def test_a_password_never_goes_out() -> None:
    assert url("https://editor:hunter2@example.jp/draft") == "https://example.jp/draft"


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("a.jpg, b,c.jpg 2x", "https://e.jp/a.jpg, https://e.jp/b,c.jpg 2x"),
        ("a.jpg 300w,b.jpg 1.5x", "https://e.jp/a.jpg 300w, https://e.jp/b.jpg 1.5x"),
        (" ,a.jpg  300w  200h , ", "https://e.jp/a.jpg 300w 200h"),
        ("a.jpg 3q, b.jpg", "https://e.jp/b.jpg"),
        ("data:image/png;base64,AA 1x, /日.jpg 2x", "https://e.jp/%E6%97%A5.jpg 2x"),
        ("a,# 2x", "https://e.jp/a%2C 2x"),
        ("", ""),
        (",,,", ""),
    ],
)
def test_a_srcset_keeps_the_commas_of_its_addresses(value: str, made: str) -> None:
    assert srcset(value, "https://e.jp/") == made


@given(PIECES | st.text(alphabet="a,. 1xw#()\t", max_size=30))
@LAW
def test_a_srcset_is_clean_for_good(value: str) -> None:
    made = srcset(value, ARTICLE)
    assert srcset(made, "https://elsewhere.example/") == made
    assert all(one.startswith(("http://", "https://")) for one in made.split(", ") if made)
