"""The output directory, on real file systems: full ones, read-only ones, foreign ones."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from feedpub.errors import OutputError
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput

NOBODY = 65_534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk or act as another user")


def feed(text: str, name: str = "all") -> list[FeedFile]:
    """A set: one feed in two formats."""
    return [FeedFile(f"{name}.{ending}", f"{ending}: {text}".encode()) for ending in ("rss", "atom")]


def standing(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "公開" / "feeds"


@contextmanager
def small_disk(at: Path) -> Iterator[None]:
    """Mount a file system of 64 KiB; skip where the machine does not let us."""
    at.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", at], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


# ---------------------------------------------------------------- what stands there


def test_files_are_written_in_their_folders(root: Path) -> None:
    assert DiskOutput(root).write([*feed("一"), *feed("二", "category/us")]) == 4
    assert standing(root) == {
        "all.rss": "rss: 一".encode(),
        "all.atom": "atom: 一".encode(),
        "category/us.rss": "rss: 二".encode(),
        "category/us.atom": "atom: 二".encode(),
    }


def test_a_file_with_the_same_bytes_is_not_touched(root: Path) -> None:
    output = DiskOutput(root)
    output.write(feed("a"))
    os.utime(root / "all.rss", ns=(1, 1))
    before = (root / "all.rss").stat()
    assert output.write([FeedFile("all.rss", b"rss: a"), FeedFile("all.atom", b"atom: b")]) == 1
    after = (root / "all.rss").stat()
    assert (after.st_mtime_ns, after.st_ino) == (1, before.st_ino)
    assert (root / "all.atom").read_bytes() == b"atom: b"


def test_bytes_of_the_same_length_are_still_told_apart(root: Path) -> None:
    output = DiskOutput(root)
    output.write(feed("a"))
    assert output.write(feed("b")) == 2


def test_a_web_server_of_another_user_may_read_the_files(root: Path) -> None:
    before = os.umask(0o022)
    try:
        DiskOutput(root).write(feed("a", "category/us"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "category/us.rss").stat().st_mode) == 0o644
    assert stat.S_IMODE((root / "category").stat().st_mode) == 0o755


def test_a_reader_that_has_the_old_file_open_keeps_it_whole(root: Path) -> None:
    output = DiskOutput(root)
    output.write(feed("old"))
    with (root / "all.rss").open("rb") as reader:
        output.write(feed("new"))
        assert reader.read() == b"rss: old"


def test_what_was_deleted_behind_our_back_is_missing(root: Path) -> None:
    output = DiskOutput(root)
    assert output.missing(["all.rss", "category/us.rss"]) == ["all.rss", "category/us.rss"]
    assert not root.exists()
    output.write(feed("a"))
    (root / "all.atom").unlink()
    assert output.missing(["all.rss", "all.atom", "category/us.rss"]) == ["all.atom", "category/us.rss"]


def test_removing_takes_away_what_is_there(root: Path) -> None:
    output = DiskOutput(root)
    output.write([*feed("a"), *feed("b", "category/us")])
    assert output.remove(["category/us.rss", "category/us.rss", "category/no.rss", "no/such.rss"]) == 1
    assert set(standing(root)) == {"all.rss", "all.atom", "category/us.atom"}
    assert DiskOutput(root / "never made").remove(["all.rss"]) == 0


# ---------------------------------------------------------------- nothing outside the root

NO_PATH = "no path below the output directory"


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//x", "", ".", "a/", "a\0b", ".feedpub-0.tmp"])
def test_a_path_that_could_lead_out_is_refused(root: Path, path: str) -> None:
    output = DiskOutput(root)
    output.write(feed("a"))
    with pytest.raises(OutputError, match=NO_PATH):
        output.write([*feed("b"), FeedFile(path, b"x")])
    with pytest.raises(OutputError, match=NO_PATH):
        output.remove([path])
    with pytest.raises(OutputError, match=NO_PATH):
        output.missing([path])
    assert standing(root.parent) == {"feeds/all.rss": b"rss: a", "feeds/all.atom": b"atom: a"}


def test_a_linked_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "us.rss").write_bytes(b"not ours")
    root.mkdir(parents=True)
    (root / "category").symlink_to(elsewhere)
    output = DiskOutput(root)
    with pytest.raises(OutputError, match="remove it"):
        output.write(feed("a", "category/us"))
    with pytest.raises(OutputError, match="remove it"):
        output.remove(["category/us.rss"])
    assert standing(elsewhere) == {"us.rss": b"not ours"}


def test_a_linked_file_is_replaced_and_its_target_left_alone(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"rss: a")
    root.mkdir(parents=True)
    (root / "all.rss").symlink_to(target)
    output = DiskOutput(root)
    assert output.missing(["all.rss"]) == ["all.rss"]
    assert output.write(feed("a")) == 2
    assert not (root / "all.rss").is_symlink()
    output.write(feed("b"))
    assert target.read_bytes() == b"rss: a"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    root.mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    assert DiskOutput(tmp_path / "link").write(feed("a")) == 2
    assert set(standing(root)) == {"all.rss", "all.atom"}


@pytest.mark.parametrize("path", ["all.rss/x.rss", "folder"])
def test_a_file_where_a_folder_belongs_is_told_and_so_is_the_reverse(root: Path, path: str) -> None:
    output = DiskOutput(root)
    output.write([*feed("a"), *feed("b", "folder/x")])
    with pytest.raises(OutputError, match="stands where another kind belongs"):
        output.write([FeedFile(path, b"x")])
    assert len(standing(root)) == 4


# ---------------------------------------------------------------- whole or not at all


def test_what_a_crash_left_is_cleared_and_nothing_else(root: Path) -> None:
    (root / "category").mkdir(parents=True)
    for leftover in (root / ".feedpub-0.tmp", root / "category" / ".feedpub-1.tmp"):
        leftover.write_bytes(b"half")
    (root / ".htaccess").write_bytes(b"the admin's")
    DiskOutput(root).write(feed("a"))
    assert set(standing(root)) == {"all.rss", "all.atom", ".htaccess"}


def test_no_file_descriptor_is_left_open(root: Path) -> None:
    output = DiskOutput(root)
    output.write(feed("a", "category/us"))
    before = open_descriptors()
    for text in "bcd":
        output.write(feed(text, "category/us"))
        output.missing(["category/us.rss"])
        with pytest.raises(OutputError):
            output.write([FeedFile("category", b"x")])
    assert open_descriptors() == before


WRITES_FOR_EVER = """
import sys
from pathlib import Path
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
output = DiskOutput(Path(sys.argv[1]))
for turn in range(10**9):
    letter = b"ab"[turn % 2:turn % 2 + 1]
    output.write([FeedFile("all.rss", letter * 300_000), FeedFile("all.atom", letter * 300_000)])
    if turn == 1:
        print("writing", flush=True)
