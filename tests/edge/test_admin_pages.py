"""What the admin's pages show and do, asked over real connections by an admin whose browser runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.routing import Route
from structlog.testing import capture_logs

from feedpub.commands.deciding import Which
from feedpub.commands.problems import Unapplied
from feedpub.model import State
from feedpub.web.admin.pages import STYLE, pages
from tests.databases import PostgreSQL
from tests.edge.admin_site import HOSTILE, Room, Seen, busy_room, room
from tests.edge.front_door import CONSOLE, FEEDS, SITE, STORE, Table, discord, webhook
from tests.edge.receiver import Answer, Receiver

PAGES = ("/", "/deliveries", "/targets/terminal", "/feeds", "/config", "/config?all=yes", "/write")
ENGLISH = SITE | {"language": "en", "title": "Aviation News"}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One for those who only look."""
    with Receiver() as server, busy_room(tmp_path_factory.mktemp("busy") / "a", server, "en") as one:
        yield one


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Room]:
    """One with a target, and one article known before."""
    with room(tmp_path / "a", "old", site=ENGLISH, targets={"terminal": CONSOLE}) as one:
        yield one


def states(one: Room, target: str = "terminal") -> dict[str, int]:
    return dict(one.app.status().deliveries.get(target, {}))


def rows(page: Seen) -> list[str]:
    return page.all(".deliveries li:not(.tries li)")


# ---------------------------------------------------------------- every page


def test_every_page_is_for_those_who_are_logged_in_only(busy: Room) -> None:
    known = dict(busy.admin.cookies)
    busy.admin.cookies.clear()
    try:
        for path in (*PAGES, "/announce?article=news"):
            assert busy.admin.ask(path).path.startswith("/login")
        for path in ("/deliveries", "/brief", "/announce", "/poll", "/targets/terminal"):
            assert busy.admin.ask(path, "POST", [("do", "pause")]).status == 401
    finally:
        busy.admin.cookies.update(known)


def test_no_action_is_done_by_looking_or_without_the_sign_of_our_own_forms(busy: Room) -> None:
    before = busy.app.status()
    for path in ("/brief", "/poll"):
        assert busy.admin.ask(path).status in {404, 405}
    for path in ("/deliveries", "/brief", "/announce", "/poll", "/targets/terminal"):
        fields = [("do", "pause"), ("all", "yes"), ("sure", "yes"), ("text", "x"), ("article", "news")]
        assert busy.admin.ask(path, "POST", fields).status == 403
    assert busy.app.status() == before


def test_every_address_that_a_page_leads_to_is_there(busy: Room) -> None:
    known = set(PAGES)
    for path in PAGES:
        page = busy.admin.ask(path)
        assert page.status == 200
        known |= {link.partition("#")[0] for link in page.links() if link.startswith("/")}
    assert len(known) > 20
    for path in sorted(known):
        assert busy.admin.ask(path).status == 200, path


