"""A real Matrix homeserver (Synapse) on loopback, made for one run of the tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.networks.ports import free_port

SECRET = "a secret that only these tests share with it"
_START = 120
Said = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """Somebody who is logged in."""

    id: str
    token: str


@dataclass(frozen=True)
class Homeserver:
    """The server, as its admin and its clients see it."""

    url: str

    def call(self, method: str, path: str, who: Account | None = None, body: object = None) -> Said:
        """Ask it for something that it has to grant."""
        headers = {"authorization": f"Bearer {who.token}"} if who else {}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        told: Said = answer.json()
        return told

    def register(self, name: str, *, admin: bool = False) -> Account:
        """Make an account by the shared secret; it is logged in."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        password, role = secrets.token_hex(8), "admin" if admin else "notadmin"
        mac = hmac.new(SECRET.encode(), f"{nonce}\0{name}\0{password}\0{role}".encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
        told = self.call("POST", "/_synapse/admin/v1/register", body=body)
        return Account(told["user_id"], told["access_token"])

    def login_again(self, admin: Account, who: Account) -> Account:
        """Log the same account in once more: another device."""
        path = f"/_synapse/admin/v1/users/{quote(who.id)}/login"
        return Account(who.id, self.call("POST", path, admin, {})["access_token"])

    def unlimit(self, admin: Account, who: Account) -> None:
        """Let an account post as fast as it likes; the others keep Synapse's own limits."""
        path = f"/_synapse/admin/v1/users/{quote(who.id)}/override_ratelimit"
        self.call("POST", path, admin, {"messages_per_second": 0, "burst_count": 0})

    def room(self, who: Account, alias: str = "") -> str:
        """Make a public room."""
        asked = {"preset": "public_chat"} | ({"room_alias_name": alias} if alias else {})
        return str(self.call("POST", "/_matrix/client/v3/createRoom", who, asked)["room_id"])

    def messages(self, who: Account, room: str) -> list[Said]:
        """All messages of a room, the oldest first; redacted ones have no content."""
        path = f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=f&limit=500"
        chunk: list[Said] = self.call("GET", path, who)["chunk"]
        return [event for event in chunk if event["type"] == "m.room.message"]

    def event(self, who: Account, room: str, event: str) -> Said:
        """One event, as it stands now."""
        return self.call("GET", f"/_matrix/client/v3/rooms/{quote(room)}/event/{quote(event)}", who)


@contextmanager
def running(folder: Path) -> Iterator[Homeserver]:
    """Start one in a folder, and end it."""
    port = free_port()
    config = _configure(folder, port)
    command = [os.environ["FEEDPUB_NETWORKS_SYNAPSE"], "-m", "synapse.app.homeserver", "-c", str(config)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        server = Homeserver(f"http://127.0.0.1:{port}")
        _wait_for(server.url, process, folder / "output")
        yield server
    finally:
        process.kill()
        process.wait(30)


def _configure(folder: Path, port: int) -> Path:
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    (folder / "signing.key").write_text(f"ed25519 a_test {key}\n")
    resources = [{"names": ["client"], "compress": False}]
    listener = {"type": "http", "port": port, "bind_addresses": ["127.0.0.1"], "resources": resources}
    said = {
        "server_name": "example.test",
        "listeners": [listener],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "report_stats": False,
        "trusted_key_servers": [],
    }
    config = folder / "homeserver.yaml"
    config.write_text(json.dumps(said))  # YAML takes JSON as it is
    return config


def _wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        assert process.poll() is None, output.read_text()[-4000:]
        try:
            if requests.get(f"{url}/_matrix/client/versions", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"Synapse did not start: {output.read_text()[-4000:]}")
