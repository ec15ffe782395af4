"""Samples of what `feedpub preview` shows: three articles, and targets that would say them in every way there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal

from feedpub.commands.page import preview_page
from feedpub.commands.preview import Known, Preview, Standing, preview
from feedpub.commands.seeing import Seen
from feedpub.model import EPOCH, Action, Article, Category, Delivery, Image, Measure, Site, State
from feedpub.networks import Discord, Slack, Webhook
from feedpub.networks.base import Network
from feedpub.notices.pace import Rest

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
SITE = Site(title="汐見航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
CATEGORIES = (Category("blog", "1", "米国関連", "us"), Category("blog", "2", "海軍", "navy", "1"))
KNOWN = Known(SITE, CATEGORIES, NOW)
SENTENCE = "海上自衛隊の新型護衛艦「もがみ」型8番艦が就役、防衛省が23日発表した。"
FRESH = Standing()

ARTICLE = Article(
    store="blog",
    id="4281",
    guid="tag:news.test,2026:4281",
    url="https://news.test/2026/11/mogami",
    title=SENTENCE,
    summary="三菱重工業長崎造船所で引き渡し式が行われ、自衛艦旗が授与された。",
    content="<p>本文</p>",
    published=NOW - timedelta(hours=1),
    updated=NOW,
    categories=("2",),
    tags=("もがみ型",),
    authors=("山田",),
    images=(Image("https://news.test/a.jpg", "横須賀に入港する護衛艦もがみ", "海上自衛隊", "CC BY 4.0"),),
    language="ja",
)
LONG = replace(ARTICLE, id="4282", title=SENTENCE * 9, images=(), published=NOW + timedelta(days=1))
BRIEF = replace(
    ARTICLE,
    id="brief-20261123-115500",
    guid="tag:news.test,2026:brief",
    url="",
    title="",
    summary="U.S.Navyの<空母>が入港した。@everyone",
    content="<p>U.S.Navyの&lt;空母&gt;が入港した。@everyone</p>",
    images=(),
)


class Dear(Network):
    """A network that charges, counts twice, shows cards, warns, and lets nobody be called."""

    label: ClassVar[str] = "Dear"
    images: ClassVar[frozenset[str]] = frozenset({"card", "attach", "none"})

    kind: Literal["dear"] = "dear"
    budget: Decimal = Decimal(20)

    def measure(self, text: str) -> Measure:
        """Count twice."""
        return Measure(2 * len(text), 280, "weighted characters")

    def word(self, text: str) -> str:
        """Put a joiner behind each @."""
        return text.replace("@", "@\u2060")

    def cautions(self, text: str) -> tuple[str, ...]:
        """Warn of one word."""
        return ("Dear makes a link of U.S.Navy",) if "U.S.Navy" in text else ()

    def price(self, action: Action, text: str) -> Decimal:
        """Charge."""
        return Decimal("0.200")

    def allowance(self) -> Decimal | None:
        """Tell the budget."""
        return self.budget


TARGETS: tuple[Network, ...] = (
    Dear(name="dear", hashtags={"us": ("F-35", "米国")}),
    Dear(name="attached", image="attach", delay=timedelta(minutes=3), every=timedelta(minutes=10)),
    Discord.model_validate(
        {"name": "discord_news", "webhook_url": "https://discord.test/api/webhooks/1/t", "quiet": "12:00-15:00"}
    ),
    Webhook.model_validate({"name": "hook", "url": "https://hook.test/x", "takes": ("article",)}),
    Slack.model_validate({"name": "editors", "webhook_url": "https://hooks.test/x", "categories": ("日本関連",)}),
)
SAID = Delivery(1, "attached", 1, State.SENT, 1, 1, remote_url="https://dear.test/@news/77")
STANDINGS: Mapping[str, Standing] = {
    "dear": Standing(spent=19_990_000),
    "attached": Standing(Rest(0, EPOCH, NOW + timedelta(minutes=5))),
    "hook": Standing(Rest(0, EPOCH, EPOCH, "the webhook does not know us (HTTP 401)")),
}


def seen() -> tuple[Seen, ...]:
    """Show every article on every target."""
    return tuple(
        Seen(article, tuple(_shown(article, target) for target in TARGETS)) for article in (ARTICLE, LONG, BRIEF)
    )


def _shown(article: Article, target: Network) -> Preview:
    standing = STANDINGS.get(target.name, FRESH)
    said = Standing(standing.rest, SAID) if (target.name, article) == ("attached", BRIEF) else standing
    return preview(article, target, KNOWN, said)


def page(language: str = "ja") -> str:
    """Write the page in a language."""
    return preview_page(seen(), SITE.model_copy(update={"language": language}), NOW)