def test_pages_ask_nobody_for_anything_and_run_no_scripts(busy: Room) -> None:
    for path in (*PAGES, "/announce?article=hostile"):
        page = busy.admin.ask(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.tree.cssselect("script, img, iframe, object, [style], [onclick], [onerror]") == []
        loaded = [one.get("href") for one in page.tree.cssselect("link")]
        assert [one for one in loaded if not one.startswith("data:")] == [STYLE]
    sheet = busy.admin.ask(STYLE).headers
    assert (sheet["content-type"], sheet["cache-control"]) == ("text/css; charset=utf-8", "max-age=31536000")


def test_what_strangers_wrote_is_shown_and_never_obeyed(busy: Room) -> None:
    for path in ("/", "/deliveries?article=hostile", "/write", "/announce?article=hostile"):
        page = busy.admin.ask(path)
        assert HOSTILE.replace("'", "") in page.text.replace("'", "")
        assert "49" not in [one.strip() for one in page.text.split()]
        for link in page.links():
            assert re.match(r"https?://|/|#", link), link
    foreign = list(busy.admin.ask("/deliveries").tree.cssselect("main a[href^=http]"))
    assert foreign
    assert {one.get("rel") for one in foreign} == {"noopener noreferrer"}


def test_an_address_is_followed_only_if_it_is_of_the_web(quiet: Room) -> None:
    quiet.publish("1")
    quiet.once()
    with quiet.app.ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE delivery SET remote_url = 'javascript:alert(1)'")
        connection.exec_driver_sql("UPDATE article SET body = replace(body, 'https://news.test/1', 'javascript:2')")
    for path in ("/deliveries", "/announce?article=1"):
        assert not [link for link in quiet.admin.ask(path).links() if link.startswith("javascript:")]
    page = quiet.admin.ask("/deliveries")
    assert "See it there" not in page.text


def test_what_an_address_says_is_never_put_into_a_page_as_words_of_ours(busy: Room) -> None:
    page = busy.admin.ask("/?told=All%20is%20lost")
    assert (page.status, page.told) == (200, "")
    for path in (
        "/deliveries?state=%3Cscript%3E&target=%3Cb%3E&only=x&before=-1",
        "/deliveries?target=%27&article=%27&held_by=%27",
        f"/deliveries?only={10**30}&before={10**30}",
        "/deliveries?since=%E6%98%A8%E6%97%A5",
        "/feeds?from=99999999&name=%3Cscript%3E",
        "/announce?article=%3Cscript%3Ewindow.ran%3C/script%3E",
        "/targets/%3Cscript%3E",
        "/nothing/%3Cscript%3E",
    ):
        page = busy.admin.ask(path)
        assert page.status in {200, 404, 422}
        assert page.tree.cssselect("script, main b") == []
    assert busy.admin.ask("/targets/nobody").told == "There is no such page."


def test_pages_speak_the_language_of_the_site_and_tell_its_time(tmp_path: Path) -> None:
    with room(tmp_path / "a", targets={"terminal": CONSOLE}) as one:
        page = one.admin.ask("/")
        assert page.tree.get("lang") == "ja"
        assert page.all("nav li") == ["概要", "告知", "フィード", "書く", "設定"]
        assert "すべて順調です。" in page.text
        assert "3分ごと" in page.text
        (polled, *_) = page.tree.cssselect("table time")
        assert polled.get("datetime").endswith("+09:00")
        one.apply(site=ENGLISH | {"timezone": "UTC"}, targets={"terminal": CONSOLE})
        page = one.admin.ask("/")
        assert page.tree.get("lang") == "en"
        assert "every 3 min" in page.text
        assert page.tree.cssselect("table time")[0].get("datetime").endswith("+00:00")


def test_both_languages_have_every_word_of_every_page(tmp_path: Path) -> None:
    with Receiver() as server, busy_room(tmp_path / "a", server, "ja") as one:
        for path in (*PAGES, "/announce?article=news", "/deliveries?state=doubtful"):
            page = one.admin.ask(path)
            assert page.status == 200
            assert "{" not in re.sub(r"\{\{ 7\*7 \}\}", "", page.text.replace("{}", "")) or path.startswith(
                ("/config", "/announce")
            )


def test_a_page_that_cannot_be_made_says_why(quiet: Room) -> None:
    with quiet.app.ledger.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE delivery RENAME TO elsewhere")
    page = quiet.admin.ask("/deliveries")
    assert page.status == 503
    assert page.told.startswith("Nothing was done.")


def test_a_fault_of_our_own_is_told_and_logged_without_its_text(quiet: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(quiet.app), "status", broken)
    with capture_logs() as told:
        page = quiet.admin.ask("/")
    assert (page.status, "feedpub itself failed" in page.told, "a secret" in page.body) == (500, True, False)
    (fault,) = [one for one in told if one["event"] == "fault"]
    assert (fault["error"], "a secret" in str(fault)) == ("RuntimeError", False)


def test_what_an_admin_did_is_in_the_log_but_not_what_was_written(quiet: Room) -> None:
    with capture_logs() as told:
        quiet.admin.press(quiet.admin.ask("/targets/terminal"), "button[value=pause]")
        quiet.admin.press(quiet.admin.ask("/write"), "form[action='/brief'] button.main", text="まだ内緒")
    paused, brief = [one for one in told if one["event"] == "admin_acted"]
    assert (paused["path"], paused["do"]) == ("/targets/terminal", "pause")
    assert "内緒" not in str(brief)


# ---------------------------------------------------------------- the overview


def test_an_empty_site_is_well(tmp_path: Path) -> None:
    with room(tmp_path / "a", site=ENGLISH) as one:
        page = one.admin.ask("/")
        assert page.one(".allwell").startswith("✓ All is well.")
        assert "The config has no target: articles are announced nowhere." in page.text
        assert "Nothing has been tried yet." in page.text
        for path in ("/deliveries", "/feeds", "/write", "/config"):
            assert one.admin.ask(path).status == 200


def test_the_overview_tells_when_each_store_is_polled_and_when_next(quiet: Room) -> None:
    page = quiet.admin.ask("/")
    (store,) = page.all("section:nth-of-type(2) tbody tr")
    assert store.startswith("main sql every 3 min")
    polled, coming = (datetime.fromisoformat(one.get("datetime")) for one in page.tree.cssselect("tbody tr time")[-2:])
    assert coming - polled == timedelta(minutes=3)
    quiet.apply(site=ENGLISH, stores={"main": STORE | {"path": str(quiet.folder / "articles.db"), "poll": "0 6 * * *"}})
    page = quiet.admin.ask("/")
    assert "by the cron line 0 6 * * *" in page.text
    assert datetime.fromisoformat(page.tree.cssselect("tbody time")[-1].get("datetime")).hour == 6


def test_who_stands_by_says_so(quiet: Room) -> None:
    assert "stands by" not in quiet.admin.ask("/").text
    quiet.app.standing_by = True
    assert "This feedpub stands by: another one leads." in quiet.admin.ask("/").text


def test_a_store_that_fails_is_told_first_and_can_be_polled_at_once(quiet: Room) -> None:
    stores: Table = {"main": {"kind": "feed", "url": "http://127.0.0.1:9/feed", "allow_private": True}}
    quiet.apply(site=ENGLISH, stores=stores, targets={"terminal": CONSOLE})
    quiet.once()
    page = quiet.admin.ask("/")
    assert "fails since" in page.one("section[aria-labelledby=stores] tbody tr")
    asked = quiet.admin.press(page, ".problems button")
    assert asked.told.startswith("Asked for: main.")
    assert "asked for" in asked.one("section[aria-labelledby=stores] tbody tr")


def test_problems_come_first_each_with_what_can_be_done(busy: Room) -> None:
    page = busy.admin.ask("/")
    told = page.all(".problems li")
    assert len(told) == len(busy.app.problems()) == 7
    assert [one for one in told if "discord_news is paused" in one and one.endswith("Resume To discord_news")]
    assert [one for one in told if one.endswith("Release … Look at them")]
    assert page.body.index('class="problems"') < page.body.index("<table")


def test_the_overview_tells_of_each_target_how_it_does(busy: Room) -> None:
    page = busy.admin.ask("/")
    told = {one.split()[0]: one for one in page.all("section[aria-labelledby=targets] tbody tr")}
    assert "paused 25 3 0 0 refused" in told["discord_news"]
    assert re.search(r"may speak again at .* 25 2 0 0 said", told["paid"])
    assert "well 25 0 0 0 said" in told["mastodon"]
    assert "main/broken published cannot be read as a date" in page.text
    assert "feedpub 0.1.0, running since" in page.text


def test_what_a_month_costs_is_told_and_asked_for_before_it_is_spent(tmp_path: Path) -> None:
    keys = dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "x" * 8)
    with room(tmp_path / "a", site=ENGLISH, targets={"x": {"kind": "x", "budget": 9, **keys}}) as one:
        one.publish(*(f"n{number:02}" for number in range(25)))
        one.once()
        assert states(one, "x") == {"held": 25}  # so nobody is asked
        assert "0.00 of 9.00" in one.admin.ask("/targets/x").text
        overview = one.admin.ask("/")
        assert "0.00 of 9.00" in overview.one("section[aria-labelledby=targets] tbody tr")
        asked = one.admin.press(overview, ".problems button")
        assert re.search(r"25 deliveries: 25 of x\. It costs \d\.\d+\.", asked.text)
        assert states(one, "x") == {"held": 25}


