"""arguments -> the app -> an exit code: 0 done, 1 something failed, 2 configuration."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from typer.core import TyperGroup

from feedpub import demo as demonstration
from feedpub.app import App, Decided, Pace, Round, Status
from feedpub.daemon import Daemon
from feedpub.errors import ConfigError, FeedpubError, UnreachableError
from feedpub.http import Door
from feedpub.ledger.deliveries import Listed
from feedpub.model import Request, State, parse_duration
from feedpub.settings import AdminOptions, Loaded, load, refuse_example
from feedpub.web import Fronts


class _ConfigAnywhere(TyperGroup):
    """Takes `--config DIR` after the name of a command too: people write it there."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer keeps this class to itself
        """Put it first, where it belongs."""
        own = args[: args.index("--")] if "--" in args else args
        at = next((n for n, arg in enumerate(own) if arg == "--config" or arg.startswith("--config=")), 0)
        until = at + (2 if own[at : at + 1] == ["--config"] else 1)
        whole = [*args[at:until], *args[:at], *args[until:]] if at and until <= len(own) else args
        return super().parse_args(ctx, whole)


cli = typer.Typer(
    name="feedpub",
    cls=_ConfigAnywhere,
    help="Polls an article store, writes feeds, and posts each article's notice once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
deliveries_cli = typer.Typer(help="What is owed to targets, and what became of it.", no_args_is_help=True)
cli.add_typer(deliveries_cli, name="deliveries")

_out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def main() -> None:
    """Run the command line. Every expected failure is one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Japanese ends nothing
    try:
        cli()
    except ConfigError as error:
        _fail(error, 2)
    except FeedpubError as error:
        _fail(error, 1)


def _fail(error: FeedpubError, code: int) -> None:
    _err.print(escape(str(error)), style="red")
    sys.exit(code)


@cli.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option("--config", envvar="FEEDPUB_CONFIG", help="The directory of config files.")
    ] = Path("config"),
) -> None:
    context.obj = config


# ---------------------------------------------------------------- running


@cli.command()
def run(context: typer.Context) -> None:
    """Poll, build, serve and deliver until told to stop; config changes take effect as they are saved."""
    loaded = _load(context)
    app = App.open(loaded, lead=True, show=_show)
    fronts = Fronts(app)
    code = Daemon(app, context.obj, os.environ).run(fronts)
    app.ledger.close()
    sys.stdout.flush()
    # A store may still be answering in a thread; nothing of it is lost by not waiting.
    os._exit(code)


@cli.command()
def once(context: typer.Context) -> None:
    """Poll every store once, build the feeds, say what is due, and tell what was done."""
    with _opened(_load(context), lead=True) as app:
        done = app.once()
        failures = app.failures(done)
        for line in _summary(app, done, failures):
            _out.print(escape(line))
        for failure in failures:
            _err.print(escape(failure), style="red")
    sys.exit(1 if failures else 0)


@cli.command()
def rebuild(context: typer.Context) -> None:
    """Render every feed again from the database; files that would not change are not touched."""
    with _opened(_load(context), lead=True) as app:
        done = app.publisher.rebuild()
        _out.print(f"{done.feeds} feeds rendered, {done.files} files changed.")
        if app.publisher.builder.error:
            raise FeedpubError(app.publisher.builder.error)


@cli.command()
def demo() -> None:
    """Show feedpub at work: a sample site, its feeds and pages, a notice for each new article. Ctrl-C ends it."""
    sys.exit(demonstration.run(os.environ, _show))


# ---------------------------------------------------------------- looking


@cli.command()
def check(context: typer.Context) -> None:
    """Validate the config; every problem with file, line and key."""
    loaded = _load(context)
    for warning in loaded.warnings:
        _err.print(escape(warning), style="yellow")
    settings = loaded.settings
    _out.print(f"The config is valid: {_listing('store', settings.stores)}; {_listing('target', settings.targets)}.")


@cli.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell how everything stands: stores, feeds, targets, quarantine, problems. Exit code 1 if there are problems."""
    with _known(context) as app:
        found = app.status()
    if as_json:
        _print_json(asdict(found))
    else:
        _print_status(found)
    sys.exit(1 if found.problems else 0)


@cli.command()
def healthcheck(context: typer.Context) -> None:
    """Ask the running feedpub whether it lives; prints what is wrong. For a container's HEALTHCHECK."""
    admin = _admin(context)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.host, admin.host)  # noqa: S104 - asked of ourselves
    address = f"http://[{host}]:{admin.port}" if ":" in host else f"http://{host}:{admin.port}"
    ready = Request("GET", f"{address}/health/ready")
    try:
        reply = Door().fetch(ready, timeout=parse_duration("5s"), allow_private=True)
    except UnreachableError as error:
        raise FeedpubError(f"{error} at port {admin.port}: does feedpub run, and is this its admin.listen?") from None
    try:
        problems = json.loads(reply.body)["problems"]
    except (ValueError, TypeError, KeyError):
        raise FeedpubError(f"what answers at {host}:{admin.port} is not feedpub: check admin.listen") from None
    for problem in problems:
        _out.print(escape(problem))


