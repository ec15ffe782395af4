"""Looking before running: check."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Annotated

import typer
from rich.cells import cell_len

from feedpub.app import now
from feedpub.cli.root import AsJson, cli, load_config, opened
from feedpub.cli.show import complain, listing, say, say_json
from feedpub.commands.checking import Checks
from feedpub.commands.findings import Finding, How, caution, ill, unseen, well
from feedpub.commands.trying import Tried
from feedpub.errors import FeedpubError
from feedpub.http import Door
from feedpub.settings import Loaded
from feedpub.settings.shown import Shown, in_force

_WIDTH = 44
"""The column that places begin at."""


@cli.command()
def check(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="With --show: only these tables or options.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show what is in force and where it was set, with no secret.")
    ] = False,
    stores: Annotated[
        bool, typer.Option("--stores", help="Ask all stores too what their next poll would; nothing is kept.")
    ] = False,
    targets: Annotated[
        bool, typer.Option("--targets", help="Try the credentials of all targets too; nothing is posted.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither hubs nor for the feeds' addresses.")] = False,
    config_only: Annotated[bool, typer.Option("--config-only", help="Do not look at the machine either.")] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The feeds may stand at a private or loopback address.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Validate the config; every problem with file, line and key. Then look at all that feedpub needs besides.

    Exit code 1 if something is wrong. What is not there yet, before the first start, is no fault.
    """
    loaded = load_config(context)
    if show or keys:
        _show(_chosen(in_force(loaded), keys or []), as_json=as_json)
        return
    checks = Checks(
        loaded,
        Door(user_agent=f"feedpub/{version('feedpub')} (+{loaded.settings.site.url})"),
        now,
        lambda: _cautions(loaded),
        offline=offline,
        allow_private=allow_private,
    )
    found = _told(_all(checks, config_only=config_only, stores=stores, targets=targets), as_json=as_json)
    if any(one.how is How.ILL for one in found):
        sys.exit(1)


def _all(checks: Checks, *, config_only: bool, stores: bool, targets: bool) -> Iterator[Finding]:
    loaded = checks.loaded
    yield from (caution("config", warning) for warning in loaded.warnings)
    said = (listing("store", list(loaded.settings.stores)), listing("target", list(loaded.settings.targets)))
    yield well("config", f"The config is valid: {'; '.join(said)}.")
    if not config_only:
        yield from checks.findings()
    if stores:
        with opened(loaded) as app:
            yield from (_tried(one, "stores.") for one in app.ask_stores())
    if targets:
        with opened(loaded) as app:
            yield from (_tried(one) for one in app.verify())


def _tried(one: Tried, prefix: str = "") -> Finding:
    find = {True: well, False: ill, None: unseen}[one.well]
    return find(f"{prefix}{one.name}", one.told)


def _cautions(loaded: Loaded) -> tuple[str, ...]:
    """What may not be as it was meant, for all that feedpub has seen of its stores so far."""
    try:
        with opened(loaded, make=False) as app:
            return app.cautions()
    except FeedpubError:
        return ()  # that is told as the database's


def _told(findings: Iterable[Finding], *, as_json: bool) -> list[Finding]:
    """Tell each as it comes, or all at once as JSON."""
    found = []
    for one in findings:
        found.append(one)
        if not as_json:
            _tell(one)
    if as_json:
        say_json([asdict(one) for one in found])
    return found


def _tell(one: Finding) -> None:
    told = one.told if one.about == "config" else f"{one.about}: {one.told}"
    if one.how is How.ILL:
        complain(f"problem: {told}")
    elif one.how is How.CAUTION:
        complain(f"caution: {told}", style="yellow")
    else:
        say(told)


# ---------------------------------------------------------------- what is in force


def _chosen(shown: Sequence[Shown], keys: Sequence[str]) -> list[Shown]:
    """Pick what lies at or below one of the keys. Raises FeedpubError for one where nothing does."""
    wanted = [key.strip("[]").rstrip(".") for key in keys]
    for key in wanted:
        if not any(_lies(one.key, key) for one in shown):
            raise FeedpubError(f"{key}: nothing of that name is in force; feedpub check --show tells all there is")
    return [one for one in shown if not wanted or any(_lies(one.key, key) for key in wanted)]


def _lies(key: str, below: str) -> bool:
    return key == below or key.startswith(f"{below}.")


def _show(shown: Iterable[Shown], *, as_json: bool) -> None:
    if as_json:
        say_json([asdict(one) for one in shown])
        return
    table = ""
    for one in shown:
        if one.table != table:
            say(f"\n[{one.table}]" if table else f"[{one.table}]")
            table = one.table
        line = f"{one.option} = {one.value}"
        gap = " " * max(_WIDTH - cell_len(line), 2)
        say(f"{line}{gap}# {one.place}", style="dim" if one.place == "default" else None)
