"""a WordPress export -> what the public must find in the feeds, and what it must not: read without any of feedpub.

And `SAMPLE`, a small export of our own that has every kind of post.
"""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_WP = "{https://wordpress.org/export/1.2/}"
_BRIEF = {"post-format-aside", "post-format-status"}


@dataclass(frozen=True)
class Post:
    """One post. `title` as people read it, empty for a brief; `categories` by slug, its own only."""

    id: str
    guid: str
    link: str
    title: str
    public: bool
    scheduled: bool
    categories: frozenset[str]


@dataclass(frozen=True)
class Export:
    """All posts, and each category's name and parent by its slug."""

    posts: tuple[Post, ...]
    names: dict[str, str]
    parents: dict[str, str]

    @property
    def public(self) -> list[Post]:
        return [post for post in self.posts if post.public]

    @property
    def hidden(self) -> list[Post]:
        return [post for post in self.posts if not post.public]

    def carried(self, slug: str) -> set[str]:
        """The addresses of the public posts in a category or below it."""
        return {post.link for post in self.public if any(slug in self.above(one) for one in post.categories)}

    def above(self, slug: str) -> set[str]:
        """A category and all that it lies in."""
        found: set[str] = set()
        while slug and slug not in found:
            found.add(slug)
            slug = self.parents.get(slug, "")
        return found


def read(path: Path, now: datetime) -> Export:
    """Read an export; public is what is published, unprotected, and not of the future."""
    channel = ET.parse(path).getroot().find("channel")
    assert channel is not None
    terms = list(channel.iter(f"{_WP}category"))
    slugs = [_text(term, f"{_WP}category_nicename") for term in terms]
    return Export(
        tuple(_posts(channel, now)),
        {slug: _text(term, f"{_WP}cat_name") for slug, term in zip(slugs, terms, strict=True)},
        {slug: _text(term, f"{_WP}category_parent") for slug, term in zip(slugs, terms, strict=True)},
    )


def _posts(channel: ET.Element, now: datetime) -> Iterator[Post]:
    for item in channel.iter("item"):
        if _text(item, f"{_WP}post_type") != "post":
            continue
        out = datetime.fromisoformat(_text(item, f"{_WP}post_date_gmt")).replace(tzinfo=UTC) <= now
        shown = _text(item, f"{_WP}status") in {"publish", "future"} and not _text(item, f"{_WP}post_password")
        slugs = {(term.get("domain"), term.get("nicename") or "") for term in item.iter("category")}
        brief = any(slug in _BRIEF for domain, slug in slugs if domain == "post_format")
        yield Post(
            _text(item, f"{_WP}post_id"),
            _text(item, "guid"),
            _text(item, "link"),
            "" if brief else _plain(_text(item, "title")),
            shown and out,
            shown and not out,
            frozenset(slug for domain, slug in slugs if domain == "category"),
        )


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _plain(title: str) -> str:
    return " ".join(html.unescape(re.sub(r"</?[a-z]+>", "", title)).split())


# ---------------------------------------------------------------- one of our own

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="https://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="https://wordpress.org/export/1.2/">
<channel>
<title>航空ニュース</title>
<wp:wxr_version>1.2</wp:wxr_version>
<wp:author><wp:author_login>ed</wp:author_login><wp:author_display_name>編集部</wp:author_display_name></wp:author>
"""


def _category(slug: str, name: str, parent: str = "") -> str:
    return (
        f"<wp:category><wp:category_nicename>{slug}</wp:category_nicename>"
        f"<wp:category_parent>{parent}</wp:category_parent><wp:cat_name><![CDATA[{name}]]></wp:cat_name></wp:category>\n"
    )


def _item(
    number: int,
    title: str = "",
    *slugs: str,
    status: str = "publish",
    password: str = "",
    guid: int = 0,
    kind: str = "post",
    form: str = "",
    year: int = 2025,
    said: str = "",
) -> str:
    terms = "".join(
        f'<category domain="category" nicename="{slug}"><![CDATA[{_NAMES[slug]}]]></category>' for slug in slugs
    )
    if form:
        terms += f'<category domain="post_format" nicename="post-format-{form}"><![CDATA[{form}]]></category>'
    date = f"{year}-01-{number % 28 + 1:02} 0{number % 10}:00:00"
    return (
        f"<item><title><![CDATA[{title}]]></title><link>https://news.test/{number}/</link>"
        f"<dc:creator><![CDATA[ed]]></dc:creator><guid>https://news.test/?p={guid or number}</guid>"
        f"<content:encoded><![CDATA[本文{number}。\n\n<strong>二段落目</strong> & 続き]]></content:encoded>"
        f"<excerpt:encoded></excerpt:encoded><wp:post_id>{number}</wp:post_id>"
        f"<wp:post_date_gmt>{date}</wp:post_date_gmt><wp:post_modified_gmt>{date}</wp:post_modified_gmt>"
        f"<wp:status>{status}</wp:status><wp:post_type>{kind}</wp:post_type>"
        f"<wp:post_password><![CDATA[{password}]]></wp:post_password>{terms}{_comment(number, said)}</item>\n"
    )


def _comment(number: int, said: str) -> str:
    return said and (
        f"<wp:comment><wp:comment_id>{number}</wp:comment_id><wp:comment_author>読者</wp:comment_author>"
        "<wp:comment_date_gmt>2025-02-01 00:00:00</wp:comment_date_gmt><wp:comment_approved>1</wp:comment_approved>"
        f"<wp:comment_content><![CDATA[{said}]]></wp:comment_content></wp:comment>"
    )


_JAPANESE = "%e8%ad%b7%e8%a1%9b%e8%89%a6"
_NAMES = {"japan": "日本関連", "jmsdf": "海上自衛隊", _JAPANESE: "護衛艦", "us": "米国関連", "opinion": "論説 & 解説"}

SAMPLE = (
    _HEAD
    + _category("japan", "日本関連")
    + _category("jmsdf", "海上自衛隊", "japan")
    + _category(_JAPANESE, "護衛艦", "jmsdf")
    + _category("us", "米国関連")
    + _category("opinion", "論説 & 解説")
    + "".join(_item(number, f"記事{number}", ["us", "jmsdf", "japan"][number % 3]) for number in range(1, 25))
    + _item(30, "三つの分類に入る記事", _JAPANESE, "us", "opinion", said="<b>同感</b>です。")
    + _item(31, "AT&amp;T と <em>Boeing</em> の &lt;F-35&gt;", "us")
    + _item(32, "", "japan")
    + _item(33, "この題は見せない", form="aside")
    + _item(34, "写された記事", "us", guid=5)
    + _item(40, "非公開の記事", "us", status="private")
    + _item(41, "下書きの記事", "us", status="draft")
    + _item(42, "査読待ちの記事", "us", status="pending")
    + _item(43, "捨てた記事", "us", status="trash")
    + _item(44, "合言葉の要る記事", "us", password="aikotoba")
    + _item(45, "予約された記事", "us", status="future", year=2099)
    + _item(50, "固定ページ", kind="page")
    + _item(51, "画像", kind="attachment", status="inherit")
    + "</channel></rss>\n"
)
