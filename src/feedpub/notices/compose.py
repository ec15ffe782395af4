"""an article + a target's words and limit -> the notice, in words that fit; or a sentence about why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from feedpub.categories import names, ref
from feedpub.errors import ComposeError
from feedpub.model import EPOCH, Action, Article, Category, Image, Measure, Notice, Site, Span, Target
from feedpub.notices.atoms import Atom, Hashtags, Written, plain, settle
from feedpub.notices.fit import fit
from feedpub.notices.template import meets, render
from feedpub.notices.wording import wording
from feedpub.notices.words import line, reading, words

Variables = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an article says on a target. `whole` is what it would say if there were no limit."""

    text: str
    spans: tuple[Span, ...]
    whole: str
    measure: Measure
    link: str


def draft(
    article: Article,
    target: Target,
    *,
    action: Action,
    key: str,
    categories: Sequence[Category],
    site: Site,
    said_instead: str = "",
) -> Draft:
    """Write what `article` says on `target`. `categories` are all that the stores have.

    `said_instead` are a person's own words, which go before the author's and the title.
    Raises ComposeError: the template fails, makes no valid JSON, or the text is empty or cannot be made to fit.
    """
    told = wording(target, article, categories)
    link = with_params(article.url, target.link_params)
    known = {ref(one): one.name for one in categories}
    about = variables(
        article, action=action, key=key, categories=names(article, known), site=site, said_instead=said_instead
    )
    about |= {"url": Atom(link, "link"), "hashtags": Hashtags.of(told.hashtags)}
    prefix = _mark(action, str(about["language"])) + plain(told.prefix)

    def write(changed: Variables) -> str:
        headline = changed["headline"]
        return render(told.template, {**changed, "headline": f"{prefix}{headline}" if headline else ""})

    if target.writes_json:
        body = _body(target, write(about))
        return Draft(body, (), body, target.measure(body), link)
    whole, fitted = _text(target, lambda changed: settle(write(changed), link), about)
    return Draft(fitted.text, fitted.spans, whole.text, target.measure(fitted.text), link)


def compose(
    article: Article,
    target: Target,
    *,
    action: Action,
    revision: int,
    key: str,
    now: datetime,
    categories: Sequence[Category],
    site: Site,
    remote_id: str = "",
    also: tuple[str, ...] = (),
    said_instead: str = "",
) -> Notice:
    """Make the notice of `draft`, frozen at `now`. `remote_id` and `also` are what stands there already."""
    drafted = draft(
        article, target, action=action, key=key, categories=categories, site=site, said_instead=said_instead
    )
    return Notice(
        target=target.name,
        action=action,
        article=article.id,
        guid=article.guid,
        revision=revision,
        key=key,
        at=now,
        text=drafted.text,
        link=drafted.link,
        title=line(article.title),
        summary=words(article.summary),
        image=article.images[0] if article.images else None,
        language=article.language or site.language,
        remote_id=remote_id,
        also=also,
        spans=drafted.spans,
    )


def key_of(guid: str, target: str, action: Action, revision: int, *, retractions: int = 0) -> str:
    """Name one duty to say something: the same through retries, restarts and the loss of the ledger.

    `retractions` tells what is announced anew, after it was taken back, from a repeat.
    """
    duty = json.dumps([guid, target, action, revision, retractions])
    return f"msg_{sha256(duty.encode()).hexdigest()[:32]}"


def with_params(url: str, params: Mapping[str, str]) -> str:
    """Add parameters to a link's query; those that it has already stay as they are."""
    if not url or not params:
        return url
    parts = urlsplit(url)
    have = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode({name: value for name, value in params.items() if name not in have})
    return parts._replace(query="&".join(filter(None, (parts.query, added)))).geturl()


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