# ---------------------------------------------------------------- deliveries


def test_deliveries_are_listed_newest_first_and_page_by_page(busy: Room) -> None:
    page, seen = busy.admin.ask("/deliveries"), list[str]()
    while True:
        seen += re.findall(r"#(\d+) ·", page.text)
        more = page.tree.cssselect("a[rel=next]")
        if not more:
            break
        page = busy.admin.ask(more[0].get("href"))
    total = sum(sum(counts.values()) for counts in busy.app.status().deliveries.values())
    assert seen == sorted(seen, key=int, reverse=True)
    assert len(seen) == len(set(seen)) == total
    first = busy.admin.ask(page.tree.cssselect(".pages a")[0].get("href"))
    assert re.findall(r"#(\d+) ·", first.text) == seen[:50]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("state=doubtful", 1),
        ("state=doubtful&state=failed", 1),
        ("target=mastodon&state=sent", 3),
        ("article=news", 5),
        ("article=tag:news.test,2026:nothing", 0),
        ("held_by=flood&target=paid", 25),
        ("held_by=budget", 0),
        ("since=1h&target=paid", 28),
        ("since=2999-01-01", 0),
        ("target=nobody", 0),
        ("state=sent&only=1", 0),
    ],
)
def test_deliveries_are_found_by_all_that_is_asked(busy: Room, asked: str, found: int) -> None:
    assert len(rows(busy.admin.ask(f"/deliveries?{asked}"))) == found


