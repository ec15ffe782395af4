"""The real WordPress of these tests (`.ci/wordpress.sh` starts it): what is done inside it, and to it."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

SITE = os.environ.get("FEEDPUB_TEST_WORDPRESS", "")
URL = "http://127.0.0.1:8081/"

MARKS = [
    pytest.mark.wordpress,
    pytest.mark.skipif(not SITE, reason="needs a real WordPress: run `make test-wordpress`"),
]


def php(code: str) -> str:
    """Do something inside the site, and give back what it printed."""
    command = ["php", "-d", "error_reporting=0", str(_kit() / "eval.php"), code]
    done = subprocess.run(command, env={**os.environ, "WP_SITE": SITE}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def post(**said: str) -> str:
    """Enter a post; `said` are PHP expressions."""
    fields = {"post_title": "'見出し'", "post_content": "'<p>本文</p>'", "post_status": "'publish'", **said}
    row = ", ".join(f"'{name}' => {value}" for name, value in fields.items())
    number = php(f"echo wp_insert_post(wp_slash([{row}]));")
    assert number.isdecimal()
    return number


def comment(on: str, **said: str) -> str:
    """Enter a reader's comment on a post; `said` are PHP expressions."""
    fields = {"comment_author": "'読者 & 友'", "comment_content": "'同感です。'", "comment_approved": "1", **said}
    row = ", ".join(f"'{name}' => {value}" for name, value in {"comment_post_ID": on, **fields}.items())
    number = php(f"echo wp_insert_comment(wp_slash([{row}]));")
    assert number.isdecimal()
    return number


def exported() -> Iterator[tuple[str, str, bool]]:
    """Slug, status and whether there is a password, of each post of the export."""
    export = etree.parse(os.environ["WORDPRESS_EXPORT"]).getroot()
    wp = f"{{{export.nsmap['wp']}}}"
    for item in export.iter("item"):
        said = {name: item.findtext(f"{wp}{name}") or "" for name in ("post_type", "post_name", "status")}
        if said["post_type"] == "post":
            yield said["post_name"], said["status"], bool(item.findtext(f"{wp}post_password"))


def slug(url: str) -> str:
    """The last part of a post's address."""
    return url.rstrip("/").rpartition("/")[2]


# ---------------------------------------------------------------- the site's web server


def signal_server(number: signal.Signals) -> None:
    """Send a signal to the site's PHP and all its workers."""
    os.killpg(int(_pid_file().read_text()), number)


def start_server() -> None:
    """Start the site's PHP again, as the kit had started it and so that the kit can end it."""
    router = shlex.quote(str(_kit() / "router.php"))
    server = f"php -d error_reporting=0 -d display_errors=0 -S 127.0.0.1:8081 -t . {router}"
    here = {"PHP_CLI_SERVER_WORKERS": "4", "PID_FILE": str(_pid_file())}
    start = f'setsid {server} >/dev/null 2>&1 & echo $! >"$PID_FILE"'
    subprocess.run(["sh", "-c", start], cwd=SITE, env={**os.environ, **here}, check=True)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", 8081), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the site's PHP does not start")


def _kit() -> Path:
    return Path(os.environ["WORDPRESS_KIT"]).resolve()


def _pid_file() -> Path:
    return Path(SITE).with_name("php.pid")
