from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError, field_validator

from feedpub.errors import ConfigError
from feedpub.model import show_duration
from feedpub.notices.alerts import EVENT
from feedpub.settings import Settings, environment, refuse_example, toml
from feedpub.settings.cautions import cautions
from feedpub.settings.problems import translate
from feedpub.settings.tables import Merged, Place, show
from tests.toml_text import values, words, written

SITE = {"title": "航空ニュース", "url": "https://news.example.net.jp.test/", "timezone": "Asia/Tokyo"}
FEEDS = {"base_url": "https://news.test/feeds/"}


def valid(**tables: Any) -> Settings:
    return Settings.model_validate({"site": SITE, "feeds": FEEDS} | tables)


def refused(**tables: Any) -> dict[str, str]:
    """What is told about these tables, by dotted key."""
    table = {"site": SITE, "feeds": FEEDS} | tables
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(table)
    return {show(trail): sentence for trail, sentence in translate(caught.value, Settings, table)}


# ---------------------------------------------------------------- several tables


def merged(*texts: str) -> Merged:
    together = Merged(Place("config"))
    for number, text in enumerate(texts):
        together.add(f"{number}.toml", *toml.parse(text.encode()))
    return together


@given(st.dictionaries(words, values, min_size=1, max_size=5), st.data())
def test_tables_in_two_files_are_one_table(table: dict[str, Any], data: st.DataObject) -> None:
    first = data.draw(st.sets(st.sampled_from(sorted(table))))
    parts = [{k: v for k, v in table.items() if (k in first) == chosen} for chosen in (True, False)]
    together = merged(*("# some text\n" + written(part, lambda: "inline")[0] for part in parts))
    assert together.table == table
    assert not together.problems


def test_a_key_set_in_two_files_is_refused_naming_both() -> None:
    together = merged("[site]\ntitle = 'a'\n[web]\n", "# mine\n[site]\nurl = 'u'\ntitle = 'a'\n[[web]]")
    assert [str(problem) for problem in together.problems] == [
        "1.toml:4: site.title: set in 0.toml:2 too; keep one of the two",
        "1.toml:5: web: set in 0.toml:3 too; keep one of the two",
    ]
    assert together.table["site"] == {"title": "a", "url": "u"}


def test_a_secret_in_the_place_of_a_key_is_not_told() -> None:
    assert show(("targets", "https://hooks.test/canary", "x" * 65)) == 'targets."…"."…"'
    assert show(("feeds", "categories", "米国", "a\nb")) == 'feeds.categories."米国"."a\\nb"'


# ---------------------------------------------------------------- the environment


def test_the_environment_says_any_option() -> None:
    table, variables = environment.overrides(
        {
            "FEEDPUB_TARGETS__DISCORD_NEWS__TEMPLATE": '{"content": 1}',
            "feedpub_site__title": "5",
            "FEEDPUB_TARGETS__DISCORD_NEWS__WEBHOOK_URL__FILE": "/run/secrets/hook",
            "FEEDPUB_STORES__BLOG__POLL": "3m",
            "FEEDPUB_TARGTES__X": "",
            "FEEDPUB_CONFIG": "/config",
            "FEEDPUB_SERVICE_HOST": "10.0.0.1",
            "OTHER__THING": "",
        }
    )
    assert table == {
        "site": {"title": "5"},
        "stores": {"blog": {"poll": "3m"}},
        "targets": {
            "discord_news": {"template": '{"content": 1}', "webhook_url": {"file": "/run/secrets/hook"}},
        },
        "targtes": {},
    }
    assert variables["site", "title"] == "feedpub_site__title"
    assert ("config",) not in variables


def test_the_environment_wins_and_is_named() -> None:
    together = merged("[targets.a]\ntoken = { env = 'A' }\nlimit = 5\n")
    together.override(
        *environment.overrides({"FEEDPUB_TARGETS__A__TOKEN__FILE": "/x", "FEEDPUB_TARGETS__B__KIND": "x"})
    )
    assert together.table == {"targets": {"a": {"token": {"file": "/x"}, "limit": 5}, "b": {"kind": "x"}}}
    assert str(together.place(("targets", "a", "token"))) == "environment FEEDPUB_TARGETS__A__TOKEN__FILE"
    assert str(together.place(("targets", "a", "limit"))) == "0.toml:3"
    assert str(together.place(("targets", "b", "webhook_url"))) == "environment FEEDPUB_TARGETS__B__KIND"
    assert str(together.place(("log",))) == "config"


