"""The image as a newcomer meets it: built from the Dockerfile, run as its own user on a root that cannot be written."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.edge.front_door import FEEDS, ROOT, SITE, free_port, measured, until
from tests.edge.test_init import INDEX, front
from tests.edge.wordpress_on_loopback import Site as WordPress
from tests.edge.wordpress_on_loopback import on_loopback
from tests.toml_text import inline

DOCKER = ROOT.parent / "shared" / "docker"
LARGEST = 120_000_000
"""Bytes that the layers may take on top of Python's own image."""
USER = 10001
PATIENT = 60.0

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(not DOCKER.is_dir(), reason="../shared/docker, which builds without an engine, is not there"),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root"),
]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Box(NamedTuple):
    """A folder for data and one for config, to run the image on."""

    folder: Path
    image: str = "feedpub-test"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Path:
        return self.folder / "config" / "feedpub.toml"

    def write(self, **tables: dict[str, object]) -> None:
        tables = {"site": SITE, "feeds": FEEDS | {"output": "data/public"}} | tables
        text = "".join(f"{name} = {inline(table)}\n" for name, table in tables.items())
        self.config.write_text(text, encoding="utf-8")

    def command(self, *args: str, **environ: str) -> list[str]:
        named = [part for name, value in environ.items() for part in ("--env", f"{name}={value}")]
        run = ["bash", str(DOCKER / "run.sh"), self.image, str(self.data), str(self.config.parent)]
        return [*run, *named, "--", *args]

    def run(self, *args: str, **environ: str) -> Ended:
        done = subprocess.run(
            self.command(*args, **environ), capture_output=True, text=True, timeout=PATIENT, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def image() -> str:
    """Build it; what was built before comes from its layers."""
    subprocess.run(["bash", str(DOCKER / "makebase.sh")], check=True, capture_output=True)
    built = subprocess.run(
        ["bash", str(DOCKER / "build.sh"), str(ROOT), "feedpub-test"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return "feedpub-test"


@pytest.fixture
def box(image: str) -> Iterator[Box]:
    # Not below pytest's own folder: only root may enter that.
    folder = Path(tempfile.mkdtemp(prefix="feedpub-image-"))
    folder.chmod(0o755)
    for name in ("data", "config"):
        (folder / name).mkdir()
    os.chown(folder / "data", USER, USER)
    yield Box(folder, image)
    shutil.rmtree(folder)


def buildah(*args: str) -> str:
    work = os.environ.get("WORK", f"{Path.home()}/.cache/feedpub-image")
    store = ["--root", f"{work}/store", "--runroot", f"{work}/run"]
    store += ["--storage-driver", os.environ.get("DRIVER", "overlay")]
    return subprocess.run(["buildah", *store, *args], capture_output=True, text=True, check=True).stdout.strip()


def size_of(image: str) -> float:
    """In bytes, as it is told."""
    images = json.loads(buildah("images", "--json"))
    told = next(one["size"] for one in images if any(image in name for name in one["names"] or ()))
    number, unit = told.split()
    return float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


@contextmanager
def opened(image: str) -> Iterator[Path]:
    """The files of an image, to look at."""
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


# ---------------------------------------------------------------- what it is


def test_its_layers_are_small(image: str) -> None:
    assert 20_000_000 < size_of(image) - size_of("library/python:3.13-slim") <= LARGEST


def test_it_tells_what_it_is_made_of(image: str) -> None:
    with opened(image) as root:
        bill = json.loads((root / "opt/feedpub/sbom.cdx.json").read_text(encoding="utf-8"))
    names = {one["name"].lower().replace("_", "-") for one in bill["components"]}
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    everywhere = set(re.findall(r"^([a-z0-9-]+)==\S+ \\$", locked, re.MULTILINE))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "feedpub")
    assert len(everywhere) > 30
    assert everywhere <= names
    assert not {"pip", "setuptools", "cyclonedx-bom"} & names


# ---------------------------------------------------------------- a first start


def test_the_first_start_is_init_check_preview_and_run(box: Box) -> None:
    """The way of docs/operations.md, for a site on loopback."""
    web, admin = free_port(), free_port()
    with on_loopback(WordPress()) as site:
        front(site, INDEX)
        site.publish(1, title="三沢に新しい機体")
        printed = box.run("init", "--allow-private", site.url)
        assert printed.code == 0, printed.err
        text = re.sub(r"^base_url = .*$", f'base_url = "http://127.0.0.1:{web}/"', printed.out, flags=re.MULTILINE)
        box.config.write_text(text, encoding="utf-8")
        checked = box.run("check", "--offline")  # that site has a clock of its own
        assert checked.code == 0, checked.err
        assert "三沢に新しい機体" in box.run("preview").out
        assert not any(box.data.iterdir())
        addresses = {"FEEDPUB_WEB__LISTEN": f"127.0.0.1:{web}", "FEEDPUB_ADMIN__LISTEN": f"127.0.0.1:{admin}"}
        with running(box, **addresses) as pid:
            until(lambda: "三沢に新しい機体" in get(web, "/all.rss"), within=PATIENT)
            assert box.run("healthcheck", FEEDPUB_ADMIN__LISTEN=addresses["FEEDPUB_ADMIN__LISTEN"]).code == 0
            assert (box.data / "admin-token").stat().st_mode & 0o777 == 0o600
            begun = time.monotonic()
            os.kill(pid, signal.SIGTERM)
            until(lambda: not alive(pid), within=PATIENT)
            measured("from SIGTERM to the end of the container", time.monotonic() - begun)
            assert time.monotonic() - begun < 10
    owners = {path.stat().st_uid for path in box.data.rglob("*")}
    assert owners == {USER}


@contextmanager
def running(box: Box, **environ: str) -> Iterator[int]:
    """`feedpub run` in the image; the pid, as seen from outside, of what is PID 1 inside."""
    with (box.folder / "log").open("wb") as log:
        process = subprocess.Popen(box.command("run", **environ), stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or inner(process.pid), within=PATIENT)
        pid = inner(process.pid)
        assert pid, (box.folder / "log").read_text(encoding="utf-8")
        yield pid
        assert process.wait(PATIENT) == 0, (box.folder / "log").read_text(encoding="utf-8")
    finally:
        if process.poll() is None:
            process.kill()


def inner(pid: int) -> int:
    """The feedpub below run.sh and unshare; 0 while it is not there."""
    for child in children(pid):
        with suppress(OSError):
            if b"/opt/feedpub/bin/feedpub" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[1:2]:
                return child
        if found := inner(child):
            return found
    return 0


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


# ---------------------------------------------------------------- what a newcomer does wrong


def test_the_example_address_is_told_with_file_and_line(box: Box) -> None:
    shutil.copy(ROOT / "config" / "feedpub.toml", box.config)
    ended = box.run("run")
    assert ended.code == 2
    assert re.match(r"/config/feedpub\.toml:\d+: site\.url: this is still the example's address; write", ended.err)


def test_a_volume_that_cannot_be_written_is_one_sentence_with_the_command(box: Box) -> None:
    box.write()
    os.chown(box.data, 0, 0)
    ended = box.run("run")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert ended.err.endswith(f"chown -R {USER}:{USER} data\n")


def test_a_secret_that_the_environment_does_not_have_is_told_by_name(box: Box) -> None:
    box.write(targets={"news": {"kind": "discord", "webhook_url": {"env": "DISCORD_WEBHOOK"}}})
    ended = box.run("run")
    assert ended.code == 2
    assert "targets.news.webhook_url" in ended.err
    assert "DISCORD_WEBHOOK" in ended.err


def test_no_config_at_all_is_told(box: Box) -> None:
    ended = box.run("run")
    assert ended.code == 2
    assert ended.err.startswith("/config: no *.toml file is here; write /config/feedpub.toml with")


def test_a_port_that_is_taken_is_told_by_the_option(box: Box) -> None:
    box.write()
    with socket.create_server(("127.0.0.1", 0)) as door:
        taken = f"127.0.0.1:{door.getsockname()[1]}"
        ended = box.run("run", FEEDPUB_WEB__LISTEN=taken, FEEDPUB_ADMIN__LISTEN="127.0.0.1:0")
    assert ended.code == 2
    assert f"web.listen: {taken} is taken by another program" in ended.err


def test_any_user_will_do(box: Box) -> None:
    other = box.folder / "other"
    other.mkdir()
    (other / "Dockerfile").write_text(f"FROM localhost/{box.image}\nUSER 54321:0\n", encoding="utf-8")
    subprocess.run(["bash", str(DOCKER / "build.sh"), str(other), "feedpub-other"], check=True, capture_output=True)
    box.write()
    os.chown(box.data, 54321, 0)
    ended = box._replace(image="feedpub-other").run("once")
    assert (ended.code, {path.stat().st_uid for path in box.data.rglob("*")}) == (0, {54321}), ended.err
