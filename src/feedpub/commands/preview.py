"""an article + a target + what is known -> what would be said there, when, and at what cost; or why nothing would be.

Pure: nothing is asked of anybody. What is to be told is a `Note`, so that people read it in their language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from feedpub.cadence import parse_quiet, quiet_until
from feedpub.errors import ComposeError
from feedpub.feeds.texts import words as spoken
from feedpub.model import (
    EPOCH,
    Action,
    Article,
    Category,
    Delivery,
    Image,
    Measure,
    Notice,
    Site,
    Span,
    State,
    show_duration,
)
from feedpub.networks.base import Network
from feedpub.notices.compose import Draft, draft, key_of
from feedpub.notices.lifecycle import FLOOD, MOVED, PUT_BACK
from feedpub.notices.pace import Rest, affordable, bill, money
from feedpub.notices.rules import Rules, subjects
from feedpub.notices.wording import wording
from feedpub.notices.words import line, words


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be told: a key of [preview] in locale/*.toml, and what stands in its {} there."""

    key: str
    value: str = ""

    def told(self, language: str) -> str:
        """Say it in a language."""
        return spoken(language, "preview")[self.key].format(self.value)


@dataclass(frozen=True, slots=True)
class Known:
    """What a preview is made from besides the article and the target. `categories` are those of all stores."""

    site: Site
    categories: Sequence[Category]
    now: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a target is doing, what became of the article there, and what was spent this month (in millionths)."""

    rest: Rest = field(default_factory=lambda: Rest(0, EPOCH, EPOCH))
    delivery: Delivery | None = None
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What a network shows beside the words; `host` is where the link leads. `attached`: the picture stands alone."""

    title: str
    description: str
    host: str
    image: Image | None
    attached: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What one article would say on one target.

    `text` is the notice, `payload` the same as the network is sent it, `whole` what would stand there without a limit.
    `fault` tells why it cannot be written, `kept_out` why the target would not hear of it, `waits` what puts it off
    until `at`, `stands` what became of it there already.
    """

    target: str
    label: str
    text: str = ""
    payload: str = ""
    whole: str = ""
    spans: tuple[Span, ...] = ()
    measure: Measure | None = None
    writes_json: bool = False
    left_out: tuple[Note, ...] = ()
    hashtags: tuple[str, ...] = ()
    card: Card | None = None
    cost: Decimal = Decimal(0)
    cautions: tuple[str, ...] = ()
    fault: str = ""
    kept_out: Note | None = None
    at: datetime | None = None
    waits: tuple[Note, ...] = ()
    stands: Note | None = None

    @property
    def coming(self) -> bool:
        """Whether it is still to be said."""
        waits = self.stands is None or self.stands.key in {_STANDS[State.HELD], _STANDS[State.DUE]}
        return waits and self.kept_out is None and not self.fault


def preview(article: Article, target: Network, known: Known, standing: Standing, said_instead: str = "") -> Preview:
    """Tell what a target, as it measures by what it learned, would say of an article."""
    at, waits = _when(article, target, known, standing)
    stands = _stands(standing.delivery)
    out = kept_out(article, target, known, at or known.now) if standing.delivery is None else None
    about = Preview(target.name, target.label, kept_out=out, at=at, waits=waits, stands=stands)
    try:
        drafted = drafted_by(article, target, known, said_instead)
    except ComposeError as error:
        return replace(about, fault=str(error))
    text = drafted.text
    return replace(
        _within_budget(about, article, target, known, standing.spent, text),
        text=text,
        payload=target.word(text),
        whole=drafted.whole,
        spans=drafted.spans,
        measure=drafted.measure,
        writes_json=target.writes_json,
        left_out=_left_out(article, target, known, drafted),
        hashtags=tuple(span.value for span in drafted.spans if span.kind == "tag"),
        card=_card(article, target, drafted),
        cost=target.price(Action.ANNOUNCE, text),
        cautions=target.cautions(text),
    )


def drafted_by(article: Article, target: Network, known: Known, said_instead: str = "") -> Draft:
    """Write what an article would say; raises ComposeError."""
    return draft(
        article,
        target,
        action=Action.ANNOUNCE,
        key=key_of(article.guid, target.name, Action.ANNOUNCE, 1),
        categories=known.categories,
        site=known.site,
        said_instead=said_instead,
    )


def kept_out(article: Article, target: Network, known: Known, at: datetime) -> Note | None:
    """Tell which rule keeps a target from hearing of an article that is new; None where it hears of it."""
    (subject,) = subjects([article], known.categories, known.site)
    try:
        option = Rules.of(target, known.categories).barred_by(subject)
    except ComposeError as error:
        return Note("out_unclear", str(error))
    if option == "takes":
        option = "takes_no_briefs" if article.brief else "takes_no_articles"
    if option:
        return Note(f"out_{option}")
    if not article.announce:
        return Note("out_author")
    return Note("out_old", show_duration(target.max_age)) if article.published + target.max_age < at else None


# ---------------------------------------------------------------- when


def _when(
    article: Article, target: Network, known: Known, standing: Standing
) -> tuple[datetime | None, tuple[Note, ...]]:
    """When it would be said, and what puts it off until then; None where a person must do something first."""
    rest, notes = standing.rest, []
    delivery = standing.delivery
    at = max(known.now, article.published)
    if article.published > known.now:
        notes.append(Note("wait_published"))
    if delivery is not None and delivery.due_at is not None:
        at = max(at, delivery.due_at)
    elif target.delay:
        at += target.delay
        notes.append(Note("wait_delay", show_duration(target.delay)))
    if rest.paused:
        return None, (Note("wait_paused", rest.paused),)
    for until, note in ((rest.rest_until, Note("wait_rest")), (rest.slot_until, Note("wait_turn"))):
        if until > at:
            at = until
            notes.append(note)
    if (end := quiet_until(parse_quiet(target.quiet), at, known.site.zone)) is not None:
        at = end
        notes.append(Note("wait_quiet", target.quiet))
    return at, tuple(notes)


def _within_budget(about: Preview, article: Article, target: Network, known: Known, spent: int, text: str) -> Preview:
    """Put off what this month's budget does not cover, as `deliver` would."""
    announced = Notice(target.name, Action.ANNOUNCE, article.id, article.guid, 1, "", known.now, text)
    owed = bill(target, announced, known.now, known.site.zone)
    if owed is None or affordable(owed, spent) or about.at is None:
        return about
    if target.beyond_allowance() == "skip":
        return replace(about, kept_out=about.kept_out or Note("out_budget", money(owed.allowance)))
    waits = (*about.waits, Note("wait_budget", money(owed.allowance)))
    return replace(about, at=max(about.at, owed.next_month), waits=waits)


