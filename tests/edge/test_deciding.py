"""What people decide about deliveries, and what they are asked before."""

from __future__ import annotations

import json
import os
import pty
import re
from contextlib import closing

import pytest

from tests.edge.front_door import CONSOLE, ENGLISH, Site, ago, mastodon, webhook
from tests.edge.receiver import Receiver, Seen

MANY = tuple(f"a{number:02}" for number in range(25))


def asked(site: Site, answer: str, *args: str) -> tuple[int, str]:
    """Run `feedpub ARGS` on a terminal where somebody answers; tells how it ended, and what it showed there."""
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "wb", buffering=0)) as keyboard, closing(os.fdopen(theirs)) as terminal:
        keyboard.write(f"{answer}\n".encode())
        ended = site.start(*args, keyboard=os.ttyname(terminal.fileno())).wait()
    return ended.code, ended.out


def states(site: Site) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in site.deliveries():
        counts[one["state"]] = counts.get(one["state"], 0) + 1
    return counts


def posts(server: Receiver) -> list[Seen]:
    """What would have appeared there."""
    return [seen for seen in server.requests if seen.method == "POST"]


def flooded(site: Site) -> None:
    """Have two targets hold 25 notices each."""
    site.configure(targets={"one": CONSOLE, "two": CONSOLE})
    site.feedpub("once")
    for number, article in enumerate(MANY):
        site.publish(article, published=ago(minutes=100 - number))
    site.feedpub("once")
    assert states(site) == {"held": 50}


# ---------------------------------------------------------------- announcing


def test_an_article_that_stands_is_said_once_more_only_if_somebody_says_so(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"social": mastodon(server), "terminal": CONSOLE | {"categories": ["米国関連"]}})
        site.feedpub("once")
        site.publish("1", title="一つ目")
        site.feedpub("once")
        told = "social: said already, see https://social.test/@news/77\n"
        ended, shown = asked(site, "n", "announce", "1")
        assert (ended, shown.startswith(told)) == (0, True)
        assert shown.endswith(
            "It is left as it is there.\n"
            "terminal: it will be said by the feedpub that runs, else at the next `feedpub once`\n"
        )
        site.feedpub("once")
        assert len(posts(server)) == 1
        ended, shown = asked(site, "y", "announce", "1", "--target", "social")
        assert (ended, "Say it once more on social? [y/N]" in shown) == (0, True)
        site.feedpub("once")
        first, second = posts(server)
        assert first.body == second.body
        assert first.headers["idempotency-key"] != second.headers["idempotency-key"], "it is no repeat"


def test_an_article_is_said_in_other_words_if_they_are_given(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.publish("1", title="一つ目")
    site.feedpub("once")
    site.feedpub("announce", "1", "--text", "もう一度、\x1b[31m別の言葉で", "--yes")
    assert "もう一度、[31m別の言葉で\nhttps://news.test/1\n" in site.feedpub("once").out
    refused = site.feedpub("announce", "1", "--text", " 　", code=1)
    assert refused.err == "--text: there is nothing to say in it\n"
    (one,) = site.deliveries()
    assert (one["state"], one["action"]) == ("sent", "announce")


def test_the_first_post_may_be_in_other_words_too(site: Site) -> None:
    site.configure()
    site.feedpub("once")
    site.publish("1", title="一つ目")
    site.feedpub("once")
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.feedpub("announce", "1", "--text", "読んでください")
    assert "読んでください\nhttps://news.test/1\n" in site.feedpub("once").out


# ---------------------------------------------------------------- releasing


def test_a_flood_is_let_go_when_somebody_says_so_and_not_without(site: Site) -> None:
    flooded(site)
    refused = site.feedpub("deliveries", "release", code=1).err
    assert refused == "Release 25 of two and 25 of one? Nobody can be asked here: say --yes\n"
    assert asked(site, "", "deliveries", "release", "--target", "one") == (
        0,
        "Release 25 of one? [y/N]: Nothing was done.\n",
    )
    assert states(site) == {"held": 50}
    ended, shown = asked(site, "y", "deliveries", "release", "--target", "one")
    assert (ended, shown) == (0, "Release 25 of one? [y/N]: 25 released.\n")
    assert states(site) == {"held": 25, "due": 25}


def test_the_newest_of_a_flood_are_let_go_and_the_others_cancelled(site: Site) -> None:
    flooded(site)
    question = "Release 3 of two and 3 of one and cancel 44 older ones?"
    assert site.feedpub("deliveries", "release", "--newest", "3", code=1).err.startswith(question)
    told = site.feedpub("deliveries", "release", "--newest", "3", "--target", "two", "--yes").out
    assert told == "22 cancelled.\n3 released.\n"
    listed = site.deliveries("--target", "two")
    assert sorted(one["article"] for one in listed if one["state"] == "due") == ["a22", "a23", "a24"]
    assert {one["error"] for one in listed if one["state"] == "skipped"} == {"cancelled by hand"}
    assert site.feedpub("deliveries", "release", "--newest", "0", "--yes").out == "25 cancelled.\n0 released.\n"


def test_what_a_flood_would_cost_is_told_before_it_is_let_go(site: Site) -> None:
    keys = dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "secret")
    site.configure(targets={"x": {"kind": "x", "budget": 20, "flood_limit": 1} | keys})
    site.feedpub("once")
    site.publish("1", "2", url="https://news.example.jp/1")
    site.publish("3", title="", url="", content="<p>短信</p>")
    site.feedpub("once")
    assert site.feedpub("deliveries", "release", code=1).err.startswith("Release 3 of x, which costs 0.415? Nobody")
    newest = site.feedpub("deliveries", "release", "--newest", "1", code=1).err
    assert newest.startswith("Release 1 of x, which costs 0.015, and cancel 2 older ones? Nobody")
    retried = site.feedpub("deliveries", "retry", "--state", "held", "--target", "x", code=1).err
    assert retried.startswith("Say 3 of x, which costs 0.415? Nobody")


