"""what a feed says of itself, whatever its format."""

from __future__ import annotations

from typing import NamedTuple


class Header(NamedTuple):
    """What stands before the entries; what is missing is empty."""

    title: str = ""
    link: str = ""
    language: str = ""
    self_url: str = ""
    hubs: tuple[str, ...] = ()