# ---------------------------------------------------------------- the models


def test_stores_and_targets_know_their_names() -> None:
    made = valid(targets={"terminal": {"kind": "console"}})
    assert made.targets["terminal"].name == "terminal"
    assert [(name, store.name, store.kind) for name, store in made.stores.items()] == [("main", "main", "sql")]


def test_a_store_is_replaced_by_one_other_at_most_and_is_gone_then() -> None:
    one = {"kind": "sql"}
    assert valid(stores={"a": one, "b": one | {"replaces": "c"}}).stores["b"].replaces == "c"
    assert refused(stores={"a": one | {"replaces": "a"}}) == {
        "stores.a.replaces": "this is the store's own name; write the one that it had before, or leave it out"
    }
    assert refused(stores={"a": one, "b": one | {"replaces": "a"}}) == {
        "stores.b.replaces": "[stores.a] is still in the config; take it out, or leave this out"
    }
    assert refused(stores={"a": one | {"replaces": "c"}, "b": one | {"replaces": "c"}}) == {
        "stores.b.replaces": "stores.a replaces it already; leave it out here or there"
    }


def test_settings_are_frozen_and_hold_their_secrets() -> None:
    made = valid(database={"url": "postgresql://feedpub:canary-s3cret@db/feedpub"})
    with pytest.raises(ValidationError):
        made.log.level = "debug"
    assert "canary" not in repr(made) + str(made)
    assert made.database.url.get_secret_value().endswith("@db/feedpub")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535)],
)
def test_an_address_to_listen_at_is_taken_apart(listen: str, host: str, port: int) -> None:
    web = valid(web={"listen": listen}).web
    assert (web.host, web.port) == (host, port)


@pytest.mark.parametrize("listen", ["8080", ":8080", "localhost", "localhost:65536", "::1:80", "http://x:80", "x:8０"])
def test_anything_else_is_no_address_to_listen_at(listen: str) -> None:
    assert refused(web={"listen": listen})["web.listen"].startswith("write an address and a port")


def test_two_doors_need_two_addresses() -> None:
    sentence = "[web] and [admin] would listen at the same address; choose another port"
    assert refused(web={"listen": "127.0.0.1:8081"}) == {"web.listen": sentence}
    assert refused(admin={"listen": "127.0.0.1:8080"}) == {"admin.listen": sentence}
    assert valid(web={"listen": "[::]:0"}, admin={"listen": "[::]:0"}).web.port == 0


@pytest.mark.parametrize(
    "url", ["news.test", "//news.test/", "ftp://news.test/", "https://", "https://[", "http://x:y/"]
)
def test_the_site_and_its_feeds_have_absolute_addresses(url: str) -> None:
    told = refused(site=SITE | {"url": url}, feeds={"base_url": url})
    assert set(told) == {"site.url", "feeds.base_url"}
    assert all(sentence == "an absolute address is needed, such as https://example.com/" for sentence in told.values())


def test_an_address_that_others_are_built_on_has_no_query() -> None:
    assert refused(site=SITE | {"url": "https://news.test/?p=1"}) == {
        "site.url": "an address without ? and # is needed"
    }


def test_an_alert_says_the_message_unless_its_admin_says_otherwise() -> None:
    hook = {"kind": "webhook", "url": "https://x.test/"}
    made = valid(
        alerts={"ops": {"kind": "console"}, "hook": hook, "own": hook | {"template": "[{{ notice | tojson }}]"}}
    )
    assert {name: one.name for name, one in made.alerts.items()} == {"ops": "ops", "hook": "hook", "own": "own"}
    assert [one.template for one in made.alerts.values()] == ["{{ notice }}", EVENT, "[{{ notice | tojson }}]"]