def test_the_filter_remembers_what_was_asked(busy: Room) -> None:
    page = busy.admin.ask("/deliveries?state=held&target=paid&held_by=flood&article=flood01&since=1d")
    assert [one.get("value") or one.text for one in page.tree.cssselect("option[selected]")] == [
        "held",
        "paid",
        "flood",
    ]
    again = busy.admin.press(page, ".filter button")
    assert len(rows(page)) == len(rows(again)) == 1
    assert "page" in busy.admin.ask("/deliveries").tree.cssselect("nav [aria-current]")[0].get("aria-current")


def test_a_delivery_tells_why_what_was_tried_and_what_to_do(busy: Room) -> None:
    (one,) = rows(busy.admin.ask("/deliveries?state=doubtful"))
    assert "in doubt" in one
    assert "the webhook failed with the notice in hand (HTTP 500); nobody knows whether it was posted" in one
    assert "tried 1×" in one
    assert "announce: in doubt –" in one
    told = rows(busy.admin.ask("/deliveries?target=mastodon&state=sent"))
    assert all("See it there" in one for one in told)
    assert (
        "Its target is paused: mend that, then resume it."
        in rows(busy.admin.ask("/deliveries?target=discord_news&state=due"))[0]
    )


def failing(server: Receiver) -> Table:
    server.default = Answer(422, {"error": "no"})
    return {"hook": webhook(server)}


def test_a_delivery_that_failed_is_said_when_somebody_presses_retry(tmp_path: Path) -> None:
    with Receiver() as server, room(tmp_path / "a", site=ENGLISH, targets=failing(server)) as one:
        one.publish("1", "2")
        one.once()
        page = one.admin.ask("/deliveries?state=failed")
        assert "Mend that, then retry it." in page.text
        server.default = Answer(200, {})
        told = one.admin.press(page, ".deliveries li:first-child button[value^=retry]")
        assert told.told == "1 will be said."
        assert told.path.startswith("/deliveries?state=failed")
        one.once()
        assert states(one, "hook") == {"sent": 1, "failed": 1}


def test_several_that_were_ticked_are_decided_together(tmp_path: Path) -> None:
    with Receiver() as server, room(tmp_path / "a", site=ENGLISH, targets=failing(server)) as one:
        one.publish("1", "2", "3")
        one.once()
        page = one.admin.ask("/deliveries")
        ids = [box.get("value") for box in page.tree.cssselect("[name=id]")]
        told = one.admin.press(page, ".bulk button[value=retry]", *ids[:2])
        assert told.told == "2 will be said."
        assert states(one, "hook") == {"due": 2, "failed": 1}
        told = one.admin.press(told, ".bulk button[value=cancel]", *ids)
        assert told.told == f"2 cancelled. Delivery {ids[2]} is left as it is: failed."
        nothing = one.admin.press(told, ".bulk button[value=cancel]")
        assert nothing.told == "Nothing was chosen, so nothing was done."
        assert states(one, "hook") == {"skipped": 2, "failed": 1}


def test_a_flood_is_let_go_only_after_the_second_yes(quiet: Room) -> None:
    quiet.publish(*(f"n{number:02}" for number in range(25)))
    quiet.once()
    assert states(quiet) == {"held": 25}
    asked = quiet.admin.press(quiet.admin.ask("/"), ".problems button")
    assert "Let these go?" in asked.text
    assert "25 deliveries: 25 of terminal." in asked.text
    assert "and 5 more" in asked.text
    assert states(quiet) == {"held": 25}
    quiet.publish("later")
    done = quiet.admin.press(asked, "button[name=sure]")
    assert done.told == "25 released."
    assert states(quiet) == {"due": 25}


