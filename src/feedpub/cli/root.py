"""The command itself: where its config lies, how it opens the app, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from feedpub.app import App
from feedpub.cli.show import complain, show
from feedpub.errors import ConfigError, FeedpubError
from feedpub.settings import Loaded, load, refuse_example


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

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


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
    complain(str(error))
    sys.exit(code)


@cli.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option("--config", envvar="FEEDPUB_CONFIG", help="The directory of config files.")
    ] = Path("config"),
) -> None:
    context.obj = config


def load_config(context: typer.Context) -> Loaded:
    """Read the config; the example's address is refused."""
    loaded = load(context.obj, os.environ)
    refuse_example(loaded.settings, loaded.places)
    return loaded


@contextmanager
def opened(loaded: Loaded, *, lead: bool = False, make: bool = True) -> Iterator[App]:
    """Open the app for one command."""
    app = App.open(loaded, lead=lead, make=make, show=show)
    try:
        yield app
    finally:
        app.close()


def known(context: typer.Context) -> AbstractContextManager[App]:
    """What feedpub has done already, to look at it or to decide about it: none of that is there without a database."""
    return opened(load_config(context), make=False)


def agreed(question: str, *, yes: bool) -> bool:
    """Ask a person, unless the answer was given with the command. Raises FeedpubError where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise FeedpubError(f"{question} Nobody can be asked here: say --yes")
    return typer.confirm(question, default=False)
