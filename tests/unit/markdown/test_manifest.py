"""What is kept of a folder, and which new file is one that vanished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.stores.markdown.manifest import Entry, Found, Manifest, free, renamed

ENTRY = st.builds(
    Entry,
    path=st.text(min_size=1, max_size=9),
    mark=st.text(max_size=9),
    digest=st.text(max_size=9),
    id=st.text(min_size=1, max_size=9),
    said=st.booleans(),
    told=st.booleans(),
    missing=st.booleans(),
    double=st.booleans(),
    edited=st.integers(0, 2**40),
    until=st.integers(0, 2**40),
    marks=st.sampled_from([(), ("a", "", "b", "c")]),
)


def entry(path: str, digest: str = "", *marks: str, said: str = "") -> Entry:
    return Entry(path, "m", digest, said or path, said=bool(said), marks=marks)


@given(st.lists(ENTRY, unique_by=lambda one: one.path), st.dictionaries(st.text(), st.text()), st.booleans())
def test_what_is_written_down_is_read_again(entries: list[Entry], graves: Mapping[str, str], again: bool) -> None:
    kept = Manifest("f", {one.path: one for one in entries}, graves, (("k", "n", "s", None),), again=again)
    assert Manifest.parse(str(kept)) == kept
    assert str(kept).isascii()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "1", '{"files": 1}', '{"form": "x", "files": [[1]], "categories": []}']
)
def test_what_another_wrote_says_nothing(text: str) -> None:
    assert Manifest.parse(text) == Manifest()


@pytest.mark.parametrize(
    ("vanished", "found", "same"),
    [
        ([entry("a", "d")], {"b": Found("d")}, {"b": "a"}),
        ([entry("a", "d")], {"b": Found("e")}, {}),
        ([entry("a", "d", "t")], {"b": Found("e", marks=("t",))}, {"b": "a"}),
        ([entry("a", "d", "", "", "", "n")], {"b": Found("e", marks=("", "", "", "n"))}, {"b": "a"}),
        ([entry("a", "d", "x")], {"b": Found("e", marks=("", "x"))}, {}),
        # The same bytes come before what else is alike.
        ([entry("a", "d", "t"), entry("b", "e", "u")], {"x": Found("e", marks=("t",))}, {"x": "b"}),
        # Two of a kind tell nothing, but for the same bytes.
        ([entry("a", "d", "t"), entry("b", "e", "t")], {"x": Found("f", marks=("t",))}, {}),
        ([entry("a", "d", "t")], {"x": Found("f", marks=("t",)), "y": Found("g", marks=("t",))}, {}),
        ([entry("a", "d"), entry("b", "d")], {"x": Found("d"), "y": Found("d")}, {"x": "a", "y": "b"}),
        # What authors say their ids are decides.
        ([entry("a", "d", said="5")], {"x": Found("d", "6")}, {}),
        ([entry("a", "d", said="5")], {"x": Found("d", "6"), "y": Found("e", "5")}, {"y": "a"}),
        ([entry("a", "", "")], {"x": Found("", marks=("",))}, {}),
    ],
)
def test_a_new_file_may_be_one_that_vanished(
    vanished: list[Entry], found: Mapping[str, Found], same: Mapping[str, str]
) -> None:
    assert {path: one.path for path, one in renamed(vanished, found).items()} == same


def test_an_id_is_free_or_gets_a_number() -> None:
    assert free("a", {"b"}) == "a"
    assert free("a", {"a", "a~2"}) == "a~3"


def test_a_reread_keeps_what_is_known() -> None:
    one = Manifest("f", {"a": entry("a")}, {"b": "c"})
    assert one.reread() == replace(one, again=True)