def test_an_alert_takes_nothing_that_only_articles_have() -> None:
    ops = {"kind": "discord", "webhook_url": "https://x.test/api/webhooks/1/t", "timeout": "5s", "thread_id": "7"}
    assert valid(alerts={"ops": ops}).alerts["ops"].timeout.seconds == 5
    for option, value in {"categories": ["a"], "delay": "1m", "correct": "ignore", "quiet": "23:00-06:00"}.items():
        assert refused(alerts={"ops": ops | {option: value}}) == {
            f"alerts.ops.{option}": "this is of articles, not of alerts: leave it out"
        }
    assert refused(alerts={"ops": ops | {"timeout": "0"}}) == {"alerts.ops.timeout": 'must be more than "0"'}
    assert refused(alerts={"ops": ops | {"template": "{{ titel }}"}}).keys() == {"alerts.ops.template"}
    assert refused(alerts={"ops": {"kind": "discrod"}})["alerts.ops.kind"].startswith(
        'unknown kind (did you mean "discord"?)'
    )


def test_an_alert_is_told_in_words_and_for_nothing() -> None:
    keys = dict.fromkeys(("api_key", "api_secret", "access_token", "access_secret"), "secret")
    assert refused(alerts={"ops": {"kind": "x", "budget": 5} | keys}) == {
        "alerts.ops.kind": "X takes money for every post: choose another kind"
    }
    for kind, told in {"ping": {"url": "https://x.test/"}, "websub": {"hub_url": "https://x.test/"}}.items():
        sentence = refused(alerts={"ops": {"kind": kind} | told})["alerts.ops.kind"]
        assert sentence.endswith("is told of feeds, and shows nobody any words: choose another kind")


def test_a_template_is_tried_when_it_is_read() -> None:
    told = refused(targets={"terminal": {"kind": "console", "template": "{{ title"}})
    assert list(told) == ["targets.terminal.template"]


def test_a_condition_is_tried_when_it_is_read() -> None:
    told = refused(targets={"terminal": {"kind": "console", "when": "'速報' in titel"}})
    misspelt = 'the condition speaks of "titel", which does not exist (did you mean "title"?)'
    assert told == {"targets.terminal.when": misspelt}
    assert list(refused(targets={"terminal": {"kind": "console", "when": "image.url"}})) == ["targets.terminal.when"]
    assert valid(targets={"terminal": {"kind": "console", "when": "'速報' in title"}}).targets


def test_the_words_of_each_category_are_tried_when_they_are_read() -> None:
    told = refused(
        targets={
            "terminal": {"kind": "console", "by_category": {"us": {}, "米国": {"template": "{{ title"}}},
            "hook": {"kind": "webhook", "url": "https://a.test/", "by_category": {"us": {"template": "{{ title }}"}}},
        }
    )
    assert list(told) == [
        'targets.terminal.by_category."米国".template',
        "targets.hook.by_category.us.template",
    ]
    assert "valid JSON" in told["targets.hook.by_category.us.template"]


def test_a_hashtag_is_written_as_one_word_without_its_sign() -> None:
    bare = "a hashtag is written without its # and without spaces"
    for tag in ("#米軍", "＃米軍", "United States", "米　軍"):
        assert refused(targets={"t": {"kind": "console", "hashtags": {"米国": ["F35", tag]}}}) == {
            'targets.t.hashtags."米国"[1]': bare
        }
    told = refused(targets={"t": {"kind": "console", "by_category": {"us": {"hashtags": ["2026"]}}}})
    assert told == {
        "targets.t.by_category.us.hashtags[0]": "a hashtag needs a letter; it is made of letters, digits and _"
    }
    assert valid(targets={"t": {"kind": "console", "hashtags": {"米国": ["米軍", "F-35"]}}}).targets


def test_a_ledger_is_sqlite_or_postgresql() -> None:
    assert list(refused(database={"url": "mysql://root:canary@db/x"})) == ["database.url"]
    assert refused(database={"url": 5}) == {"database.url": "write a text: put it in quotes"}


