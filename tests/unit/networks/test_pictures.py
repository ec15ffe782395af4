"""What is uploaded with a picture."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.model import Image, Picture
from feedpub.networks.pictures import description_of, multipart
from tests.unit.networks.fediverse import PHOTO


@pytest.mark.parametrize(
    ("alt", "credit", "licence", "said"),
    [
        ("護衛艦", "海上自衛隊", "CC BY 4.0", "護衛艦 (海上自衛隊, CC BY 4.0)"),
        ("護衛艦", "", "", "護衛艦"),
        ("護衛艦", " 海自 ", "", "護衛艦 (海自)"),
        (
            "",
            "海自",
            "https://creativecommons.org/licenses/by/4.0/",
            "海自, https://creativecommons.org/licenses/by/4.0/",
        ),
        ("", "", "", ""),
    ],
)
def test_a_picture_is_described_with_whose_it_is(alt: str, credit: str, licence: str, said: str) -> None:
    assert description_of(Image("https://a.test/1.jpg", alt, credit, licence)) == said


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=20), st.integers(50, 100))
def test_a_long_description_is_cut_but_not_whose_the_picture_is(alt: str, credit: str, licence: str, most: int) -> None:
    said = description_of(Image("https://a.test/1.jpg", alt, credit, licence), most)
    assert len(said) <= most
    assert credit.strip() in said
    assert licence.strip() in said


def test_not_even_an_endless_credit_breaks_the_limit() -> None:
    assert len(description_of(Image("https://a.test/1.jpg", "護衛艦", "海" * 2000), 512)) == 512


@pytest.mark.parametrize(("media_type", "name"), [("image/jpeg", "picture.jpg"), ("image/png", "picture.png")])
def test_a_form_is_read_by_others_as_it_was_meant(media_type: str, name: str) -> None:
    picture = Picture(PHOTO.content + b"\r\n--feedpub-\r\n", media_type, 8, 6)
    described = "護衛艦「もがみ」\r\n(海上自衛隊)"
    content_type, body = multipart({"description": described}, "file", picture)

    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    words, file = message.iter_parts()
    assert words.get_param("name", header="content-disposition") == "description"
    assert words.get_payload(decode=True) == described.encode()
    assert file.get_param("name", header="content-disposition") == "file"
    assert (file.get_content_type(), file.get_filename()) == (media_type, name)
    assert file.get_payload(decode=True) == picture.content


def test_the_same_form_is_the_same_bytes() -> None:
    assert multipart({"a": "b"}, "file", PHOTO) == multipart({"a": "b"}, "file", PHOTO)
    assert multipart({"a": "b"}, "file", PHOTO)[0] != multipart({"a": "c"}, "file", PHOTO)[0]