def test_all_that_a_filter_finds_is_cancelled_after_a_yes_but_never_simply_everything(quiet: Room) -> None:
    quiet.publish(*(f"n{number:02}" for number in range(25)))
    quiet.once()
    assert "nobody decides about simply everything" in quiet.admin.ask("/deliveries").one(".everything")
    page = quiet.admin.ask("/deliveries?target=terminal")
    asked = quiet.admin.press(page, ".everything button[value=cancel]")
    assert "Never say these?" in asked.text
    assert states(quiet) == {"held": 25}
    done = quiet.admin.press(asked, "button[name=sure]")
    assert (done.told, done.path.partition("&told")[0]) == ("25 cancelled.", "/deliveries?target=terminal")
    assert states(quiet) == {"skipped": 25}
    token = [("csrf", page.tree.cssselect("[name=csrf]")[0].get("value"))]
    too_much = quiet.admin.ask("/deliveries", "POST", [*token, ("do", "cancel"), ("all", "yes"), ("sure", "yes")])
    assert too_much.told == "Nothing was done: filter by target, article, guard or time first."


def test_what_came_after_the_question_is_not_decided_with_the_answer(quiet: Room) -> None:
    quiet.apply(site=ENGLISH, targets={"terminal": CONSOLE | {"delay": "1h"}})
    quiet.publish("1", "2")
    quiet.once()
    asked = quiet.admin.press(quiet.admin.ask("/deliveries?target=terminal"), ".everything button[value=cancel]")
    quiet.publish("3")
    quiet.once()
    assert quiet.admin.press(asked, "button[name=sure]").told == "2 cancelled."
    assert states(quiet) == {"skipped": 2, "due": 1}


def test_what_may_have_been_said_is_said_again_only_after_a_warning(tmp_path: Path) -> None:
    with Receiver() as server:
        server.default = Answer(500, "gone")
        target = webhook(server, on_doubt="stop") | {"kind": "slack", "webhook_url": f"{server.url}/services/T/B/X"}
        del target["url"]
        with room(tmp_path / "a", site=ENGLISH, targets={"slack": target}) as one:
            one.publish("1")
            one.once()
            assert states(one, "slack") == {"doubtful": 1}
            page = one.admin.ask("/deliveries?state=doubtful")
            assert "retry it if it is missing, cancel it if it stands" in page.text
            asked = one.admin.press(page, "button[value^='retry:']")
            assert "would be said twice" in asked.text
            assert states(one, "slack") == {"doubtful": 1}
            assert one.admin.press(asked, "button[name=sure]").told == "1 will be said."
            assert states(one, "slack") == {"due": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"one": "retry:999999"},
        {"one": "retry:x"},
        {"one": "burn:1"},
        {"do": "burn", "id": "1"},
        {"do": "cancel", "id": "0"},
        {"do": "cancel", "id": str(10**40)},
        {"do": "retry", "all": "yes", "target": "nobody"},
        {"do": "retry", "all": "yes", "target": "terminal", "since": "tomorrow or so"},
        {"do": "release", "all": "yes", "article": "none"},
    ],
)
def test_a_form_that_nobody_of_us_wrote_changes_nothing(busy: Room, fields: dict[str, str]) -> None:
    before = busy.app.status()
    token = busy.admin.ask("/").tree.cssselect("[name=csrf]")[0].get("value")
    answer = busy.admin.ask("/deliveries", "POST", [("csrf", token), ("sure", "yes"), *fields.items()])
    assert answer.status in {200, 422}
    assert answer.tree.cssselect("#told .ill")
    assert busy.app.status() == before


def test_no_form_leads_to_another_place(quiet: Room) -> None:
    token = quiet.admin.ask("/").tree.cssselect("[name=csrf]")[0].get("value")
    for elsewhere in ("//evil.test/", "https://evil.test/", "/\\evil.test", "/logout", "javascript:1", "/targets/../x"):
        answer = quiet.admin.ask("/poll", "POST", [("csrf", token), ("back", elsewhere)])
        assert answer.path.startswith("/?told=")


# ---------------------------------------------------------------- one target


def test_a_target_is_paused_and_speaks_again_when_it_is_resumed(quiet: Room) -> None:
    page = quiet.admin.ask("/targets/terminal")
    paused = quiet.admin.press(page, "button[value=pause]")
    assert paused.told == "terminal is paused."
    assert quiet.admin.press(page, "button[value=pause]").told == "terminal was paused already."
    quiet.publish("1")
    quiet.once()
    assert states(quiet) == {"due": 1}
    assert "paused" in quiet.admin.ask("/targets/terminal").one(".facts-list")
    resumed = quiet.admin.press(quiet.admin.ask("/"), ".problems button")
    assert (resumed.told, resumed.path.partition("?")[0]) == ("terminal speaks again.", "/")
    assert quiet.admin.press(paused, "button[value=resume]").told == "terminal was not paused."
    quiet.once()
    assert states(quiet) == {"sent": 1}


