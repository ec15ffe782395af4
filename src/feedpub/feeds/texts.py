"""a language -> the words that are feedpub's own (locale/*.toml); any text -> text that XML can hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files

import regex

_WORDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    language: tomllib.loads((files("feedpub") / "locale" / f"{language}.toml").read_text("utf-8"))
    for language in ("en", "ja")
}

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, production Char


def words(language: str, room: str = "feeds") -> Mapping[str, str]:
    """Our own words in the language that a BCP 47 tag begins with; English where we do not speak it.

    `room` is the table of locale/*.toml.
    """
    return _WORDS.get(language.lower().partition("-")[0], _WORDS["en"])[room]


def line(text: str) -> str:
    """One line that XML can hold: for names and titles that config or taxonomy bring, which nobody cleaned."""
    return " ".join(_ILLEGAL.sub(" ", text).split())


def language_tag(language: str) -> str:
    """Return the tag if feeds may carry it (the form of RFC 3066, as RFC 4287 asks), else an empty text."""
    return language if re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", language) else ""


def short(text: str, length: int) -> str:
    """Cut to so many characters as people count them, the last being … where something is left out."""
    characters = regex.findall(r"\X", text)
    return text if len(characters) <= length else "".join(characters[: length - 1]) + "…"
