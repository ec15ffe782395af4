from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from feedpub.errors import ConfigError
from feedpub.settings import Loaded, digest, load
from tests.edge.users import let_in, nobody

BASE = """\
[site]
title = "航空ニュース"
url = "https://news.test/"

[feeds]
base_url = "https://news.test/feeds/"
"""
DISCORD = "https://discord.com/api/webhooks/1/canary-s3cret"
TARGET = '[targets.news]\nkind = "discord"\nwebhook_url = '
CANARY = "canary-s3cret"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory `config` with one good file, seen from beside it as an admin would."""
    monkeypatch.chdir(tmp_path)
    directory = Path("config")
    directory.mkdir()
    (directory / "feedpub.toml").write_text(BASE, encoding="utf-8")
    return directory


def refusal(config: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of what is told, after seeing that no secret is in them."""
    with pytest.raises(ConfigError) as caught:
        load(config, environ or {})
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value).splitlines()


def webhook(loaded: Loaded, name: str = "news") -> str:
    target = loaded.settings.targets[name]
    secret = getattr(target, "webhook_url", None)
    assert isinstance(secret, SecretStr)
    return secret.get_secret_value()


# ---------------------------------------------------------------- files


def test_all_files_of_the_directory_are_one_configuration(config: Path) -> None:
    (config / "targets.toml").write_text('[targets.terminal]\nkind = "console"\n')
    (config / "web.toml").write_text('[web]\nlisten = "0.0.0.0:80"\n[site]\nlanguage = "ja"\n')
    made = load(config, {}).settings
    assert (list(made.targets), made.web.port, made.site.language) == (["terminal"], 80, "ja")


def test_editors_files_and_folders_are_not_read(config: Path) -> None:
    for name in (".#feedpub.toml", ".feedpub.toml.swp", "feedpub.toml~", "#feedpub.toml#", "feedpub.toml.orig"):
        (config / name).write_text("broken [")
    (config / "examples").mkdir()
    (config / "examples" / "blog.toml").write_text("broken [")
    assert load(config, {}).settings.site.title == "航空ニュース"


def test_a_key_in_two_files_is_refused_naming_both(config: Path) -> None:
    (config / "zz.toml").write_text('[site]\ntitle = "canary-s3cret"\n')
    assert refusal(config) == ["config/zz.toml:2: site.title: set in config/feedpub.toml:2 too; keep one of the two"]


def test_a_missing_directory_is_told_in_one_sentence(config: Path) -> None:
    assert refusal(Path("nowhere")) == [
        "nowhere: there is no such directory, or it may not be read; --config names another"
    ]


def test_an_empty_directory_is_told_what_to_write(config: Path) -> None:
    (config / "feedpub.toml").unlink()
    assert refusal(config) == [
        "config: no *.toml file is here; write config/feedpub.toml with a [site] and a [feeds] table"
    ]


def test_every_file_that_cannot_be_read_is_told(config: Path) -> None:
    (config / "a.toml").mkdir()
    (config / "b.toml").symlink_to("nowhere.toml")
    (config / "c.toml").write_bytes("title = '航空'\n".encode("shift_jis"))
    (config / "d.toml").write_bytes(b"[site]\ntitle = '\x00'\n")
    (config / "e.toml").write_text("")
    (config / "f.toml").write_text("x = 1 #" + "x" * (1 << 20))
    os.mkfifo(config / "g.toml")
    assert refusal(config) == [
        "config/a.toml: it is not a regular file",
        "config/b.toml: there is no such file",
        "config/c.toml:1: this is not UTF-8 text; save the file in UTF-8",
        "config/d.toml:2: a NUL byte stands here; is this a text file?",
        "config/e.toml: the file is empty; write a table such as [site] into it, or remove it",
        "config/f.toml: it is larger than 1 MiB",
        "config/g.toml: it is not a regular file",
    ]


def test_a_file_of_somebody_else_is_told(config: Path) -> None:
    (config / "feedpub.toml").chmod(0)
    with let_in(config.absolute()), nobody():
        assert refusal(config) == ["config/feedpub.toml: this user may not read it"]


