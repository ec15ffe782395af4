"""events -> lines on standard error: text for a terminal, else JSON. No secret passes, and no value makes a line.

Rooms tell events by `structlog.get_logger`; how they come out is decided here, and may be changed while feedpub runs.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from unicodedata import category

import structlog

from feedpub.settings import LogOptions, Settings
from feedpub.settings.secret import secrets

_LISTS = (list, tuple, set, frozenset)
_OURS = frozenset({"event", "level", "timestamp"})
_NEEDS_QUOTES = re.compile(r"""[\s="'\\]|^$""")
_ACTING = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Categories of letters that do something to a terminal, or end a line, instead of being read."""


def configure(settings: Settings) -> None:
    """Tell events as `[log]` says, from now on. No secret of these settings is told, whatever slipped into an event."""
    text = _is_text(settings.log)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=_coloured())
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _Redact(secrets(settings)),
            *([_on_one_line] if text else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings.log)),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    # Libraries are heard only when something is wrong; what they say may hold an address, so not even then in full.
    logging.getLogger().handlers = [logging.NullHandler()]


def without(text: str, hidden: Iterable[str]) -> str:
    """Take secrets out of a text."""
    # The longest first: one secret may begin as another does.
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def _is_text(options: LogOptions) -> bool:
    return options.format == "text" or (options.format == "auto" and sys.stderr.isatty())


def _coloured() -> bool:
    # https://no-color.org: of the person's terminal, not of feedpub's config.
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _level(options: LogOptions) -> int:
    return logging.getLevelNamesMapping()[options.level.upper()]


# ---------------------------------------------------------------- where lines go


class _Stderr:
    """Writes lines to standard error, whatever becomes of it: a full disk or a closed pipe stops nobody."""

    def _write(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = msg = _write


def _to_stderr(*_: object) -> _Stderr:
    return _Stderr()


# ---------------------------------------------------------------- what lines hold


@dataclass(frozen=True, slots=True)
class _Redact:
    """The last line of defence: whatever slipped into an event, no configured secret is shown."""

    secrets: frozenset[str]

    def __call__(self, _logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        said = "\n".join(_texts(event))
        if not any(map(said.__contains__, self.secrets)):  # as nearly always; and there may be thousands
            return event
        return {self._cleaned(key): _each_text(value, self._cleaned) for key, value in event.items()}

    def _cleaned(self, text: str) -> str:
        return without(text, self.secrets)


class _Quoted:
    """A text as people read it, in quotes; the renderer shows it as it is, where it would escape half of Japanese."""

    def __init__(self, text: str) -> None:
        self._text = _escaped(text.replace("\\", "\\\\").replace('"', '\\"'))

    def __repr__(self) -> str:
        return f'"{self._text}"'


def _on_one_line(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape what would end the line, or act on the terminal: a title from a store must not write events."""
    return {_escaped(key): _escaped(str(value)) if key in _OURS else _shown(value) for key, value in event.items()}


def _shown(value: object) -> object:
    if isinstance(value, str):
        return _Quoted(value) if _NEEDS_QUOTES.search(value) or _escaped(value) != value else value
    if isinstance(value, Mapping):
        return {_Quoted(str(key)): _shown_inside(one) for key, one in value.items()}
    return [_shown_inside(one) for one in value] if isinstance(value, _LISTS) else value


def _shown_inside(value: object) -> object:
    return _Quoted(value) if isinstance(value, str) else _shown(value)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode() if category(letter) in _ACTING else letter for letter in text
    )


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        yield from _texts(list(said.items()))
    elif isinstance(said, _LISTS):
        for one in said:
            yield from _texts(one)


def _each_text(said: object, change: Callable[[str], str]) -> object:
    """Change every text in a value, however deep; keys of tables are texts too."""
    if isinstance(said, str):
        return change(said)
    if isinstance(said, Mapping):
        return {change(str(key)): _each_text(value, change) for key, value in said.items()}
    return [_each_text(one, change) for one in said] if isinstance(said, _LISTS) else said