def test_what_is_wrong_is_said_in_plain_words() -> None:
    told = refused(
        site={"titel": "x", "url": 2024, "language": ["ja"]},
        feeds=FEEDS | {"entries": 0, "formats": "rss", "content": "fully", "categories": {"us": "米国"}},
        stores={"blog": {"kind": "wordpres"}, "b": {}, "c": 5},
        targets={
            "main": {"kind": "mastodon", "tokn": "canary", "flood_limit": "many", "announce_backlog": "often"},
            "Main": {"kind": "console"},
            "c": {"kind": "console", "delay": 5, "max_age": "99999999w", "template": {"a": "b"}},
        },
        loog={},
    )
    assert told == {
        "site.titel": 'unknown option (did you mean "title"?)',
        "site.title": "is required: the site's name, as subscribers read it",
        "site.url": "write a text: put it in quotes",
        "site.language": "write a text, not a list",
        "feeds.entries": "must be at least 1",
        "feeds.formats": 'write a list, such as ["a", "b"]',
        "feeds.content": 'write one of "full", "summary" (did you mean "full"?)',
        "feeds.categories.us": "a table is needed here, not a single value",
        "stores.blog.kind": told["stores.blog.kind"],
        "stores.b.kind": told["stores.b.kind"],
        "stores.c": "a table is needed here, not a single value",
        "targets.main.tokn": 'unknown option (did you mean "token"?)',
        "targets.main.token": told["targets.main.token"],
        "targets.main.server": told["targets.main.server"],
        "targets.main.flood_limit": "write a whole number, such as 50, without quotes",
        "targets.main.announce_backlog": "write true or false, without quotes",
        "targets.Main": "a name is written with a-z, 0-9 and _, and begins with a letter",
        "targets.c.delay": 'a duration is written like "90s", "3m", "1h30m" or "2d"',
        "targets.c.max_age": "a duration is at most a hundred years",
        "targets.c.template": 'write a text in quotes, or { env = "NAME" } or { file = "PATH" }',
        "loog": 'unknown table (did you mean "log"?)',
    }
    assert told["stores.blog.kind"].startswith('unknown kind (did you mean "wordpress"?); it is one of "feed"')
    assert told["stores.b.kind"].startswith('is required; it is one of "feed"')
    assert told["targets.main.token"].startswith("is required: ")


def test_an_option_of_another_kind_is_told_whose_it_is() -> None:
    blog = {"kind": "wordpress", "url": "https://x.test/", "path": "x", "categories": ["a"], "urll": "x", "fodler": "x"}
    assert refused(stores={"blog": blog}) == {
        "stores.blog.path": 'unknown option; it belongs to kind = "markdown", "sql"',
        "stores.blog.categories": 'unknown option; it belongs to kind = "feed"',
        "stores.blog.urll": 'unknown option (did you mean "url"?)',
        "stores.blog.fodler": "unknown option; docs/configuration.md lists all",
    }


def test_a_list_of_secrets_is_judged_item_by_item() -> None:
    told = refused(targets={"hook": {"kind": "webhook", "url": "https://x.test/", "secret": ["a" * 32, 5]}})
    assert told == {"targets.hook.secret[1]": "write a text: put it in quotes"}


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "must not be empty"),
        ("Bearer canary", "write it alone, on one line and in ASCII: no blank, no line break, no other letter"),
        ("canary\n\n", "write it alone, on one line and in ASCII: no blank, no line break, no other letter"),
        ("ｃａｎａｒｙ", "write it alone, on one line and in ASCII: no blank, no line break, no other letter"),
    ],
)
def test_a_credential_that_no_header_could_carry_is_refused_before_it_is_sent(token: str, sentence: str) -> None:
    assert refused(targets={"line": {"kind": "line", "token": token}}) == {"targets.line.token": sentence}


def test_a_target_needs_time_to_speak_in() -> None:
    hub = {"kind": "websub", "hub_url": "https://hub.test/"}
    told = refused(targets={"screen": {"kind": "console", "timeout": "0"}, "hub": hub | {"timeout": "0"}})
    assert told["targets.screen.timeout"] == 'must be more than "0"'
    assert told["targets.hub.timeout"] == 'must be more than "0"'


def test_a_list_of_numbers_is_asked_for_as_one() -> None:
    hook = {"kind": "webhook", "url": "https://x.test/", "accept": 200}
    assert refused(targets={"hook": hook}) == {"targets.hook.accept": "write a list of numbers, such as [200]"}


@pytest.mark.parametrize("thread", ["news", "１２３", "123\n"])
def test_a_thread_is_named_by_the_digits_of_its_id(thread: str) -> None:
    board = {"kind": "discord", "webhook_url": "https://discord.com/api/webhooks/1/token", "thread_id": thread}
    told = refused(targets={"board": board})
    assert told == {"targets.board.thread_id": "a thread's ID is made of digits: in Discord, Copy Thread ID"}


class Careless(BaseModel):
    token: str

    @field_validator("token")
    @classmethod
    def _quotes_what_it_refuses(cls, token: str) -> str:
        raise ValueError(f"{token} is no token")


