"""feedpub's own words: each is there in each language, and speaks of the same."""

from __future__ import annotations

import string
import tomllib

import pytest

from feedpub.commands.deciding import Advice
from feedpub.feeds.texts import words
from tests.guides import ROOT

FOLDER = ROOT / "src" / "feedpub" / "locale"
SAID = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}


def spoken_of(text: str) -> set[str]:
    """What is put into a text, by name."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def commands(text: str) -> list[str]:
    """What a text tells people to type."""
    return sorted(text.split("`")[1::2])


def test_every_language_has_the_same_tables_and_keys() -> None:
    keys = {language: {table: set(said) for table, said in tables.items()} for language, tables in SAID.items()}
    assert keys["ja"] == keys["en"]


@pytest.mark.parametrize("room", ["problems", "alerts", "advice"])
def test_what_is_to_be_done_is_the_same_in_every_language(room: str) -> None:
    for key, text in SAID["en"][room].items():
        other = SAID["ja"][room][key]
        if key not in {"one", "many", "well"}:  # their brackets hold the site's name, and how many is left to each
            assert spoken_of(other) == spoken_of(text), key
        assert set(commands(text)) - {"feedpub status"} <= set(commands(other)), key


def test_every_piece_of_advice_has_its_words() -> None:
    assert set(SAID["en"]["advice"]) == set(Advice)


def test_every_problem_that_alerts_tell_has_an_end_in_words() -> None:
    ends = {key.removeprefix("over_") for key in SAID["en"]["alerts"] if key.startswith("over_")}
    begun = set(SAID["en"]["problems"]) - {"no_category", "no_feed", "alert"}
    forms = {"config_partly", "unwritten_since", "gone_all", "unpaid_one", "in_vain", "in_vain_one", "in_vain_again"}
    assert ends == (begun - forms) | {"store"}


def test_a_language_that_feedpub_does_not_speak_is_answered_in_english() -> None:
    assert words("fr-CA", "problems") == words("en", "problems") != words("ja-JP", "problems")
