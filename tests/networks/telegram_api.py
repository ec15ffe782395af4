"""A Bot API that others wrote (telegram-test-api) on loopback, made for one run of the tests."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.networks.ports import free_port

_START = 60


@dataclass(frozen=True)
class BotApi:
    """The server, as bots and their readers see it."""

    url: str

    def messages(self, token: str) -> list[dict[str, Any]]:
        """What stands there of a bot's: each with its id and its fields as they were sent."""
        answer = requests.post(f"{self.url}/getUpdatesHistory", json={"token": token}, timeout=30)
        assert answer.ok, answer.text
        told: list[dict[str, Any]] = answer.json()["result"]
        return told


@contextmanager
def running(output: Path) -> Iterator[BotApi]:
    """Start one, and end it."""
    port = free_port()
    command = ["node", str(Path(__file__).with_name("telegram_api.js")), str(port)]
    modules = Path(os.environ["FEEDPUB_NETWORKS_NODE"]) / "node_modules"
    with output.open("wb") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, env=os.environ | {"NODE_PATH": str(modules)}
        )
    try:
        api = BotApi(f"http://127.0.0.1:{port}")
        _wait_for(api.url, process, output)
        yield api
    finally:
        process.kill()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        assert process.poll() is None, output.read_text()[-4000:]
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"telegram-test-api did not start: {output.read_text()[-4000:]}")
