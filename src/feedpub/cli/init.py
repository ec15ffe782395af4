"""Beginning: a look at the site that exists, and the config that fits it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from feedpub.cli.root import cli
from feedpub.commands.init import config
from feedpub.commands.places import address
from feedpub.commands.visiting import visit
from feedpub.http import Door


@cli.command()
def init(
    url: Annotated[str, typer.Argument(metavar="URL", help="The site's front page, or its feed.")],
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The site may have a private or loopback address.")
    ] = False,
) -> None:
    """Look at a site and print the config that fits it: feedpub init URL > config/feedpub.toml."""
    front = address(url)
    door = Door(user_agent=f"feedpub/{version('feedpub')}")
    text = config(visit(front, door, allow_private=allow_private), allow_private=allow_private)
    if isinstance(sys.stdout, TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")  # TOML is UTF-8, whatever the terminal speaks
    sys.stdout.write(text)