def test_what_is_said_by_hand_to_a_paused_target_waits_and_that_is_told(tmp_path: Path) -> None:
    with Receiver() as server:
        server.default = Answer(403, {"message": "no"})
        with room(tmp_path / "a", site=ENGLISH, targets={"discord_news": discord(server)}) as one:
            server.default = Answer(403, {"message": "no"})
            one.publish("1")
            one.once()
            page = one.admin.ask("/targets/discord_news")
            assert "Discord does not let us in" in page.text
            told = one.admin.press(page, "button[value^='retry:']")
            assert told.told == "1 will be said. discord_news is paused: what is to be said waits until it is resumed."
            assert told.path.startswith("/targets/discord_news?")


def test_a_target_tells_when_it_may_speak(tmp_path: Path) -> None:
    rules: Table = {"every": "90s", "delay": "3m", "quiet": "23:00-06:00", "max_per_day": 4, "max_age": "1d"}
    with room(tmp_path / "a", site=ENGLISH, targets={"terminal": CONSOLE | rules}) as one:
        told = one.admin.ask("/targets/terminal").all(".facts-list div")
        assert told[-5:] == [
            "At most one in1 min 30 s", "Grace3 min", "Most in a day4", "Quiet hours23:00-06:00", "No news after1 d"
        ]  # fmt: skip


def test_a_store_and_a_target_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    stores: Table = {"main": {"kind": "feed", "url": "http://127.0.0.1:9/feed", "allow_private": True}}
    with room(tmp_path / "a", site=ENGLISH, stores=stores, targets={"main": CONSOLE}) as one:
        assert "stores.main" in one.admin.ask("/").one(".problems")
        assert one.admin.ask("/targets/main").tree.cssselect(".told.ill") == []


# ---------------------------------------------------------------- feeds


def test_each_feed_tells_what_it_carries_and_where(busy: Room) -> None:
    page = busy.admin.ask("/feeds")
    told = {one.split()[-1]: one for one in page.all("tbody th")}
    assert set(told) == {"all", "briefs", "category/us", "category/japan"}
    entries = dict(zip(told, page.all("tbody td.number"), strict=True))
    assert (entries["all"], entries["briefs"], entries["category/us"]) == ("20", "0", "1")
    links = [link for link in page.links() if link.startswith("https://news.test/feeds/")]
    assert "https://news.test/feeds/category/us.atom" in links
    size = (busy.folder / "public" / "all.rss").stat().st_size
    assert f"rss {size / 1000:,.0f} kB" in page.text
    assert page.tree.cssselect("tbody time")


def test_feeds_are_found_by_their_title_or_address(busy: Room) -> None:
    assert busy.admin.ask("/feeds?name=日本".replace("日本", "%E6%97%A5%E6%9C%AC")).all("tbody th") == [
        "日本関連 category/japan"
    ]
    found = busy.admin.press(busy.admin.ask("/feeds"), ".fields button", name="category/")
    assert len(found.all("tbody tr")) == 2


def test_a_feed_that_is_not_written_yet_says_so(quiet: Room) -> None:
    quiet.apply(site=ENGLISH, feeds=FEEDS | {"output": str(quiet.folder / "elsewhere")})
    page = quiet.admin.ask("/feeds")
    assert "not written yet" in page.text


# ---------------------------------------------------------------- the config


def test_the_config_in_force_is_told_with_its_places_and_without_secrets(busy: Room) -> None:
    page = busy.admin.ask("/config")
    assert "/api/webhooks" not in page.body
    (row,) = [one for one in page.all("#targets\\.discord_news tr") if one.startswith("webhook_url")]
    assert re.fullmatch(r"webhook_url\(secret\).*feedpub\.toml:\d+", row)
    assert "entries" in page.one("#feeds")
    assert "tombstones" not in page.one("#feeds")
    assert "tombstones" in busy.admin.ask("/config?all=yes").one("#feeds")


def test_a_config_that_was_refused_is_told_where_the_config_is(quiet: Room) -> None:
    quiet.app.unapplied = Unapplied("config/feedpub.toml:3: site.url: <b>")
    try:
        assert "config/feedpub.toml:3: site.url: <b>" in quiet.admin.ask("/config").text
    finally:
        quiet.app.unapplied = None


