"""PURE: what a request says of content codings + the codings a file stands in -> the one to send (RFC 9110 §12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, Literal, get_args

Coding = Literal["br", "gz"]
"""A compressed form that stands beside a file, by its ending."""

CODINGS: Final[tuple[Coding, ...]] = get_args(Coding)
"""The smaller form first: it is sent where a reader likes both as much."""
TOKENS: Final[dict[Coding, str]] = {"br": "br", "gz": "gzip"}
"""As Content-Encoding names them."""
_MEANT: Final = {"br": "br", "gzip": "gz", "x-gzip": "gz", "identity": "identity", "*": "*"}
_ITEM: Final = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]++)\s*+(?:;\s*+q\s*+=\s*+(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*+)?")


def choose(accepted: str | None, standing: Collection[Coding]) -> Coding | None:
    """Pick the coding that the reader likes best among those that stand; None: the file as it is.

    The file as it is goes out too where none of what is accepted stands, even to who refuses it (`identity;q=0`): a
    feed in an unwished coding is more use to a subscriber than 406, and any other web server does the same.
    """
    if not accepted or not standing:
        return None
    plain, liked = _likings(accepted)
    best = max((coding for coding in CODINGS if coding in standing), key=liked.__getitem__)
    return best if liked[best] > 0 and liked[best] >= plain else None


@lru_cache(maxsize=256)
def _likings(accepted: str) -> tuple[float, dict[Coding, float]]:
    """How much a reader likes a file as it is (below everything it names, if it does not say), and each coding."""
    said: dict[str, float] = {}
    for item in accepted.lower().split(","):
        # What cannot be read is not accepted: a file as it is suits everybody.
        if (found := _ITEM.fullmatch(item.strip())) and (name := _MEANT.get(found[1])):
            said[name] = max(said.get(name, 0.0), float(found[2] or 1))
    rest = said.get("*", 0.0)
    return said.get("identity", rest), {coding: said.get(coding, rest) for coding in CODINGS}
