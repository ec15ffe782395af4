"""a value of a feed -> the validator's names for what is wrong with it: addresses, dates, languages, plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html.entities import name2codepoint
from typing import Final
from unicodedata import normalize
from urllib.parse import quote, unquote

from tests.golden.w3c.html import TAGS, names

Complaining = Iterator[str]

# ---------------------------------------------------------------- addresses

_URI_CHARACTERS = r"0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#"
_URI = re.compile(rf"[A-Za-z][0-9A-Za-z+.\-]*:(?://)?[{_URI_CHARACTERS}]+")
_NO_URI_CHARACTER = re.compile(rf"[^{_URI_CHARACTERS}]")
_TAG_URI = re.compile(
    r"tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?:[0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#]*"
)
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:(?:[A-Za-z0-9()+,.:=@;$_!*'-]|%[0-9A-Fa-f]{2})+", re.IGNORECASE)
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REGISTERED: Final = names("http https ftp mailto news nntp tel urn tag data info dns geo sip xmpp")
_HTTP = re.compile(r"https?://(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9][A-Za-z0-9-]*(?::[0-9]+)?(?:/.*)?", re.DOTALL)


def address(value: str) -> Complaining:
    """An absolute URI (RFC 3986) whose scheme is known."""
    scheme = value.partition(":")[0].lower()
    if scheme == "tag":
        if not _TAG_URI.fullmatch(value):
            yield "InvalidTAG"
    elif scheme == "urn":
        if value.lower().startswith("urn:uuid:") and not _UUID.fullmatch(value):
            yield "InvalidUUID"
        elif not _URN.fullmatch(value):
            yield "InvalidURN"
    elif not _URI.fullmatch(value):
        yield _no_uri(value)
    elif scheme in {"http", "ftp", "https"} and not re.match(r"\w+://[^/]", value):
        yield "InvalidFullLink"
    elif scheme.isalpha() and scheme not in _REGISTERED:
        yield "SchemeNotIANARegistered"


def web_address(value: str) -> Complaining:
    """An absolute http or https address with a host that has a domain, as enclosures need one."""
    if not _HTTP.fullmatch(value) or not _URI.fullmatch(value):
        yield "InvalidURLAttribute"


def identity(value: str) -> Complaining:
    """An id of Atom: an address that is also written in the one canonical way."""
    told = list(address(value))
    yield from told
    if not told and canonical(value) != value:
        yield "NonCanonicalURI"


def canonical(uri: str) -> str:
    """RFC 3986 §6.2: host in lower case, no default port, no dots, `%` only where it is needed, NFC below it."""
    parts = re.fullmatch(r"([^:/?#]+):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?", uri, re.DOTALL)
    if parts is None:
        return ""
    scheme, host, path, *tails = parts.groups()
    if host is None:
        return f"{scheme.lower()}:" + "".join(_canonical_escapes(part or "") for part in (path, *tails))
    port = {"http": ":80", "https": ":443"}.get(scheme.lower(), ":")
    host = host.lower().removesuffix(port).removesuffix(":")
    if "/./" in path or "/../" in path or path.endswith(("/.", "/..")):
        return ""
    return f"{scheme.lower()}://{host}" + "".join(_canonical_escapes(part or "") for part in (path or "/", *tails))


def _canonical_escapes(part: str) -> str:
    try:
        return re.sub(
            r"(?:%[0-9A-Fa-f]{2})+",
            lambda found: quote(normalize("NFC", _decoded(found[0])), safe="%"),
            part,
        )
    except UnicodeDecodeError:
        return ""


def _decoded(escapes: str) -> str:
    """Decode all but the escapes of reserved characters, which mean something else than the character."""
    kept = re.split(r"(%(?:3A|2F|3F|23|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D|25))", escapes, flags=re.IGNORECASE)
    return "".join(
        part.upper() if number % 2 else unquote(part, encoding="utf-8", errors="strict")
        for number, part in enumerate(kept)
    )


def _no_uri(value: str) -> str:
    wrong = [character for character in _NO_URI_CHARACTER.findall(value) if character.isascii()]
    if wrong:
        return "InvalidUriChar"
    return "InvalidFullLink" if value.isascii() else "UriNotIri"


# ---------------------------------------------------------------- dates

_RFC_2822 = re.compile(
    r"(?:(?P<day>Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?[0-9]{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"[0-9]{4} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? (?:[+-][0-9]{2}[03]0|UT|GMT|[ECMP][SD]T|Z)"
)
_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_SLACK = timedelta(minutes=10)


def rss_date(value: str, now: datetime | None) -> Complaining:
    """RFC 2822, in English, on the day of the week that it was; `now` refuses what is yet to come."""
    found = _RFC_2822.fullmatch(value)
    try:
        moment = parsedate_to_datetime(value) if found else None
    except ValueError:
        moment = None
    if found is None or moment is None:
        yield "InvalidRFC2822Date"
    elif found["day"] and found["day"] != format_datetime(moment)[:3]:
        yield "IncorrectDOW"
    else:
        yield from _plausible(moment, now)


def atom_date(value: str, now: datetime | None) -> Complaining:
    """RFC 3339."""
    try:
        moment = datetime.fromisoformat(value) if _RFC_3339.fullmatch(value) else None
    except ValueError:
        moment = None
    if moment is None:
        yield "InvalidRFC3339Date"
    else:
        yield from _plausible(moment, now)


def _plausible(moment: datetime, now: datetime | None) -> Complaining:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.year < 1990 or (now is not None and moment > now + _SLACK):
        yield "ImplausibleDate"


# ---------------------------------------------------------------- the rest

_TWO_LETTERS = names(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el "
    "en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu "
    "ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my "
    "na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm "
    "sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh "
    "zu"
)
_LANGUAGE = re.compile(r"([A-Za-z]{1,3})(?:-[A-Za-z0-9]{1,8})*")
_MIME_TYPE = re.compile(
    r"[^\s()<>,;:\"/\[\]?=\\]+/[^\s()<>,;:\"/\[\]?=\\]+(?:\s*;\s*[^\s;=]+=(?:\"[^\"]*\"|[^\s;\"]+))*"
)


def language(value: str) -> Complaining:
    """A language tag whose language has a code of ISO 639; `x-` is anybody's."""
    found = _LANGUAGE.fullmatch(value)
    code = found[1].lower() if found else ""
    if not (code in _TWO_LETTERS or code == "x" or len(code) == 3):
        yield "InvalidLanguage"


def mime_type(value: str, message: str = "InvalidMIMEAttribute") -> Complaining:
    """A media type."""
    if not _MIME_TYPE.fullmatch(value):
        yield message


def count(value: str, message: str = "InvalidNonNegativeInteger") -> Complaining:
    """Zero or more."""
    if not re.fullmatch("[0-9]+", value):
        yield message


def characters(value: str) -> Complaining:
    """No signs of a lost encoding."""
    if re.search("[\x80-\x9f\ufffd]", value):
        yield "BadCharacters"


def plain(value: str, *, message: str = "ContainsHTML", rss: bool = False, hexadecimal: bool = False) -> Complaining:
    """Text that no reader takes for HTML.

    `hexadecimal`: its & and < are written &#x26; and &#x3C; in the file, as the profile of RSS asks, so that they are
    surely meant.
    """
    if any(tag.lower() in TAGS for tag in re.findall(r"</(\w+)>", value)):
        yield message
    elif hexadecimal:
        return
    elif any(entity in {*name2codepoint, "apos"} or not entity.isalpha() for entity in re.findall(r"&(#?\w+)", value)):
        yield message
    elif rss and re.search("&#[x0-9]|<[/a-zA-Z]", value):
        yield "CharacterData"
