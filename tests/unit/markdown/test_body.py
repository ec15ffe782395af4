"""Markdown, shortcodes and Liquid -> HTML."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.stores.markdown.body import divided, render
from feedpub.stores.markdown.shortcodes import without

FIGURE = '<figure><img src="a.jpg" alt="機体"><figcaption>F-35 航空自衛隊</figcaption></figure>'


def html(text: str) -> str:
    return render(text, markdown=True)[0]


def test_markdown_with_tables_footnotes_definitions_and_html() -> None:
    made = html("# 題\n\n~~旧~~ **新**[^1]\n\n| a |\n|---|\n| 1 |\n\n語\n: 説明\n\n<b>x</b>\n\n[^1]: 注\n")
    for piece in ("<h1>題</h1>", "<s>旧</s>", "<strong>新</strong>", "<td>1</td>", "<dd>説明</dd>", "<b>x</b>", "注"):
        assert piece in made


@pytest.mark.parametrize(
    "text",
    [
        '{{< figure src="a.jpg" alt="機体" caption="F-35" attr="航空自衛隊" >}}',
        '{{% figure src="a.jpg" alt="機体" caption="F-35" attr="航空自衛隊" %}}',
        "{{<figure src='a.jpg' alt=`機体` title=F-35 attr=航空自衛隊>}}",
        '{% include figure.html src="a.jpg" alt="機体" caption="F-35 航空自衛隊" %}',
        '{%- figure url="a.jpg" alt="機体" caption="F-35 航空自衛隊" -%}',
        '{% image "a.jpg" alt="機体" caption="F-35 航空自衛隊" %}',
    ],
)
def test_a_figure_is_an_image_with_its_credit(text: str) -> None:
    assert without(f"前{text}後") == f"前{FIGURE}後"


def test_a_figure_on_its_own_line_ends_before_the_next_paragraph() -> None:
    assert html('{{< figure src="a.jpg" >}}\n**後**') == (
        '<figure><img src="a.jpg" alt=""></figure>\n<p><strong>後</strong></p>\n'
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a {{< toc >}} b", "a  b"),
        ("{{< note >}}注{{< /note >}}", "注"),
        ("{% include ad.html %}x", "x"),
        ("{% assign a = 1 %}x{% if a %}y{% endif %}", "xy"),
        ("{% comment %}geheim{% endcomment %}x", "x"),
        ("{{ page.title }}x", "x"),
        ("![]({{ site.baseurl }}/a.jpg)", "![](/a.jpg)"),
        ("![]({{ '/a.jpg' | relative_url }})", "![](/a.jpg)"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ('{{</* figure src="a.jpg" */>}}', '{{< figure src="a.jpg" >}}'),
        ("`{{ x }}` {{ y }}", "`{{ x }}` "),
        ("```\n{{ x }}\n{% y %}\n```\n{{ z }}", "```\n{{ x }}\n{% y %}\n```\n"),
        ("~~~ yaml\nrun: ${{ secrets.X }}\n~~~\n", "~~~ yaml\nrun: ${{ secrets.X }}\n~~~\n"),
        ("```\n{% raw %}{{ x }}{% endraw %}\n```", "```\n{{ x }}\n```"),
        ("![a](b.jpg){: .wide}", "![a](b.jpg)"),
        ("## 題 {#anchor .x}\n本文", "## 題\n本文"),
        ("値は { x } と {y}", "値は { x } と {y}"),
        ("{{< figure >}}", ""),
        ('{% include figure.html src="{{ x }}" %}', ""),
        ("100 % と 50 %", "100 % と 50 %"),
    ],
)
def test_what_cannot_be_worked_out_is_left_out(text: str, left: str) -> None:
    assert without(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "{% highlight ruby %}\na < b *c*\n{% endhighlight %}",
        "{% highlight ruby linenos %}\na < b *c*\n{% endhighlight %}",
        '{{< highlight ruby "linenos=true" >}}\na < b *c*\n{{< /highlight >}}',
    ],
)
def test_code_stays_code(text: str) -> None:
    assert html(text) == '<pre><code class="language-ruby">a &lt; b *c*\n</code></pre>\n'


def test_a_video_is_a_link() -> None:
    link = '<a href="https://www.youtube.com/watch?v=abc">'
    assert link in html("{{< youtube abc >}}")
    assert link in html('{{< youtube id="abc" autoplay="true" >}}')


def test_what_a_shortcode_says_is_escaped() -> None:
    made = without('{{< figure src="a.jpg" alt="\\"><script>" caption="<b>" >}}')
    assert '<img src="a.jpg" alt="&quot;&gt;&lt;script&gt;">' in made
    assert "<figcaption>&lt;b&gt;</figcaption>" in made


@pytest.mark.parametrize("mark", ["<!--more-->", "<!-- more -->", "<!-- excerpt -->", "<!--EXCERPT-->"])
def test_a_mark_divides(mark: str) -> None:
    assert divided(f"a{mark}b") == ("a", "b")
    assert divided("ab") == ("", "ab")


@given(st.text(alphabet=st.sampled_from("{}%<>`~\n \"'=/*ab:#-|"), max_size=60))
def test_any_text_is_rendered_and_one_without_braces_stays_as_it_is(text: str) -> None:
    assert isinstance(html(text), str)
    plain = text.replace("{", "")
    assert without(plain) == plain


@pytest.mark.parametrize(
    "piece", ["[", "![", "`a ", "{{", "{%", "{{< ", "```\n", "<!--", "{% raw %}", "*a_", '{{< a="']
)
def test_twenty_thousand_signs_do_not_take_for_ever(piece: str) -> None:
    before = time.process_time()
    html(piece * (20_000 // len(piece)))
    assert time.process_time() - before < 2