# ---------------------------------------------------------------- doing


@cli.command("import")
def import_(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="WordPress exports (WXR) or JSON Lines.")],
    store: Annotated[str, typer.Option(help="Which embedded store, if there are several.")] = "",
) -> None:
    """Put articles from files into the embedded store: all or nothing; importing twice changes nothing."""
    loaded = load(context.obj, os.environ)
    with _opened(loaded) as app, Progress(console=_err, transient=True, disable=not _err.is_terminal) as progress:
        bar = progress.add_task("importing", total=None)
        report = app.import_files(files, store, lambda done, of: progress.update(bar, completed=done, total=of))
    _out.print(f"{report.new:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged.")
    told = report.comments
    if told.new or told.changed or told.unchanged:
        _out.print(f"  comments: {told.new:,} new, {told.changed:,} changed, {told.unchanged:,} unchanged")
    if report.reguided:
        _out.print(f"  {report.reguided:,} had the guid of another article in the files: they get one of their own")
    for reason, count in sorted(report.skipped.items()):
        _out.print(escape(f"  left out: {count:,} {reason}"))


@cli.command()
def announce(
    context: typer.Context,
    article: Annotated[str, typer.Argument(help="Its id in the store, or its guid.")],
    target: Annotated[list[str] | None, typer.Option(help="Only there; may be given several times.")] = None,
) -> None:
    """Owe an article to targets, whatever was decided before; the running feedpub says it, or `feedpub once`."""
    with _known(context) as app:
        for line in app.announce(article, target or []):
            _out.print(escape(line))


@cli.command()
def resume(context: typer.Context, target: str) -> None:
    """Let a paused target speak again."""
    with _known(context) as app:
        paused = app.resume(target)
    _out.print(escape(f"{target} speaks again." if paused else f"{target} was not paused."))


@deliveries_cli.command("list")
def deliveries_list(
    context: typer.Context,
    state: Annotated[list[State] | None, typer.Option(help="Only in this state.")] = None,
    target: Annotated[str, typer.Option(help="Only of this target.")] = "",
    article: Annotated[str, typer.Option(help="Only of this article (id or guid).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    with _known(context) as app:
        listed = app.deliveries(states=state or [], target=target, article=article, limit=limit)
    if as_json:
        _print_json([_delivery(one) for one in listed])
    else:
        _print_deliveries(listed)


@deliveries_cli.command("retry")
def deliveries_retry(context: typer.Context, ids: list[int]) -> None:
    """Say these now: failed, skipped and doubtful ones too."""
    with _known(context) as app:
        _tell(app.retry(ids), "will be said")


@deliveries_cli.command("cancel")
def deliveries_cancel(context: typer.Context, ids: list[int]) -> None:
    """Never say these."""
    with _known(context) as app:
        _tell(app.cancel(ids), "cancelled")


@deliveries_cli.command("release")
def deliveries_release(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(help="Which; none: all that are held.")] = None,
    target: Annotated[str, typer.Option(help="All that are held of this target.")] = "",
) -> None:
    """Let go what the flood guard holds."""
    with _known(context) as app:
        held = app.deliveries(states=[State.HELD], held_by="flood", target=target, ids=ids or [], limit=100_000)
        found = [one.delivery.id for one in held]
        released = Decided(app.release(found), app.how_they_stand([one for one in ids or [] if one not in found]))
    _tell(released, "released")


# ---------------------------------------------------------------- small things


def _load(context: typer.Context) -> Loaded:
    loaded = load(context.obj, os.environ)
    refuse_example(loaded.settings, loaded.places)
    return loaded


def _admin(context: typer.Context) -> AdminOptions:
    """Where the feedpub that runs answers. That the saved config is bad is for it to say: it has one in force."""
    try:
        return load(context.obj, os.environ).settings.admin
    except ConfigError:
        listen = os.environ.get("FEEDPUB_ADMIN__LISTEN", AdminOptions().listen)
    try:
        return AdminOptions(listen=listen)
    except ValidationError:
        raise FeedpubError(
            'FEEDPUB_ADMIN__LISTEN: write the address and port of admin.listen, such as "127.0.0.1:8081"'
        ) from None


@contextmanager
def _opened(loaded: Loaded, *, lead: bool = False, make: bool = True) -> Iterator[App]:
    app = App.open(loaded, lead=lead, make=make, show=_show)
    try:
        yield app
    finally:
        app.close()


def _known(context: typer.Context) -> AbstractContextManager[App]:
    """What feedpub has done already, to look at it or to decide about it: none of that is there without a database."""
    return _opened(_load(context), make=False)


def _tell(decided: Decided, what: str) -> None:
    _out.print(f"{decided.changed} {what}.")
    if decided.others:
        raise FeedpubError("\n".join(decided.others))


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _summary(app: App, done: Round, failures: Sequence[str]) -> Iterator[str]:
    """What a round did, and what comes next; what failed in it is told apart."""
    rounds = done.published.values()
    if noted := sum(one.baseline for one in rounds):
        yield f"{noted:,} articles noted, none announced."
    if skipped := sum(one.skipped for one in rounds):
        yield f"{skipped:,} notices not owed, with the reason: feedpub deliveries list --state skipped"
    new = sum(one.new for one in rounds)
    edited = sum(one.edited + one.restored for one in rounds)
    withdrawn = sum(one.withdrawn for one in rounds)
    built = sum(one.feeds for one in rounds)
    yield f"{new:,} new, {edited:,} edited, {withdrawn:,} withdrawn; {built:,} feeds built."
    if said := Counter(one.target for one in done.tried if one not in done.unsaid):
        yield f"Said: {', '.join(f'{count:,} to {target}' for target, count in said.items())}."
    if waiting := app.waiting():
        yield f"{waiting:,} to be said later: feedpub deliveries list --state due"
    yield from _to_come(app, noted=noted, new=new)
    for problem in app.problems():
        if problem not in failures:
            yield f"Problem: {problem}"


def _to_come(app: App, *, noted: int, new: int) -> Iterator[str]:
    speaking = app.speaking()
    targets = ", ".join(speaking)
    if not targets:
        yield "There is no target yet: add one to the config, and new articles will be told there."
    elif noted:
        newest = app.ledger.feeds.entries("all", 1)
        yield f"The next new one goes to {targets}."
        if newest:
            yield f"Try now: feedpub announce {newest[0].id} --target {speaking[0]}"
    elif not new and not app.deliveries(states=[State.SENT], limit=1):
        yield f"New articles go to {targets}."


def _listing(what: str, names: Mapping[str, object]) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'} ({', '.join(names) or 'none'})"


def _delivery(one: Listed) -> dict[str, Any]:
    delivery = one.delivery
    return {
        "id": delivery.id,
        "article": one.article.id if one.article else None,
        "feed": delivery.feed,
        "guid": one.article.guid if one.article else None,
        "title": one.title,
        "target": delivery.target,
        "action": one.action,
        "state": delivery.state,
        "held_by": delivery.held_by,
        "attempts": one.attempts,
        "due_at": delivery.due_at,
        "remote_url": delivery.remote_url,
        "error": delivery.reason,
    }


def _print_json(value: object) -> None:
    def plain(one: object) -> object:
        return one.isoformat() if isinstance(one, datetime) else str(one)

    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=plain) + "\n")


