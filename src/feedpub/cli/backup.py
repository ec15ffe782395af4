"""Keeping: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feedpub.app import now
from feedpub.cli.root import cli, known, load_config
from feedpub.cli.show import moment, say
from feedpub.commands.backup import BRIEFS, LEDGER
from feedpub.commands.restoring import Restored, restore


@cli.command("backup")
def backup_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; `-` for standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Over a file that is there.")] = False,
) -> None:
    """Write the database, the briefs and the embedded stores into one file, also while feedpub runs."""
    with known(context) as app:
        made = app.back_up(file, force=force)
    if file != Path("-"):
        stores = f", and stores {', '.join(made.stores)}" if made.stores else ""
        say(f"{file} is written ({made.size / 1e6:,.1f} MB): the database, the briefs if there are any{stores}.")
        say("The config is not in it: keep a copy of its folder too.")


@cli.command("restore")
def restore_(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="What `feedpub backup` wrote, or a copy of the database; `-` for standard input.")
    ],
    keep_stores: Annotated[
        bool, typer.Option("--keep-stores", help="Only the database: leave articles and briefs as they are.")
    ] = False,
) -> None:
    """Put a backup back, all or nothing; what was there is kept aside. Nothing is announced a second time."""
    loaded = load_config(context)
    done = restore(file, loaded.settings, now(), keep_stores=keep_stores)
    made = f" of {moment(done.made_at, loaded.settings.site.zone)}" if done.made_at is not None else ""
    say(f"The backup{made} is put back.")
    for line in _told(done):
        say(f"  {line}")
    say("Start feedpub. What was published until now is announced only where you release it; what is new from now on,")
    say("as always. Look at what is held after the first poll: feedpub deliveries list --held-by restore")


def _told(done: Restored) -> list[str]:
    lines = [
        f"{_called(name)}: what was there is kept as {path}" for name, path in done.kept.items() if path is not None
    ]
    lines += [f"{_called(name)}: put back; nothing was there" for name, path in done.kept.items() if path is None]
    lines += [f"{one} is not in the config: take it out of the archive by hand" for one in done.strangers]
    lines += [f"stores.{name}: left as it is" for name in done.left]
    if done.put_back.held:
        lines.append(f"held: {done.put_back.held:,} notices that were owed then and may have been said since")
    if done.put_back.doubtful:
        lines.append(f"doubtful: {done.put_back.doubtful:,}: feedpub deliveries list --state doubtful")
    return lines


def _called(name: str) -> str:
    words = {LEDGER: "the database", BRIEFS: "the briefs"}
    return words.get(name) or f"stores.{name.removeprefix('stores/').removesuffix('.db')}"
