"""The output directory, on real file systems: full ones, read-only ones, foreign ones."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from feedpub.errors import OutputError
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
from tests.edge.front_door import UNPACK

NOBODY = 65_534
BOTH: Final = ("gz", "br")
LONG = "長い記事です。" * 40
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk or act as another user")


def feed(text: str, name: str = "all") -> list[FeedFile]:
    """A set: one feed in two formats."""
    return [FeedFile(f"{name}.{ending}", f"{ending}: {text}".encode()) for ending in ("rss", "atom")]


def standing(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def dates(root: Path) -> dict[str, int]:
    """When each file was modified, in nanoseconds."""
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def agree(root: Path) -> bool:
    """Whether every feed has both siblings, of its bytes and its date, and nothing else stands there."""
    files, when = standing(root), dates(root)
    mains = {name for name in files if not name.endswith((".gz", ".br"))}
    return files.keys() == mains | {f"{name}.{ending}" for name in mains for ending in BOTH} and all(
        UNPACK[ending](files[f"{name}.{ending}"]) == files[name] and when[f"{name}.{ending}"] == when[name]
        for name in mains
        for ending in BOTH
    )


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


# ---------------------------------------------------------------- compressed siblings


def test_beside_each_file_stand_its_compressed_siblings(root: Path) -> None:
    assert DiskOutput(root, BOTH).write([*feed(LONG), *feed(LONG, "category/us")]) == 4
    assert agree(root)
    assert len(standing(root)) == 12


def test_the_same_bytes_give_the_same_siblings(root: Path) -> None:
    DiskOutput(root / "a", BOTH, now=lambda: 1e9).write(feed(LONG))
    DiskOutput(root / "b", BOTH, now=lambda: 2e9).write(feed(LONG))
    assert standing(root / "a") == standing(root / "b")
    magic, flags, made = (standing(root / "a")["all.rss.gz"][part] for part in (slice(3), 3, slice(4, 8)))
    assert (magic, flags, made) == (b"\x1f\x8b\x08", 0, bytes(4)), "neither name nor date"


@pytest.mark.parametrize("name", ["all.rss", "all.atom", "all.json", "index.html", "feeds.opml", "feed.css"])
def test_what_people_and_readers_fetch_has_siblings_if_it_is_worth_it(root: Path, name: str) -> None:
    DiskOutput(root, BOTH).write([FeedFile(name, b"x" * 200)])
    assert agree(root)
    DiskOutput(root, BOTH).write([FeedFile(name, b"x" * 199)])
    assert standing(root).keys() == {name}


@pytest.mark.parametrize("name", ["moved.nginx.conf", "moved.Caddyfile", "images/a.jpg"])
def test_other_files_have_none(root: Path, name: str) -> None:
    DiskOutput(root, BOTH).write([FeedFile(name, b"x" * 2000)])
    assert standing(root).keys() == {name}


def test_nothing_is_touched_where_file_and_siblings_stand_right(root: Path) -> None:
    output = DiskOutput(root, BOTH)
    output.write(feed(LONG))

    def facts() -> dict[str, tuple[int, ...]]:
        found = ((path, path.stat()) for path in (root, *root.iterdir()))
        return {path.name: (one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for path, one in found}

    before = facts()
    assert output.write(feed(LONG)) == 0
    assert facts() == before


def test_siblings_are_made_and_taken_away_as_the_config_says_and_the_files_keep_their_dates(root: Path) -> None:
    paths = ["all.rss", "all.atom"]
    DiskOutput(root).write(feed(LONG))
    os.utime(root / "all.rss", ns=(1_234_567_890, 1_234_567_890))
    before = dates(root)
    assert DiskOutput(root, BOTH).missing(paths) == paths
    assert DiskOutput(root, BOTH).write(feed(LONG)) == 2
    assert agree(root)
    assert dates(root).items() >= before.items()
    assert DiskOutput(root, BOTH).missing(paths) == []

    assert DiskOutput(root, ("br",)).missing(paths) == paths
    assert DiskOutput(root, ("br",)).write(feed(LONG)) == 2
    assert standing(root).keys() == {*paths, "all.rss.br", "all.atom.br"}
    DiskOutput(root).write(feed(LONG))
    assert dates(root) == before


def test_removing_a_file_takes_its_siblings_away(root: Path) -> None:
    DiskOutput(root, BOTH).write([*feed(LONG), *feed(LONG, "category/us")])
    assert DiskOutput(root).remove(["category/us.rss", "category/us.atom"]) == 2
    assert agree(root)
    (root / "all.rss").unlink()
    assert DiskOutput(root, BOTH).remove(["all.rss"]) == 0
    assert standing(root).keys() == {"all.atom", "all.atom.gz", "all.atom.br"}


def _delete(sibling: Path) -> None:
    sibling.unlink()


def _date_back(sibling: Path) -> None:
    sibling.write_bytes(b"of an older content")
    os.utime(sibling, (1, 1))


def _link(sibling: Path) -> None:
    sibling.unlink()
    sibling.symlink_to(sibling.with_name("all.atom.gz"))


@pytest.mark.parametrize("harm", [_delete, _date_back, _link])
def test_a_sibling_that_is_amiss_is_missing_and_made_again_and_its_file_left_alone(
    root: Path, harm: Callable[[Path], None]
) -> None:
    output = DiskOutput(root, BOTH)
    output.write(feed(LONG))
    before = {name: (root / name).stat().st_ino for name in standing(root)}
    harm(root / "all.rss.gz")
    assert output.missing(["all.rss", "all.atom"]) == ["all.rss"]
    assert output.write(feed(LONG)) == 1
    assert agree(root)
    changed = {name for name, inode in before.items() if (root / name).stat().st_ino != inode}
    assert changed <= {"all.rss.gz"}
    assert not (root / "all.rss.gz").is_symlink()


def test_a_folder_where_a_sibling_belongs_is_told_and_nothing_is_changed(root: Path) -> None:
    output = DiskOutput(root, BOTH)
    output.write(feed("old"))
    (root / "all.atom.br").mkdir()
    for attempt in (
        lambda: output.write(feed(LONG)),
        lambda: output.missing(["all.atom"]),
        lambda: output.remove(["all.atom"]),
    ):
        with pytest.raises(OutputError, match="stands where another kind belongs: remove it"):
            attempt()
    assert standing(root) == {"all.rss": b"rss: old", "all.atom": b"atom: old"}


# ---------------------------------------------------------------- dates that tell contents apart


def test_contents_that_follow_each_other_bear_different_seconds_whatever_the_clock_says(root: Path) -> None:
    clock = [1_800_000_000.9]
    output = DiskOutput(root, BOTH, now=lambda: clock[0])
    seen = []
    for text, at in (("a", 0.0), ("b", 0.05), ("c", 0.06), ("c", 0.07), ("d", -3600), ("e", 60)):
        clock[0] = 1_800_000_000.9 + at
        output.write(feed(LONG + text))
        assert agree(root)
        seen.append((root / "all.rss").stat().st_mtime)
    assert seen == [1_800_000_000 + after for after in (0, 1, 2, 2, 3, 60)]


def test_a_file_of_unknown_making_is_followed_by_a_later_second_too(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "all.rss").write_bytes(b"old")
    made = time.time() + 1000.5
    os.utime(root / "all.rss", (made, made))
    DiskOutput(root).write([FeedFile("all.rss", b"new")])
    assert (root / "all.rss").stat().st_mtime == int(made) + 1


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


AGES = ("old", "new")
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


DIES_AT_EVERY_RENAME = """
import os, shutil, signal, sys
from pathlib import Path
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
root, rename = Path(sys.argv[1]), os.rename
def feed(letter):
    return [FeedFile(f"all.{ending}", (ending + letter).encode() * 200) for ending in ("rss", "atom")]