# ---------------------------------------------------------------- retrying and cancelling


def test_what_failed_is_said_again_by_its_target_or_its_time_and_each_says_what_to_do(site: Site) -> None:
    with Receiver() as server:
        server.script = [(422, {}), (422, {})]
        site.configure(site=ENGLISH, targets={"hook": webhook(server), "terminal": CONSOLE})
        site.feedpub("once")
        site.publish("one", "two")
        site.feedpub("once", code=1)
        failed = site.deliveries("--state", "failed")
        assert [one["advice"] for one in failed] == [
            f"mend that, then `feedpub deliveries retry {one['id']}`" for one in failed
        ]
        assert f"mend that, then `feedpub deliveries retry {failed[0]['id']}`" in site.feedpub("deliveries", "list").out
        for args in ((), ("--state", "failed")):
            assert site.feedpub("deliveries", "retry", *args, code=1).err.startswith("which deliveries? give their num")
        refused = site.feedpub("deliveries", "retry", "--target", "hook", code=1).err
        assert refused == "Say 2 of hook? Nobody can be asked here: say --yes\n"
        assert site.feedpub("deliveries", "retry", "--since", "1h", "--yes").out == "2 will be said.\n"
        assert "Said: 2 to hook." in site.feedpub("once").out
        assert site.feedpub("deliveries", "retry", "--target", "hook").out == "0 will be said.\n"


def test_what_waits_for_a_paused_target_says_how_to_let_it_speak(site: Site) -> None:
    with Receiver() as server:
        server.default = (401, {})
        site.configure(site=ENGLISH, targets={"hook": webhook(server)})
        site.feedpub("once")
        site.publish("one")
        site.feedpub("once", code=1)
        (one,) = site.deliveries()
        assert one["state"] == "due"
        assert one["advice"].endswith("mend that, then `feedpub resume hook`")


def test_what_a_person_says_to_a_paused_target_is_told_to_wait(site: Site) -> None:
    with Receiver() as server:
        server.default = (401, {})
        site.configure(targets={"hook": webhook(server), "terminal": CONSOLE})
        site.feedpub("once")
        site.publish("one")
        site.feedpub("once", code=1)
    (one,) = site.deliveries("--target", "hook")
    paused = "hook is paused: `feedpub status` tells why; mend that, then `feedpub resume hook`\n"
    assert site.feedpub("deliveries", "retry", str(one["id"])).out == f"1 will be said.\n{paused}"
    said = site.feedpub("announce", "one", "--yes").out
    assert "\n  hook: not before somebody lets it; it is paused: the webhook does not let us in (HTTP 401)" in said
    assert "\n  terminal" not in said


def test_what_is_announced_in_quiet_hours_is_told_when_it_goes(site: Site) -> None:
    site.configure(targets={"calm": CONSOLE | {"quiet": "00:00-12:00, 12:01-24:00"}})
    site.feedpub("once")
    site.publish("one")
    site.feedpub("once")
    assert "; after its quiet hours (00:00-12:00, 12:01-24:00)" in site.feedpub("announce", "one").out


def test_what_waits_is_cancelled_by_its_target(site: Site) -> None:
    site.configure(site=ENGLISH, targets={"later": CONSOLE | {"delay": "1h"}, "never": CONSOLE | {"delay": "1h"}})
    site.feedpub("once")
    site.publish("one", "two")
    site.feedpub("once")
    assert asked(site, "y", "deliveries", "cancel", "--target", "never") == (
        0,
        "Cancel 2 of never? [y/N]: 2 cancelled.\n",
    )
    assert {(one["target"], one["state"]) for one in site.deliveries()} == {("later", "due"), ("never", "skipped")}
    (advice,) = {one["advice"] for one in site.deliveries("--target", "never", "--article", "two")}
    assert advice == "to say it all the same: `feedpub announce two --target never`"


@pytest.mark.parametrize(("since", "count"), [("1h", 1), ("1d", 1), ("2000-01-01", 1), ("2090-01-01", 0), ("0", 0)])
def test_deliveries_are_listed_by_when_they_came_to_be_owed(site: Site, since: str, count: int) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.publish("one")
    site.feedpub("once")
    assert len(site.deliveries("--since", since)) == count
    assert site.feedpub("deliveries", "list", "--since", "soon", code=1).err == (
        '--since: write a length of time, such as "2d", or a date, such as 2026-11-23\n'
    )


def test_no_control_character_of_a_title_reaches_the_terminal(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE | {"delay": "1h"}})
    site.feedpub("once")
    site.publish("one", title="題\u202e\x9b31m赤[bold]い")
    site.feedpub("once")
    shown = site.feedpub("deliveries", "list").out
    assert "赤[bold]い" in shown
    assert not set("\u202e\x9b\x1b") & set(shown)
    assert json.loads(site.feedpub("deliveries", "list", "--json", "--held-by", "flood").out) == []


def test_deliveries_are_listed_by_what_holds_them_up_and_nothing_else_is_taken_for_it(site: Site) -> None:
    flooded(site)
    assert len(site.deliveries("--held-by", "flood")) == 50
    for guard in ("feeds", "budget", "author", "when", "import"):
        assert site.deliveries("--held-by", guard) == []
    wrong = site.feedpub("deliveries", "list", "--held-by", "nonsense", code=2).err
    assert "'feeds', 'flood', 'budget', 'author'" in re.sub(r"[\s│]+", " ", wrong)
