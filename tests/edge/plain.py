"""Web servers written by others, at work on loopback: nginx, Caddy, Apache; by our examples or by a few lines."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.edge.front_door import ROOT, free_port, until
from tests.edge.serving import Answer

PACKAGES = {"nginx": "nginx-light", "caddy": "caddy", "apache2": "apache2"}
"""What to install for each, on Debian."""

_FRAMES = {
    "nginx": """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
    sendfile on;
    tcp_nopush on;
    access_log off;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    {site}
}}
""",
    "caddy": """
{{
	admin off
	auto_https off
	default_bind 127.0.0.1
}}
{site}
""",
    "apache2": """
ServerRoot "/usr/lib/apache2"
ServerName 127.0.0.1
PidFile "{folder}/pid"
ErrorLog "{folder}/log"
Mutex file:{folder}
Listen 127.0.0.1:{port}
User www-data
Group www-data
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule dir_module modules/mod_dir.so
LoadModule mime_module modules/mod_mime.so
LoadModule rewrite_module modules/mod_rewrite.so
TypesConfig /etc/mime.types
StartServers 1
{site}
""",
}

_SITES = {
    "nginx": "server {{ listen 127.0.0.1:{port};\n{lines}\n}}",
    "caddy": "http://127.0.0.1:{port} {{\n{lines}\n}}",
    "apache2": "{lines}",
}
"""What the lines of one site stand in."""

EXAMPLES = {
    name: ROOT / "config" / "examples" / file for name, file in (("nginx", "nginx.conf"), ("caddy", "Caddyfile"))
}
"""The files that admins copy."""
_PLACE = "/var/lib/feedpub/data/public"
_DOORS = {
    "nginx": {"listen 80;": "listen 127.0.0.1:{port};", "listen [::]:80;": ""},
    "caddy": {"\nexample.jp {": "\nhttp://:{port} {"},
}
"""In each example, what says where it listens, and what says so in tests."""


class Plain(NamedTuple):
    """A plain file server at work, and the directory that it serves."""

    root: Path
    port: int
    process: int = 0

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Send exactly this: no header is added but Host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, said in headers.items():
                connection.putheader(name.replace("_", "-"), said)
            connection.endheaders()
            reply = connection.getresponse()
            return Answer(reply.status, _folded(reply.getheaders()), reply.read())
        finally:
            connection.close()


def _folded(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Make of several lines one, as RFC 9110 §5.3 has it."""
    found: dict[str, str] = {}
    for name, value in headers:
        before = found.get(name.lower())
        found[name.lower()] = value if before is None else f"{before}, {value}"
    return found


@contextmanager
def running(name: str, folder: Path, root: Path, lines: str) -> Iterator[Plain]:
    """Run a server whose site has these lines, from a folder for what it writes; skips the test where it is missing."""
    port = free_port()
    with _running(name, folder, root, port, _SITES[name].format(port=port, lines=lines)) as server:
        yield server


@contextmanager
def shipped(name: str, folder: Path, root: Path, changed: Mapping[str, str] = MappingProxyType({})) -> Iterator[Plain]:
    """Run a server by the file that we ship for it, over this directory; `changed`: what an admin wrote otherwise."""
    port, site = free_port(), EXAMPLES[name].read_text(encoding="utf-8")
    doors = {ours: theirs.replace("{port}", str(port)) for ours, theirs in _DOORS[name].items()}
    for ours, theirs in (doors | {_PLACE: str(root)} | dict(changed)).items():
        assert ours in site, f"the example for {name} has no {ours!r}"
        site = site.replace(ours, theirs)
    with _running(name, folder, root, port, site) as server:
        yield server


@contextmanager
def _running(name: str, folder: Path, root: Path, port: int, site: str) -> Iterator[Plain]:
    program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if program is None:
        pytest.skip(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    config = folder / "config"
    config.write_text(_FRAMES[name].format(folder=folder, port=port, site=site), encoding="utf-8")
    arguments = {
        "nginx": ["-e", f"{folder}/log", "-c", str(config)],
        "caddy": ["run", "--adapter", "caddyfile", "--config", str(config)],
        "apache2": ["-D", "FOREGROUND", "-f", str(config)],
    }[name]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([program, *arguments], stdout=out, stderr=out, env={"HOME": str(folder)})
    try:
        until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, (folder / "out").read_text(encoding="utf-8")
        yield Plain(root, port, process.pid)
    finally:
        process.terminate()  # not killed: Apache's children would outlive it
        process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
