"""Seeing before saying: preview."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from feedpub.app import App, now
from feedpub.cli.root import AsJson, cli, load_config, opened
from feedpub.cli.show import say, say_json, show, table
from feedpub.commands.page import UNLIMITED, preview_page, shown_cost
from feedpub.commands.preview import Note, Preview
from feedpub.commands.seeing import Seen
from feedpub.errors import LedgerMissing, OutputError
from feedpub.model import Site
from feedpub.settings import Loaded


@cli.command()
def preview(
    context: typer.Context,
    article: Annotated[
        str, typer.Argument(help="Its id in the store, or its guid; none: the newest article, and the newest brief.")
    ] = "",
    target: Annotated[list[str] | None, typer.Option(help="Only there; may be given several times.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page that looks like the posts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be said on each target, how long it is, when, and what it costs. No target is touched.

    Before feedpub has run, the stores are asked for what there is; nothing of it is kept.
    """
    loaded = load_config(context)
    with _known_or_rehearsed(loaded) as app:
        seen, site = app.preview(article, target or []), app.settings.site
    if html is not None:
        _write(html, preview_page(seen, site, now()))
    if as_json:
        say_json([_plainly(one, shown) for one in seen for shown in one.previews])
    elif html is not None:
        say(f"{html} is written: open it in a browser.")
    else:
        for one in seen:
            _print(one, site)


@contextmanager
def _known_or_rehearsed(loaded: Loaded) -> Iterator[App]:
    """What feedpub has done here; where it has not run yet, what its first look would find."""
    with ExitStack() as stack:
        try:
            app = stack.enter_context(opened(loaded, make=False))
        except LedgerMissing:
            app = stack.enter_context(App.rehearsal(loaded, show))
        yield app


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError:
        raise OutputError(f"cannot write {path}: name a file in a folder that is there and may be written") from None


def _print(seen: Seen, site: Site) -> None:
    article = seen.article
    say(f"{article.id}: {article.title or 'a brief'}", style="bold")
    rows = [(one.target, one.text or one.fault, "\n".join(_facts(one, site))) for one in seen.previews]
    table(("target", "what it says", "how long, when, and what else"), rows, lines=True)


def _facts(one: Preview, site: Site) -> Iterator[str]:
    measure = one.measure
    if measure is not None:
        of = f" of {measure.limit:,}" if measure.limit < UNLIMITED else ""
        yield f"{measure.used:,}{of} {measure.unit}"
    if one.cost:
        yield f"costs {shown_cost(one.cost)}"
    if one.kept_out is not None:
        yield f"not said here: {_told(one.kept_out)}"
    elif one.stands is not None:
        yield _told(one.stands)
    if one.coming:
        yield coming(one, site)
    yield from map(_told, one.left_out)
    if one.card is not None:
        picture = f", picture: {one.card.image.alt or one.card.image.url}" if one.card.image else ""
        yield f"attached{picture}" if one.card.attached else f"card: {one.card.title or one.card.host}{picture}"
    yield from (f"caution: {caution}" for caution in one.cautions)


def coming(one: Preview, site: Site) -> str:
    """Tell when it would be said, and what puts it off until then."""
    return "; ".join([_when(one.at, site), *map(_told, one.waits)])


def _when(at: datetime | None, site: Site) -> str:
    if at is None:
        return "not before somebody lets it"
    return f"at {at.astimezone(site.zone):%Y-%m-%d %H:%M}" if at > now() else "as soon as its feeds are out"


def _told(note: Note) -> str:
    return note.told("en")


def _plainly(seen: Seen, one: Preview) -> dict[str, Any]:
    measure, card = one.measure, one.card
    image = card.image if card is not None else None
    return {
        "article": seen.article.id,
        "guid": seen.article.guid,
        "target": one.target,
        "text": one.text,
        "payload": one.payload,
        "whole": one.whole,
        "count": measure.used if measure is not None else None,
        "limit": measure.limit if measure is not None else None,
        "unit": measure.unit if measure is not None else None,
        "left_out": list(map(_told, one.left_out)),
        "hashtags": one.hashtags,
        "card": None
        if card is None
        else {
            "title": card.title,
            "description": card.description,
            "host": card.host,
            "image": image.url if image is not None else None,
            "attached": card.attached,
        },
        "cost": shown_cost(one.cost),
        "cautions": one.cautions,
        "error": one.fault,
        "not_said": _told(one.kept_out) if one.kept_out is not None else "",
        "at": one.at,
        "waits": list(map(_told, one.waits)),
        "stands": _told(one.stands) if one.stands is not None else "",
    }
