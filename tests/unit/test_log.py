"""Lines of the log: one an event, for people and for machines, and no secret in any."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from feedpub.log import configure
from feedpub.settings import Settings
from feedpub.settings.secret import secrets

TOKEN = "canary-of-some-length"
PASSWORD = "s3cr%2Fet-word"


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


def settings(format_: str = "auto", level: str = "info") -> Settings:
    return Settings.model_validate(
        {
            "site": {"title": "航空ニュース", "url": "https://news.test/", "timezone": "Asia/Tokyo"},
            "feeds": {"base_url": "https://news.test/feeds/"},
            "targets": {"room": {"kind": "mastodon", "server": "https://social.test", "token": TOKEN}},
            "database": {"url": f"postgresql://feedpub:{PASSWORD}@db/feedpub"},
            "log": {"format": format_, "level": level},
        }
    )


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def told(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, config: Settings, event: str, **names: Any) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    configure(config)
    structlog.get_logger("feedpub").warning(event, **names)
    return stream.getvalue()


def test_a_line_for_machines_is_json_with_its_event_its_level_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    line = told(monkeypatch, io.StringIO(), settings(), "store_failed", store="blog", why="見出し\nHTTP 500")
    assert line.count("\n") == 1
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {"event": "store_failed", "level": "warning", "store": "blog", "why": "見出し\nHTTP 500"}


def test_a_line_for_people_stays_one_whatever_a_store_says(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = "見出し　\u3000\n2026-01-01 [error] fault\r\x1b[2J\x9b\u202e\u2028終\ud800"
    line = told(monkeypatch, io.StringIO(), settings("text"), "quarantined", title=forged, also=(forged, {"a\nb": 1}))
    assert line.count("\n") == 1
    assert len(line.splitlines()) == 1
    assert r"見出し　　\n2026-01-01 [error] fault\r\x1b[2J\x9b\u202e\u2028終\ud800" in line
    assert r'{"a\nb": 1}' in line
    assert not set("\r\x1b\x9b\u202e\u2028") & set(line)


@given(st.text())
def test_no_text_makes_a_second_line_or_acts_on_a_terminal(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        line = told(patch, io.StringIO(), settings("text"), "quarantined", why=text)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_colours_are_for_terminals_whose_person_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in told(monkeypatch, Terminal(), settings(), "started")
    assert "\x1b[" not in told(monkeypatch, io.StringIO(), settings("text"), "started")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = told(monkeypatch, Terminal(), settings(), "started")
    assert "started" in plain
    assert "\x1b[" not in plain


def test_no_configured_secret_is_told_however_deep_it_slipped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings()
    why = {"headers": [f"Bearer {TOKEN}"], f"{TOKEN}?": ("postgresql://feedpub:s3cr/et-word@db", PASSWORD)}
    line = told(monkeypatch, io.StringIO(), config, f"fault {TOKEN}", why=why, name="feedpub")
    assert not [one for one in (TOKEN, PASSWORD, "s3cr/et-word") if one in line]
    assert json.loads(line)["event"] == "fault [secret]"
    assert json.loads(line)["name"] == "feedpub"
    assert TOKEN in secrets(config)


def test_the_least_to_be_told_changes_while_feedpub_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger("feedpub").bind()
    assert told(monkeypatch, io.StringIO(), settings(level="error"), "run_skipped") == ""
    assert "run_skipped" in told(monkeypatch, io.StringIO(), settings(level="debug"), "run_skipped")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    structlog.get_logger("feedpub").debug("run_skipped")
    assert "run_skipped" in stream.getvalue()
    assert log is not None


def test_a_log_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    with pytest.raises(ValueError, match="closed"):
        closed.write("")
    structlog.get_logger("feedpub").error("fault")
