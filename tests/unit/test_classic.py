"""The classic editor's text as WordPress shows it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.stores.imports.classic import html

CASES = {
    "a blank line parts paragraphs": ("一\n\n二", "<p>一</p>\n<p>二</p>"),
    "more blank lines are one": ("一\n \n\t\n\n二", "<p>一</p>\n<p>二</p>"),
    "a line end breaks a line": ("一\n二", "<p>一<br />\n二</p>"),
    "a break that is there is not doubled": ("一<br>\n二<br/>\n三", "<p>一<br />\n二<br />\n三</p>"),
    "Windows and old Mac line ends": ("一\r\n\r\n二\r三", "<p>一</p>\n<p>二<br />\n三</p>"),
    "nothing": (" \n\n ", ""),
    "inline elements stay inside": ("a <b>b</b>\n<i>c</i>", "<p>a <b>b</b><br />\n<i>c</i></p>"),
    "a tag over two lines": ('<a\nhref="x">y</a>', '<p><a\nhref="x">y</a></p>'),
    "a heading": ("前\n<h2>見出し</h2>\n後", "<p>前</p><h2>見出し</h2><p>後</p>"),
    "a list": ("<ul>\n\t<li>a</li>\n\t<li>b\nc</li>\n</ul>", "<ul>\n\t<li>a</li>\n\t<li>b<br />\nc</li>\n</ul>"),
    "a list item with paragraphs": ("<ul><li>a\n\nb</li></ul>", "<ul><li><p>a</p>\n<p>b</p></li></ul>"),
    "list items never closed": ("<ul><li>a<li>b</ul>\nc", "<ul><li>a<li>b</ul><p>c</p>"),
    "a table": (
        "<table>\n<tr>\n<td>a\nb</td>\n</tr>\n</table>",
        "<table>\n<tr>\n<td>a<br />\nb</td>\n</tr>\n</table>",
    ),
    "a quotation": ("<blockquote>引用</blockquote>", "<blockquote><p>引用</p></blockquote>"),
    "a division": ("<div>a</div>", "<div>a</div>"),
    "a division with paragraphs": ("<div>\n\na\n\n</div>", "<div><p>a</p></div>"),
    "a rule": ("a\n<hr />\nb", "<p>a</p><hr /><p>b</p>"),
    "pre stays as it is": ("<pre>a\n\n  <div>\nb</pre>\nc", "<pre>a\n\n  <div>\nb</pre><p>c</p>"),
    "a script stays as it is": ("<script>\nif (a) {\n\n}\n</script>", "<script>\nif (a) {\n\n}\n</script>"),
    "an element whose name begins like a block's": ("<picture-x>a\nb", "<p><picture-x>a<br />\nb</p>"),
    "paragraphs that are there": ("<p>a\nb</p>\n\n<p>c</p>", "<p>a<br />\nb</p>\n\n<p>c</p>"),
    "a paragraph never closed": ("<p>a\n<p>b\n<div>c</div>", "<p>a<p>b<div>c</div>"),
    "a closing tag of nothing": ("a</div>\nb", "<p>a</p></div><p>b</p>"),
    "the fold and the page break": ("a\n<!--more 続き-->\nb<!--nextpage-->c", "<p>a</p>\n<p>b</p>\n<p>c</p>"),
    "an address alone": (
        "https://example.com/?a=1&amp;b=2",
        '<p><a href="https://example.com/?a=1&amp;b=2">https://example.com/?a=1&amp;b=2</a></p>',
    ),
    "a caption": (
        '[caption id="a" width="9"]<a href="b"><img src="c" /></a> 撮影：佐藤[/caption]',
        '<figure><a href="b"><img src="c" /></a><figcaption>撮影：佐藤</figcaption></figure>',
    ),
    "a caption of old": (
        '[caption width="9" caption="撮影：佐藤"]<img src="c" />[/caption]',
        '<figure><img src="c" /><figcaption>撮影：佐藤</figcaption></figure>',
    ),
    "a caption of nothing": ("[caption]<img src='c'>[/caption]", "<figure><img src='c'></figure>"),
    "a caption without a picture": ("[caption]a[/caption]", "<p>a</p>"),
    "a gallery": ('a\n[gallery ids="1,2"]\nb', "<p>a</p>\n<p>b</p>"),
    "a player": (
        'a [audio src="https://example.com/a.mp3"][/audio]',
        '<p>a</p>\n<p><a href="https://example.com/a.mp3">https://example.com/a.mp3</a></p>',
    ),
    "an embed": (
        "[embed]https://example.com/v[/embed]",
        '<p><a href="https://example.com/v">https://example.com/v</a></p>',
    ),
    "brackets that mean nothing": ("[simple boat] [audio] [gallery", "<p>[simple boat] [audio] [gallery</p>"),
}


@pytest.mark.parametrize(("classic", "shown"), CASES.values(), ids=CASES.keys())
def test_the_text_becomes_what_wordpress_shows(classic: str, shown: str) -> None:
    assert html(classic) == shown


MARKUP = st.sampled_from(
    ["<p>", "</p>", "<ul>", "<li>", "</ul>", "<div class='a'>", "</div>", "<pre>", "</pre>", "<b>", "</b>", "<br>", "<",
     ">", "[", "]", "<td", "</", "<!--", "-->", "\n", "\n\n", " ", "日本", "x"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(MARKUP, max_size=40).map("".join))
def test_nothing_that_is_said_is_lost_and_nothing_added(classic: str) -> None:
    def words(markup: str) -> str:
        return re.sub(r"<br ?/?>|</?p>|\s", "", markup)

    assert words(html(classic)) == words(classic)


@settings(max_examples=150)
@given(st.lists(MARKUP, max_size=40).map("".join))
def test_html_with_its_paragraphs_comes_back_the_same(classic: str) -> None:
    once = html(classic)
    assert html(once) == once


@settings(max_examples=100)
@given(st.lists(st.text("日本語ab ", min_size=1).filter(str.strip), min_size=1).map("\n\n".join))
def test_plain_paragraphs_come_back_the_same(classic: str) -> None:
    assert html(html(classic)) == html(classic)


@pytest.mark.parametrize(
    "piece", ["<div ", "[caption ", "<!--", "<pre>", "[audio ", "\n \n", "<p>", "</div>", "<li>", "<"]
)
def test_a_tangle_takes_no_longer_than_its_length(piece: str) -> None:
    began = time.process_time()
    html(piece * 20_000 + "</ul>" * 20_000)
    assert time.process_time() - began < 6
