"""What waits for a script is there at once, one picture once, and what is fine stays as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedpub.clean import html, without
from feedpub.clean.lazy import waits
from feedpub.clean.urls import largest

LAW = settings(max_examples=60, deadline=None)  # a busy machine is no failure

BASE = "https://e.jp/1/"
COPY = '<noscript><img src="{0}" alt="図"></noscript>'
EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACw="

LOADERS = (
    # one that waits for nothing, and then as script libraries and WordPress plugins write it
    '<img src="{0}" alt="図">',
    '<img class="lazyload" data-src="{0}" alt="図">',
    f'<img class="b-lazy" src="{EMPTY}" data-src="{{0}}" alt="図">',
    f'<img src="{EMPTY}" data-src="{{0}}">{COPY}',
    f'{COPY}<img class="lazyload" src="{EMPTY}" data-src="{{0}}" alt="図">',
    '<img src="{0}" class="jetpack-lazy-image" data-lazy-src="{0}?is-pending-load=1" srcset="data:image/gif;base64,AA">'
    + COPY,
    '<img src="/plugins/a3-lazy-load/lazy_placeholder.gif" data-lazy-type="image" data-src="{0}" alt="図">' + COPY,
    '<img src="/dummy.gif" data-layzr="{0}"><NOSCRIPT><img src="{0}" alt="図"></NOSCRIPT>',
    '<img src="/1x1.trans.gif"> ' + COPY,
    '<figure><img data-src="{0}" alt="図"><figcaption>写真</figcaption>' + COPY + "</figure>",
    '<noscript><figure><img src="{0}" alt="図"></figure></noscript>',
    (
        '<picture><source data-srcset="{0}.webp" type="image/webp"><img data-src="{0}" alt="図"></picture>'
        '<noscript><picture><source srcset="{0}.webp"><img src="{0}" alt="図"></picture></noscript>'
    ),
    '<figure><img class="lazy" src="https://proxy.example/w_32{0}" data-src="https://proxy.example/w_900{0}"></figure>'
    + COPY,
    "<img src=/a/loading.svg data-srcset='/small.jpg 300w, {0} 900w' data-sizes=auto alt=図>",
)
BETWEEN = ("", "\n", "<br>", "</p><p>", "本文", "<li>", "<noscript>動かない</noscript>", "<figure>")


@given(st.lists(st.tuples(st.sampled_from(LOADERS), st.sampled_from(BETWEEN)), max_size=6))
@LAW
def test_every_picture_comes_out_once_and_in_its_place(written: list[tuple[str, str]]) -> None:
    pictures = [f"/f/{number}.jpg" for number in range(len(written))]
    made = html("".join(how.format(it) + gap for it, (how, gap) in zip(pictures, written, strict=True)), BASE)
    shown = re.findall(r'<img [^>]*?src="https://e\.jp([^"?]*)', made)
    assert [one.replace("proxy.example/w_900", "") for one in shown] == pictures
    assert made.count("<img ") == made.count('alt="図"') == len(pictures)
    assert html(made, BASE) == made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (
            f"<img src='{EMPTY}' data-src=a.jpg data-srcset='a.jpg, b.jpg 2x' data-sizes=9vw>",
            '<img src="https://e.jp/1/a.jpg" srcset="https://e.jp/1/a.jpg, https://e.jp/1/b.jpg 2x" sizes="9vw">',
        ),
        (
            "<img src=/a.jpg srcset='data:image/gif;base64,AA 1w' data-srcset='/b.jpg 900w' data-sizes=auto>",
            '<img src="https://e.jp/a.jpg" srcset="https://e.jp/b.jpg 900w">',
        ),
        (
            "<img class=lazy src=/s.jpg srcset='/s.jpg 1x' data-src=/a.jpg data-srcset='/a.jpg 1x'>",
            '<img src="https://e.jp/a.jpg" srcset="https://e.jp/a.jpg 1x">',
        ),
        (
            "<img data-src=/a-300x200.jpg>文<noscript><img src=/a.jpg alt=図></noscript>",
            '<img src="https://e.jp/a-300x200.jpg" alt="図">文',
        ),
        (
            "<img src=/blank.gif>文<noscript><img src=/a.jpg></noscript>",
            '<img src="https://e.jp/blank.gif">文<img src="https://e.jp/a.jpg">',
        ),
        # None of these is an address: what there was stays.
        ("<img src=/blank.gif data-src='javascript:x' alt=図>", '<img src="https://e.jp/blank.gif" alt="図">'),
        (f"前<img src='{EMPTY}' data-src='data:x,y'>後", "前後"),
        # What a script library says in the same words on a picture that is there.
        ("<img src=/a.jpg data-src=/large.jpg data-srcset='/l.jpg 2x'>", '<img src="https://e.jp/a.jpg">'),
        ("<img src=/a.jpg class='skip-lazy x' data-src=/b.jpg>", '<img src="https://e.jp/a.jpg">'),
        ("<img src=/a.jpg class=lazyloaded data-src=/b.jpg>", '<img src="https://e.jp/a.jpg">'),
        ("<img src=/a.jpg loading=lazy data-id=3>", '<img src="https://e.jp/a.jpg" loading="lazy">'),
        ("<img src=/blank.gif>", '<img src="https://e.jp/blank.gif">'),
        ("<img src=/white-house.jpg data-src=/b.jpg>", '<img src="https://e.jp/white-house.jpg">'),
        ("<pre>&lt;img data-src=x&gt; &lt;noscript&gt;</pre>", "<pre>&lt;img data-src=x&gt; &lt;noscript&gt;</pre>"),
        (
            "<iframe data-lazy-src='//v.jp/7'></iframe><noscript><iframe src='//v.jp/7'></iframe></noscript>",
            '<a href="https://v.jp/7">https://v.jp/7</a>',
        ),
        (
            "<video controls data-poster=p.jpg><source data-src=v.mp4></video>",
            (
                '<video poster="https://e.jp/1/p.jpg"><source src="https://e.jp/1/v.mp4"></video>'
                '<a href="https://e.jp/1/v.mp4">https://e.jp/1/v.mp4</a>'
            ),
        ),
    ],
)
def test_what_a_script_would_load_is_there_and_what_is_fine_stays(value: str, made: str) -> None:
    assert html(value, BASE) == made
    assert html(made, BASE) == made


@pytest.mark.parametrize(
    "inside",
    [
        "<img width=1 height=1 src='https://count.example/tr.gif?id=1'>",
        "<img style='display:none' alt=x src='https://count.example/a.gif'>",
        "<p><img src='//count.example/matomo.php?idsite=1' style='border:0' alt=''></p>",
        "<div><img src='//count.example/watch/1' style='position:absolute; left:-9999px' alt=x></div>",
        "<iframe src='https://count.example/ns.html' height=0 width=0></iframe>",
        "<iframe><img src='https://count.example/a.jpg'></iframe>",
        "<!-- <img src='https://count.example/a.jpg'> --> 動かない",
        "<p title='<img src=https://count.example/a.jpg>'>x</p>",
        "",
    ],
)
def test_of_a_noscript_only_pictures_for_readers_come_out(inside: str) -> None:
    assert html(f"前<noscript>{inside}</noscript>後", BASE) == "前後"


def test_what_hides_in_a_noscript_is_as_safe_as_the_rest() -> None:
    hidden = "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"><img src='javascript:x' alt=図>"
    assert html(hidden, BASE) == '<img src="https://e.jp/1/x">"&gt;'
    assert html("<noscript><img src='/a.jpg' onerror='x()' alt='\"><script>x()</script>'>", BASE) == (
        '<img src="https://e.jp/a.jpg" alt="&quot;&gt;&lt;script&gt;x()&lt;/script&gt;">'
    )


def test_most_html_waits_for_nothing_and_is_read_once() -> None:
    assert not waits('<p data-id="3">本文<img src="/a.jpg" loading="lazy" data-orig-file="/a.jpg" data-large-file="x">')
    assert waits("<NoScript>")
    assert waits("<img data-LAZY-src=x>")


def test_the_largest_of_a_srcset_is_found() -> None:
    assert largest("a.png, b.png 1.5x, c.png 0.5x", BASE) == "https://e.jp/1/b.png"
    assert largest("a.png 300w 9999h, b.png 900w", BASE) == "https://e.jp/1/b.png"
    assert largest("data:x,y 2x", BASE) == largest("", BASE) == ""


def test_what_waits_for_a_script_is_there_too_where_something_is_dropped() -> None:
    lazily = (
        '<div class="share">共有</div><img src="data:image/gif;base64,R0" data-src="https://a.example/1.jpg">'
        '<noscript><img src="https://a.example/2.jpg" alt="写真" width="300"></noscript>'
    )
    assert html(without(lazily, (".share",)), "https://a.example/") == (
        '<img src="https://a.example/1.jpg"><img src="https://a.example/2.jpg" alt="写真" width="300">'
    )
