"""Which form of a file a reader gets: what it likes best of what stands there (RFC 9110 §12.5.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.web.encodings import CODINGS, Coding, choose

ANY = st.sets(st.sampled_from(CODINGS))


@pytest.mark.parametrize(
    ("accepted", "both", "only_gzip"),
    [
        (None, None, None),
        ("", None, None),
        ("identity", None, None),
        ("gzip", "gz", "gz"),
        ("x-gzip", "gz", "gz"),
        ("GZIP", "gz", "gz"),
        ("br", "br", None),
        ("gzip, deflate, br", "br", "gz"),
        ("gzip, deflate, br, zstd", "br", "gz"),
        ("br;q=0.5, gzip;q=0.8", "gz", "gz"),
        ("br; q=1.0 , gzip ;q=0.8", "br", "gz"),
        ("gzip;q=0", None, None),
        ("gzip;q=0.000, br;q=0", None, None),
        ("*", "br", "gz"),
        ("*;q=0", None, None),
        ("br;q=0, *", "gz", "gz"),
        ("*;q=0, gzip", "gz", "gz"),
        ("identity;q=0, *", "br", "gz"),
        ("identity, gzip;q=0.5", None, None),
        ("identity;q=0.5, gzip;q=0.5", "gz", "gz"),
        ("gzip;q=0.3, *;q=0.9", "br", None),
        ("identity;q=0", None, None),
        ("identity;q=0, deflate", None, None),
        ("gzip;q=2", None, None),
        ("gzip;q=", None, None),
        ("gzip;level=9", None, None),
        ("gzip;q=0.1234", None, None),
        (",, gzip ,", "gz", "gz"),
        ("zip, gzipped, gz", None, None),
    ],
)
def test_the_coding_follows_from_what_is_accepted(
    accepted: str | None, both: Coding | None, only_gzip: Coding | None
) -> None:
    assert choose(accepted, CODINGS) == both
    assert choose(accepted, ["gz"]) == only_gzip
    assert choose(accepted, []) is None


@given(st.text(st.characters(codec="latin-1"), max_size=40) | st.lists(st.sampled_from(
    ["gzip", "br", "*", "identity", ";q=0", ";q=0.5", ",", " ", ";", "q"])).map("".join), ANY)  # fmt: skip
def test_whatever_is_accepted_what_goes_out_stands_there_and_was_named(accepted: str, standing: set[Coding]) -> None:
    chosen = choose(accepted, standing)
    assert chosen is None or chosen in standing
    assert chosen is None or "*" in accepted or chosen.replace("gz", "gzip") in accepted.lower()


@given(ANY, st.permutations(["gzip;q=0.5", "br", "identity;q=0.2", "*;q=0"]))
def test_the_order_of_the_list_says_nothing(standing: set[Coding], items: list[str]) -> None:
    assert choose(", ".join(items), standing) == choose(", ".join(sorted(items)), standing)