def _print_deliveries(listed: Sequence[Listed]) -> None:
    if not listed:
        _out.print("No deliveries.")
        return
    rows = []
    for one in listed:
        delivery = one.delivery
        state = f"{delivery.state} ({delivery.held_by})" if delivery.held_by else str(delivery.state)
        why = delivery.reason or delivery.remote_url
        due, about = _moment(delivery.due_at), f"{one.subject} {one.title[:30]}".strip()
        rows.append((str(delivery.id), delivery.target, state, about, str(one.attempts), due, why))
    _print_table(("id", "target", "state", "about", "tries", "due", "why or where"), rows, names=2)


def _print_status(found: Status) -> None:
    articles = found.articles
    _out.print(
        f"{articles.get('live', 0):,} articles public, {articles.get('waiting', 0):,} waiting for their date, "
        f"{articles.get('withdrawn', 0):,} withdrawn, {articles.get('quarantined', 0):,} in quarantine; "
        f"{len(found.feeds):,} feeds."
    )
    stores = [(one.name, _moment(one.polled_at), one.error or one.note or "well") for one in found.stores]
    _print_table(("store", "last poll", "state"), stores)
    targets = [
        (
            one.name,
            one.kind,
            *(str(found.deliveries.get(one.name, {}).get(state, "")) for state in State),
            _spent(found.paces[one.name]),
            found.paces[one.name].words,
        )
        for one in found.targets
    ]
    _print_table(("target", "kind", *State, "spent", "state"), targets)
    for store_name, kept_out in found.quarantined:
        _out.print(escape(f"quarantined: {store_name}/{kept_out.id}: {kept_out.reason}"))
    for caution in found.cautions:
        _out.print(escape(f"caution: {caution}"), style="yellow")
    for problem in found.problems:
        _out.print(escape(f"problem: {problem}"), style="red")


def _spent(pace: Pace) -> str:
    return f"{pace.spent} of {pace.budget}" if pace.budget else ""


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1) -> None:
    """Show rows on a terminal of any width: nothing is cut, and the first columns, the `names` of rows, not folded."""
    table = Table(box=None, pad_edge=False)
    shown = [number for number in range(len(columns)) if not rows or any(row[number] for row in rows)]
    for number in shown:
        longest = max((cell_len(row[number]) for row in rows), default=0)
        table.add_column(columns[number], overflow="fold", min_width=longest if number < names else None)
    for row in rows:
        table.add_row(*(escape(row[number]) for number in shown))
    _out.print(table, soft_wrap=False)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