def test_a_sentence_that_repeats_a_value_is_withheld() -> None:
    table = {"token": "canary-s3cret"}
    with pytest.raises(ValidationError) as caught:
        Careless.model_validate(table)
    assert list(translate(caught.value, Careless, table)) == [(("token",), "this value is of no use here")]


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("ja_JP", '"ja-JP"'),
        ("ja_JP.UTF-8", '"ja-JP"'),
        (" ja", '"ja"'),
        ("japanese!", 'one such as "ja" or "en-GB"'),
        ("japanese", 'one such as "ja" or "en-GB"'),
        ("日本語", 'one such as "ja" or "en-GB"'),
        ("", 'one such as "ja" or "en-GB"'),
    ],
)
def test_a_language_that_is_no_tag_is_refused_with_the_one_that_is_meant(language: str, wanted: str) -> None:
    told = refused(site=SITE | {"language": language})
    assert told == {"site.language": f"this is no BCP 47 language tag; write {wanted}"}


@pytest.mark.parametrize("language", ["ja", "en-GB", "zh-Hant-TW", "es-419", "sl-rozaj-1994", "zh-yue", "de-x-feed"])
def test_any_well_formed_tag_is_a_language(language: str) -> None:
    assert valid(site=SITE | {"language": language}).site.language == language


def test_a_selector_that_is_none_is_refused_by_its_place_in_the_list() -> None:
    sentence = "this is no CSS selector (see its character 9); write one such as .sharedaddy or div[data-share]"
    assert refused(feeds=FEEDS | {"drop": [".share", ".share >"]}) == {"feeds.drop[1]": sentence}
    assert valid(feeds=FEEDS | {"drop": [".share", "#ad > p"]}).feeds.drop == (".share", "#ad > p")


@pytest.mark.parametrize(
    ("formerly", "sentence"),
    [
        (["us"], "this is the address that the feed has now: leave it out"),
        (["uk"], "this is the address of [feeds.categories.uk]: leave it out, or rename that table"),
        (["old"], "this leads to [feeds.categories.gb] already: leave it out here or there"),
        (["../x"], "write the address that it had as keys are written: a-z, 0-9, _ and -, such as us"),
    ],
)
def test_two_feeds_cannot_want_one_address(formerly: list[str], sentence: str) -> None:
    others = {"gb": {"name": "英国", "formerly": ["old"]}, "uk": {"name": "英国関連"}}
    told = refused(feeds=FEEDS | {"categories": others | {"us": {"name": "米国関連", "formerly": ["a", *formerly]}}})
    assert told == {"feeds.categories.us.formerly[1]": sentence}


@pytest.mark.parametrize(
    ("footer", "sentence"),
    [
        (
            "<script>x</script>",
            "readers would refuse a <script> element: write plain HTML, such as a paragraph with a link",
        ),
        (
            "{% if not title %}<iframe>{% endif %}",
            "readers would refuse a <iframe> element: write plain HTML, such as a paragraph with a link",
        ),
        ("{{ titel }}", 'the template speaks of "titel", which does not exist (there are site, site_url, title, url)'),
        ("<p>\n{{ title", "the template cannot be read: look at its line 2 for a bracket, a tag or a filter's name"),
        ("{{ title + 1 }}", "the template fails: it treats a text as something it is not"),
        (
            "<a href='/about'>",
            "an address in it must begin with https:// or http://, since readers know no page that it could be below",
        ),
    ],
)
def test_a_footer_that_would_spoil_every_entry_is_refused(footer: str, sentence: str) -> None:
    assert refused(feeds=FEEDS | {"footer": footer}) == {"feeds.footer": sentence}


def test_a_footer_of_plain_html_is_taken() -> None:
    footer = '<p><a href="{{ url }}">{{ title or site }}</a> – <a href="{{ site_url }}about/">{{ site }}</a></p>'
    assert valid(feeds=FEEDS | {"footer": footer}).feeds.footer == footer


# ---------------------------------------------------------------- the example's address


@pytest.mark.parametrize("host", ["example.jp", "example.com", "www.example.co.jp", "blog.example", "example:8080"])
def test_the_examples_address_is_refused_at_start(host: str) -> None:
    made = valid(site=SITE | {"url": f"https://{host}/"}, feeds={"base_url": f"https://{host}/feeds/"})
    with pytest.raises(ConfigError) as caught:
        refuse_example(made)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["site.url", "feeds.base_url"]


