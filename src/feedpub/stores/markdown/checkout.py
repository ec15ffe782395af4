"""a folder -> whether git is changing it just now. Only names and dates are looked at, and no git is run.

While git goes over from one state of the files to another it holds a lock beside its index. In that time files are
missing that are not gone, and there are some that will not stay.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LOCKS = ("index.lock", "HEAD.lock")
_HALFWAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
"""What lies there while a merge waits for somebody: files may hold both sides of a conflict."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of git: what it is about (`busy`, "": nothing) since when, and the state that it left."""

    busy: str = ""
    since: float = 0
    state: tuple[int, ...] = ()


def look(folder: Path) -> Seen:
    """Look at the checkout that a folder is in, if it is in one."""
    place = _git(folder)
    if place is None:
        return Seen()
    state = tuple(_dated(place / name)[0] for name in ("index", "HEAD"))
    for names, what in ((_LOCKS, "git is changing it"), (_HALFWAY, "a git merge or rebase in it is not finished")):
        for name in names:
            mark, since = _dated(place / name)
            if mark:
                return Seen(f"{what} ({place / name} is there)", since, state)
    return Seen(state=state)


def _git(folder: Path) -> Path | None:
    """Find git's own folder, upwards; in a worktree or submodule a file says where it is."""
    with suppress(OSError):  # a folder that we may not look at is none that we read
        for above in (folder, *folder.parents):
            git = above / ".git"
            if git.is_dir():
                return git
            if git.is_file():
                return _said(git)
    return None


def _said(git: Path) -> Path | None:
    try:
        said = git.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return git.parent / said.removeprefix("gitdir:").strip()


def _dated(path: Path) -> tuple[int, float]:
    """A mark of what lies there, and its date; zeros where nothing does."""
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns ^ about.st_ino, about.st_mtime
