"""The JSON Schema and the list of all options are made of the models, and say what the models say."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from feedpub.model import show_duration
from feedpub.settings import Settings, load, reference, schema
from feedpub.settings.sections import SHARED, models
from feedpub.settings.shape import options
from tests.guides import SECRETS
from tests.json_schema import faults

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config" / "examples"
SCHEMA = schema.schema()
CONFIGS = [ROOT / "config" / "feedpub.toml", *sorted(EXAMPLES.glob("*.toml"))]

SITE = {"title": "航空ニュース", "url": "https://news.test/"}
FEEDS = {"base_url": "https://news.test/feeds/"}
SECRET = {"env": "TOKEN"}
WORKS = {
    "server": "https://social.test",
    "identifier": "news.test",
    "room": "!room:matrix.test",
    "chat_id": "@news",
    "hub_url": "https://hub.test/",
    "budget": 20,
    "url": "https://hook.test/",
    "token": "123456:a-token-of-some-length",
    **dict.fromkeys(("app_password", "api_key", "api_secret", "access_token", "access_secret"), "abcd-efgh-ijkl-mnop"),
}
"""What the required options of targets may be."""


def in_force(text: str) -> str:
    """The reference with every option put in force."""
    return re.sub("^#(?!#)", "", text, flags=re.MULTILINE)


# ---------------------------------------------------------------- as the models are


@pytest.mark.parametrize(
    ("file", "written"), [("feedpub.schema.json", schema.written), ("reference.toml", reference.written)]
)
def test_the_files_are_as_the_models_are_now(file: str, written: Any) -> None:
    assert (EXAMPLES / file).read_text(encoding="utf-8") == written(), "run: make reference"


@pytest.mark.parametrize("text", [reference.written(), in_force(reference.written())], ids=["as it stands", "in force"])
def test_the_reference_is_a_config_that_loads(tmp_path: Path, text: str) -> None:
    (tmp_path / "feedpub.toml").write_text(text, encoding="utf-8")
    loaded = load(tmp_path, SECRETS)
    assert loaded.warnings == ()
    assert {one.kind for one in loaded.settings.targets.values()} == set(models("targets"))
    assert {one.kind for one in loaded.settings.stores.values()} == set(models("stores"))


def test_the_reference_changes_nothing_where_it_is_put_in_force(tmp_path: Path) -> None:
    """What it says are defaults are defaults: only what has none differs, and the examples of tables."""
    made = []
    for text in (reference.written(), in_force(reference.written())):
        (tmp_path / "feedpub.toml").write_text(text, encoding="utf-8")
        made.append(load(tmp_path, SECRETS).settings.model_dump())
    differing = {".".join(trail) for trail in parted(made[0], made[1])}
    assert differing == {
        "admin.token",
        "feeds.categories",
        "feeds.own",
        "targets.mastodon.by_category",
        "targets.mastodon.limit",
        "targets.mastodon.max_per_day",
        "targets.mastodon.max_per_hour",
        "targets.misskey.limit",
    }


def parted(one: Any, other: Any, trail: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {found for key in one for found in parted(one[key], other[key], (*trail, key))}
    return set() if one == other else {trail}


def test_every_option_stands_in_the_reference_with_a_remark() -> None:
    tables = tomllib.loads(in_force(reference.written()))
    assert set(tables) == set(Settings.model_fields)
    for key in set(tables) - set(SHARED):
        shape = Settings.model_fields[key].annotation
        assert isinstance(shape, type)
        assert issubclass(shape, BaseModel)
        assert set(tables[key]) == set(options(shape)), key
    for section, first in (("stores", "wordpress"), ("targets", "mastodon")):
        for kind, model in models(section).items():
            said = {name for table in tables[section].values() if table["kind"] == kind for name in table}
            assert said <= set(options(model)) <= said | set(tables[section][first]), kind
    assert set(tables["alerts"]["ops"]) == set(options(models("alerts")["discord"]))
    for line in reference.written().splitlines():
        if re.match(r"#?\w+ = ", line) and not line.startswith(("kind", '#template = """')):
            assert re.search(r"\S +# \S", line), line


def test_an_alert_may_be_what_the_settings_take_as_one() -> None:
    for kind, model in models("targets").items():
        works = WORKS | {"webhook_url": SECRETS.get(f"{kind.upper()}_WEBHOOK")}
        table = {"kind": kind} | {key: works[key] for key, one in options(model).items() if one.is_required()}
        tables = {"site": SITE, "feeds": FEEDS, "alerts": {"ops": table}}
        takes = kind in models("alerts")
        assert bool(faults(SCHEMA, tables)) is not takes, kind
        if takes:
            assert Settings.model_validate(tables).alerts["ops"].kind == kind
        else:
            with pytest.raises(ValidationError):
                Settings.model_validate(tables)