def variables(
    article: Article, *, action: Action, key: str, categories: Sequence[str], site: Site, said_instead: str = ""
) -> dict[str, object]:
    """Tell what a template may speak of (template.VARIABLES). `categories` are readable names."""
    title, notice = line(article.title), words(said_instead) or words(article.notice)
    return {
        "headline": notice or title or reading(article.content) or words(article.summary),
        "title": title,
        "notice": notice,
        "summary": words(article.summary),
        "url": article.url,
        "hashtags": (),
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


def _mark(action: Action, language: str) -> str:
    """Begin a reply that corrects what stands above it."""
    if action is not Action.REPLY:
        return ""
    return "【訂正】" if language.lower().partition("-")[0] == "ja" else "Correction: "


def variables_of(article: Article, *, categories: Sequence[str], site: Site) -> Variables:
    """Tell what a condition may speak of: what a template may, of an article that is to be announced."""
    return variables(article, action=Action.ANNOUNCE, key="", categories=categories, site=site)


def _image(image: Image) -> dict[str, str]:
    return {"url": image.url, "alt": line(image.alt), "credit": line(image.credit), "license": line(image.license)}


# ---------------------------------------------------------------- targets that post a text


Write = Callable[[Variables], Written]


def _text(target: Target, write: Write, about: Variables) -> tuple[Written, Written]:
    """Write it as if there were no limit, and so that it fits."""
    try:
        return _fitted(target, write, about)
    except ComposeError:
        if about["action"] != Action.RETRACT:
            raise
        # What is taken back needs no words, so none may stand in its way.
        said = Written(str(about["headline"]), ())
        return said, said


def _fitted(target: Target, write: Write, about: Variables) -> tuple[Written, Written]:
    whole = write(about)
    if not whole.text:
        raise ComposeError("the template leaves nothing to say about this article")
    for lighter in _lighter(about):
        written = write(lighter)
        if written.text and target.measure(written.text).fits:
            return whole, written
    if cut := _cut(target, write, about):
        return whole, cut
    measure = target.measure(whole.text)
    raise ComposeError(
        f"the notice is too long even with its headline cut ({measure.used} of {measure.limit} {measure.unit}): "
        "shorten the template"
    )


def _lighter(about: Variables) -> Iterator[Variables]:
    """Leave out, one after the other, what a notice can do without: the summary, hashtags and tags from the last on."""
    yield about
    left = {**about, "summary": ""}
    yield left
    for name in ("hashtags", "tags"):
        some = left[name]
        assert isinstance(some, tuple)  # noqa: S101 - `draft` made it
        for count in range(len(some) - 1, -1, -1):
            left = {**left, name: type(some)(some[:count])}
            yield left


def _cut(target: Target, write: Write, about: Variables) -> Written | None:
    """Cut a title, and if that is not enough leave it out and cut the author's own words; None if neither helps."""
    left = {**about, "summary": "", "hashtags": Hashtags(), "tags": ()}
    for name in ("title", "headline"):
        subject = str(left[name])
        same = [one for one in ("headline", "title", "notice") if left[one] == subject]
        write_cut = _writing(write, left, same)
        measure, language = target.measure, str(about["language"])
        cut = fit(_text_of(write_cut), subject, measure, language=language) if subject else None
        if cut is not None and (written := write_cut(cut)).text:
            return written
        left = {**left, **dict.fromkeys(same, "")}
    return None


def _writing(write: Write, about: Variables, names: list[str]) -> Callable[[str], Written]:
    return lambda cut: write({**about, **dict.fromkeys(names, cut)})


def _text_of(write: Callable[[str], Written]) -> Callable[[str], str]:
    return lambda cut: write(cut).text


# ---------------------------------------------------------------- targets that post JSON


def _body(target: Target, rendered: str) -> str:
    body = _json(rendered)
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
        value = json.loads(plain(rendered), parse_constant=_no_number)
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
                sample = variables(article, action=action, key="msg_0", categories=('"Category"',), site=_SITE)
                sample["hashtags"] = Hashtags.of(("tag",) if article is _FULL else ())
                text = render(template, sample)
                said = _json(text) if writes_json else settle(text, article.url).text
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