DiskOutput(root / "model", ("gz", "br")).write(feed("old"))
for death in range(7):
    place = root / str(death)
    shutil.copytree(root / "model", place)
    if (child := os.fork()) == 0:
        left = iter(range(death))
        def dying(*paths, **folders):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(*paths, **folders)
        os.rename = dying
        DiskOutput(place, ("gz", "br")).write(feed("new"))
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_killed_between_any_two_renames_a_new_file_has_its_siblings_and_the_next_write_mends_the_rest(
    root: Path,
) -> None:
    run = subprocess.run([sys.executable, "-c", DIES_AT_EVERY_RENAME, root], capture_output=True, text=True, check=True)
    assert [*map(int, run.stdout.split())] == [signal.SIGKILL] * 6 + [0]
    old, new = ([FeedFile(f"all.{end}", f"{end}{age}".encode() * 200) for end in ("rss", "atom")] for age in AGES)
    mixed = 0
    for death in range(7):
        place = root / str(death)
        left, when = standing(place), dates(place)
        for was, is_ in zip(old, new, strict=True):
            beside = {UNPACK[ending](left[f"{is_.path}.{ending}"]) for ending in BOTH}
            assert beside <= {was.content, is_.content}
            if left[is_.path] == is_.content:
                assert beside == {is_.content}, "a new file with an old sibling"
            mixed += beside != {left[is_.path]}
        shutil.copytree(place, place.with_name("undone"))
        DiskOutput(place, BOTH).write(new)
        assert agree(place)
        assert {file.path: file.content for file in new}.items() <= standing(place).items()
        # The edit was taken back meanwhile: whoever was sent the sibling of the new content must hear of that, too.
        undone = place.with_name("undone")
        DiskOutput(undone, BOTH).write(old)
        assert agree(undone)
        assert {file.path: file.content for file in old}.items() <= standing(undone).items()
        for name, content in standing(undone).items():
            second = when[name] // 10**9
            assert content == left[name] or dates(undone)[name] // 10**9 > second
        shutil.rmtree(undone)
    assert mixed == 4, "in two of three deaths in each file's turn, siblings and file disagree"


ENDS_WHILE_WRITING = """
import sys, time
from concurrent.futures import ThreadPoolExecutor, thread
from pathlib import Path
from feedpub.model import FeedFile
from feedpub.outputs.disk import DiskOutput
def late():
    while not thread._shutdown:
        time.sleep(0.001)
    DiskOutput(Path(sys.argv[1]), ("gz", "br")).write([FeedFile("all.rss", b"x" * 900)])
ThreadPoolExecutor(1).submit(late)
"""


def test_a_write_under_way_when_the_program_ends_is_finished(root: Path) -> None:
    run = subprocess.run([sys.executable, "-c", ENDS_WHILE_WRITING, root], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert agree(root)
    assert standing(root)["all.rss"] == b"x" * 900


@needs_root
def test_a_full_disk_leaves_siblings_old_like_their_files(root: Path) -> None:
    with small_disk(root):
        output = DiskOutput(root, BOTH)
        output.write(feed(LONG))
        before = standing(root), dates(root)
        noise = b"".join(bytes([n % 251, n * 7 % 256, n // 97 % 256]) for n in range(6_000))
        with pytest.raises(OutputError, match=r"no space is left for .*: free some"):
            output.write([FeedFile("all.rss", noise), FeedFile("all.atom", os.urandom(20_000))])
        assert (standing(root), dates(root)) == before
        assert output.write(feed(LONG + "new")) == 2
        assert agree(root)


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
