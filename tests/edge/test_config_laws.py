"""Whatever an admin writes: it is loaded, or refused by ConfigError, and no value of it is told."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.errors import ConfigError
from feedpub.settings import Settings, load
from feedpub.settings.schema import schema
from feedpub.settings.shape import Shape, beneath, chosen, keys, kinds
from feedpub.settings.shown import in_force
from tests.json_schema import faults
from tests.toml_text import written

SCHEMA = schema()
CANARY = "canary-s3cret"
DISCORD = f"https://discord.com/api/webhooks/1/{CANARY}"
WORKS = {
    "title": "x",
    "url": "https://news.test/",
    "base_url": "https://news.test/",
    "server": "https://news.test/",
    "webhook_url": DISCORD,
    "token": CANARY,
    "name": "米国関連",
}
"""What the required options may be."""

SECRET = (CANARY, DISCORD, f"https://{CANARY}.test/", f"{{{{ {CANARY}", f"postgresql://{CANARY}@[/", f"{CANARY}\n")
CLOSE = (f"* * * * {CANARY}", f"*/5 6-23 * * {CANARY}", "99999999999w", "3m", "\\", "/", "", "0", "a,b")
texts = st.sampled_from([*SECRET, *CLOSE])
leaves = st.one_of(
    texts,
    st.sampled_from([True, -1, 0, 7, 1.5, 10**30]),
    st.sampled_from([[], [CANARY], [[CANARY]], [{"env": CANARY}], {"env": CANARY}, {"env": 5}, {"file": "/no/where"}]),
)


@st.composite
def tables(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    """A table that would do, with some options set to anything."""
    models = kinds(shape)
    kind = draw(st.sampled_from(sorted(models))) if models else ""
    model = models.get(kind) or chosen(shape, {})
    made = {key: WORKS[key] for key in keys(model) if key in WORKS} | ({"kind": kind} if kind else {})
    wild = st.sampled_from([*keys(model), *keys(model), "name", "zz", "", "鍵", "https://secret.test/"])
    return made | draw(st.dictionaries(wild, leaves, max_size=3))


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """A whole configuration, wrong in a few places."""
    made: dict[str, Any] = {key: draw(tables(beneath(Settings, key))) for key in ("site", "feeds")}
    for key in draw(st.sets(st.sampled_from(["database", "web", "admin", "log"]))):
        made[key] = draw(st.one_of(tables(beneath(Settings, key)), leaves))
    for key in draw(st.sets(st.sampled_from(["stores", "targets"]))):
        names = st.sampled_from(["news", "blog", "main", "News", "鍵", ""])
        made[key] = draw(st.dictionaries(names, tables(beneath(beneath(Settings, key), "x")), max_size=2))
    if draw(st.booleans()):
        made["feeds"]["categories"] = {"us": draw(st.one_of(leaves, st.just({"name": "米国関連"})))}
    return made | draw(st.dictionaries(st.sampled_from(["zz", "target", "stores"]), leaves, max_size=1))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


def judge(config: Path, environ: Mapping[str, str]) -> bool:
    """Whether it was loaded, after seeing that nothing told holds the canary."""
    try:
        loaded = load(config, environ)
    except ConfigError as error:
        told, is_loaded = str(error), False
        assert all(line.startswith((str(config), "environment ")) for line in told.splitlines())
    else:
        made, is_loaded = loaded.settings, True
        secrets = [getattr(target, "webhook_url", None) for target in made.targets.values()]
        told = "\n".join(loaded.warnings) + repr(made.database) + repr(secrets)
    assert CANARY not in told
    assert "secret.test" not in told
    return is_loaded


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(configs())
def test_whatever_is_written_is_loaded_or_refused_without_its_values(config: Path, table: dict[str, Any]) -> None:
    text, _ = written(table, lambda: "header")
    (config / "feedpub.toml").write_text("# anything\n" + text, encoding="utf-8")
    if judge(config, {}):
        assert faults(SCHEMA, tomllib.loads(text)) == []
        assert len(in_force(load(config, {}))) > len(Settings.model_fields)


variables = st.lists(
    st.sampled_from([*keys(Settings), *WORKS, "kind", "poll", "delay", "news", "main", "file", "env", "formats", ""]),
    min_size=1,
    max_size=4,
).map(lambda parts: "FEEDPUB_" + "__".join(parts).upper())


@settings(max_examples=80)
@given(st.dictionaries(variables, st.one_of(texts, st.sampled_from(["console", "[" * 9, "\ud800", "\0"])), max_size=6))
def test_whatever_the_environment_says_is_loaded_or_refused(config: Path, environ: dict[str, str]) -> None:
    (config / "feedpub.toml").write_text(
        '[site]\ntitle = "x"\nurl = "https://news.test/"\n[feeds]\nbase_url = "https://news.test/"\n'
    )
    judge(config, environ)