def test_a_directory_of_somebody_else_is_told_and_watched(config: Path) -> None:
    config.chmod(0)
    with let_in(config.absolute().parent), nobody():
        assert refusal(config) == ["config: there is no such directory, or it may not be read; --config names another"]
        shut = digest(config, {})
    config.chmod(0o755)
    assert shut != digest(config, {}) == load(config, {}).digest


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.8, 0.97])
def test_a_half_written_file_is_refused_or_lacks_what_it_lacks(config: Path, kept: float) -> None:
    text = BASE + TARGET + f'"{DISCORD}"\ntemplate = "{{{{ title }}}}"'
    (config / "feedpub.toml").write_text(text[: int(len(text) * kept)], encoding="utf-8")
    assert all(line.startswith("config") for line in refusal(config))


def test_problems_are_told_all_at_once_in_the_order_of_the_files(config: Path) -> None:
    (config / "targets.toml").write_text(
        f"# what we post\n[targets.main]\nkind = 'mastodon'\nserver = 'https://social.test/'\ntokn = '{CANARY}'\n"
        f"[targets.b]\nkind = 'discrod'\nwebhook_url = '{DISCORD}'\n"
        f"[targets.c]\nkind = 'console'\nname = '{CANARY}'\n"
    )
    (config / "web.toml").write_text("[web]\nlisten = 8080\n")
    told = refusal(config)
    assert told[1] == 'config/targets.toml:5: targets.main.tokn: unknown option (did you mean "token"?)'
    assert [line.split(": ")[:2] for line in told] == [
        ["config/targets.toml:2", "targets.main.token"],
        ["config/targets.toml:5", "targets.main.tokn"],
        ["config/targets.toml:7", "targets.b.kind"],
        ["config/targets.toml:11", "targets.c.name"],
        ["config/web.toml:2", "web.listen"],
    ]


def test_what_is_set_nowhere_is_looked_for_in_the_directory(config: Path) -> None:
    (config / "feedpub.toml").write_text('[site]\ntitle = "航空"\nurl = "https://news.test/"\n', encoding="utf-8")
    assert refusal(config) == ["config: feeds: this table is required"]


# ---------------------------------------------------------------- secrets


def test_a_secret_may_stand_in_the_environment_or_in_a_file(config: Path, tmp_path: Path) -> None:
    secret = tmp_path / "hook"
    secret.write_text(DISCORD + "\n")
    for reference, environ in [
        ('{ env = "DISCORD_WEBHOOK" }', {"DISCORD_WEBHOOK": DISCORD}),
        (f'{{ file = "{secret}" }}', {}),
        ('{ file = "hook" }', {}),
        (f'"{DISCORD}"', {}),
        ('"https://discord.com/api/webhooks/2/other"', {"FEEDPUB_TARGETS__NEWS__WEBHOOK_URL": DISCORD}),
        ('{ env = "UNSET" }', {"FEEDPUB_TARGETS__NEWS__WEBHOOK_URL__FILE": "hook"}),
    ]:
        (config / "targets.toml").write_text(TARGET + reference)
        loaded = load(config, environ)
        assert webhook(loaded) == DISCORD
        assert CANARY not in repr(loaded) + str(loaded) + repr(loaded.settings) + str(loaded.settings)


def test_any_text_may_be_a_reference_even_in_a_list(config: Path) -> None:
    Path("zone").write_text("Asia/Tokyo")
    (config / "more.toml").write_text(
        "[site]\ntimezone = { file = 'zone' }\n[targets.news]\nkind = 'console'\ndelay.env = 'DELAY'\n"
        "categories = [{ env = 'FIRST' }, '日本関連']\n",
        encoding="utf-8",
    )
    made = load(config, {"FIRST": "米国関連", "DELAY": "3m"}).settings
    assert made.site.timezone == "Asia/Tokyo"
    assert made.targets["news"].delay.total_seconds() == 180
    assert made.targets["news"].categories == ("米国関連", "日本関連")