# ---------------------------------------------------------------- a brief


def test_a_brief_is_written_and_goes_where_briefs_go(quiet: Room) -> None:
    page = quiet.admin.ask("/write")
    told = quiet.admin.press(
        page, "form[action='/brief'] button.main", "us", text="速報です。\n二行目<b>", link="https://news.test/x"
    )
    assert re.match(r"brief-\d{8}-\d{6} is queued for terminal\. It goes out within seconds\.", told.told)
    assert "In feeds: all, briefs, category/us" in told.told
    quiet.once()
    brief = quiet.app.decisions.article(told.told.split()[0])
    assert (brief.summary.split()[0], brief.url) == ("速報です。", "https://news.test/x")
    assert states(quiet) == {"sent": 1}


def test_a_brief_for_later_waits_for_its_time(quiet: Room) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT09:00")  # noqa: TID251 - as an admin's clock
    page = quiet.admin.ask("/write")
    told = quiet.admin.press(page, "form[action='/brief'] button.main", text="後で", at=later)
    assert f"It goes out at {later.replace('T', ' ')}." in told.told
    quiet.once()
    assert quiet.app.status().articles["waiting"] == 1


UNFIT = (
    ({"text": " \u3000\n"}, "A brief needs words"),
    ({"text": "x", "link": "javascript:alert(1)"}, "an absolute address is needed"),
    ({"text": "x", "link": "news.test"}, "an absolute address is needed"),
    ({"text": "x", "at": "2020-01-01T00:00"}, "That time has passed"),
    ({"text": "x", "at": "someday"}, "Nothing was done. this is no time"),
    ({"text": "x", "category": "nowhere"}, "Nothing was done. there is no category nowhere"),
)


def test_a_brief_that_cannot_go_out_comes_back_to_be_mended(quiet: Room) -> None:
    page = quiet.admin.ask("/write")
    for fields, why in UNFIT:
        told = quiet.admin.press(page, "form[action='/brief'] button.main", **fields)
        assert (told.status, why in told.told) == (422, True), told.told
        assert told.tree.cssselect("textarea")[0].text_content().strip("\n") == fields["text"].strip("\n")
    assert not quiet.app.desk.file.mark()


# ---------------------------------------------------------------- announcing


def test_an_article_is_picked_looked_at_and_announced_in_other_words(quiet: Room) -> None:
    page = quiet.admin.ask("/write")
    (lead,) = [link for link in page.links() if link.startswith("/announce?")]
    shown = quiet.admin.ask(lead)
    assert "見出し old https://news.test/old" in shown.one(".notice")
    none = quiet.admin.press(shown, "button.main", text="別の言葉")
    assert (none.status, none.told) == (422, "No target was chosen, so nothing was done.")
    assert none.tree.cssselect("textarea")[0].text_content().strip() == "別の言葉"
    told = quiet.admin.press(none, "button.main", "terminal", text="別の言葉")
    assert told.told == "Noted: 見出し old terminal: it will be said as soon as its turn comes."
    (one,) = quiet.app.decisions.listed(which())
    assert one.delivery.words == "別の言葉"
    quiet.once()
    assert states(quiet) == {"sent": 1}
    assert "In other words: 別の言葉" in quiet.admin.ask("/deliveries").text


def which() -> Which:
    return Which()


def test_what_stands_already_is_said_once_more_only_after_a_yes(tmp_path: Path) -> None:
    with room(tmp_path / "a", site=ENGLISH, targets={"one": CONSOLE, "two": CONSOLE | {"categories": ["us"]}}) as one:
        one.publish("1")
        one.once()
        assert (states(one, "one"), states(one, "two")) == ({"sent": 1}, {})
        shown = one.admin.press(one.admin.ask("/write"), "form[action='/announce'] button", article="1")
        assert "said already" in shown.all(".says")[0]
        asked = one.admin.press(shown, "button.main", "one", "two")
        assert "Say it once more?" in asked.text
        assert "one said already" in asked.text
        assert (states(one, "one"), states(one, "two")) == ({"sent": 1}, {})
        only = one.admin.press(asked, "form:not(:has([name=sure])) button:not(.plain)")
        assert only.told == "Noted: 見出し 1 two: it will be said as soon as its turn comes."
        assert (states(one, "one"), states(one, "two")) == ({"sent": 1}, {"due": 1})
        again = one.admin.press(asked, "button[name=sure]")
        assert "one: it will be said as soon as its turn comes." in again.told
        assert states(one, "one") == {"due": 1}


