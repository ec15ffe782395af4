"""a message about what is wrong + a target -> the notice that says it there, in the site's language. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from feedpub.categories import DESK
from feedpub.errors import ComposeError
from feedpub.feeds.texts import words
from feedpub.model import Action, Article, Notice, Site, Target
from feedpub.notices.alerts import Memory, Message
from feedpub.notices.compose import compose, draft

MOST = 20
"""Lines that one message has at most; of the others it says how many there are."""


def written(said: Message, memory: Memory, target: Target, site: Site, now: datetime) -> Notice:
    """Write a message for a target, in the site's language; what does not fit is left out and counted.

    Raises ComposeError where not even a part of it fits.
    """
    lines = [*_wrong(said, memory, site), *_over(said, site)]
    counts = range(min(len(lines), MOST), 1, -1)
    several = (_article(said, _text(said, lines, count, site), site, now) for count in counts)
    # The last resort is one line, which may be cut.
    last = _article(said, _text(said, lines, 1, site), site, now)
    about = next((one for one in several if _fits(one, target, site)), last)
    return compose(about, target, action=Action.ANNOUNCE, revision=1, key=said.key, now=now, categories=(), site=site)


def _text(said: Message, lines: Sequence[str], count: int, site: Site) -> str:
    return "\n".join((_head(said, site), *lines[:count], *_more(len(lines) - count, site)))


def _fits(about: Article, target: Target, site: Site) -> bool:
    try:
        drafted = draft(about, target, action=Action.ANNOUNCE, key="msg_0", categories=(), site=site)
    except ComposeError:
        return False
    return drafted.text == drafted.whole


def _article(said: Message, text: str, site: Site, now: datetime) -> Article:
    """Make of a message what notices are made of: all of it is the author's own words."""
    return Article(
        store="", id=said.key, guid=said.key, url="", title="", summary="", content="", published=now, updated=now,
        notice=text, language=site.language,
    )  # fmt: skip


def _head(said: Message, site: Site) -> str:
    form = "well" if not said.ills else "one" if len(said.ills) == 1 else "many"
    return words(site.language, "alerts")[form].format(site=" ".join(site.title.split()), count=len(said.ills))


def _wrong(said: Message, memory: Memory, site: Site) -> Iterator[str]:
    say = words(site.language, "alerts")
    for ill in said.ills:
        known, sentence = memory[ill.key], "; ".join(filter(None, map(str.strip, ill.sentence.splitlines())))
        if ill.count:
            kind = "died_one" if ill.count - known.count == 1 else "died"
            sentence = say[kind].format(name=_name(ill.key), count=ill.count - known.count)
        elif known.told_at is not None:
            sentence = say["still"].format(sentence=sentence, since=_moment(known.since, site))
        yield say["line"].format(sentence)


def _over(said: Message, site: Site) -> Iterator[str]:
    say = words(site.language, "alerts")
    for key in said.over:
        what, name = key.partition(":")[0], _name(key)
        if what == "store" and name == DESK:
            what = "briefs"
        yield say["line"].format(say.get(f"over_{what}", say["over"]).format(name=name))


def _more(count: int, site: Site) -> Iterator[str]:
    if count:
        yield words(site.language, "alerts")["more"].format(count=count)


def _name(key: str) -> str:
    return key.partition(":")[2]


def _moment(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(site.zone):%Y-%m-%d %H:%M}"