def test_what_a_reference_does_not_bring_is_told_once(config: Path) -> None:
    store = '[stores.cms]\nkind = "sql"\nquery = "SELECT 1 AS id"\nurl = { env = "NO_SUCH" }\n'
    (config / "stores.toml").write_text(store, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(config, {})
    assert str(raised.value).endswith("stores.toml:4: stores.cms.url: environment variable NO_SUCH is not set")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ('{ env = "NO_SUCH" }', "environment variable NO_SUCH is not set"),
        ('{ env = "EMPTY" }', "environment variable EMPTY is empty"),
        ('{ env = "canary-s3cret" }', "the variable named here is not set"),
        ('{ file = "secrets/none" }', "the file secrets/none is of no use: there is no such file"),
        ('{ file = "secrets" }', "the file named here is of no use: it is not a regular file"),
        ('{ file = "secrets/empty" }', "the file secrets/empty is empty"),
        ('{ file = "secrets/latin" }', "the file secrets/latin is not UTF-8 text"),
        ('{ file = "secrets/nul" }', "the file secrets/nul holds a NUL byte; it should hold one line of text"),
        (f'{{ file = "{DISCORD}" }}', "the file named here is of no use: there is no such file"),
        ('{ file = "a\\u0000b/c" }', "the file named here is of no use: there is no such file"),
        ('{ file = "/dev/zero" }', "the file /dev/zero is of no use: it is not a regular file"),
        ('{ env = "EMPTY", file = "x" }', 'write { env = "NAME" } or { file = "PATH" }, one of the two'),
        ("{ env = 5 }", 'write { env = "NAME" } or { file = "PATH" }, one of the two'),
        (f'{{ value = "{DISCORD}" }}', 'write a text in quotes, or { env = "NAME" } or { file = "PATH" }'),
    ],
)
def test_a_secret_that_is_not_there_is_named_by_its_place(config: Path, reference: str, sentence: str) -> None:
    secrets = Path("secrets")
    secrets.mkdir()
    (secrets / "empty").write_text("\n")
    (secrets / "latin").write_bytes(b"caf\xe9 canary-s3cret")
    (secrets / "nul").write_bytes(b"canary-s3cret\0")
    (config / "targets.toml").write_text(TARGET + reference)
    assert refusal(config, {"EMPTY": ""}) == [f"config/targets.toml:3: targets.news.webhook_url: {sentence}"]


@pytest.mark.parametrize("written", ["$DISCORD_WEBHOOK", "${DISCORD_WEBHOOK}", "%DISCORD_WEBHOOK%"])
def test_a_variable_written_as_shells_do_is_told_how_to_be_named(config: Path, written: str) -> None:
    (config / "targets.toml").write_text(f'{TARGET}"{written}"')
    sentence = 'a variable is named as { env = "NAME" }'
    assert refusal(config, {}) == [f"config/targets.toml:3: targets.news.webhook_url: {sentence}"]


def test_a_file_gives_its_text_without_the_last_line_break(config: Path) -> None:
    (config / "more.toml").write_text("[site]\ndescription.file = 'text'\n")
    for content, text in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" 航空 ", " 航空 "), ("\ufeffa", "a")]:
        Path("text").write_text(content, encoding="utf-8", newline="")
        assert load(config, {}).settings.site.description == text


# ---------------------------------------------------------------- the environment


def test_the_environment_wins_over_the_files(config: Path) -> None:
    environ = {
        "FEEDPUB_SITE__TITLE": "別の名",
        "FEEDPUB_FEEDS__ENTRIES": "7",
        "FEEDPUB_FEEDS__FORMATS": "atom, rss",
        "FEEDPUB_STORES__MAIN__POLL": "1h",
        "FEEDPUB_TARGETS__TERMINAL__KIND": "console",
        "FEEDPUB_TARGETS__TERMINAL__ANNOUNCE_BACKLOG": "true",
        "FEEDPUB_CONFIG": "elsewhere",
    }
    made = load(config, environ).settings
    assert (made.site.title, made.feeds.entries, made.feeds.formats) == ("別の名", 7, ("atom", "rss"))
    assert made.targets["terminal"].announce_backlog
    every = made.stores["main"].poll.every
    assert every is not None
    assert every.total_seconds() == 3600


