"""previews -> a page that looks like the posts, in the site's language. It asks for nothing outside itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup, escape

from feedpub.commands.preview import Note, Preview
from feedpub.commands.seeing import Seen
from feedpub.feeds.templates import PAGES
from feedpub.feeds.texts import language_tag, line, short, words
from feedpub.model import Article, Site, Span
from feedpub.notices.pace import millionths, money

_CODE = re.compile(r"`([^`]+)`")

_View = Mapping[str, object]


def preview_page(seen: Sequence[Seen], site: Site, now: datetime) -> str:
    """Show what each article would say on each target."""
    own = words(site.language, "preview")
    return PAGES.get_template("preview.html").render(
        t=own,
        lang=words(site.language)["lang"],
        site_lang=language_tag(site.language),
        site=line(site.title),
        site_url=site.url,
        initial=short(line(site.title), 2)[:1] or "·",
        made=own["lead"].format(date=_moment(now, site)),
        articles=[_article(one, site, now) for one in seen],
    )


def _article(seen: Seen, site: Site, now: datetime) -> _View:
    article, own = seen.article, words(site.language, "preview")
    return {
        "title": short(line(article.title), 90) or short(line(article.summary), 60) or own["brief"],
        "brief": article.brief,
        "url": article.url,
        "lang": language_tag(article.language),
        "date": _published(article, site, now),
        "posts": [_post(one, site, now) for one in seen.previews],
    }


def _published(article: Article, site: Site, now: datetime) -> str:
    date = _moment(article.published, site)
    own = words(site.language, "preview")
    return own["scheduled"].format(date=date) if article.published > now else date


def _post(one: Preview, site: Site, now: datetime) -> _View:
    own, measure, language = words(site.language, "preview"), one.measure, site.language
    limited = measure is not None and measure.limit < UNLIMITED
    return {
        "target": one.target,
        "label": one.label,
        "segments": () if one.writes_json else tuple(_segments(one.text, one.spans)),
        "body": _pretty(one.text) if one.writes_json and one.text else "",
        "payload": one.payload if one.payload != one.text else "",
        "whole": one.whole if one.whole != one.text else "",
        "measure": measure if limited else None,
        "count": own["count" if limited else "weighs"].format(**_figures(one, own)) if measure is not None else "",
        "card": one.card,
        "cost": own["cost"].format(cost=shown_cost(one.cost)) if one.cost else "",
        "when": _when(one, site, now) if one.coming else "",
        "notes": [_marked(note.told(language)) for note in one.left_out],
        "cautions": [*one.cautions],
        "kept_out": _told(one.kept_out, language),
        "stands": _told(one.stands, language),
        "fault": one.fault,
    }


UNLIMITED = 10_000_000
"""A limit that large is none."""


def _figures(one: Preview, own: Mapping[str, str]) -> Mapping[str, str]:
    measure = one.measure
    if measure is None:
        return {}
    unit = own.get(f"unit_{measure.unit.replace(' ', '_')}", measure.unit)
    return {"used": f"{measure.used:,}", "limit": f"{measure.limit:,}", "unit": unit}


def shown_cost(cost: Decimal) -> str:
    """Write a price as it is counted."""
    return money(millionths(cost))


def _when(one: Preview, site: Site, now: datetime) -> Markup:
    own = words(site.language, "preview")
    if one.at is None:
        moment = own["never"]
    else:
        moment = own["at"].format(date=_moment(one.at, site)) if one.at > now else own["at_once"]
    notes = [_marked(note.told(site.language)) for note in one.waits]
    return Markup(" · ").join([_marked(moment), *notes])


def _told(note: Note | None, language: str) -> Markup:
    return _marked("" if note is None else note.told(language))


def _marked(text: str) -> Markup:
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def _segments(text: str, spans: Sequence[Span]) -> Iterator[_View]:
    """Cut a text where its links and hashtags stand."""
    end = 0
    for span in spans:
        yield {"text": text[end : span.start], "kind": "", "url": ""}
        yield {"text": text[span.start : span.end], "kind": span.kind, "url": span.value if span.kind == "link" else ""}
        end = span.end
    yield {"text": text[end:], "kind": "", "url": ""}


def _pretty(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


def _moment(moment: datetime, site: Site) -> str:
    here, own = moment.astimezone(site.zone), words(site.language)
    day = own["date"].format(year=here.year, month=own["months"].split()[here.month - 1], day=here.day)
    return f"{day} {here:%H:%M}"
