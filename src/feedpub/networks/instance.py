"""what a server of Mastodon's API tells of itself -> how it counts, what it takes, and whether it drops repeats.

Mastodon counts what readers see as letters, and every address as 23 of them. GoToSocial and Pleroma speak the same API
and count code points and whole addresses, whatever they tell (`characters_reserved_per_url`). Of others nobody knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import regex

from feedpub.model import EPOCH, Remember, Reply
from feedpub.networks.answers import as_json
from feedpub.networks.base import LINK
from feedpub.networks.learning import Facts, number

_GRAPHEME = regex.compile(r"\X")
# Forks keep the form of the version (4.3.0+glitch); others name themselves: "2.7.2 (compatible; Pleroma 2.7.0)".
_PROPER = re.compile(r"[2-9]\d*\.\d+\.\d+(?:[-+][\w.+-]+)?", re.ASCII)
_WHOLE = ("gotosocial", "pleroma", "akkoma")


@dataclass(frozen=True, slots=True)
class Instance:
    """One server. `software` is empty where it told nothing yet: it is counted as Mastodon then, but not relied on."""

    software: str = ""
    limit: int = 500
    per_link: int = 23
    picture_bytes: int = 5_000_000
    picture_pixels: int = 16_777_216
    description: int = 1500

    @classmethod
    def of(cls, facts: Facts) -> Instance:
        """Read what was learned; what was not told, or makes no sense, is as Mastodon has it."""
        usual = cls()
        return cls(
            str(facts.get("software", "")),
            number(facts, "limit", usual.limit, least=30),
            number(facts, "per_link", usual.per_link),
            min(number(facts, "picture_bytes", usual.picture_bytes, least=10_000), usual.picture_bytes),
            number(facts, "picture_pixels", usual.picture_pixels, least=10_000),
            number(facts, "description", usual.description, least=100),
        )

    @property
    def drops_repeats(self) -> bool:
        """Whether it surely honours an Idempotency-Key."""
        return self.software == "mastodon"

    def count(self, text: str, *, strictly: bool = False) -> int:
        """Count a text as this server does; in the stricter of both ways where that is not known."""
        rest, links = LINK.subn("", text)
        letters, points = len(_GRAPHEME.findall(rest)) + self.per_link * links, len(text)
        if strictly or self.software not in {"", "mastodon", *_WHOLE}:
            return max(letters, points)
        return points if self.software in _WHOLE else letters


def facts_of(reply: Reply) -> Facts | None:
    """Read the answer of `/api/v2/instance`, or of the older `/api/v1/instance`; None where it is neither."""
    body = as_json(reply)
    if reply.status != 200 or not isinstance(body, dict) or not isinstance(version := body.get("version"), str):
        return None
    said = {
        "limit": _down(body, "configuration", "statuses", "max_characters") or body.get("max_toot_chars"),
        "per_link": _down(body, "configuration", "statuses", "characters_reserved_per_url"),
        "picture_bytes": _down(body, "configuration", "media_attachments", "image_size_limit"),
        "picture_pixels": _down(body, "configuration", "media_attachments", "image_matrix_limit"),
        "description": _down(body, "configuration", "media_attachments", "description_limit"),
    }
    numbers = {name: value for name, value in said.items() if isinstance(value, int)}
    return {"software": _software(version, str(body.get("source_url", ""))), **numbers}


def _software(version: str, source: str) -> str:
    told = f"{version} {source}".lower()
    kin = next((name for name in _WHOLE if name in told), "")
    proper = _PROPER.fullmatch(version) and "mastodon" in (source or "mastodon").lower()
    return kin or ("mastodon" if proper else "other")


def _down(body: dict[str, Any], *path: str) -> object:
    value: object = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


# ---------------------------------------------------------------- when it counts otherwise than it told

_STRICT = "strict"
_TOO_LONG = re.compile(r"too long|length|characters?\b|文字", re.IGNORECASE)
_LASTS = timedelta(days=7)


def is_too_long(reply: Reply) -> bool:
    """Whether a notice was refused for its length."""
    body = as_json(reply)
    why = body.get("error") if isinstance(body, dict) else None
    return reply.status in {400, 413, 422} and isinstance(why, str) and _TOO_LONG.search(why) is not None


@dataclass(frozen=True, slots=True)
class Strictness:
    """That a server refused as too long what should have fitted: from then on the stricter counting holds for a week.

    `notice` is the key of the one it refused: it is written anew once. `less`: by that counting too it would have
    fitted, so that a tenth of the limit is left free.
    """

    notice: str = ""
    less: bool = False
    at: datetime = EPOCH

    @classmethod
    def read(cls, memory: Mapping[str, str]) -> Strictness:
        """Read what is remembered."""
        try:
            key, less, moment = json.loads(memory.get(_STRICT, ""))
            at = datetime.fromisoformat(moment)
        except (ValueError, TypeError, RecursionError):
            return cls()
        return cls(str(key), less is True, at if at.tzinfo else at.replace(tzinfo=UTC))

    def note(self) -> Remember:
        """Make it durable."""
        return Remember(_STRICT, json.dumps([self.notice, self.less, self.at.isoformat()]))

    def over(self, now: datetime) -> bool:
        """Whether it has lasted long enough: the server may have been mended."""
        return bool(self.notice) and abs(now - self.at) > _LASTS


def lenient() -> Remember:
    """Forget the strictness."""
    return Remember(_STRICT, "")