def test_what_was_decided_against_can_be_announced_from_the_list(quiet: Room) -> None:
    quiet.publish("1", announce=False)
    quiet.once()
    page = quiet.admin.ask("/deliveries?state=skipped")
    assert "It can be said all the same: Announce it …" in rows(page)[0]
    (lead,) = [link for link in page.links() if link.startswith("/announce?")]
    told = quiet.admin.press(quiet.admin.ask(lead), "button.main", "terminal")
    assert told.told.startswith("Noted:")
    quiet.once()
    assert states(quiet) == {"sent": 1}


def test_an_article_or_a_target_that_is_not_there_is_told(quiet: Room) -> None:
    shown = quiet.admin.ask("/announce?article=nothing")
    assert shown.status == 422
    assert shown.told.startswith("There is no public article nothing:")
    token = [("csrf", shown.tree.cssselect("[name=csrf]")[0].get("value")), ("article", "old")]
    for more in ([("target", "nobody")], [("target", "terminal"), ("text", "\u3000")], [("article", "x")]):
        answer = quiet.admin.ask("/announce", "POST", [*token, *more])
        assert answer.tree.cssselect("#told .ill"), more
    assert states(quiet) == {}


# ---------------------------------------------------------------- a poll


def test_a_poll_is_asked_for_of_one_store_or_of_all(tmp_path: Path) -> None:
    stores: Table = {
        "main": STORE | {"path": str(tmp_path / "a" / "articles.db")},
        "other": STORE | {"path": str(tmp_path / "a" / "other.db")},
    }
    with room(tmp_path / "a", site=ENGLISH, stores=stores) as one:
        told = one.admin.press(one.admin.ask("/write"), "button[name=store][value=other]")
        assert told.told.startswith("Asked for: other.")
        assert set(one.app.ledger.articles.asked()) == {"other"}
        told = one.admin.press(told, "button[name=store][value='']")
        assert told.told.startswith("Asked for: main, other.")
        token = told.tree.cssselect("[name=csrf]")[0].get("value")
        nobody = one.admin.ask("/poll", "POST", [("csrf", token), ("store", "nobody")])
        assert "there is no store nobody" in nobody.told


# ---------------------------------------------------------------- both databases, many rows


def test_on_postgresql_the_pages_are_the_same(tmp_path: Path, busy: Room, postgres: PostgreSQL) -> None:
    database: Table = {"url": postgres.migrated()}
    with Receiver() as server, busy_room(tmp_path / "a", server, "en", database=database) as one:
        for path in (*PAGES, "/announce?article=news", "/deliveries?state=held&target=paid&held_by=flood&before=200"):
            assert one.admin.ask(path).status == 200
        for asked in ("article=news", "state=doubtful&state=sent", "since=1h&target=paid", "target=mastodon"):
            here, there = (room.admin.ask(f"/deliveries?{asked}") for room in (one, busy))
            assert sorted(here.all(".subject")) == sorted(there.all(".subject"))
        assert one.admin.ask("/feeds").all("tbody td.number") == busy.admin.ask("/feeds").all("tbody td.number")
        told = one.admin.press(one.admin.ask("/targets/mastodon"), "button[value=pause]")
        assert told.told == "mastodon is paused."


def test_a_site_with_a_thousand_feeds_lists_them_page_by_page(tmp_path: Path) -> None:
    own = {f"f{number:04}": {"title": f"Feed {number}"} for number in range(120)}
    with room(tmp_path / "a", site=ENGLISH, feeds=FEEDS | {"output": str(tmp_path / "public"), "own": own}) as one:
        page, found = one.admin.ask("/feeds"), list[str]()
        while True:
            found += page.all("tbody th")
            more = page.tree.cssselect("a[rel=next]")
            if not more:
                break
            page = one.admin.ask(more[0].get("href"))
        assert len(found) == len(set(found)) == 122
        assert len(one.admin.ask("/feeds?from=0").all("tbody tr")) == 50


def test_every_state_of_a_delivery_has_a_name(quiet: Room) -> None:
    options = quiet.admin.ask("/deliveries").all("select[name=state] option")
    assert options[1:] == [
        "held", "due", "begins", "being said", "in doubt", "said", "failed", "decided against"
    ]  # fmt: skip
    assert len(State) == len(options) - 1


def test_pages_are_routes_for_whoever_stands_before_them(quiet: Room) -> None:
    assert all(isinstance(one, Route) for one in pages(quiet.app))
