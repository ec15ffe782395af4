from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.feeds.addresses import ascii_url, entry_id, is_web_address
from feedpub.model import Site

SITE = Site(title="航空ニュース", url="https://航空.example.com/")


@pytest.mark.parametrize(
    ("written", "carried"),
    [
        ("https://example.com/feeds/", "https://example.com/feeds/"),
        ("HTTPS://example.com/", "https://example.com/"),
        ("https://example.com/記事/", "https://example.com/%E8%A8%98%E4%BA%8B/"),
        ("https://example.com/%E8%A8%98/a b", "https://example.com/%E8%A8%98/a%20b"),
        ("https://航空.example.com:8080/?a=1&b=[2]", "https://xn--grz90n.example.com:8080/?a=1&b=[2]"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_an_iri_becomes_a_uri_and_a_uri_stays(written: str, carried: str) -> None:
    assert ascii_url(written) == carried
    assert ascii_url(carried) == carried


@pytest.mark.parametrize(
    "wrong", ["", "example.com", "ftp://example.com/", "https://", "//example.com/", "javascript:1"]
)
def test_what_is_no_web_address_is_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(ValueError, match="an absolute address is needed"):
        ascii_url(wrong)


@given(st.text(alphabet=st.characters(exclude_characters="/?#", exclude_categories=["Z", "C"]), min_size=1), st.text())
def test_any_host_and_path_come_out_as_ascii(host: str, path: str) -> None:
    assert ascii_url(f"https://{host}/{path}").isascii()


@pytest.mark.parametrize(
    ("guid", "atom_id"),
    [
        ("https://example.com/?p=1", "https://example.com/?p=1"),
        ("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", "urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a"),
        ("tag:example.com,2026:1", "tag:example.com,2026:1"),
        ("post-12", "tag:xn--grz90n.example.com,2026:guid:post-12"),
        ("tag:example.com,2026:記", "tag:xn--grz90n.example.com,2026:guid:tag%3Aexample.com%2C2026%3A%E8%A8%98"),
        ("http://example.com/a b", "tag:xn--grz90n.example.com,2026:guid:http%3A%2F%2Fexample.com%2Fa%20b"),
    ],
)
def test_an_atom_id_is_the_guid_where_atom_takes_it(guid: str, atom_id: str) -> None:
    assert entry_id(guid, SITE) == atom_id


def test_a_made_up_id_survives_a_move_of_the_site_by_its_authority() -> None:
    moved = SITE.model_copy(update={"authority": "old.example.com", "url": "https://new.example.com/"})
    assert entry_id("post-12", moved) == "tag:old.example.com,2026:guid:post-12"


def test_a_licence_in_words_is_told_from_its_address() -> None:
    assert is_web_address("https://creativecommons.org/licenses/by/4.0/")
    assert not is_web_address("CC BY 4.0")
    assert not is_web_address("https://example.com/ライセンス")
