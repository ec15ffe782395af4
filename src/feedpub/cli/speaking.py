"""What authors and admins say: import, export, brief, announce, pause, resume."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from feedpub import clean
from feedpub.app import App
from feedpub.cli.preview import coming
from feedpub.cli.root import AsJson, Yes, agreed, cli, known, load_config, opened
from feedpub.cli.show import err, say, say_json
from feedpub.commands.briefs import Accepted, Brief
from feedpub.commands.deciding import stands
from feedpub.commands.moving import the_export
from feedpub.errors import FeedpubError
from feedpub.settings import load


@cli.command("import")
def import_(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="WordPress exports (WXR), feeds, JSON Lines, folders of Markdown, or an export of feedpub."
        ),
    ],
    store: Annotated[str, typer.Option(help="Which embedded store, if there are several.")] = "",
) -> None:
    """Put articles from files into the embedded store: all or nothing; importing twice changes nothing.

    An export of feedpub goes into the database: see `feedpub export`.
    """
    loaded, house = load(context.obj, os.environ), the_export(files, store)
    if house is not None:
        with opened(loaded) as app:
            _move_in(app, house)
        return
    with opened(loaded) as app, _progress("importing") as progress:
        report = app.import_files(files, store, progress)
    say(f"{report.new:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged.")
    told = report.comments
    if told.new or told.changed or told.unchanged:
        say(f"  comments: {told.new:,} new, {told.changed:,} changed, {told.unchanged:,} unchanged")
    if report.reguided:
        say(f"  {report.reguided:,} had the guid of another article in the files: they get one of their own")
    for reason, count in sorted(report.skipped.items()):
        say(f"  left out: {count:,} {reason}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, where somebody sees it."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


def _move_in(app: App, house: Path) -> None:
    with _progress("importing") as progress:
        moved = app.import_export(house, progress)
    if moved.same:
        say("Nothing changed: the database knows all of it already.")
        return
    say(f"{moved.articles:,} articles, {moved.comments:,} comments and {moved.deliveries:,} deliveries imported.")
    if moved.held:
        say(f"  held: {moved.held:,} that were owed there and not said yet; that feedpub may say them still")
        say("  when it is stopped: feedpub deliveries release")
    if moved.doubtful:
        say(f"  doubtful: {moved.doubtful:,} that may have been said: feedpub deliveries list --state doubtful")
    for sentence in app.strangers(moved):
        say(f"  {sentence}")


@cli.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output if none is given.")] = None,
) -> None:
    """Write everything the database knows as JSON Lines, for `feedpub import` on another machine or database."""
    with known(context) as app, _progress("exporting") as progress:
        lines = app.export(file, progress)
    if file is not None and file != Path("-"):
        say(f"{file} is written: {lines:,} lines.")


@cli.command()
def brief(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What to say.")],
    link: Annotated[str, typer.Option(help="Where it leads: an http or https address.")] = "",
    category: Annotated[
        list[str] | None, typer.Option(help="File it there: a name or slug; may be given several times.")
    ] = None,
    at: Annotated[str, typer.Option(help='When, such as "18:30", "tomorrow 9:00" or "2026-11-24T09:00".')] = "",
    as_json: AsJson = False,
) -> None:
    """Say a short topic: it goes into the feed of briefs, and to the targets that take briefs."""
    with opened(load_config(context)) as app:
        accepted = app.brief(Brief(text, link, tuple(category or ()), at))
    if as_json:
        say_json(_accepted(accepted))
        return
    zone, brief = app.settings.site.zone, accepted.article
    say(f"{brief.id}: queued for {', '.join(accepted.targets) or 'no target'}; in feeds {', '.join(accepted.feeds)}.")
    for name, why in accepted.left_out.items():
        say(f"  not for {name}: {why.told('en')}")
    when = f"{brief.published.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})" if accepted.later else "within seconds"
    say(f"The daemon publishes it {when}; if none runs, `feedpub once` does{' then' * accepted.later}.")


def _accepted(accepted: Accepted) -> dict[str, Any]:
    article = accepted.article
    return {
        "id": article.id,
        "guid": article.guid,
        "link": article.url,
        "published": article.published,
        "feeds": accepted.feeds,
        "targets": accepted.targets,
        "left_out": {name: why.told("en") for name, why in accepted.left_out.items()},
    }


@cli.command()
def announce(
    context: typer.Context,
    article: Annotated[str, typer.Argument(help="Its id in the store, or its guid.")],
    target: Annotated[list[str] | None, typer.Option(help="Only there; may be given several times.")] = None,
    text: Annotated[str, typer.Option(help="Say this instead of its headline.")] = "",
    yes: Yes = False,
) -> None:
    """Say an article, whatever was decided before; asks first where it was said already, then says it once more."""
    if text and not clean.line(text):
        raise FeedpubError("--text: there is nothing to say in it")
    with known(context) as app:
        decisions = app.decisions
        found, targets = decisions.article(article), decisions.told(target or [])
        standing = decisions.standing(found, targets)
        for name, one in standing.items():
            say(f"{name}: {stands(one)}")
        if standing and not agreed(f"Say it once more on {', '.join(standing)}?", yes=yes):
            targets = tuple(one for one in targets if one not in standing)
            say("It is left as it is there.")
        for announced in decisions.announce(found, targets, text):
            say(str(announced))
        for seen in app.preview(found.guid, targets)[0].previews if targets else ():
            if seen.coming and seen.waits:
                say(f"  {seen.target}: {coming(seen, app.settings.site)}")


@cli.command()
def pause(context: typer.Context, target: str) -> None:
    """Have a target say nothing from now on; its queue is kept until `feedpub resume`."""
    with known(context) as app:
        free = app.decisions.pause(target)
    again = f"to let it speak again: feedpub resume {target}"
    say(f"{target} is paused; {again}" if free else f"{target} was paused already; {again}")


@cli.command()
def resume(context: typer.Context, target: str) -> None:
    """Let a paused target speak again."""
    with known(context) as app:
        paused = app.decisions.resume(target)
    say(f"{target} speaks again." if paused else f"{target} was not paused.")
