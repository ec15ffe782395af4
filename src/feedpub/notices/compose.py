"""an article + a target's template and limit -> the notice, in words that fit; or a sentence about why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NoReturn
from unicodedata import normalize
from zoneinfo import ZoneInfo

from feedpub.errors import ComposeError
from feedpub.model import EPOCH, Action, Article, Image, Notice, Site, Target
from feedpub.notices.fit import fit
from feedpub.notices.template import BLANK, meets, render
from feedpub.notices.words import line, reading, words

Variables = Mapping[str, object]


def compose(
    article: Article,
    target: Target,
    *,
    action: Action,
    revision: int,
    key: str,
    now: datetime,
    categories: Sequence[str],
    site: Site,
    remote_id: str = "",
) -> Notice:
    """Write what `article` says on `target`; `categories` are its readable names, `now` when this is frozen.

    Raises ComposeError: the template fails, makes no valid JSON, or the text is empty or cannot be made to fit.
    """
    variables = _variables(article, action=action, key=key, categories=categories, site=site)
    return Notice(
        target=target.name,
        action=action,
        article=article.id,
        guid=article.guid,
        revision=revision,
        key=key,
        at=now,
        text=_body(target, variables) if target.writes_json else _text(target, variables),
        link=article.url,
        title=line(article.title),
        summary=words(article.summary),
        image=article.images[0] if article.images else None,
        language=article.language or site.language,
        remote_id=remote_id,
    )


def key_of(guid: str, target: str, action: Action, revision: int, *, retractions: int = 0) -> str:
    """Name one duty to say something: the same through retries, restarts and the loss of the ledger.

    `retractions` tells what is announced anew, after it was taken back, from a repeat.
    """
    duty = json.dumps([guid, target, action, revision, retractions])
    return f"msg_{sha256(duty.encode()).hexdigest()[:32]}"


# ---------------------------------------------------------------- what a template speaks of


class _Moment(datetime):
    """A date that a template may format, and that reads as RFC 3339 if it does not."""

    def __str__(self) -> str:
        return self.isoformat()

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> _Moment:
        """Tell the local time in `zone`."""
        local = moment.astimezone(zone)
        return cls.combine(local.date(), local.timetz())


def _variables(
    article: Article, *, action: Action, key: str, categories: Sequence[str], site: Site
) -> dict[str, object]:
    title, notice = line(article.title), words(article.notice)
    return {
        "headline": notice or title or reading(article.content) or words(article.summary),
        "title": title,
        "notice": notice,
        "summary": words(article.summary),
        "url": article.url,
        "categories": tuple(map(line, categories)),
        "tags": tuple(map(line, article.tags)),
        "authors": tuple(map(line, article.authors)),
        "image": _image(article.images[0]) if article.images else None,
        "site": {"title": line(site.title), "url": site.url},
        "published": _Moment.of(article.published, site.zone),
        "updated": _Moment.of(article.updated, site.zone),
        "guid": article.guid,
        "id": article.id,
        "language": article.language or site.language,
        "action": (Action.CORRECT if action is Action.REPLY else action).value,
        "key": key,
    }


def variables_of(article: Article, *, categories: Sequence[str], site: Site) -> Variables:
    """Tell what a condition may speak of: what a template may, of an article that is to be announced."""
    return _variables(article, action=Action.ANNOUNCE, key="", categories=categories, site=site)


def _image(image: Image) -> dict[str, str]:
    return {"url": image.url, "alt": line(image.alt), "credit": line(image.credit), "license": line(image.license)}


# ---------------------------------------------------------------- targets that post a text


def _text(target: Target, variables: Variables) -> str:
    try:
        return _fitted(target, variables)
    except ComposeError:
        if variables["action"] != Action.RETRACT:
            raise
        # What is taken back needs no words, so none may stand in its way.
        return str(variables["headline"])


def _fitted(target: Target, variables: Variables) -> str:
    def write(changed: Variables) -> str:
        return _settle(render(target.template, changed), str(changed["url"]))

    whole = write(variables)
    if not whole:
        raise ComposeError("the template leaves nothing to say about this article")
    for lighter in _lighter(variables):
        if (text := write(lighter)) and target.measure(text).fits:
            return text
    if text := _cut(target, write, variables):
        return text
    measure = target.measure(whole)
    raise ComposeError(
        f"the notice is too long even with its headline cut ({measure.used} of {measure.limit} {measure.unit}): "
        "shorten the template"
    )


def _lighter(variables: Variables) -> Iterator[Variables]:
    """Leave out, one after the other, what a notice can do without: the summary, then tags from the last on."""
    yield variables
    tags = variables["tags"]
    assert isinstance(tags, tuple)  # noqa: S101 - _variables made it
    for count in range(len(tags), -1, -1):
        yield {**variables, "summary": "", "tags": tags[:count]}


def _cut(target: Target, write: Callable[[Variables], str], variables: Variables) -> str:
    """Cut a title, and if that is not enough leave it out and cut the author's own words; empty if neither helps."""
    left = {**variables, "summary": "", "tags": ()}
    for name in ("title", "headline"):
        subject = str(left[name])
        same = [one for one in ("headline", "title", "notice") if left[one] == subject]
        write_cut = _writing(write, left, same)
        cut = fit(write_cut, subject, target.measure, language=str(variables["language"])) if subject else None
        if cut is not None and (text := write_cut(cut)):
            return text
        left = {**left, **dict.fromkeys(same, "")}
    return ""