def test_a_store_of_the_environment_takes_the_place_of_the_default(config: Path) -> None:
    environ = {"FEEDPUB_STORES__BLOG__KIND": "wordpress", "FEEDPUB_STORES__BLOG__URL": "https://news.test/"}
    assert list(load(config, environ).settings.stores) == ["blog"]


def test_what_the_environment_says_wrong_is_told_by_its_variable(config: Path) -> None:
    environ = {
        "FEEDPUB_TARGTES__NEWS__KIND": "canary-s3cret",
        "FEEDPUB_TARGETS__NEWS__KIND": "canary-s3cret",
        "FEEDPUB_FEEDS__ENTRIES": "canary-s3cret",
        "FEEDPUB_LOG": "canary-s3cret",
        "FEEDPUB_DATABASE__URL__FILE": "/no/where",
    }
    assert [line.split("; ")[0] for line in refusal(config, environ)] == [
        "environment FEEDPUB_DATABASE__URL__FILE: database.url: the file /no/where is of no use: there is no such file",
        "environment FEEDPUB_FEEDS__ENTRIES: feeds.entries: write a whole number, such as 50, without quotes",
        "environment FEEDPUB_LOG: log: a table is needed here, not a single value",
        "environment FEEDPUB_TARGETS__NEWS__KIND: targets.news.kind: unknown kind",
        'environment FEEDPUB_TARGTES__NEWS__KIND: targtes: unknown table (did you mean "targets"?)',
    ]


def test_a_variable_that_does_nothing_is_told_with_the_one_that_is_meant(config: Path) -> None:
    environ = {
        "FEEDPUB_SITE_TITLE": "canary-s3cret",
        "FEEDPUB_CONFG": "x",
        "FEEDPUB_TARGETS_NEWS_KIND": "console",
        "FEEDPUB_COLOUR": "x",
        "FEEDPUB_CONFIG": "config",
        "FEEDPUB_SITE__LANGUAGE": "ja",
        "FEEDPUB_SERVICE_HOST": "10.0.0.1",
        "FEEDPUB_PORT": "tcp://10.0.0.1:80",
        "FEEDPUB_PORT_80_TCP_ADDR": "10.0.0.1",
        "OTHER": "x",
    }
    table = "write two underscores for a dot: FEEDPUB_TARGETS__NAME__OPTION"
    assert load(config, environ).warnings == (
        "environment FEEDPUB_COLOUR: this variable does nothing",
        "environment FEEDPUB_CONFG: this variable does nothing (did you mean FEEDPUB_CONFIG?)",
        "environment FEEDPUB_SITE_TITLE: this variable does nothing (did you mean FEEDPUB_SITE__TITLE?)",
        f"environment FEEDPUB_TARGETS_NEWS_KIND: this variable does nothing; {table}",
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('entries = "20"', "feeds.entries: write a whole number, such as 50, without quotes"),
        ("entries = 20.0", "feeds.entries: write a whole number, such as 50, without quotes"),
        ("entries = true", "feeds.entries: write a whole number, such as 50, without quotes"),
        ('tags = "yes"', "feeds.tags: write true or false, without quotes"),
        ("tags = 1", "feeds.tags: write true or false, without quotes"),
    ],
)
def test_what_only_looks_like_a_number_or_like_true_is_refused(config: Path, line: str, sentence: str) -> None:
    (config / "feedpub.toml").write_text(f"{BASE}{line}\n", encoding="utf-8")
    assert refusal(config) == [f"config/feedpub.toml:7: {sentence}"]


# ---------------------------------------------------------------- the digest


