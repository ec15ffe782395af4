"""Dates in a process whose locale truly is Japanese: made here, since few machines that run tests have one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.golden.rules import assert_feed
from tests.golden.samples import article, files
from tests.readers.site import MARKS, run

pytestmark = MARKS

STORY = """
import locale, sys, time
from tests.golden.samples import article, files
locale.setlocale(locale.LC_ALL, "")
print(time.strftime("%a", time.gmtime(0)), flush=True)
sys.stdout.buffer.write(files([article()])[sys.argv[1]])
"""


def test_dates_are_english_in_a_japanese_process(tmp_path: Path) -> None:
    run("localedef", "-i", "ja_JP", "-f", "UTF-8", tmp_path / "ja_JP.UTF-8")
    for ending, content in files([article()]).items():
        told = subprocess.run(
            [sys.executable, "-c", STORY, ending],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": "ja_JP.UTF-8"},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        day, _, made = told.partition(b"\n")
        assert day.decode() == "木"
        assert made == content
        assert_feed(ending, made)