# ---------------------------------------------------------------- what the schema takes, and what not


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_schema_takes_every_config_that_comes_with_feedpub(config: Path) -> None:
    assert faults(SCHEMA, tomllib.loads(config.read_text(encoding="utf-8"))) == []


def test_the_schema_takes_the_reference_in_force() -> None:
    assert faults(SCHEMA, tomllib.loads(in_force(reference.written()))) == []


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ({"site": SITE | {"titel": "x"}}, ".site.titel additionalProperties"),
        ({"site": {"title": "x"}}, ".site required"),
        ({"site": SITE | {"title": ""}}, ".site.title anyOf"),
        ({"sites": SITE}, ".sites additionalProperties"),
        ({"feeds": FEEDS | {"entries": "50"}}, ".feeds.entries type"),
        ({"feeds": FEEDS | {"entries": 0}}, ".feeds.entries minimum"),
        ({"feeds": FEEDS | {"entries": 5000}}, ".feeds.entries maximum"),
        ({"feeds": FEEDS | {"tags": "yes"}}, ".feeds.tags type"),
        ({"feeds": FEEDS | {"formats": ["rss", "html"]}}, ".feeds.formats[1] anyOf"),
        ({"feeds": FEEDS | {"formats": []}}, ".feeds.formats minItems"),
        ({"feeds": FEEDS | {"own": {"x": {}}}}, ".feeds.own.x required"),
        ({"stores": {"Main": {"kind": "sql"}}}, ".stores.Main additionalProperties"),
        ({"stores": {"main": {"kind": "slq"}}}, ".stores.main.kind enum"),
        ({"stores": {"main": {"kind": "sql", "poll": "now"}}}, ".stores.main.poll anyOf"),
        ({"targets": {"a": {}}}, ".targets.a required"),
        ({"targets": {"a": {"kind": "discord"}}}, ".targets.a required"),
        ({"targets": {"a": {"kind": "console", "tmplate": "x"}}}, ".targets.a.tmplate additionalProperties"),
        ({"targets": {"a": {"kind": "console", "webhook_url": "x"}}}, ".targets.a.webhook_url additionalProperties"),
        ({"targets": {"a": {"kind": "console", "delay": "3 minutes"}}}, ".targets.a.delay anyOf"),
        ({"targets": {"a": {"kind": "slack", "webhook_url": {"enw": "X"}}}}, ".targets.a.webhook_url anyOf"),
        ({"targets": {"a": {"kind": "websub", "hub_url": "x", "template": "x"}}}, ".targets.a.template additionalProp"),
        ({"targets": {"a": {"kind": "x", "budget": 0}}}, ".targets.a.budget exclusiveMinimum"),
        ({"alerts": {"a": {"kind": "console", "delay": "3m"}}}, ".alerts.a.delay additionalProperties"),
        ({"log": {"level": "loud"}}, ".log.level anyOf"),
    ],
)
def test_the_schema_names_the_very_option_that_is_wrong(tables: dict[str, Any], fault: str) -> None:
    assert any(one.startswith(fault) for one in faults(SCHEMA, tables)), faults(SCHEMA, tables)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"targets": {"a": {"kind": "console", "delay": 0, "every": "1h30m", "categories": ["米国", SECRET]}}},
        {"targets": {"a": {"kind": "webhook", "url": SECRET, "secret": "whsec_x", "headers": {"X": {"file": "x"}}}}},
        {"targets": {"a": {"kind": "webhook", "url": SECRET, "secret": ["whsec_x", SECRET]}}},
        {"targets": {"a": {"kind": "telegram", "token": SECRET, "chat_id": -100123}}},
        {"stores": {"main": {"kind": "sql", "poll": "*/5 6-23 * * *"}, "b": {"kind": "sql", "poll": "@hourly"}}},
        {"site": SITE | {"timezone": {"file": "zone"}}},
    ],
)
def test_the_schema_takes_what_feedpub_takes(tables: dict[str, Any]) -> None:
    assert faults(SCHEMA, tables) == []


@given(st.integers(0, 10**9))
def test_every_duration_as_admins_write_it_fits_the_schema(seconds: int) -> None:
    written = show_duration(timedelta(seconds=seconds))
    assert re.search(schema.DURATION, written)
    assert re.search(schema.CADENCE, written) or written == "0"
