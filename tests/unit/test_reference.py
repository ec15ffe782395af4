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

from feedpub.model import show_duration
from feedpub.settings import Settings, load, reference, schema
from feedpub.settings.shape import beneath, is_model, kinds, options
from tests.guides import SECRETS
from tests.json_schema import faults

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config" / "examples"
SCHEMA = schema.schema()
CONFIGS = [ROOT / "config" / "feedpub.toml", *sorted(EXAMPLES.glob("*.toml"))]

SITE = {"title": "航空ニュース", "url": "https://news.test/"}
FEEDS = {"base_url": "https://news.test/feeds/"}
SECRET = {"env": "TOKEN"}


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
    assert {one.kind for one in loaded.settings.targets.values()} == kind_names("targets")
    assert {one.kind for one in loaded.settings.stores.values()} == kind_names("stores")


def kind_names(section: str) -> set[str]:
    return set(kinds(beneath(beneath(Settings, section), "NAME")))


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
    for key, option in Settings.model_fields.items():
        shape = option.annotation
        if is_model(shape):
            assert isinstance(shape, type)
            assert set(tables[key]) == set(options(shape)), key
            continue
        for kind, model in kinds(beneath(shape, "NAME")).items():
            said = {name for table in tables[key].values() if table["kind"] == kind for name in table}
            shared = set(tables[key]["wordpress" if key == "stores" else "mastodon"])
            assert set(options(model)) <= said | shared, kind
            assert said <= set(options(model)), kind
    for line in reference.written().splitlines():
        if re.match(r"#?\w+ = [^{]", line) and not line.startswith(("kind", '#template = """')):
            assert re.search(r"\S +# \S", line), line


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