"""


def test_a_killed_writer_leaves_every_file_old_or_new(root: Path) -> None:
    for wait in (0.001, 0.004, 0.011, 0.023):
        writer = subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, root], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        try:
            writer.wait(wait)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        for name in ("all.rss", "all.atom"):
            assert (root / name).read_bytes() in (b"a" * 300_000, b"b" * 300_000)
    DiskOutput(root).write(feed("whole"))
    assert standing(root) == {"all.rss": b"rss: whole", "all.atom": b"atom: whole"}


@needs_root
def test_a_full_disk_leaves_all_formats_old_and_says_what_to_do(root: Path) -> None:
    with small_disk(root):
        output = DiskOutput(root)
        output.write(feed("old"))
        half = [FeedFile("all.rss", b"n" * 30_000), FeedFile("all.atom", b"n" * 60_000)]
        with pytest.raises(OutputError, match=r"no space is left for .*: free some"):
            output.write(half)
        assert standing(root) == {"all.rss": b"rss: old", "all.atom": b"atom: old"}
        assert output.write(feed("new")) == 2


@needs_root
def test_a_read_only_disk_says_what_to_do(root: Path) -> None:
    with small_disk(root):
        output = DiskOutput(root)
        output.write(feed("old"))
        subprocess.run(["mount", "-o", "remount,ro", root], check=True)
        with pytest.raises(OutputError, match="read-only file system: mount it writable"):
            output.write(feed("new"))
        assert output.write(feed("old")) == 0
        assert standing(root) == {"all.rss": b"rss: old", "all.atom": b"atom: old"}


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A directory that whoever the test acts as may reach, but not write to."""
    place = Path(tempfile.mkdtemp(prefix="feedpub test "))
    place.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        yield place
        os.seteuid(0)
    else:
        yield place
    place.chmod(0o755)
    shutil.rmtree(place)


def test_a_volume_of_another_user_names_the_command_that_hands_it_over(foreign: Path) -> None:
    me = f"{os.geteuid()}:{os.getegid()}"
    with pytest.raises(OutputError) as told:
        DiskOutput(foreign).write(feed("a"))
    assert f"`chown -R {me} '{foreign}'`" in str(told.value)
    with pytest.raises(OutputError) as told:
        DiskOutput(foreign / "new").write(feed("a"))
    assert f"`mkdir -p '{foreign}/new' && chown -R {me} '{foreign}/new'`" in str(told.value)


def test_a_disk_that_fails_otherwise_is_named_by_its_error(root: Path) -> None:
    limited = (
        "import resource, signal, sys; from pathlib import Path; from feedpub.model import FeedFile;"
        "from feedpub.outputs.disk import DiskOutput; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "DiskOutput(Path(sys.argv[1])).write([FeedFile('all.rss', b'x' * 5000)])"
    )
    DiskOutput(root).write(feed("old"))
    run = subprocess.run([sys.executable, "-c", limited, root], capture_output=True, text=True, check=False)
    assert "OutputError: the disk below" in run.stderr
    assert "failed (EFBIG)" in run.stderr
    assert standing(root) == {"all.rss": b"rss: old", "all.atom": b"atom: old"}
