"""X through the whole program, against a server on loopback: what a lost answer comes to, and what a month costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedpub.http import Door
from feedpub.model import State
from feedpub.networks import X
from tests.edge.receiver import Answer, Receiver
from tests.edge.test_publisher import Desk

DUPLICATE = Answer(403, {"detail": "You are not allowed to create a Tweet with duplicate content.", "status": 403})
ME = Answer(200, {"data": {"id": "7", "username": "news"}})
NOTHING = Answer(200, {"meta": {"result_count": 0}})
KEYS = dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "kanaria")


def yes(id_: str) -> Answer:
    return Answer(201, {"data": {"id": id_, "text": "…"}})


def listed(desk: Desk, id_: str, leads_to: str) -> Answer:
    links = [{"url": "https://t.co/a", "expanded_url": leads_to, "display_url": "…"}]
    post = {"id": id_, "text": "https://t.co/a", "created_at": desk.now.isoformat(), "entities": {"urls": links}}
    return Answer(200, {"data": [post], "meta": {"result_count": 1}})


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def desk_of(server: Receiver, folder: Path, **options: Any) -> Desk:
    given = {"name": "x", "kind": "x", "api_url": server.url, "allow_private": True, "budget": 20, **KEYS, **options}
    desk = Desk(f"sqlite:///{folder / 'ledger.db'}", folder, targets={"x": X.model_validate(given)})
    desk.publisher.door = Door()
    return desk


def posts(server: Receiver) -> list[str]:
    return [seen.json["text"] for seen in server.requests if seen.method == "POST"]


def test_what_a_lost_answer_was_about_is_found_and_not_said_again(server: Receiver, tmp_path: Path) -> None:
    desk = desk_of(server, tmp_path)
    desk.article("1")
    server.script = [Answer(500, {})]
    desk.round(seconds=1)
    assert desk.states() == {"1": State.DOUBTFUL}

    server.script = [ME, listed(desk, "99", "https://news.test/1?utm_source=x")]
    desk.round(minutes=10)
    assert desk.states() == {"1": State.SENT}
    assert len(posts(server)) == 1
    assert [one.delivery.remote_id for one in desk.ledger.deliveries.listed()] == ["99"]
    desk.ledger.close()


def test_a_list_that_lags_behind_makes_no_second_post(server: Receiver, tmp_path: Path) -> None:
    desk = desk_of(server, tmp_path)
    desk.article("1")
    server.script = [Answer(504, {}), ME, NOTHING, DUPLICATE, listed(desk, "99", "https://news.test/1")]
    desk.round(seconds=1)
    for _ in range(3):
        desk.round(minutes=10)
    assert desk.states() == {"1": State.SENT}
    assert [one.delivery.remote_id for one in desk.ledger.deliveries.listed()] == ["99"]
    assert server.script == []
    desk.ledger.close()


def test_two_topics_of_the_same_words_fail_the_second_with_a_reason_and_hold_up_nothing(
    server: Receiver, tmp_path: Path
) -> None:
    desk = desk_of(server, tmp_path)
    for id_ in "12":
        desk.article(id_, title="", url="", content="<p>新型艦が就役。</p>")
    desk.article("3")
    server.script = [yes("11"), DUPLICATE, yes("33")]
    for _ in range(3):
        desk.round(minutes=1)
    assert desk.states() == {"1": State.SENT, "2": State.FAILED, "3": State.SENT}
    (why,) = (one.delivery.reason for one in desk.ledger.deliveries.listed() if one.delivery.state is State.FAILED)
    assert "X refuses the same words twice" in why
    desk.ledger.close()


@pytest.mark.parametrize(("policy", "state"), [("wait", State.DUE), ("skip", State.SKIPPED)])
def test_a_month_costs_no_more_than_its_budget_and_no_call_is_made_beyond_it(
    server: Receiver, tmp_path: Path, policy: str, state: State
) -> None:
    desk = desk_of(server, tmp_path, budget="0.41", over_budget=policy)
    for id_ in "123":
        desk.article(id_, url=f"https://example.jp/{id_}")  # of an address below .test X makes no link
    server.script = [yes("11"), yes("22")]
    desk.round(minutes=1)
    assert sorted(desk.states().values()) == sorted([State.SENT, State.SENT, state])
    assert len(server.requests) == 2
    (why,) = (one.delivery.reason for one in desk.ledger.deliveries.listed() if one.delivery.state is state)
    assert "budget of 0.41" in why
    desk.ledger.close()


def test_a_bare_domain_makes_a_brief_as_dear_as_a_link_does(server: Receiver, tmp_path: Path) -> None:
    desk = desk_of(server, tmp_path, budget="0.1")
    desk.article("1", title="", url="", content="<p>詳細はexample.jpへ</p>")
    desk.article("2", title="", url="", content="<p>詳細は次の記事で</p>")
    server.default = yes("11")
    desk.round(minutes=1)
    assert desk.states() == {"1": State.DUE, "2": State.SENT}
    assert posts(server) == ["詳細は次の記事で"]
    desk.ledger.close()