_STANDS = {
    State.HELD: "stands_held",
    State.DUE: "stands_due",
    State.CLAIMED: "stands_sending",
    State.SENDING: "stands_sending",
    State.DOUBTFUL: "stands_doubtful",
    State.FAILED: "stands_failed",
    State.SKIPPED: "stands_skipped",
}


def _stands(delivery: Delivery | None) -> Note | None:
    if delivery is None:
        return None
    if delivery.said is not None:
        return Note("stands_at", delivery.remote_url) if delivery.remote_url else Note("stands_said")
    if delivery.held_by == FLOOD:
        return Note("stands_flood")
    if delivery.held_by == MOVED:
        return Note("stands_import")
    if delivery.held_by == PUT_BACK:
        return Note("stands_restore")
    return Note(_STANDS[delivery.state], delivery.reason)


# ---------------------------------------------------------------- how it looks


def _left_out(article: Article, target: Network, known: Known, drafted: Draft) -> tuple[Note, ...]:
    """Tell what the limit takes away."""
    text, whole = drafted.text, drafted.whole
    if text == whole:
        return ()
    notes = []
    if (summary := words(article.summary)) and summary in whole and summary not in text:
        notes.append(Note("left_summary"))
    wanted = [f"#{one}" for one in wording(target, article, known.categories).hashtags]
    have = {f"#{span.value}" for span in drafted.spans if span.kind == "tag"}
    if gone := [one for one in wanted if one in whole and one not in have]:
        notes.append(Note("left_hashtags", " ".join(gone)))
    return (*notes, Note("left_words")) if "…" in text and text.count("…") > whole.count("…") else tuple(notes)


def _card(article: Article, target: Network, drafted: Draft) -> Card | None:
    how = target.image if target.image in target.images else "none"
    if how == "none" or target.writes_json or not (drafted.link or how == "attach"):
        return None
    image = article.images[0] if article.images else None
    if how == "attach" and image is None:
        return None
    host = urlsplit(drafted.link).hostname or ""
    return Card(line(article.title), line(article.summary), host, image, attached=how == "attach")
