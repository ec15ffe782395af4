"""Front matter in every way that it is written, and what is wrong with it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.stores.markdown.front_matter import LONGEST, Fault, divide


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: F-35\nTags: [a, b]\n---\n本文",
        "---\ntitle: F-35\nTags:\n  - a\n  - b\n...\n本文",
        "--- \ntitle: 'F-35'\ntags: [a, b]\n--- \n本文",
        "---yaml\ntitle: F-35\ntags: [a, b]\n---\n本文",
        '+++\ntitle = "F-35"\ntags = ["a", "b"]\n+++\n本文',
        '---toml\ntitle = "F-35"\ntags = ["a", "b"]\n---\n本文',
        '{\n"title": "F-35",\n"tags": ["a", "b"]\n}\n本文',
        '---json\n\n{"title": "F-35", "tags": ["a", "b"]}\n---\n本文',
    ],
)
def test_front_matter_says_the_same_in_every_way(text: str) -> None:
    document = divide(text)
    assert document.facts == {"title": "F-35", "tags": ["a", "b"]}
    assert (document.body.strip(), document.begun) == ("本文", True)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1.10", "1.10"),
        ("007", "007"),
        ("12:30", "12:30"),
        ("2026-04-28", "2026-04-28"),
        ("2026-04-28 09:00:00 +0900", "2026-04-28 09:00:00 +0900"),
        ("yes", "yes"),
        ("~", "~"),
        ("", ""),
        ("'a # b: c'", "a # b: c"),
        ("!!python/object/apply:os.system [ls]", ["ls"]),
    ],
)
def test_what_an_author_wrote_in_yaml_stays_text(said: str, value: object) -> None:
    assert divide(f"---\nkey: {said}\n---\n").facts == {"key": value}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("2026-04-28T09:00:00+09:00", "2026-04-28T09:00:00+09:00"),
        ("2026-04-28T09:00:00", "2026-04-28T09:00:00"),
        ("2026-04-28", "2026-04-28"),
        ("true", "true"),
        ("7", "7"),
    ],
)
def test_what_an_author_wrote_in_toml_is_text_again(said: str, value: str) -> None:
    assert divide(f"+++\nkey = {said}\n+++\n").facts == {"key": value}


@pytest.mark.parametrize(
    "text", ["", "本文\n---\na: 1\n---\n", "{{< figure >}}", "{% include a %}", "# 見出し", "----\n"]
)
def test_a_text_may_have_none(text: str) -> None:
    document = divide(text)
    assert (document.facts, document.body, document.begun) == ({}, text, False)


@pytest.mark.parametrize("text", ["---\n---\n本文", "+++\n+++\n本文", "{}\n本文", "---\n# a remark\n---\n本文"])
def test_it_may_say_nothing(text: str) -> None:
    document = divide(text)
    assert (document.facts, document.body.strip(), document.begun) == ({}, "本文", True)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("---\ntitle: a\n", 1, "does not end"),
        ("+++\ntitle = 1\n---\n", 1, "does not end"),
        ("---\na: 1\nb: c: d\n---\n", 3, "not valid YAML"),
        ("---\na: 1\nb: [1\n---\n", 4, "not valid YAML"),
        ("---\na: 1\n\tb: 1\n---\n", 3, "not valid YAML"),
        ("---\na: 1\nb: \x01\n---\n", 3, "not valid YAML"),
        ("---\n? [a]\n: 1\n---\n", 2, "not valid YAML"),
        ("---\na: &x 1\nb: *x\n---\n", 3, "alias"),
        ("---\n- a\n---\n", 2, "keys and values"),
        ("---\njust text\n---\n", 2, "keys and values"),
        (f"---\na: {'[' * 5000}{']' * 5000}\n---\n", 2, "nested too deeply"),
        (f"---\na: {'x' * LONGEST}\n---\n", 1, "longer than"),
        ("+++\na = 1\nb = c\n+++\n", 3, "not valid TOML"),
        ("+++\na = 1\na = 2\n+++\n", 3, "not valid TOML"),
        (f"+++\na = {'[' * 5000}{']' * 5000}\n+++\n", 1, "nested too deeply"),
        ('{"a": 1,\n"b" 2}\n', 2, "not valid JSON"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", 1, "nested too deeply"),
        ('---json\n{"a": 1,\n"b" 2}\n---\n', 3, "not valid JSON"),
        ("---js\nmodule.exports = {}\n---\n", 1, "JavaScript|in js"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(Fault, match=reason) as caught:
        divide(text)
    assert caught.value.line == line


@given(st.text(alphabet=st.sampled_from("-+{}[]:&*!\"'#\n \tab1,é本"), max_size=80))
def test_any_text_is_divided_or_told(text: str) -> None:
    for whole in (text, f"---\n{text}\n---\n", f"+++\n{text}\n+++\n", f"{{{text}"):
        assert told(whole)


def told(text: str) -> bool:
    try:
        return divide(text).body in text
    except Fault as fault:
        return 1 <= fault.line <= text.count("\n") + 1 and "\n" not in fault.reason


WITHOUT_LIBYAML = """
import sys, yaml
del yaml.CBaseLoader
from feedpub.stores.markdown import front_matter
for text in sys.argv[1:]:
    try:
        print(dict(front_matter.divide(text).facts))
    except front_matter.Fault as fault:
        print(fault.line, fault.reason)
"""


def test_without_libyaml_the_same_is_read_and_the_same_is_refused() -> None:
    texts = ["---\ntitle: 1.10\nTags: [a, b]\nx: !!python/name:os.system\n---\n", "---\na: &x 1\nb: *x\n---\n",
             f"---\na: {'[' * 5000}\n---\n", "---\na: 1\ntitle: b: c\n---\n", "---\na: \x01\n---\n"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", WITHOUT_LIBYAML, *texts], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [said(text) for text in texts]


def said(text: str) -> str:
    try:
        return str(dict(divide(text).facts))
    except Fault as fault:
        return f"{fault.line} {fault.reason}"
