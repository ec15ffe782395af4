"""PURE: what identifies a file's content now + a request's conditions -> send it, or not (RFC 9110 §13)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one content of a file from another: its strong ETag, and its date where the date can tell."""

    etag: str
    modified: int | None
    """In seconds since 1970. None where another content may bear the same date, or a later one."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditional headers of a request; None where absent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def verdict(current: Validators, asked: Conditions, now: float) -> Literal[200, 304, 412]:
    """Judge a GET or HEAD in the order of RFC 9110 §13.2.2; a date counts only where no ETag was given."""
    if asked.if_match is not None:
        if not _listed(current.etag, asked.if_match, weak=False):
            return 412
    elif _later(current.modified, _date(asked.if_unmodified_since)):
        return 412
    if asked.if_none_match is not None:
        return 304 if _listed(current.etag, asked.if_none_match, weak=True) else 200
    since = _date(asked.if_modified_since)
    # A date still to come says nothing: it would hide every change until then.
    if since is not None and current.modified is not None and current.modified <= since <= now:
        return 304
    return 200


def _later(modified: int | None, until: float | None) -> bool:
    return modified is not None and until is not None and modified > until


def _listed(etag: str, field: str, *, weak: bool) -> bool:
    """Whether a field lists this entity tag, by the weak or the strong comparison (RFC 9110 §8.8.3.2)."""
    if field in (etag, "*"):  # as nearly always
        return True
    if field.strip() == "*":
        return True
    tags = re.findall(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")', field)
    return any(opaque == etag and (weak or not mark) for mark, opaque in tags)


def _date(field: str | None) -> float | None:
    """Read an HTTP-date in any of its three forms (RFC 9110 §5.6.7); what is none counts as absent."""
    try:
        read = parsedate_to_datetime(field or "")
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
