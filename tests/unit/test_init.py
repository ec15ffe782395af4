"""What a site says of itself -> the config: valid whatever the site says, and in the site's language."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.commands.heads import api_in, is_page, read
from feedpub.commands.init import MOST_CATEGORIES, config
from feedpub.commands.places import address
from feedpub.commands.visiting import Counted, Found
from feedpub.errors import ConfigError
from feedpub.model import Category
from feedpub.settings import Loaded, load

WORDPRESS = Found(
    kind="wordpress",
    url="https://news.test/",
    source="https://news.test/",
    title="航空ニュース",
    description="軍用機と民間航空のニュース",
    language="ja",
    offset=9,
)
FEED = Found(kind="feed", url="https://news.test/", source="https://news.test/feed/?a=1&b=2", title="航空ニュース")


def filed(*said: tuple[str, str], parent: str | None = None) -> tuple[Counted, ...]:
    """Categories by name and slug, the biggest first."""
    return tuple(
        Counted(Category("", str(number), name, slug, parent), 1000 - number)
        for number, (name, slug) in enumerate(said, 1)
    )


def found(base: Found = WORDPRESS, **said: object) -> Found:
    return Found(**{name: getattr(base, name) for name in base.__slots__} | said)


def loaded(text: str, folder: Path) -> Loaded:
    folder.mkdir(exist_ok=True)
    (folder / "feedpub.toml").write_text(text, encoding="utf-8")
    return load(folder, {"DISCORD_WEBHOOK": "https://discord.com/api/webhooks/1/token"})


def uncommented(text: str) -> str:
    """Take the `#` from every line of configuration, as an admin does who wants it all."""
    return re.sub(r"^# (\[(?:feeds|targets)\..*|[\w-]+ = .*)$", r"\1", text, flags=re.MULTILINE)


# ---------------------------------------------------------------- what it says


def test_a_wordpress_gets_a_config_that_loads_without_a_warning(tmp_path: Path) -> None:
    text = config(found(categories=filed(("米国関連", "us"), ("日本関連", "日本関連")), category_count=31))
    ready = loaded(text, tmp_path / "config")
    assert ready.warnings == ()
    settings = ready.settings
    assert (settings.site.title, settings.site.url) == ("航空ニュース", "https://news.test/")
    assert (settings.site.language, settings.site.timezone) == ("ja", "Asia/Tokyo")
    assert settings.site.description == "軍用機と民間航空のニュース"
    assert settings.feeds.base_url == "https://news.test/feeds/"
    assert settings.stores["blog"].kind == "wordpress"
    assert [target.kind for target in settings.targets.values()] == ["console"]
    assert "全部で31件のうち、記事の多い2件" in text


def test_what_is_commented_out_is_valid_as_soon_as_it_is_not(tmp_path: Path) -> None:
    names = (("米国関連", "us"), ("日本", "%e6%97%a5%e6%9c%ac"), ("F-35", "f-35"), ("con", "con"), ("雑記", "con1"))
    ready = loaded(uncommented(config(found(categories=filed(*names)))), tmp_path / "config")
    assert ready.warnings == ()
    assert {feed.name for feed in ready.settings.feeds.categories.values()} == {name for name, _ in names}
    assert {"us", "f-35"} < ready.settings.feeds.categories.keys()
    assert ready.settings.targets.keys() == {"terminal", "discord_news"}


def test_categories_of_one_name_are_told_by_their_slugs() -> None:
    text = config(found(categories=filed(("機体", "us-planes"), ("機体", "jp-planes"), ("空港", "airports"))))
    table = tomllib.loads(uncommented(text))["feeds"]["categories"]
    assert {feed["name"] for feed in table.values()} == {"us-planes", "jp-planes", "空港"}


def test_only_the_biggest_categories_are_shown_each_with_its_count_and_parent() -> None:
    many = filed(*((f"分類{n}", f"c{n}") for n in range(50)), parent="1")
    text = config(found(categories=many, category_count=50))
    shown = re.findall(r"^# c(\d+) = ", text, re.MULTILINE)
    assert shown == [str(n) for n in range(MOST_CATEGORIES)]
    assert '# c3 = { name = "分類3" }' in text
    assert "# 996件、親は分類0" in text


def test_a_site_in_english_gets_english_remarks_and_one_in_japanese_japanese_ones() -> None:
    english, japanese = config(found(language="en-GB")), config(found())
    assert "look it through" in english.lower()
    assert "推定" not in english
    assert "見直してから" in japanese
    assert config(found(language="", title="航空ニュース", offset=None)).count('language = "ja"') == 1
    assert config(found(language="nonsense !", title="Flight", description="")).count('language = "en"') == 1


@pytest.mark.parametrize(
    ("language", "said", "offset", "zone", "remark"),
    [
        ("ja", "Asia/Tokyo", 9, "Asia/Tokyo", ""),
        ("ja", "", 9, "Asia/Tokyo", "UTC+9"),
        ("ja", "Nowhere/Atall", 9, "Asia/Tokyo", "UTC+9"),
        ("ja", "../../etc/passwd", None, "Asia/Tokyo", "推定"),
        ("ja-JP", "", None, "Asia/Tokyo", "推定"),
        ("ko", "", 9, "Asia/Seoul", "UTC+9"),
        ("en", "", 0, "UTC", "UTC+0"),
        ("en", "", 8, "Etc/GMT-8", "UTC+8"),
        ("en", "", -5, "Etc/GMT+5", "UTC-5"),
        ("en", "", 5.5, "Asia/Kolkata", "UTC+5.5"),
        ("en", "", 9.25, "UTC", "UTC+9.25"),
        ("en", "", None, "UTC", "a guess"),
    ],
)
def test_the_time_zone_is_one_that_has_a_name(
    language: str, said: str, offset: float | None, zone: str, remark: str, tmp_path: Path
) -> None:
    text = config(found(language=language, timezone=said, offset=offset))
    (line,) = re.findall("^timezone = .*", text, re.MULTILINE)
    assert line.startswith(f'timezone = "{zone}"')
    assert remark in line
    assert ("#" in line) == bool(remark)
    assert loaded(text, tmp_path / "config").settings.site.timezone == zone


def test_a_barred_wordpress_is_read_by_its_feed_and_the_config_says_why(tmp_path: Path) -> None:
    text = config(found(FEED, language="ja", barred="HTTP 403", feeds=(FEED.source,)))
    assert "REST API アクセス制限" in text
    assert "HTTP 403" in text
    assert loaded(text, tmp_path / "config").settings.stores["blog"].kind == "feed"
    assert "REST API アクセス制限" in config(found(FEED, language="en", barred="HTTP 403"))


def test_the_feeds_never_stand_where_the_feed_lies_that_is_read() -> None:
    def base(*feeds: str) -> str:
        return str(tomllib.loads(config(found(FEED, feeds=feeds)))["feeds"]["base_url"])

    assert base("https://news.test/feed/") == "https://news.test/feeds/"
    assert base("https://news.test/feed/", "http://www.news.test/feeds/all.rss") == "https://news.test/feedpub/"
    assert base("https://news.test/feeds/x", "https://news.test/feedpub/x") == "https://news.test/feedpub-feeds/"


def test_a_private_site_stays_allowed() -> None:
    assert "allow_private" not in config(found())
    assert tomllib.loads(config(found(), allow_private=True))["stores"]["blog"]["allow_private"] is True


# ---------------------------------------------------------------- whatever a site says

evil = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from('"\\#\n\r\t\0\x0b\x1b\x7f\x85\u2028\u2029\u202e\u2066\ufeff\ud83d\uffff[]{}=%&;'),
        st.sampled_from("航空あ米"),
    ),
    max_size=40,
)


@given(
    title=evil,
    description=evil,
    language=st.one_of(evil, st.sampled_from(["ja", "en", "ja-JP", "fr"])),
    zone=st.one_of(evil, st.sampled_from(["Asia/Tokyo", "posixrules", "/etc/localtime"])),
    offset=st.one_of(st.none(), st.floats(-12, 14)),
    names=st.lists(st.tuples(evil, evil), max_size=30),
    barred=evil,
    kind=st.sampled_from([WORDPRESS, FEED]),
)
def test_whatever_a_site_says_the_config_is_valid_and_nothing_in_it_acts(
    title: str,
    description: str,
    language: str,
    zone: str,
    offset: float | None,
    names: list[tuple[str, str]],
    barred: str,
    kind: Found,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    said = found(
        kind,
        title=title,
        description=description,
        language=language,
        timezone=zone,
        offset=offset,
        categories=filed(*names),
        barred=barred,
    )
    text = config(said)
    folder = tmp_path_factory.getbasetemp() / "whatever"
    ready = loaded(text, folder)
    assert ready.warnings == ()
    assert ready.settings.stores.keys() == {"blog"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    assert loaded(uncommented(text), folder).settings.targets.keys() == {"terminal", "discord_news"}


@given(body=st.binary(max_size=400), kind=evil)
def test_no_page_makes_its_reader_stumble(body: bytes, kind: str) -> None:
    for page in (body, b"<html><head>" + body, b"<link rel=alternate href=" + body):
        head = read(page, "https://news.test/", kind)
        assert len(head.feeds) <= 8
        assert isinstance(is_page(page), bool)


# ---------------------------------------------------------------- the head of a page

HEAD = """<?xml version="1.0" encoding="Shift_JIS"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">
<html lang="ja_JP"><head><meta charset="Shift_JIS">
<title>航空 ＆amp; ニュース
</title><meta name="description" content="空の話題">
<meta property="og:site_name" content="航空ニュース①">
<link rel="https://api.w.org/" href="/blog/wp-json/">
<link rel="alternate" type="application/rss+xml; charset=UTF-8" title="コメントフィード" href="/comments/feed/">
<link rel="alternate" type="application/rss+xml" title="記事へのコメント" href="/c.xml">
<link rel="alternate" type="application/rss+xml" href="/?feed=comments-rss2">
<link rel="alternate nofollow" type="application/rss+xml" title="航空" href="/blog/feed/">
<link rel="alternate" type="application/atom+xml" href="//cdn.news.test/a.xml">
<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
</head><body>本文</body></html>"""


@pytest.mark.parametrize("header", ["text/html", "text/html; charset=Shift_JIS", "text/html; charset=sjis"])
def test_a_head_is_read_in_the_encoding_that_it_names(header: str) -> None:
    head = read(HEAD.encode("cp932"), "https://news.test/blog/", header)
    assert (head.title, head.description, head.language) == ("航空ニュース①", "空の話題", "ja-JP")
    assert head.feeds == (
        "https://news.test/blog/feed/",
        "https://cdn.news.test/a.xml",
        "https://news.test/c.xml",
    )
    assert head.api == "https://news.test/blog/wp-json/"


@pytest.mark.parametrize("there", ["http://[", "//[::1/", "javascript:alert(1)"])
def test_an_api_at_an_address_that_is_none_is_nowhere(there: str) -> None:
    assert api_in(f'<{there}>; rel="https://api.w.org/"', "https://news.test/") == ""


def test_a_page_is_told_from_a_feed_by_how_it_begins() -> None:
    pages = [HEAD.encode("cp932"), b"\n<!-- a --><html>", b"<!DOCTYPE HTML>", b"<?xml version='1.0'?>\n<html >"]
    others = [b"<rss>", b"<?xml version='1.0'?><rss>", b"<!DOCTYPE rss>", b"{}", b"", b"<htmlx>"]
    assert [is_page(one) for one in (*pages, *others)] == [True] * len(pages) + [False] * len(others)


# ---------------------------------------------------------------- the address that was given


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("news.test", "https://news.test/"),
        ("news.test/blog", "https://news.test/blog"),
        ("news.test:8080/", "https://news.test:8080/"),
        (" HTTP://News.test/?feed=rss2#top", "http://news.test/?feed=rss2"),
        ("https://日本.test/", "https://xn--wgv71a.test/"),
    ],
)
def test_an_address_may_be_written_as_people_write_it(said: str, meant: str) -> None:
    assert address(said) == meant


@pytest.mark.parametrize("said", ["", "ftp://news.test/", "mailto:a@news.test", "file:///etc/passwd", "http://", "a b"])
def test_what_is_no_web_address_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="write a web address"):
        address(said)


def test_an_address_with_a_password_is_refused_and_never_shown() -> None:
    with pytest.raises(ConfigError, match="no password") as refused:
        address("https://me:hunter2@news.test/")
    assert "hunter2" not in str(refused.value)
