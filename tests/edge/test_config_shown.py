"""What is in force, and from where: read from real files and an environment, as an admin is shown it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from feedpub.settings import load
from feedpub.settings.shown import in_force
from tests.guides import NEW, OLD, SECRETS

ROOT = Path(__file__).parents[2]
CANARY = "canary-s3cret"
BASE = """\
[site]
title = "航空ニュース"
url = "https://news.test"

[feeds]
base_url = "https://news.test/feeds/"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/feedpub.toml").write_text(BASE, encoding="utf-8")
    return Path("config")


def shown(config: Path, environ: Mapping[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """Every key with its value and place, after seeing that no secret is in them."""
    found = in_force(load(config, environ or {}))
    assert CANARY not in str(found)
    assert len({one.key for one in found}) == len(found)
    return {one.key: (one.value, one.place) for one in found}


def test_every_key_tells_its_value_and_where_it_was_set(config: Path) -> None:
    (config / "more.toml").write_text('[log]\nlevel = "debug"\n[targets.terminal]\nkind = "console"\ndelay = "90s"\n')
    found = shown(config, {"FEEDPUB_WEB__LISTEN": "0.0.0.0:80", "FEEDPUB_FEEDS__FORMATS": "atom, rss"})
    assert found["site.title"] == ('"航空ニュース"', "config/feedpub.toml:2")
    assert found["site.url"] == ('"https://news.test/"', "config/feedpub.toml:3")
    assert found["log.level"] == ('"debug"', "config/more.toml:2")
    assert found["targets.terminal.delay"] == ('"1m30s"', "config/more.toml:5")
    assert found["web.listen"] == ('"0.0.0.0:80"', "FEEDPUB_WEB__LISTEN")
    assert found["feeds.formats"] == ('["atom", "rss"]', "FEEDPUB_FEEDS__FORMATS")
    assert found["feeds.entries"] == ("50", "default")
    assert found["feeds.tags"] == ("false", "default")
    assert found["targets.terminal.max_per_day"] == ("(none)", "default")
    assert found["targets.terminal.correct"] == ('"edit"', "default")
    assert found["stores.main.poll"] == ('"3m"', "default")
    assert "targets.terminal.name" not in found


def test_tables_of_tables_and_lists_are_told_key_by_key(config: Path) -> None:
    (config / "more.toml").write_text(
        "[feeds.categories.us]\nname = '米国関連'\n[targets.terminal]\nkind = 'console'\n"
        "hashtags = { '日本 関連' = ['日本'] }\ncategories = [\n  '米国関連',\n]\nlink_params = {}\n",
        encoding="utf-8",
    )
    found = shown(config)
    assert found["feeds.categories.us.name"] == ('"米国関連"', "config/more.toml:2")
    assert found['targets.terminal.hashtags."日本 関連"'] == ('["日本"]', "config/more.toml:5")
    assert found["targets.terminal.categories"] == ('["米国関連"]', "config/more.toml:6")
    assert found["targets.terminal.link_params"] == ("{}", "config/more.toml:9")


def test_no_secret_is_shown_but_where_it_comes_from_is(config: Path) -> None:
    hook = f"https://discord.com/api/webhooks/1/{CANARY}"
    Path("token").write_text(CANARY)
    Path("token-of-b").write_text(hook)
    (config / "targets.toml").write_text(
        "[targets.a]\nkind = 'discord'\nwebhook_url = { env = 'HOOK' }\n"
        f"[targets.b]\nkind = 'discord'\nwebhook_url = '{hook}'\n"
        "[targets.c]\nkind = 'mastodon'\nserver = 'https://social.test'\ntoken = { file = 'token' }\n"
        f"[targets.d]\nkind = 'webhook'\nurl = '{hook}'\n"
        f"headers = {{ Authorization = {{ env = 'KEY' }}, X = '{CANARY}' }}\n"
        f"secret = ['{OLD}', {{ env = 'SIGN' }}]\ntemplate = '{{\"key\": \"{CANARY}\"}}'\n"
        "[targets.e]\nkind = 'console'\ntemplate = { env = 'TEMPLATE' }\ncategories = ['米国関連', { env = 'KEY' }]\n"
        "[stores.wire]\nkind = 'feed'\nurl = 'https://wire.test/feed?key=s3cr'\n",
        encoding="utf-8",
    )
    environ = {
        "HOOK": hook,
        "KEY": CANARY,
        "SIGN": NEW,
        "TEMPLATE": f"{CANARY} {{{{ url }}}}",
        "FEEDPUB_DATABASE__URL": f"postgresql://me:{CANARY}@db/feedpub",
        "FEEDPUB_TARGETS__B__WEBHOOK_URL__FILE": "token-of-b",
        "FEEDPUB_TARGETS__C__TOKEN__FILE": "token",
    }
    found = shown(config, environ)
    assert OLD not in str(found)
    assert NEW not in str(found)
    assert found["targets.a.webhook_url"] == ("(secret, from env HOOK)", "config/targets.toml:3")
    assert found["targets.b.webhook_url"] == (
        "(secret, from file token-of-b)",
        "FEEDPUB_TARGETS__B__WEBHOOK_URL__FILE",
    )
    assert found["targets.c.token"] == ("(secret, from file token)", "FEEDPUB_TARGETS__C__TOKEN__FILE")
    assert found["targets.d.url"] == ("(secret)", "config/targets.toml:13")
    assert found["targets.d.headers.Authorization"][0] == "(secret, from env KEY)"
    assert found["targets.d.headers.X"][0] == "(secret)"
    assert found["targets.d.secret"][0] == "[(secret), (secret, from env SIGN)]"
    assert found["targets.d.template"][0] == '"{\\"key\\": \\"(secret)\\"}"'
    assert found["targets.e.template"][0] == "(secret, from env TEMPLATE)"
    assert found["targets.e.categories"][0] == '["米国関連", (secret, from env KEY)]'
    assert found["database.url"] == ("(secret)", "FEEDPUB_DATABASE__URL")
    assert found["stores.wire.url"][0] == '"https://wire.test/feed?(secret)"'


@pytest.mark.parametrize("example", sorted((ROOT / "config" / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_can_be_shown(config: Path, example: Path) -> None:
    Path("secret").write_text("a-token-of-some-length")
    text = example.read_text(encoding="utf-8").replace('"/run/secrets/mastodon_token"', '"secret"')
    (config / "feedpub.toml").write_text(text, encoding="utf-8")
    found = in_force(load(config, SECRETS))
    assert found[0].value == '"航空ニュース"'
    assert found[0].place.startswith("config/feedpub.toml:")
    assert not [one for one in found if any(secret in one.value for secret in SECRETS.values())]
