"""a WordPress post's custom fields -> what its author says about announcing it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

ANNOUNCE = "feedpub_announce"
"""The field that says yes or no."""
NOTICE = "feedpub_notice"
"""The field with the author's own wording."""

_SAID = {
    **dict.fromkeys(("yes", "true", "on", "1", "はい"), True),
    **dict.fromkeys(("no", "false", "off", "0", "いいえ"), False),
}


def announce(fields: Mapping[str, object]) -> bool | None:
    """Whether the author wants it announced; None where that is not said, or in no word that we know."""
    said = fields.get(ANNOUNCE)
    return said if isinstance(said, bool) else _SAID.get(str(said).strip().casefold())


def notice(fields: Mapping[str, object]) -> str:
    """The author's own words; empty where there are none."""
    said = fields.get(NOTICE)
    return said.strip() if isinstance(said, str) else ""
