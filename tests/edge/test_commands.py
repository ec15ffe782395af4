"""The commands in odd places and about odd things: what they say, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.edge.front_door import CONSOLE, ROOT, Site, free_port


def command(site: Site, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `feedpub ARGS` in an interpreter of its own."""
    whole = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environ
    line = [sys.executable, "-m", "feedpub", *args]
    return subprocess.run(line, cwd=site.folder, env=whole, capture_output=True, text=True, check=False, timeout=60)


# ---------------------------------------------------------------- terminals


def test_a_terminal_that_knows_no_japanese_is_told_all_the_same(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE})
    site.feedpub("once")
    site.publish("one", title="見出し")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    said = command(site, "once", **ascii_only)
    assert (said.returncode, said.stderr.count('"outcome": "said"')) == (0, 1)
    assert "\\u898b\\u51fa\\u3057\nhttps://news.test/one\n" in said.stdout
    listed = command(site, "deliveries", "list", **ascii_only)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "one \\u898b\\u51fa\\u3057" in listed.stdout


def test_ctrl_c_while_feedpub_is_being_imported_ends_it_without_a_word(site: Site, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(9)"
    )
    ended = command(site, "check", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT / 'src'}")
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


# ---------------------------------------------------------------- health


def test_a_healthcheck_that_nobody_answers_names_the_port_and_asks_whether_feedpub_runs(site: Site) -> None:
    site.configure(admin={"listen": f"127.0.0.1:{(port := free_port())}"})
    told = f"127.0.0.1 refuses connections at port {port}: does feedpub run, and is this its admin.listen?\n"
    assert site.feedpub("healthcheck", code=1).err == told
    site.environ["FEEDPUB_ADMIN__LISTEN"] = "garbage"
    told = 'FEEDPUB_ADMIN__LISTEN: write the address and port of admin.listen, such as "127.0.0.1:8081"\n'
    assert site.feedpub("healthcheck", code=1).err == told
