"""Being at work: run, poll, ping-url, once, rebuild, demo."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from feedpub import demo as demonstration
from feedpub.app import App, Round, beside
from feedpub.cli.root import cli, known, load_config, opened
from feedpub.cli.show import complain, say, show
from feedpub.commands.deciding import Which
from feedpub.daemon import Daemon
from feedpub.errors import FeedpubError
from feedpub.model import State
from feedpub.web import Fronts
from feedpub.web.admin.keys import Keys
from feedpub.web.admin.token import token_of


@cli.command()
def run(context: typer.Context) -> None:
    """Poll, build, serve and deliver until told to stop; config changes take effect as they are saved."""
    loaded = load_config(context)
    app = App.open(loaded, lead=True, stand_by=True, show=show)
    fronts = Fronts(app)
    code = Daemon(app, context.obj, os.environ).run(fronts)
    # Its end frees the lead; but a database that hangs must not keep us.
    closing = threading.Thread(target=app.ledger.close, daemon=True)
    closing.start()
    closing.join(1.0)
    sys.stdout.flush()
    # A store may still be answering in a thread; nothing of it is lost by not waiting.
    os._exit(code)


@cli.command()
def poll(
    context: typer.Context, store: Annotated[str, typer.Argument(help="Which one; none: all of them.")] = ""
) -> None:
    """Have a store polled now, whatever its cadence says."""
    with known(context) as app:
        asked = app.poll_now(store)
    if asked:
        say(f"{', '.join(asked)}: polled within a second by the feedpub that runs; if none does, by the next one.")
    else:
        say("There is no store to poll: add one to the config.")


@cli.command("ping-url")
def ping_url(context: typer.Context) -> None:
    """Show the address that a blog pings to have new posts polled at once. It holds a secret, which is no login."""
    settings = load_config(context).settings
    secret = Keys(token_of(settings.admin, beside(settings))).ping
    if settings.admin.hosts:
        say(f"https://{settings.admin.hosts[0]}/ping/{secret}")
        return
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.admin.host, settings.admin.host)  # noqa: S104 - never bound
    name = f"[{host}]" if ":" in host else host
    say(f"http://{name}:{settings.admin.port}/ping/{secret}")


@cli.command()
def once(context: typer.Context) -> None:
    """Poll every store once, build the feeds, say what is due, and tell what was done."""
    with opened(load_config(context), lead=True) as app:
        done = app.once()
        failures = app.failures(done)
        for line in _summary(app, done, failures):
            say(line)
        for failure in failures:
            complain(failure, style="red")
    sys.exit(1 if failures else 0)


@cli.command()
def rebuild(context: typer.Context) -> None:
    """Render every feed again from the database; files that would not change are not touched."""
    with opened(load_config(context), lead=True) as app:
        done = app.publisher.rebuild()
        say(f"{done.feeds} feeds rendered, {done.files} files changed.")
        if app.publisher.builder.error:
            raise FeedpubError(app.publisher.builder.error)


@cli.command()
def demo() -> None:
    """Show feedpub at work: a sample site, its feeds and pages, a notice for each new article. Ctrl-C ends it."""
    sys.exit(demonstration.run(os.environ, show))


def _summary(app: App, done: Round, failures: Sequence[str]) -> Iterator[str]:
    """What a round did, and what comes next; what failed in it is told apart."""
    rounds = done.published.values()
    if noted := sum(one.baseline for one in rounds):
        yield f"{_articles(noted)} noted, none announced."
    if skipped := sum(one.skipped for one in rounds):
        yield f"{skipped:,} notices not owed, with the reason: feedpub deliveries list --state skipped"
    new = sum(one.new for one in rounds)
    edited = sum(one.edited + one.restored for one in rounds)
    withdrawn = sum(one.withdrawn for one in rounds)
    built = sum(one.feeds for one in rounds)
    yield f"{new:,} new, {edited:,} edited, {withdrawn:,} withdrawn; {built:,} feeds built."
    if kept_out := sum(one.quarantined for one in rounds):
        yield f"{_articles(kept_out)} kept out of the feeds, with the reason: feedpub status"
    if said := Counter(one.target for one in done.said):
        yield f"Said: {', '.join(f'{count:,} to {target}' for target, count in said.items())}."
    if waiting := app.waiting():
        yield f"{waiting:,} to be said later: feedpub deliveries list --state due"
    yield from _to_come(app, noted=noted, new=new)
    for problem in map(str, app.problems()):
        if problem not in failures:
            yield f"Problem: {problem}"


def _articles(count: int) -> str:
    return f"{count:,} article{'' if count == 1 else 's'}"


def _to_come(app: App, *, noted: int, new: int) -> Iterator[str]:
    speaking = app.decisions.speaking()
    targets = ", ".join(speaking)
    if not targets:
        yield "There is no target yet: add one to the config, and new articles will be told there."
    elif noted:
        newest = app.ledger.feeds.entries("all", 1)
        yield f"The next new one goes to {targets}."
        if newest:
            yield f"Try now: feedpub announce {newest[0].id} --target {speaking[0]}"
    elif not new and not app.decisions.listed(Which(states=[State.SENT]), 1):
        yield f"New articles go to {targets}."
