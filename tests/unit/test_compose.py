"""compose.yaml and the Dockerfile: what an admin relies on without reading them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from feedpub.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
FEEDPUB: dict[str, Any] = COMPOSE["services"]["feedpub"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_admin_address_is_published_for_this_machine_alone() -> None:
    assert [port for port in FEEDPUB["ports"] if port.endswith(":8081")] == ["127.0.0.1:8081:8081"]


def test_feedpub_runs_without_rights_on_a_root_that_nobody_can_write() -> None:
    assert (FEEDPUB["read_only"], FEEDPUB["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in FEEDPUB["security_opt"]
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "privileged" not in FEEDPUB


def test_the_config_is_mounted_as_a_folder_that_is_only_read() -> None:
    assert "./config:/config:ro" in FEEDPUB["volumes"]


def test_nothing_but_feedpub_runs_unless_it_is_asked_for() -> None:
    others = {name: one["profiles"] for name, one in COMPOSE["services"].items() if name != "feedpub"}
    assert others == {"caddy": ["caddy"], "postgres": ["postgres"]}
    assert "profiles" not in FEEDPUB


def test_every_volume_that_a_service_names_is_kept() -> None:
    named = {
        volume.partition(":")[0]
        for one in COMPOSE["services"].values()
        for volume in one["volumes"]
        if not volume.startswith(".")
    }
    assert named == COMPOSE["volumes"].keys()


def test_both_tell_the_same_of_health() -> None:
    told = re.search(r"^HEALTHCHECK (.*) CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert told is not None
    options = {name.replace("-", "_"): value for name, value in re.findall(r"--([a-z-]+)=(\S+)", told[1])}
    compose = FEEDPUB["healthcheck"]
    assert options == {name: str(value) for name, value in compose.items() if name != "test"}
    assert compose["test"] == ["CMD", *yaml.safe_load(told[2])]


def test_the_variables_that_they_speak_of_are_options() -> None:
    said = {*re.findall(r"FEEDPUB_[A-Z]+__[A-Z]+", DOCKERFILE), *re.findall(r"FEEDPUB_[A-Z]+__[A-Z]+", str(COMPOSE))}
    assert said >= {"FEEDPUB_WEB__LISTEN", "FEEDPUB_ADMIN__LISTEN"}
    for name in said:
        table, _, option = name.removeprefix("FEEDPUB_").lower().partition("__")
        assert option in Settings.model_fields[table].annotation.model_fields, name  # type: ignore[union-attr]


def test_each_file_that_the_image_is_built_from_is_there_and_reaches_the_builder() -> None:
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert copied == set(re.findall(r"^!(.*)$", ignore, re.MULTILINE))
    assert all((ROOT / name).exists() for name in copied)