def test_the_digest_changes_exactly_with_the_content(config: Path) -> None:
    secret = Path("hook")
    secret.write_text(DISCORD)
    (config / "targets.toml").write_text(TARGET + '{ file = "hook" }')
    file = config / "feedpub.toml"
    first = digest(config, {})
    assert first == load(config, {}).digest

    os.utime(file, (0, 0))
    file.rename(config / "kept")
    (config / "kept").rename(file)
    (config / "feedpub.toml~").write_text("x")
    (config / ".#feedpub.toml").symlink_to("somebody@host.1:2")
    (config / "examples").mkdir()
    assert digest(config, {}) == first

    for change in (
        lambda: secret.write_text(DISCORD + "2"),
        secret.unlink,
        lambda: file.write_text(BASE + "\n", encoding="utf-8"),
        lambda: file.write_text(BASE[:30], encoding="utf-8"),
        lambda: (config / "more.toml").write_text("[web]\n"),
        (config / "more.toml").unlink,
        file.unlink,
    ):
        before = digest(config, {})
        change()
        assert digest(config, {}) != before
    file.write_text(BASE, encoding="utf-8")
    secret.write_text(DISCORD)
    assert digest(config, {}) == first


def test_the_digest_watches_files_that_the_environment_names(config: Path) -> None:
    environ = {"FEEDPUB_DATABASE__URL__FILE": "url"}
    Path("url").write_text("sqlite:///a.db")
    first = digest(config, environ)
    assert load(config, environ).digest == first
    Path("url").write_text("sqlite:///b.db")
    assert digest(config, environ) != first
    assert load(config, environ).settings.database.url.get_secret_value() == "sqlite:///b.db"


def test_the_digest_never_raises(config: Path) -> None:
    (config / "feedpub.toml").write_text("broken [")
    (config / "a.toml").mkdir()
    (config / "b.toml").symlink_to("b.toml")
    assert len({digest(config, {}), digest(Path("nowhere"), {}), digest(config / "feedpub.toml", {})}) == 2


def test_a_directory_that_is_away_for_a_moment_is_the_same_when_it_is_back(config: Path) -> None:
    first = digest(config, {})
    config.rename("aside")
    assert digest(config, {}) != first
    assert refusal(config) == ["config: there is no such directory, or it may not be read; --config names another"]
    Path("aside").rename(config)
    assert digest(config, {}) == load(config, {}).digest == first


def test_a_secret_that_kubernetes_swaps_is_seen(config: Path) -> None:
    for number in (1, 2):
        Path(f"secrets/..2024_{number}").mkdir(parents=True)
        Path(f"secrets/..2024_{number}/hook").write_text(f"{DISCORD}{number}\n")
    Path("secrets/..data").symlink_to("..2024_1")
    Path("secrets/hook").symlink_to("..data/hook")
    (config / "targets.toml").write_text(TARGET + '{ file = "secrets/hook" }')
    first = digest(config, {})
    assert webhook(load(config, {})) == f"{DISCORD}1"
    Path("secrets/..data_tmp").symlink_to("..2024_2")
    Path("secrets/..data_tmp").rename("secrets/..data")
    assert digest(config, {}) != first
    assert webhook(load(config, {})) == f"{DISCORD}2"


def test_a_kubernetes_swap_is_seen_whole(tmp_path: Path) -> None:
    """Kubernetes mounts links to `..data`, a link to a dated directory, and swaps that one link."""
    config = tmp_path / "config"
    for number in (1, 2):
        dated = config / f"..2024_{number}"
        dated.mkdir(parents=True)
        (dated / "feedpub.toml").write_text(BASE.replace("航空", f"航空{number}"), encoding="utf-8")
    (config / "..data").symlink_to("..2024_1")
    (config / "feedpub.toml").symlink_to("..data/feedpub.toml")
    first = load(config, {})

    (config / "..data_tmp").symlink_to("..2024_2")
    (config / "..data_tmp").rename(config / "..data")
    second = load(config, {})
    assert (first.settings.site.title, second.settings.site.title) == ("航空1ニュース", "航空2ニュース")
    assert first.digest != second.digest


def test_a_warning_is_a_value(config: Path) -> None:
    (config / "more.toml").write_text(
        '[site]\ntimezone = "America/New_York"\n[stores.a]\nkind = "sql"\npoll = "0 2 * * *"\n'
    )
    (warning,) = load(config, {}).warnings
    assert warning.startswith("stores.a.poll: America/New_York moves its clocks")
