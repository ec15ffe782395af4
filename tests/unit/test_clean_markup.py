"""HTML goes out safe and absolute, keeps what authors need, and comes to rest."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.html import fragment_fromstring

from feedpub.clean import html, plain_text
from feedpub.clean.characters import broken

LAW = settings(max_examples=80, deadline=None)  # a busy machine is no failure

BASE = "https://example.jp/記事/1"
HERE = "https://example.jp/%E8%A8%98%E4%BA%8B"

TAGS = re.findall(
    r"\w+",
    "a p b i pre table tr td caption form button svg math mi style script iframe embed video audio source noscript "
    "template ruby rt rp li ul h1 h2 dl dt object select option textarea title details summary picture nobr marquee "
    "font blockquote xmp plaintext body foreignObject col",
)
ATTRIBUTES = (
    'href="/x?a=1&b=[日]"',
    "href=javascript:alert(1)",
    'src="//y/e"',
    "src=data:x,y",
    'srcset="a.png, b,c.png 2x, data:x,y 3x"',
    "poster=p.png",
    "cite=q",
    "controls",
    "onclick=x",
    'style="a:b"',
    "class=c",
    "class=lazy",
    "data-src=/later.png",
    'data-srcset="l.png 1x, data:x,y 2x, m,n.png 3w4h"',
    "data-lazy-src='javascript:x'",
    "data-poster=l.jpg",
    'title="a<b>&quot;"',
)
OPENED = st.builds(
    "<{} {}>".format, st.sampled_from(TAGS), st.lists(st.sampled_from(ATTRIBUTES), max_size=3).map(" ".join)
)
PIECES = (
    OPENED
    | st.sampled_from(TAGS).map("</{}>".format)
    | st.sampled_from(
        [
            "\n",
            "\r",
            "x",
            "日本",
            "<",
            ">",
            "&",
            '"',
            "&#1;",
            "&#13;",
            "&lt;",
            "&amp;lt;",
            "&nbsp;",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "\ud83d",
        ]
    )
)
MARKUP = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=50)


@given(MARKUP)
@LAW
def test_whatever_comes_in_is_safe_absolute_and_at_rest(value: str) -> None:
    made = html(value, BASE)
    assert html(made, "https://elsewhere.example/") == made
    assert not broken(made)
    for element in fragment_fromstring(made, create_parent="div").iter():
        assert element.tag not in {"script", "style", "form", "iframe", "embed", "object", "svg", "math", "input"}
        for name, said in element.attrib.items():
            assert not name.startswith("on")
            assert name not in {"style", "class", "id", "target"}
            assert not name.startswith("data-")
            if name in {"src", "href", "poster", "cite"}:
                assert said.startswith(("http://", "https://"))
            if name == "srcset":
                assert all(one.startswith(("http://", "https://")) for one in said.split(", "))


@given(MARKUP)
@LAW
def test_safe_html_is_carried_by_xml_unchanged(value: str) -> None:
    element = etree.Element("content")
    element.text = html(value, BASE)
    assert (etree.fromstring(etree.tostring(element, encoding="utf-8")).text or "") == element.text


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("", ""),
        ("<p onclick=x style=y class=z id=q>本文</p>", "<p>本文</p>"),
        ("<!-- wp:paragraph --><p>本文</p><!-- /wp:paragraph -->", "<p>本文</p>"),
        ("<script>alert(1)</script><style>p{}</style>本文", "本文"),
        ("<form><p>住所<input><button>送る</button></p></form>", "<p>住所</p>"),
        ("<noscript>動かない<img src=a.png></noscript>本文", f'<img src="{HERE}/a.png">本文'),
        ("<a href='javascript:x'>a</a><a href='mailto:a@b.jp'>b</a>", "<a>a</a><a>b</a>"),
        ("<a href='#fn1'>注</a>", f'<a href="{HERE}/1#fn1">注</a>'),
        (
            "<img src='a b.png' alt='図' width=10 loading=lazy>",
            f'<img src="{HERE}/a%20b.png" alt="図" width="10" loading="lazy">',
        ),
        ("本文<img src='data:image/gif;base64,AA' alt=''>", "本文"),
        ("<video src=v.mp4 poster=p.png></video>", f'<video src="{HERE}/v.mp4" poster="{HERE}/p.png"></video>'),
        ("<br>一&nbsp;行<br/>", "<br>一&nbsp;行<br>"),
        ("<pre>\n\n  x\n</pre>", "<pre>  x\n</pre>"),
        ("a&#13;&#1;b\r\nc", "a\nb\nc"),
        ("]]> と <![CDATA[x]]>", "]]&gt; と &lt;![CDATA[x]]&gt;"),
        ('<!DOCTYPE x [<!ENTITY a "bomb">]>&a;', "]&gt;&amp;a;"),
        ("<p><object><p>x</p></object></p>", "<p></p><p>x</p><p></p>"),
    ],
)
def test_html_is_made_safe(value: str, made: str) -> None:
    assert html(value, BASE) == made


def test_html_too_tangled_to_come_to_rest_goes_out_as_text() -> None:
    tangled = "<a>" + "<div>" * 100 + "<marquee><a>本文 &lt;1&gt;"
    assert html(tangled, BASE) == "本文 &lt;1&gt;"
    assert html(html(tangled, BASE), BASE) == html(tangled, BASE)


@pytest.mark.parametrize(
    "kept",
    [
        '<figure><picture><source srcset="https://e.jp/a.webp 2x" type="image/webp"><img src="https://e.jp/a.png"></picture><figcaption>写真：防衛省</figcaption></figure>',
        "<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>",
        '<table><caption>表</caption><tbody><tr><th scope="row">一</th><td colspan="2">二</td></tr></tbody></table>',
        "<details><summary>続き</summary><p>本文</p></details>",
        '<p lang="en"><del datetime="2024-04-28">old</del> <ins>new</ins> <time datetime="2024-04-28">4/28</time></p>',
        '<abbr title="自衛隊">SDF</abbr><ol start="3"><li>三</li></ol><blockquote cite="https://e.jp/">引用</blockquote>',
    ],
)
def test_what_authors_need_is_kept(kept: str) -> None:
    assert html(kept, BASE) == kept


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (
            '<p>前</p><iframe src="//www.youtube.com/embed/x?a=1&b=2" title="動画 <1>"><b>no</b></iframe>',
            '<p>前</p><a href="https://www.youtube.com/embed/x?a=1&amp;b=2">動画 &lt;1&gt;</a>',
        ),
        ("<object><embed src='https://e.jp/v'></object>", '<a href="https://e.jp/v">https://e.jp/v</a>'),
        ("<iframe src='javascript:x'>no</iframe><iframe srcdoc='<p>x'></iframe>本文", "本文"),
        (
            "<audio controls src='https://e.jp/a.mp3' title='録音'>no</audio>",
            '<audio src="https://e.jp/a.mp3" title="録音">no</audio><a href="https://e.jp/a.mp3">録音</a>',
        ),
        (
            "<video controls><source src='https://e.jp/v.mp4'> src=\"x\"</video>",
            '<video><source src="https://e.jp/v.mp4"> src="x"</video><a href="https://e.jp/v.mp4">https://e.jp/v.mp4</a>',
        ),
        ('<img src="https://e.jp/a" alt="<iframe src=x>">', '<img src="https://e.jp/a" alt="&lt;iframe src=x&gt;">'),
    ],
)
def test_what_a_reader_may_not_show_can_still_be_opened(value: str, made: str) -> None:
    assert html(value, BASE) == made
    assert html(made, BASE) == made


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("A & B <試験>", "A & B <試験>"),
        ("&#8220;米国&#8221;&hellip;&nbsp;&amp;", "“米国”… &"),
        ("<b>A</b> &amp;lt;b&amp;gt;", "A &lt;b&gt;"),
        ("<p>一</p><p>二</p>三<br>四<td>五", "一 二 三 四五"),
        ("強<b>調</b>さ", "強調さ"),
        ("前<script>x</script><style>y</style><!-- z -->後", "前後"),
        ("<ruby>漢字<rp>（</rp><rt>かんじ</rt><rp>）</rp></ruby>と<ruby>振<rt>ふ</ruby>", "漢字(かんじ)と振(ふ)"),
        ("  4/28更新　｜\n追記 ", "4/28更新　｜ 追記"),
        ("<![CDATA[x]]>", "<![CDATA[x]]>"),
        ("a&#1;b&#xfffe;", "ab\ufffd"),
    ],
)
def test_html_is_read_as_plain_text_decoded_once(value: str, read: str) -> None:
    assert plain_text(value) == read


@given(MARKUP)
@LAW
def test_plain_text_is_one_legal_line(value: str) -> None:
    read = plain_text(value)
    assert not broken(read)
    assert read == read.strip()
    assert "\n" not in read


# ---------------------------------------------------------------- what WordPress's blocks say


@pytest.mark.parametrize("tag", ["p", "div"])
def test_an_address_that_stands_alone_is_a_link(tag: str) -> None:
    said = f"<{tag} class='wp-block-embed__wrapper'>\nhttps://www.youtube.com/watch?v=a&#038;t=3\n</{tag}>"
    address = "https://www.youtube.com/watch?v=a&amp;t=3"
    assert html(said, BASE) == f'<{tag}><a href="{address}">{address}</a></{tag}>'
    assert html(html(said, BASE), BASE) == html(said, BASE)


@pytest.mark.parametrize("said", ["<p>https://a.example b</p>", "<p>javascript:alert(1)</p>", "<p>https://</p>"])
def test_what_is_no_address_alone_stays_text(said: str) -> None:
    assert "<a" not in html(said, BASE)


def test_a_frame_that_repeats_the_link_before_it_is_left_out() -> None:
    said = (
        '<blockquote class="wp-embedded-content"><a href="/a/">別の記事</a></blockquote>'
        '<iframe class="wp-embedded-content" src="/a/embed/#?secret=x1" title="別の記事"></iframe>'
    )
    assert html(said, BASE).count("<a ") == 1


def test_a_gallery_keeps_its_pictures_and_captions() -> None:
    said = (
        '<figure class="wp-block-gallery"><figure class="wp-block-image"><img src="/a.jpg" alt="離陸">'
        '<figcaption class="wp-element-caption">三沢</figcaption></figure>'
        '<figcaption class="blocks-gallery-caption">全体</figcaption></figure>'
    )
    clean = html(said, BASE)
    assert 'alt="離陸"' in clean
    assert "<figcaption>三沢</figcaption></figure><figcaption>全体</figcaption>" in clean
