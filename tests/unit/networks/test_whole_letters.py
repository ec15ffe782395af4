"""What readers see as one letter is never cut in two, by whatever limit of whatever network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import pytest
import regex

from feedpub.model import Image, Measure, Notice, Request
from feedpub.networks import Discord, Teams
from feedpub.networks.pictures import description_of
from feedpub.notices.fit import fit
from tests.edge.kinds import KINDS
from tests.unit.networks.talk import LINK, context, notice

FAMILY, FLAG, VARIANT, DAKUTEN = "👨‍👩‍👧‍👦", "🇯🇵", "葛\U000e0100", "か\u3099"
LETTERS = (FAMILY, FLAG, VARIANT, DAKUTEN, "🏳️‍🌈", "👍🏽", "1️⃣", "e\u0301", "\u1112\u1161\u11ab")
HEADLINE = "".join(LETTERS) * 2
ENDS = {0, *accumulate(map(len, regex.findall(r"\X", HEADLINE)))}

MADE = {name: kind.make("https://a.test") for name, kind in KINDS.items()}
FITTED = [name for name, network in MADE.items() if network.subject == "article" and not network.writes_json]


@pytest.mark.parametrize("name", FITTED)
def test_no_network_gets_half_a_letter_wherever_its_limit_falls(name: str) -> None:
    network, cuts = MADE[name], set[int]()

    def write(cut: str) -> str:
        return f"{cut}\n{LINK}"

    least, most = network.measure(write("")).used, network.measure(write(HEADLINE)).used
    for limit in range(least, most + 1):

        def measure(text: str, limit: int = limit) -> Measure:
            return Measure(network.measure(text).used, limit, "")

        cut = fit(write, HEADLINE, measure, language="ja")
        if cut is not None:
            assert measure(write(cut)).fits
            kept = cut.removesuffix("…")
            assert HEADLINE.startswith(kept)
            assert len(kept) in ENDS
            cuts.add(len(kept))
    assert len(cuts) > len(LETTERS)


# ---------------------------------------------------------------- what no template writes


def titles(text: str) -> Iterator[str]:
    """Cut a title as the post of a forum has it."""
    forum = Discord(webhook_url="https://discord.com/api/webhooks/1/x", forum=True)
    yield sent(forum, notice("題", title=text))["thread_name"]


def descriptions(text: str) -> Iterator[str]:
    """Cut the words for a picture, wherever it is described."""
    image = Image("https://a.test/1.jpg", text)
    discord = Discord(webhook_url="https://discord.com/api/webhooks/1/x", image="attach")
    yield sent(discord, notice("題", image=image))["embeds"][0]["footer"]["text"]
    card = sent(Teams(webhook_url="https://a.test/x"), notice("題", image=image))["attachments"][0]["content"]
    yield card["body"][-1]["altText"]
    yield from (description_of(image, most) for most in range(20, 40))
    yield description_of(Image("https://a.test/1.jpg", "", text), 512)
    yield from (description_of(Image("https://a.test/1.jpg", "艦", text), most) for most in range(20, 40))


def sent(network: Discord | Teams, said: Notice) -> Any:
    step = next(network.announce(said, context()))
    assert isinstance(step, Request)
    return json.loads(step.body)


@pytest.mark.parametrize("cut", [titles, descriptions])
@pytest.mark.parametrize("front", range(4))
@pytest.mark.parametrize("letter", LETTERS)
def test_what_networks_cut_themselves_is_cut_between_letters(
    cut: Callable[[str], Iterator[str]], front: int, letter: str
) -> None:
    for said in cut("x" * front + letter * 1500):
        body = regex.sub(r"[x艦…() ]", "", said)
        assert body == letter * (len(body) // len(letter)), said[-20:]
