"""a file -> the admin's token in it, made when there is none."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from shlex import quote

import structlog

from feedpub.errors import ConfigError
from feedpub.settings import AdminOptions

log = structlog.get_logger("feedpub")


def token_of(options: AdminOptions, path: Path) -> str:
    """Read the token in force: that of the config, or else that of the file, made now if there is none.

    The log tells where the file lies, never what it holds. Raises ConfigError, one sentence.
    """
    if options.token is not None:
        return options.token.get_secret_value()
    path = path.absolute()
    try:
        made = not path.exists() and _made(path)
        said = path.read_text(encoding="utf-8", errors="replace").strip()
        mode = path.stat().st_mode
    except OSError:
        raise ConfigError(_unwritable(path)) from None
    if not re.fullmatch(r"[!-~]{16,}", said):
        raise ConfigError(f"{path} holds no token: delete it, and the next start makes a new one")
    if mode & 0o077:
        log.warning("admin_token_open", file=str(path), why=f"others may read it: chmod 600 {quote(str(path))}")
    if made:
        log.info("admin_token_made", file=str(path), why="log in at the admin address with what this file holds")
    return said


def _made(path: Path) -> bool:
    """Write a new one whole, for our own eyes; False where somebody else was quicker, whose token it then is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}.tmp")
    try:
        aside.touch(0o600, exist_ok=False)
        with aside.open("w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)  # unlike a rename, it never replaces what is there
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            aside.replace(path)
        return True
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def _unwritable(path: Path) -> str:
    who, folder = f"{os.geteuid()}:{os.getegid()}", quote(str(path.parent))
    return (
        f"the admin page stays closed, as its token can neither be read from nor written to {path}: "
        f"chown -R {who} {folder}, or set [admin] token"
    )
