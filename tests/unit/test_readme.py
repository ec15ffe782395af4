"""The READMEs and docs/ say what is true: configs load, commands exist, links lead on, and what is shown comes out."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer

from feedpub import demo
from feedpub.app import App, now
from feedpub.cli import cli
from feedpub.settings import load, toml
from tests.guides import GUIDES, PAGES, ROOT, SECRETS, anchors, blocks

READMES = {page: {page: text} for page, text in GUIDES.items() if page.startswith("README")}
"""In each language."""
each_readme = pytest.mark.parametrize("readme", READMES.values(), ids=READMES)
NEEDED = {
    "site": '[site]\ntitle = "航空ニュース"\nurl = "https://example.jp/"\n',
    "feeds": '[feeds]\nbase_url = "https://example.jp/feeds/"\n',
}
"""What a config cannot do without, for the guides' examples that do not say it."""


# ---------------------------------------------------------------- what admins copy


@each_readme
def test_the_readme_can_be_read_in_one_go(readme: dict[str, str]) -> None:
    (text,) = readme.values()
    assert len(text.splitlines()) < 150


def test_the_readmes_tell_the_same_in_both_languages() -> None:
    def shape(page: str) -> object:
        uncommented = re.sub(r" *#.*", "", "".join(blocks("toml", READMES[page]).values()))
        links = sorted(set(re.findall(r"\]\(([^)]+)\)", GUIDES[page])) - READMES.keys())
        return uncommented, links, re.findall(r"^#+ |^\|", GUIDES[page], re.MULTILINE)

    assert shape("README.md") == shape("README.ja.md")


@pytest.mark.parametrize("block", blocks("toml").items(), ids=lambda block: str(block[0]))
def test_a_config_of_the_guides_loads(block: tuple[str, str], tmp_path: Path) -> None:
    def put(reference: re.Match[str]) -> str:
        here = tmp_path / Path(reference[1]).name
        here.write_text(SECRETS[here.name.upper()], encoding="utf-8")
        return f'file = "{here}"'

    text = re.sub(r'file = "([\w/]+)"', put, block[1])
    table, _ = toml.parse(text.encode())
    config = tmp_path / "config"
    config.mkdir()
    (config / "feedpub.toml").write_text(text, encoding="utf-8")
    for name in NEEDED.keys() - table.keys():
        (config / f"{name}.toml").write_text(NEEDED[name], encoding="utf-8")
    loaded = load(config, SECRETS)
    assert loaded.warnings == ()


def commands() -> dict[str, list[str]]:
    """The words after `feedpub` wherever a guide shows a command, by the line it stands in."""
    lines = [line for block in (blocks("sh") | blocks("")).values() for line in block.splitlines()]
    spans = [span for text in GUIDES.values() for span in re.findall(r"`(feedpub [^`\n]+)`", text)]
    found = {}
    for line in (*lines, *spans):
        if not re.search(r"\bfeedpub\b", line):
            continue
        said = shlex.split(line, comments=True)
        at = max((n for n, word in enumerate(said) if word.rpartition("/")[2] == "feedpub"), default=len(said))
        words = said[at + 1 :]
        words = words[2:] if words[:1] == ["--config"] else words
        if words and re.fullmatch("[a-z]+", words[0]):
            found[line] = words
    return found


@pytest.mark.parametrize("shown", commands())
def test_a_command_of_the_guides_exists_with_its_options(shown: str) -> None:
    words = commands()[shown]
    command: Any = typer.main.get_command(cli)
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands, shown
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@each_readme
def test_the_readme_names_the_two_commands_to_begin_with(readme: dict[str, str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)\b", "\n".join(blocks("sh", readme).values())))
    assert named == {"demo", "test"}
    assert all(re.search(rf"^{verb}:", makefile, re.MULTILINE) for verb in named)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    here = ROOT / page if (ROOT / page).exists() else ROOT / "docs" / page
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = here.parent / path if path else here
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


# ---------------------------------------------------------------- what comes out


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """The lines of the sample site's feed, and what the terminal shows of its first new article."""
    folder, content = tmp_path_factory.mktemp("demo"), files("feedpub") / "demo"
    (folder / "config").mkdir()
    text = demo._CONFIG.format(folder=folder, host="127.0.0.1", port=8080, admin="127.0.0.1:0")
    (folder / "config" / "feedpub.toml").write_text(text, encoding="utf-8")
    first = json.loads((content / "upcoming.jsonl").read_text(encoding="utf-8").splitlines()[0])
    new = folder / "new.jsonl"
    new.write_text(json.dumps(first | {"published": now().isoformat()}), encoding="utf-8")
    said: list[str] = []
    app = App.open(load(folder / "config", {}), lead=True, show=said.append)
    try:
        app.import_files([Path(str(content / "site.jsonl"))])
        app.once()
        feed = (folder / "public" / "all.rss").read_text(encoding="utf-8")
        app.import_files([new])
        app.once()
    finally:
        app.close()
    return feed.splitlines(), "\n".join(said)


@each_readme
def test_the_entry_in_the_readme_is_one_that_feedpub_writes(
    sample: tuple[list[str], str], readme: dict[str, str]
) -> None:
    (shown,) = blocks("xml", readme).values()
    feed = (line.strip() for line in sample[0])
    for line in shown.splitlines():
        assert any(written.startswith(line.strip().removesuffix("…")) for written in feed), line


@each_readme
def test_the_notice_in_the_readme_is_one_that_feedpub_shows(
    sample: tuple[list[str], str], readme: dict[str, str]
) -> None:
    assert sample[1] in [block.strip() for block in blocks("", readme).values()]
