"""Laws of the notice: it fits, the link is whole, and the author's words come first."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import ClassVar
from unicodedata import is_normalized

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from feedpub.errors import ComposeError
from feedpub.model import Action, Article, Category, Image, Measure, Notice, Site, Span
from feedpub.networks.base import Network
from feedpub.notices.compose import check_template, compose, draft, key_of
from feedpub.notices.words import words

NOW = datetime(2026, 4, 28, 9, tzinfo=UTC)
LINK = "https://example.jp/%E8%A8%98%E4%BA%8B/1"
SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")
CATEGORIES = (Category("blog", "7", "米国関連", "us"),)
MORE = Category("blog", "8", "海自衛隊", "jmsdf")
HEADLINE = "海上自衛隊の新型護衛艦「もがみ」型8番艦が就役、防衛省が23日発表した。"
ARTICLE = Article(
    store="blog",
    id="1",
    guid="https://example.jp/?p=1",
    url=LINK,
    title=HEADLINE,
    summary="8番艦が引き渡された。",
    content="<p>本文</p>",
    published=NOW,
    updated=NOW,
    categories=("7",),
    tags=("海自", "護衛艦", "もがみ"),
    authors=("佐々木",),
    images=(Image("https://example.jp/1.jpg", "艦影", "海上自衛隊", "CC BY 4.0"),),
)
BRIEF = replace(ARTICLE, url="", title="", summary="", content="<p>短い話題</p>", tags=(), authors=(), images=())
DEFAULT = "{{ headline }}\n{{ url }}"
TEMPLATES = [
    DEFAULT,
    "{{ headline }}{{ url }}",
    "{{ url }}{{ headline }}",
    "{{ notice or title }} {{ url }} #記事",
    "{{ url }}\n{{ title }}\n{{ notice }}",
    "【{{ site.title }}】{{ headline }}\n\n{{ summary }}\n\n{% for tag in tags %}#{{ tag }} {% endfor %}\n{{ url }}",
]


class Board(Network):
    """A network that counts graphemes, as Mastodon does but for links."""

    kind: str = "board"
    most: int = 500

    def measure(self, text: str) -> Measure:
        return Measure(len(regex.findall(r"\X", text)), self.most, "graphemes")


class Receiver(Board):
    writes_json: ClassVar[bool] = True
    template: str = '{"text": {{ headline | tojson }}, "a": 1.5}'


def board(template: str = DEFAULT, most: int = 500) -> Board:
    return Board(name="board", template=template, most=most)


def say(
    article: Article, target: Network, *, action: Action = Action.ANNOUNCE, categories: Sequence[Category] = CATEGORIES
) -> Notice:
    return compose(article, target, action=action, revision=3, key="msg_1", now=NOW, categories=categories, site=SITE)


def said(template: str, article: Article = ARTICLE, most: int = 500) -> str:
    return say(article, board(template, most)).text


def refusal(template: str, article: Article = ARTICLE, most: int = 500) -> str:
    with pytest.raises(ComposeError) as refused:
        said(template, article, most)
    return str(refused.value)


PIECES = [
    *"海自の艦。、「」『』（）ーっ…A1 .%\n\r\t\x00\u202e\u3000\u3099\u0301\u0600",
    "葛\U000e0100",
    "👨‍👩‍👧‍👦",
    "🇯🇵",
    LINK,
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=80).map("".join) | st.text(max_size=80)


@st.composite
def articles(draw: st.DrawFn) -> Article:
    """Any article that begins with a letter."""
    return replace(
        ARTICLE,
        title="速" + draw(TEXTS),
        notice=draw(st.just("") | TEXTS.map("急{}".format)),
        summary=draw(TEXTS),
        tags=tuple(draw(st.lists(TEXTS, max_size=4))),
    )


# ---------------------------------------------------------------- laws


@given(articles(), st.sampled_from(TEMPLATES), st.integers(len(LINK) + 25, 200))
def test_any_article_fits_with_its_link_whole(article: Article, template: str, most: int) -> None:
    target = board(template, most)
    text = say(article, target).text
    assert target.measure(text).fits
    assert LINK in text
    assert is_normalized("NFC", text)
    assert text == text.strip()
    assert not regex.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\n\n\n|[ \t]\n", text)


@given(articles(), st.integers(len(LINK) + 8, 200))
def test_a_headline_is_said_from_its_beginning_and_no_grapheme_is_cut(article: Article, most: int) -> None:
    headline = words(article.notice) or regex.sub(r"[ \t\n]+", " ", words(article.title))
    assume("\n" not in headline)
    shown = say(article, board(DEFAULT, most)).text.removesuffix(f"\n{LINK}")
    if LINK not in headline and shown != headline:
        kept = shown[: shown.rindex("…")]
        assert headline.startswith(kept)
        assert len(kept) in set(accumulate(map(len, regex.findall(r"\X", headline))))


@given(articles(), st.sampled_from(TEMPLATES))
def test_the_same_article_says_the_same(article: Article, template: str) -> None:
    assert say(article, board(template, 80)) == say(article, board(template, 80))


@given(articles())
def test_any_article_makes_valid_json(article: Article) -> None:
    body = say(article, Receiver(name="hook", most=1000)).text
    assert json.loads(body)["text"] == words(article.notice) or json.loads(body)["text"].startswith("速")
    assert body == json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))


@given(st.text(), st.text(), st.sampled_from(list(Action)), st.integers(0), st.integers(0, 3))
def test_a_key_is_one_duty_in_ascii(guid: str, target: str, action: Action, revision: int, retractions: int) -> None:
    key = key_of(guid, target, action, revision, retractions=retractions)
    assert regex.fullmatch(r"msg_[0-9a-f]{32}", key)
    assert key == key_of(guid, target, action, revision, retractions=retractions)
    others = [
        key_of(guid + "x", target, action, revision, retractions=retractions),
        key_of(guid, target + "x", action, revision, retractions=retractions),
        key_of(guid, target, action, revision + 1, retractions=retractions),
        key_of(guid, target, action, revision, retractions=retractions + 1),
    ]
    assert key not in others


def test_a_key_outlives_the_program() -> None:
    assert (
        key_of("https://example.jp/?p=1", "discord_news", Action.ANNOUNCE, 1) == "msg_73a7caf31ef387e83eb4a3de690d969a"
    )


# ---------------------------------------------------------------- what stands where


def spanned(notice: Notice) -> list[tuple[str, str, str]]:
    return [(span.kind, notice.text[span.start : span.end], span.value) for span in notice.spans]


@given(articles(), st.sampled_from(TEMPLATES), st.integers(len(LINK) + 40, 200))
def test_every_span_stands_where_it_says(article: Article, template: str, most: int) -> None:
    target = Board(name="board", template=template + "\n{{ hashtags }}", hashtags={"us": ("米軍", "F35")}, most=most)
    notice = say(article, target)
    assert ("link", LINK, LINK) in spanned(notice)
    assert all(text == (f"#{value}" if kind == "tag" else value) for kind, text, value in spanned(notice))
    ends = [place for span in notice.spans for place in (span.start, span.end)]
    assert ends == sorted(ends)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ title }}{{ hashtags }}{{ url }}", f"題 #米軍 #F35 {LINK}"),
        ("{% for one in hashtags %}{{ one }}{% endfor %}の話 {{ url }}", f"#米軍 #F35 の話 {LINK}"),
        ("{{ title ~ url }}", f"題 {LINK}"),
        ("（{{ url }}）", f"（ {LINK} ）"),
        ("「{{ hashtags }}」 {{ url }}?utm_source=x", f"「#米軍 #F35」 {LINK}?utm_source=x"),
        ("{{ url }}\n{{ title }} {{ url }}", f"{LINK}\n題 {LINK}"),
    ],
)
def test_atoms_stand_apart_however_a_template_writes_them(template: str, text: str) -> None:
    target = Board(name="board", template=template, by_category={"米国関連": {"hashtags": ["米軍", "F-35"]}})
    notice = say(replace(ARTICLE, title="題"), target)
    assert notice.text == text
    told = [f"#{span.value}" if span.kind == "tag" else span.value for span in notice.spans]
    assert told == [word for word in text.replace("「", " ").replace("」", " ").split() if word[0] in "#h"]


def test_hashtags_go_one_by_one_before_the_headline_is_cut() -> None:
    def tagged(most: int) -> str:
        return say(ARTICLE, Board(name="board", hashtags={"us": ("米軍", "護衛艦")}, most=most)).text

    whole = f"{HEADLINE}\n{LINK}\n#米軍 #護衛艦"
    assert tagged(len(whole)) == whole
    assert tagged(len(whole) - 1) == f"{HEADLINE}\n{LINK}\n#米軍"
    assert tagged(len(HEADLINE) + len(LINK) + 1) == f"{HEADLINE}\n{LINK}"


def test_a_prefix_stays_whole_before_a_cut_headline_and_a_reply_says_that_it_corrects() -> None:
    target = Board(name="board", prefix="【速報】", most=60)
    assert say(ARTICLE, target).text.startswith("【速報】海上自衛隊の")
    assert say(ARTICLE, target, action=Action.REPLY).text.startswith("【訂正】【速報】海上自衛隊")
    english = replace(ARTICLE, language="en-GB", title="A new frigate")
    assert say(english, Board(name="board"), action=Action.REPLY).text == f"Correction: A new frigate\n{LINK}"


def test_a_links_parameters_are_added_to_those_it_has() -> None:
    target = Board(name="board", template="{{ url }}", link_params={"utm_source": "x", "p": "9"})
    notice = say(replace(ARTICLE, url="https://example.jp/?p=1#top"), target)
    assert notice.text == notice.link == "https://example.jp/?p=1&utm_source=x#top"
    assert say(BRIEF, Board(name="board", link_params={"a": "b"})).link == ""


def test_a_person_may_say_it_in_other_words() -> None:
    article = replace(ARTICLE, notice="筆者")
    told = draft(
        article, board(), action=Action.ANNOUNCE, key="k", categories=CATEGORIES, site=SITE, said_instead="管理者の言葉"
    )
    assert told.text == f"管理者の言葉\n{LINK}"


def test_a_draft_tells_what_there_would_be_without_a_limit() -> None:
    told = draft(ARTICLE, board(most=50), action=Action.ANNOUNCE, key="k", categories=CATEGORIES, site=SITE)
    assert told.whole == f"{HEADLINE}\n{LINK}"
    assert told.text != told.whole
    assert told.measure.used <= told.measure.limit == 50


# ---------------------------------------------------------------- what is said


def test_a_notice_carries_what_a_network_may_need() -> None:
    assert say(ARTICLE, board(), action=Action.CORRECT) == Notice(
        target="board",
        action=Action.CORRECT,
        article="1",
        guid=ARTICLE.guid,
        revision=3,
        key="msg_1",
        at=NOW,
        text=f"{HEADLINE}\n{LINK}",
        link=LINK,
        title=HEADLINE,
        summary="8番艦が引き渡された。",
        image=ARTICLE.images[0],
        language="ja",
        spans=(Span(len(HEADLINE) + 1, len(HEADLINE) + 1 + len(LINK), "link", LINK),),
    )


def test_the_authors_own_words_are_the_headline() -> None:
    article = replace(ARTICLE, notice="もがみ型、\r\n8隻めが就役しました")
    assert said(DEFAULT, article) == f"もがみ型、\n8隻めが就役しました\n{LINK}"


def test_a_brief_speaks_its_text() -> None:
    assert said(DEFAULT, BRIEF) == "短い話題"
    assert said(DEFAULT, replace(BRIEF, url=LINK)) == f"短い話題\n{LINK}"
    assert said(DEFAULT, replace(BRIEF, content="", summary="要約だけ")) == "要約だけ"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ title }} {{ site.title }} {{ site.url }}", f"{HEADLINE} 航空ニュース https://example.jp/"),
        ("{{ categories | join('・') }}: {{ tags | first }}", "米国関連・海自衛隊: 海自"),
        ("{{ authors[0] }} {{ image.alt }} {{ image.credit }} {{ image.license }}", "佐々木 艦影 海上自衛隊 CC BY 4.0"),
        ("{{ published }}", "2026-04-28T18:00:00+09:00"),
        ("{{ updated.strftime('%m/%d') }}更新｜{{ id }}", "04/28更新｜1"),
        ("{{ guid }} {{ language }} {{ action }} {{ key }}", "https://example.jp/?p=1 ja announce msg_1"),
    ],
)
def test_a_template_speaks_of_the_article(template: str, text: str) -> None:
    article = replace(ARTICLE, categories=("7", "8"))
    assert say(article, board(template), categories=(*CATEGORIES, MORE)).text == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ headline }}\n{{ summary }}\n{{ url }}\n", "短い話題"),
        ("{{ summary }} {{ headline }}", "短い話題"),
        ("{{ headline }} {{ summary }} {{ url }} 以上", "短い話題 以上"),
        ("{% if url %}\n{{ url }}\n{% endif %}\n{{ headline }}", "短い話題"),
        ("{% for tag in tags %}#{{ tag }} {% endfor %}\n{{ headline }}\n{{ id }}", "短い話題\n1"),
        ("{% set name = headline %}\n{{ name }}\n\n{{ summary }}\n\n{{ id }}", "短い話題\n\n1"),
        ("{{ headline }}\n\n{{ id }}", "短い話題\n\n1"),
    ],
)
def test_what_is_empty_leaves_no_hole(template: str, text: str) -> None:
    assert said(template, BRIEF) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ title }}{{ url }}", f"海自 {LINK}"),
        ("{{ title }}\u3000{{ url }}", f"海自\u3000{LINK}"),
        ("（{{ url }}）", f"（ {LINK} ）"),
        ("F-35B{{ url }}", f"F-35B {LINK}"),
        ("<{{ url }}|{{ title }}>", f"<{LINK}|海自>"),
        ("[{{ title }}]({{ url }})", f"[海自]({LINK})"),
        ("{{ url }}?utm_source=board", f"{LINK}?utm_source=board"),
    ],
)
def test_a_link_stands_free_of_japanese(template: str, text: str) -> None:
    assert said(template, replace(ARTICLE, title="海自")) == text


def test_controls_and_overrides_do_not_act() -> None:
    article = replace(ARTICLE, title="海\x00自\u202eの\u2066艦\x1b[31m")
    assert said("{{ title }}", article) == "海自の艦[31m"


def test_a_mark_without_a_letter_does_not_settle_on_the_link() -> None:
    assert said("{{ url }}{{ title }}", replace(ARTICLE, title="\u0301\u3099海自")) == f"{LINK} 海自"


# ---------------------------------------------------------------- what does not fit

LONG = "{{ headline }}\n{{ summary }}\n{{ tags | join(' ') }}\n{{ url }}"


@pytest.mark.parametrize(
    ("spare", "text"),
    [
        (23, f"{HEADLINE}\n8番艦が引き渡された。\n海自 護衛艦 もがみ\n{LINK}"),
        (22, f"{HEADLINE}\n海自 護衛艦 もがみ\n{LINK}"),
        (10, f"{HEADLINE}\n海自 護衛艦\n{LINK}"),
        (6, f"{HEADLINE}\n海自\n{LINK}"),
        (2, f"{HEADLINE}\n{LINK}"),
        (-1, f"海上自衛隊の新型護衛艦「もがみ」型8番艦が就役、防衛省が…\n{LINK}"),
    ],
)
def test_the_summary_goes_first_then_tags_then_the_headlines_end(spare: int, text: str) -> None:
    assert said(LONG, most=len(HEADLINE) + 1 + len(LINK) + spare) == text


def test_a_title_gives_way_to_the_authors_own_words() -> None:
    article = replace(ARTICLE, notice="就役しました")
    text = said("{{ notice }}\n{{ title }}\n{{ url }}", article, most=len(LINK) + 20)
    assert text == f"就役しました\n海上自衛隊の新型護衛艦…\n{LINK}"
    assert said("{{ notice }}\n{{ title }}\n{{ url }}", article, most=len(LINK) + 8) == f"就役しました\n{LINK}"


def test_where_the_author_spoke_and_only_the_title_is_shown_the_title_is_cut() -> None:
    article = replace(ARTICLE, notice="就役しました")
    assert said("{{ title }}\n{{ url }}", article, most=len(LINK) + 14) == f"海上自衛隊の新型護衛艦…\n{LINK}"


def test_a_notice_that_cannot_be_cut_short_enough_is_refused() -> None:
    assert "shorten the template" in refusal("{{ headline }}\n{{ url }}" + "長" * 50, most=60)
    assert "shorten the template" in refusal(DEFAULT, most=len(LINK))


def test_a_summary_is_not_dropped_to_say_nothing() -> None:
    brief = replace(BRIEF, summary="長い要約" * 20)
    assert "shorten the template" in refusal("{{ summary }}", brief, most=10)


def test_an_empty_notice_is_refused() -> None:
    assert "nothing to say" in refusal("{{ url }}", BRIEF)
    assert "nothing to say" in refusal(DEFAULT, replace(BRIEF, content=""))


def test_nothing_stands_in_the_way_of_taking_back() -> None:
    notice = say(ARTICLE, board("{{ image.size }}"), action=Action.RETRACT)
    assert notice.text == HEADLINE
    assert notice.action is Action.RETRACT


def test_a_template_that_fails_for_this_article_is_told() -> None:
    assert "ask first" in refusal("{{ image.url }}", BRIEF)


# ---------------------------------------------------------------- JSON


def test_a_json_template_keeps_its_order_and_loses_its_layout() -> None:
    template = '{\n  "z": {{ title | tojson }},\n  "a": [{{ published | tojson }}, {{ image | tojson }}]\n}\n'
    image = '{"url":"https://example.jp/1.jpg","alt":"艦影","credit":"海上自衛隊","license":"CC BY 4.0"}'
    text = say(replace(ARTICLE, title='"海自"'), Receiver(name="hook", template=template)).text
    assert text == f'{{"z":"\\"海自\\"","a":["2026-04-28T18:00:00+09:00",{image}]}}'


@pytest.mark.parametrize("template", ["{{ title }}", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', "[" * 9999, ""])
def test_what_is_no_json_is_refused(template: str) -> None:
    with pytest.raises(ComposeError, match="valid JSON"):
        say(ARTICLE, Receiver(name="hook", template=template))


def test_json_is_never_cut() -> None:
    with pytest.raises(ComposeError, match="too long"):
        say(ARTICLE, Receiver(name="hook", most=20))


# ---------------------------------------------------------------- before any article comes


@pytest.mark.parametrize("template", [*TEMPLATES, LONG, "{{ url }}"])
def test_a_good_template_is_let_through(template: str) -> None:
    assert check_template(template, False) is None


@pytest.mark.parametrize(
    ("template", "writes_json", "sentence"),
    [
        ("{{ titel }}", False, 'did you mean "title"?'),
        ("{{ title", False, "cannot be read"),
        ("{{ image.url }}", False, "ask first"),
        ("{{ title }}{% if action == 'retract' %}{{ image.size }}{% endif %}", False, "ask first"),
        ("", False, "nothing to say"),
        ("{# later #}", False, "nothing to say"),
        ('{"title": "{{ title }}"}', True, "tojson"),
        ('{"summary": "{{ summary }}"}', True, "tojson"),
        ('{"title": {{ title | tojson }}', True, "tojson"),
    ],
)
def test_a_bad_template_is_told_before_any_article_comes(template: str, writes_json: bool, sentence: str) -> None:
    assert sentence in (check_template(template, writes_json) or "")


# ---------------------------------------------------------------- other addresses, and marks

LONGER = st.text("ab12-_~%/?&=#.:@!$*+,;'", min_size=1, max_size=8).map("{}z".format)


@given(LONGER, st.sampled_from(["https://example.jp/?p=1", "https://example.jp/", "https://example.jp"]))
def test_an_address_that_begins_as_the_link_does_is_said_as_it_is(more: str, link: str) -> None:
    """Such as that of article 12 in the words about article 1."""
    other = link + more
    notice = say(replace(ARTICLE, url=link, title=f"前編 {other} の続き"), board("{{ title }}\n{{ url }}"))
    assert notice.text == f"前編 {other} の続き\n{link}"
    assert spanned(notice)[-1] == ("link", link, link)
    assert {text for _, text, _ in spanned(notice)[:-1]} <= {other}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ url }}#速報", f"{LINK} #速報"),
        ("{{ url }}#top", f"{LINK}#top"),
        ("{{ url ~ '' }}#速報", f"{LINK} #速報"),
        ("{{ url }}/ 以上", f"{LINK}/ 以上"),
    ],
)
def test_a_hashtag_written_behind_the_link_is_no_part_of_it(template: str, text: str) -> None:
    assert said(template) == text


MARKS = st.text("\x00\x01\x02\x03#a速 \n", max_size=12)


@given(articles(), MARKS, MARKS, st.sampled_from(TEMPLATES), st.sampled_from(["", "{% set x %}{{ url }}{% endset %}"]))
def test_no_mark_of_ours_ever_leaves(article: Article, prefix: str, words: str, template: str, more: str) -> None:
    source = more + template + "{{ url | upper }}{{ hashtags }}{{ hashtags | join('、') }}{{ hashtags | first }}"
    target = Board(name="board", prefix=prefix, template=source, by_category={"us": {"hashtags": ("米軍",)}}, most=900)
    text = draft(
        article, target, action=Action.REPLY, key="k", categories=CATEGORIES, site=SITE, said_instead=words
    ).text
    assert not {*text} & {*"\x00\x01\x02\x03"}
    receiver = Receiver(
        name="r", prefix=prefix, by_category={"us": {"hashtags": ("米軍",)}},
        template='{"a": "{{ url }} {{ hashtags }}", "b": {{ hashtags | tojson }}, "c": {{ url | tojson }}, '
        '"d": {{ headline | tojson }}}',
    )  # fmt: skip
    body = json.loads(say(article, receiver).text)
    assert (body["a"], body["b"], body["c"]) == (f"{LINK} #米軍", ["#米軍"], LINK)
    assert not {*body["d"]} & {*"\x01\x02\x03"}
