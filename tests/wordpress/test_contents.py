"""What authors and readers put into a real WordPress, as it stands in the feeds at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree

from tests.edge.front_door import Launcher, Site
from tests.wordpress.site import MARKS, URL, comment, php

pytestmark = MARKS

GALLERY = """<!-- wp:gallery {"linkTo":"none"} -->
<figure class="wp-block-gallery has-nested-images columns-default is-cropped"><!-- wp:image {"id":1} -->
<figure class="wp-block-image size-large"><img src="/a.jpg" alt="離陸" class="wp-image-1"/>
<figcaption class="wp-element-caption">一枚目 &amp; 離陸</figcaption></figure>
<!-- /wp:image --><!-- wp:image {"id":2} -->
<figure class="wp-block-image size-large"><img src="/b.jpg" alt="着陸" class="wp-image-2"/></figure>
<!-- /wp:image --><figcaption class="blocks-gallery-caption">三沢にて</figcaption></figure>
<!-- /wp:gallery -->"""
CAPTION = (
    '[caption id="x" align="alignnone" width="300"]<img src="/c.jpg" alt="機体" width="300" height="200" />'
    " 撮影: <em>米空軍</em>[/caption]"
)
EMBED = """<!-- wp:embed {"url":"https://film.test/watch?v=abc","type":"video","providerNameSlug":"film"} -->
<figure class="wp-block-embed is-type-video is-provider-film"><div class="wp-block-embed__wrapper">
https://film.test/watch?v=abc
</div><figcaption class="wp-element-caption">会見の映像</figcaption></figure>
<!-- /wp:embed -->"""
FOOTNOTES = """<!-- wp:paragraph --><p>四機<sup data-fn="f1" class="fn"><a id="f1-link" href="#f1">1</a></sup>。</p>
<!-- /wp:paragraph --><!-- wp:html --><ol class="wp-block-footnotes"><li id="f1">防衛省による。
<a href="#f1-link" aria-label="脚注参照1にジャンプ">↩︎</a></li></ol><!-- /wp:html -->"""
LAZY = (
    '<p><img class="lazyload" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="/lazy.jpg" alt="格納庫"/>'
    '<noscript><img src="/lazy.jpg" alt="格納庫"/></noscript></p>'
)
RUBY = "<p><ruby>三沢<rp>(</rp><rt>みさわ</rt><rp>)</rp></ruby>基地 🛩️👨‍👩‍👧 &amp;amp; &lt;b&gt;</p>"
SHORTCODES = "<p>前</p>\n\n[gallery]\n\n[not_ours]中[/not_ours]\n\n<p>後</p>"

CONTENTS = {
    "gallery": (
        GALLERY,
        (
            f'<figure><figure><img src="{URL}a.jpg" alt="離陸"><figcaption>一枚目 &amp; 離陸</figcaption></figure>'
            f'<figure><img src="{URL}b.jpg" alt="着陸"></figure><figcaption>三沢にて</figcaption></figure>'
        ),
    ),
    "caption": (
        CAPTION,
        (
            f'<div><img loading="lazy" src="{URL}c.jpg" alt="機体" width="300" height="200">'
            "<p>撮影: <em>米空軍</em></p></div>"
        ),
    ),
    "embed": (
        EMBED,
        (
            '<figure><div><a href="https://film.test/watch?v=abc">https://film.test/watch?v=abc</a></div>'
            "<figcaption>会見の映像</figcaption></figure>"
        ),
    ),
    "footnotes": (
        FOOTNOTES,
        (
            '<p>四機<sup><a href="{link}#f1">1</a></sup>。</p>'
            '<ol><li>防衛省による。<a href="{link}#f1-link">↩︎</a></li></ol>'
        ),
    ),
    "lazy": (LAZY, f'<p><img alt="格納庫" src="{URL}lazy.jpg"></p>'),
    "ruby": (RUBY, RUBY),
    "shortcodes": (SHORTCODES, "<p>前</p><p>[not_ours]中[/not_ours]</p><p>後</p>"),  # as the site itself shows it
}
"""What an author enters, and what comes out of it; line ends count for nothing."""


@dataclass
class Out:
    """The feeds of the site, and the numbers of what was entered."""

    site: Site
    guids: dict[str, str]
    comments: dict[str, str]

    def item(self, name: str) -> dict[str, Any]:
        (item,) = [one for one in self._json("all")["items"] if one["id"] == self.guids[name]]
        return dict(item)

    def entry(self, name: str) -> etree._Element:
        """The same in the Atom feed."""
        return _entries(self.site, "all")[self.guids[name]]

    def _json(self, feed: str) -> Any:
        return json.loads(self.site.files()[f"{feed}.json"][1])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Out]:
    posts: dict[str, dict[str, str]] = {name: {"post_content": content} for name, (content, _) in CONTENTS.items()}
    posts["title"] = {"post_title": "R&amp;amp;D & 「F-35」 &lt;b&gt; 🛩️ <em>速報</em>"}
    posts |= {"eye": {}, "talk": {}, "aside": {}, "status": {}, "untitled": {"post_title": ""}}
    numbers = dict(zip(posts, enter(posts), strict=True))
    media = php(
        "$up = wp_upload_bits('空.gif', null, base64_decode('R0lGODlhAQABAAAAACwAAAAAAQABAAAC'));"
        "$media = wp_insert_attachment(['guid' => $up['url'], 'post_mime_type' => 'image/gif',"
        " 'post_status' => 'inherit', 'post_excerpt' => '撮影: <b>米空軍</b> & 海軍'], $up['file'], 0);"
        "update_post_meta($media, '_wp_attachment_image_alt', '飛ぶF-35 & 雲');"
        f"set_post_thumbnail({numbers['eye']}, $media);"
        + "".join(f"set_post_format({numbers[form]}, '{form}');" for form in ("aside", "status"))
        + "echo $media;"
    )
    said = {"top": comment(numbers["talk"])}
    said["held"] = comment(numbers["talk"], comment_parent=said["top"], comment_approved="0")
    said["below"] = comment(numbers["talk"], comment_parent=said["held"], comment_content="'<b>強</b> &amp; 🛩️'")
    said["answer"] = comment(numbers["talk"], comment_parent=said["top"])
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        site = Site(tmp_path_factory.mktemp("site"), launcher)
        site.configure(
            site={"title": "航空ニュース", "url": URL, "language": "ja", "timezone": "Asia/Tokyo"},
            feeds={"base_url": "https://news.test/feeds/", "output": "public", "entries": 500},
            stores={"blog": {"kind": "wordpress", "url": URL, "allow_private": True}},
            targets={},
        )
        site.feedpub("once")
        guids = php("".join(f"echo get_post({number})->guid, ' ';" for number in numbers.values())).split()
        yield Out(site, dict(zip(numbers, guids, strict=True)), said)
    php("".join(f"wp_delete_post({number}, true);" for number in (*numbers.values(), media)))


def enter(posts: dict[str, dict[str, str]]) -> list[str]:
    """Enter posts, as they are; gives back their numbers."""
    given = {"post_title": "見出し", "post_content": "<p>本文 &amp; 続報</p>", "post_status": "publish"}
    rows = json.dumps([given | said for said in posts.values()])
    quoted = rows.replace("\\", "\\\\").replace("'", "\\'")
    return php(f"foreach (json_decode('{quoted}', true) as $row) echo wp_insert_post(wp_slash($row)), ' ';").split()


def _entries(site: Site, feed: str) -> dict[str, etree._Element]:
    root = etree.fromstring(site.files()[f"{feed}.atom"][1])
    return {entry.findtext("{*}id") or "": entry for entry in root.iter("{*}entry")}


def joined(html: str) -> str:
    return html.replace("\n", "")


@pytest.mark.parametrize("name", CONTENTS)
def test_what_an_author_puts_into_a_post_can_be_read_in_the_feeds(out: Out, name: str) -> None:
    item = out.item(name)
    expected = CONTENTS[name][1].replace("{link}", item["url"])
    assert joined(item["content_html"]) == expected
    assert joined(out.entry(name).findtext("{*}content") or "") == expected


def test_a_title_is_decoded_once(out: Out) -> None:
    assert out.item("title")["title"] == "R&amp;D & 「F-35」 <b> 🛩️ 速報"
    assert out.entry("title").findtext("{*}title") == "R&amp;D & 「F-35」 <b> 🛩️ 速報"


def test_an_eye_catch_comes_with_its_words_and_its_credit(out: Out) -> None:
    (image,) = out.item("eye")["_feedpub"]["images"]
    assert image["url"].endswith(".gif")
    assert "/%E7%A9%BA" in image["url"]
    assert (image["alt"], image["credit"]) == ("飛ぶF-35 & 雲", "撮影: 米空軍 & 海軍")
    (media,) = out.entry("eye").findall("{http://search.yahoo.com/mrss/}content")
    assert media.get("url") == image["url"]
    assert [one.text for one in media] == ["飛ぶF-35 & 雲", "撮影: 米空軍 & 海軍"]


@pytest.mark.parametrize("name", ["aside", "status", "untitled"])
def test_a_short_topic_has_no_title(out: Out, name: str) -> None:
    item = out.item(name)
    assert "title" not in item
    assert item["content_html"] == "<p>本文 &amp; 続報</p>"
    assert not out.entry(name).findtext("{*}title")
    assert out.guids[name] in _entries(out.site, "briefs")


def test_an_answer_to_a_comment_that_is_held_back_answers_the_article(out: Out) -> None:
    guid, said = out.guids["talk"], out.comments
    entries = {key: entry for key, entry in _entries(out.site, "comments").items() if key.startswith(f"{guid}#")}
    names = {name: f"{guid}#comment-{number}" for name, number in said.items()}
    assert entries.keys() == {names["top"], names["below"], names["answer"]}
    answered = {
        name: entries[names[name]].find("{http://purl.org/syndication/thread/1.0}in-reply-to")
        for name in ("top", "below", "answer")
    }
    told = {name: one.get("ref") for name, one in answered.items() if one is not None}
    assert told == {"top": guid, "below": guid, "answer": names["top"]}
    assert entries[names["below"]].findtext("{*}content") == "<p><b>強</b> &amp; 🛩️</p>"