def _writing(write: Callable[[Variables], str], variables: Variables, names: list[str]) -> Callable[[str], str]:
    return lambda cut: write({**variables, **dict.fromkeys(names, cut)})


# A line that only tags and empty variables stood on goes; so does the space beside an empty variable within a line.
_EMPTY_LINE = re.compile(rf"^[^\S\n]*(?:{BLANK}[^\S\n]*)+(?:\n|\Z)", re.MULTILINE)
_EMPTY_FRONT = re.compile(rf"^(?:{BLANK}[^\S\n]*)+", re.MULTILINE)
_EMPTY_WORD = re.compile(rf"[^\S\n]{BLANK}(?=[^\S\n]|$)", re.MULTILINE)
_LINE_TAIL = re.compile(r"(?<![^\S\n])[^\S\n]++$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def _settle(rendered: str, link: str) -> str:
    """Write a rendered template as it goes out: NFC, nothing left of what was empty, the link standing free."""
    text = normalize("NFC", rendered)
    for gone in (_EMPTY_LINE, _EMPTY_FRONT, _EMPTY_WORD):
        text = gone.sub("", text)
    text = _BLANK_LINES.sub("\n\n", _LINE_TAIL.sub("", text.replace(BLANK, ""))).strip()
    if not link:
        return text
    # Networks miss a link behind Japanese or a letter, and take Japanese behind it for a part of it.
    address = re.escape(link)
    text = re.sub(rf"(?<=[^\x00-\x7f\s]){address}|(?<=[A-Za-z0-9]){address}", lambda found: f" {found[0]}", text)
    return re.sub(rf"{address}(?=[^\x00-\x7f\s])", lambda found: f"{found[0]} ", text)


# ---------------------------------------------------------------- targets that post JSON


def _body(target: Target, variables: Variables) -> str:
    body = _json(render(target.template, variables))
    measure = target.measure(body)
    if not measure.fits:
        raise ComposeError(
            f"the body is too long ({measure.used} of {measure.limit} {measure.unit}): "
            "leave something out of the template"
        )
    return body


def _json(rendered: str) -> str:
    """Read what a template rendered, and write it compactly; the order of keys stays."""
    try:
        value = json.loads(rendered.replace(BLANK, ""), parse_constant=_no_number)
        body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body.encode()
    except (ValueError, RecursionError) as error:
        raise ComposeError(
            'the template does not make valid JSON: write every value with tojson, as in "title": {{ title | tojson }}'
        ) from error
    return body


def _no_number(_name: str) -> NoReturn:
    raise ValueError


# ---------------------------------------------------------------- before any article comes

_SITE = Site(title='"Site"', url="https://site.invalid/", language="ja", timezone="Asia/Tokyo")
_BARE = Article("store", "1", "guid", "", "", "", "<p>brief</p>", EPOCH, EPOCH)
_FULL = Article(
    store="store",
    id="2",
    guid='tag:"2"',
    url="https://site.invalid/2",
    title='A "headline" with \\ in it',
    summary='Two\n"lines"',
    content="<p>content</p>",
    published=EPOCH,
    updated=datetime(2026, 4, 28, 9, tzinfo=UTC),
    tags=('a "tag"', "\\"),
    authors=('An "author"',),
    images=(Image("https://site.invalid/2.jpg", 'a "picture"', 'a "credit"', "\\"),),
    notice='The author\'s\n"own" words',
)


def check_template(template: str, writes_json: bool) -> str | None:  # noqa: FBT001 - a fact about the target
    """Tell what is wrong with a template, in one sentence; None where articles of every kind come out well."""
    try:
        for article in (_FULL, _BARE):
            for action in Action:
                sample = _variables(article, action=action, key="msg_0", categories=('"Category"',), site=_SITE)
                text = render(template, sample)
                said = _json(text) if writes_json else _settle(text, article.url)
                if article is _FULL and not said:
                    return "the template leaves nothing to say"
    except ComposeError as error:
        return str(error)
    return None


def check_condition(condition: str) -> str | None:
    """Tell what is wrong with a condition, in one sentence; None where it can be told of articles of every kind."""
    try:
        for article in (_FULL, _BARE):
            meets(condition, variables_of(article, categories=('"Category"',), site=_SITE))
    except ComposeError as error:
        return str(error)
    return None
