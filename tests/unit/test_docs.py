"""docs/configuration.md says every option with its true default, and nothing else; the sample configs load."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from feedpub.cadence import Cadence
from feedpub.errors import ConfigError
from feedpub.feeds.catalog import CategoryOptions, FeedsOptions, OwnOptions
from feedpub.model import Wording, show_duration
from feedpub.networks.base import Network
from feedpub.notices.alerts import TEXT
from feedpub.notices.template import VARIABLES
from feedpub.settings import Settings, load, refuse_example, toml
from feedpub.settings.options import IN_ALERTS
from feedpub.settings.shape import Shape, beneath, is_model, kinds, options
from feedpub.stores.base import StoreOptions
from tests.guides import SECRETS

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.toml"))

Rows = dict[str, str]
"""The default of each option, as the guide writes it."""


def written() -> dict[str, Rows]:
    """What the guide says, by heading."""
    found = {}
    for section in re.split(r"^##+ ", GUIDE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| (?:`(.+?)`|(.+?)) \| .+\. \|$", text, flags=re.MULTILINE)
        if "| option |" in text or heading.startswith("Network"):
            found[heading.strip("`")] = {option: code or words for option, code, words in rows}
    return found


def expected() -> dict[str, Rows]:
    """What the code says, by the same headings."""
    found = {"[feeds.categories.KEY]": rows_of(CategoryOptions), "[feeds.own.KEY]": rows_of(OwnOptions)}
    found["[targets.NAME.by_category.KEY]"] = rows_of(Wording)
    for key, option in Settings.model_fields.items():
        if is_model(option.annotation):
            found[f"[{key}]"] = rows_of(option.annotation)
    found["[alerts.NAME]"] = {key: value for key, value in rows_of(Network).items() if key in IN_ALERTS}
    found["[alerts.NAME]"]["template"] = json.dumps(TEXT)
    for key, word, base in (("stores", "Store", StoreOptions), ("targets", "Network", Network)):
        found[f"[{key}.NAME]"] = rows_of(base)
        for kind, model in kinds(beneath(beneath(Settings, key), "NAME")).items():
            common = rows_of(base) | {"kind": default(options(model)["kind"])}
            found[f"{word} `{kind}"] = dict(rows_of(model).items() - common.items())
    return found


def rows_of(model: Shape) -> Rows:
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return {key: default(option) for key, option in options(model).items()}


def default(option: FieldInfo) -> str:
    """Write a default as TOML does; a long one is told below its table."""
    if option.is_required():
        return "required"
    value = option.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Cadence):
        value = value.every
    if isinstance(value, timedelta):
        value = show_duration(value)
    if isinstance(value, Decimal):
        value = float(value)
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 60 else "see below"


def test_the_guide_says_every_option_with_its_default() -> None:
    assert written() == expected()


@pytest.mark.parametrize("section", ["stores", "targets"])
def test_the_guide_names_every_kind(section: str) -> None:
    part = GUIDE.partition(f"## `[{section}.NAME]`")[2]
    row = next(line for line in part.splitlines() if line.startswith("| `kind` |"))
    assert set(re.findall(r'`"(\w+)"`', row)) == set(kinds(beneath(beneath(Settings, section), "NAME")))


def test_the_guide_names_every_variable_of_a_template() -> None:
    paragraph = GUIDE.partition("A template may speak of")[2].partition("\n\n")[0]
    assert set(VARIABLES) <= set(re.findall(r"`(\w+)`", paragraph))


def test_the_guides_toml_is_toml() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
    assert all(toml.parse(block.encode())[0] for block in blocks)
    assert blocks


def test_the_config_that_comes_with_feedpub_loads_as_it_is() -> None:
    loaded = load(ROOT / "config", {})
    assert loaded.warnings == ()
    assert [store.kind for store in loaded.settings.stores.values()] == ["sql"]
    assert [target.kind for target in loaded.settings.targets.values()] == ["console"]
    with pytest.raises(ConfigError, match=r"site\.url"):
        refuse_example(loaded.settings)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads_when_it_is_copied_into_place(example: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-token-of-some-length")
    text = re.sub(r'file = "[^"]+"', f'file = "{secret}"', example.read_text(encoding="utf-8"))
    (tmp_path / "feedpub.toml").write_text(text, encoding="utf-8")
    loaded = load(tmp_path, SECRETS)
    assert loaded.settings.targets
    assert loaded.warnings == ()


def test_there_is_an_example_of_a_japanese_blog() -> None:
    assert "wordpress.toml" in [example.name for example in EXAMPLES]


def test_there_is_an_example_of_every_kind_of_store() -> None:
    (example,) = [example for example in EXAMPLES if example.name == "stores.toml"]
    stores = toml.parse(example.read_bytes())[0]["stores"]
    assert isinstance(stores, dict)
    assert {store["kind"] for store in stores.values()} == set(kinds(beneath(beneath(Settings, "stores"), "NAME")))
    assert {"query", "path"} <= {option for store in stores.values() if store["kind"] == "sql" for option in store}


def test_there_is_an_example_of_what_feeds_can_do() -> None:
    (example,) = [example for example in EXAMPLES if example.name == "feeds.toml"]
    said = toml.parse(example.read_bytes())[0]["feeds"]
    assert isinstance(said, dict)
    assert set(FeedsOptions.model_fields) - said.keys() <= {"output", "content", "max_bytes", "compress"}