@pytest.mark.parametrize("host", ["news.jp", "examples.jp", "myexample.com", "example-news.jp", "127.0.0.1:8080"])
def test_any_other_address_is_fine(host: str) -> None:
    made = valid(site=SITE | {"url": f"https://{host}/"}, feeds={"base_url": f"https://{host}/feeds/"})
    refuse_example(made)
    assert made.site.url == f"https://{host}/"


# ---------------------------------------------------------------- what may surprise


def told(zone: str, poll: str) -> list[str]:
    stores: Mapping[str, object] = {"blog": {"kind": "sql", "poll": poll}}
    return list(cautions(valid(site=SITE | {"timezone": zone}, stores=stores)))


def test_a_cron_line_in_the_hours_when_clocks_move_is_cautioned() -> None:
    assert [line.partition(":")[0] for line in told("Europe/Berlin", "30 2 * * *")] == ["stores.blog.poll"]


@pytest.mark.parametrize(
    ("zone", "poll"),
    [
        ("Asia/Tokyo", "30 2 * * *"),
        ("UTC", "30 2 * * *"),
        ("Europe/Berlin", "30 5 * * *"),
        ("Europe/Berlin", "*/5 * * * *"),
        ("Europe/Berlin", "3m"),
    ],
)
def test_other_cadences_surprise_nobody(zone: str, poll: str) -> None:
    assert told(zone, poll) == []


@pytest.mark.parametrize(
    ("where", "surprises"), [("", True), (" -- :since", True), (" WHERE 4 >= :since", False), (None, False)]
)
def test_a_query_that_reads_everything_at_each_poll_is_cautioned(where: str | None, surprises: bool) -> None:
    query = {"url": "sqlite:///x.db", "query": f"SELECT 1 AS id, 2 AS title, 3 AS published, 4 AS updated{where}"}
    found = list(cautions(valid(stores={"blog": {"kind": "sql", **(query if where is not None else {})}})))
    assert [line.partition(", ")[0].partition("; ")[0] for line in found] == [
        "stores.blog.query: without :since all its rows are read at every poll"
    ] * surprises


@pytest.mark.parametrize(
    ("end", "surprises"), [(" ORDER BY 4 DESC LIMIT 50", True), (" LIMIT ALL", False), ("", False)]
)
def test_a_query_that_leaves_rows_out_is_cautioned(end: str, *, surprises: bool) -> None:
    query = f"SELECT 1 AS id, 2 AS title, 3 AS published, 4 AS updated WHERE 4 >= :since{end}"
    found = list(cautions(valid(stores={"blog": {"kind": "sql", "url": "sqlite:///x.db", "query": query}})))
    told = "stores.blog.query: with a LIMIT nothing is ever withdrawn, and what does not fit is never read"
    assert [line.partition("; ")[0] for line in found] == [told] * surprises


def test_a_target_that_never_announces_is_cautioned() -> None:
    made = valid(targets={"screen": {"kind": "console", "max_age": "0"}, "hub": {"kind": "console"}})
    assert list(cautions(made)) == [
        'targets.screen.max_age: with "0" every article is too old, and nothing is announced by itself'
    ]


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ({"kind": "mastodon", "server": "http://social.test", "token": "canary"}, ["server"]),
        ({"kind": "slack", "webhook_url": "http://hooks.test/canary"}, ["webhook_url"]),
        ({"kind": "slack", "webhook_url": "http://10.0.0.7/canary", "allow_private": True}, []),
        ({"kind": "websub", "hub_url": "http://hub.test/"}, []),
        ({"kind": "ping", "url": "http://rpc.test/canary"}, []),
    ],
)
def test_a_secret_that_would_travel_unencrypted_is_cautioned(target: Mapping[str, object], options: list[str]) -> None:
    found = list(cautions(valid(targets={"out": target})))
    assert found == [f"targets.out.{one}: http sends its secret unencrypted; write https" for one in options]


def test_a_duration_reads_back_as_it_was_set() -> None:
    made = valid(targets={"terminal": {"kind": "console", "max_age": "1h30m"}})
    assert show_duration(made.targets["terminal"].max_age) == "1h30m"
