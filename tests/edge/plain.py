"""Web servers written by others, at work on loopback with a few lines of config: nginx, Caddy, Apache."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.edge.front_door import free_port, until

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
    access_log off;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    server {{
        listen 127.0.0.1:{port};
        {lines}
    }}
}}
""",
    "caddy": """
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	{lines}
}}
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
{lines}
""",
}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Plain(NamedTuple):
    """A plain file server at work, and the directory that it serves."""

    root: Path
    port: int

    def ask(self, path: str, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): said for name, said in headers.items()})
            reply = connection.getresponse()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()


@contextmanager
def running(name: str, folder: Path, root: Path, lines: str) -> Iterator[Plain]:
    """Run a server whose site has these lines, from a folder for what it writes; skips the test where it is missing."""
    program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if program is None:
        pytest.skip(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    config, port = folder / "config", free_port()
    config.write_text(_FRAMES[name].format(folder=folder, port=port, lines=lines), encoding="utf-8")
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
        yield Plain(root, port)
    finally:
        process.terminate()  # not killed: Apache's children would outlive it
        process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
