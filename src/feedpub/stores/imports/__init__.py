"""files to import -> the embedded store, all or nothing: WordPress exports, feeds, JSON Lines, folders of Markdown.

Everything is read twice: once to find every mistake before anything is written, once to write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from feedpub.errors import ImportRefused
from feedpub.model import Image, RawArticle, RawComment
from feedpub.stores.embedded.writing import AT_ONCE, Written
from feedpub.stores.imports import feeds, json_lines, markdown, wxr
from feedpub.stores.imports.told import ArticleTold, Broken, Item, Picture, Skipped, refusal
from feedpub.stores.sql import SqlStore
from feedpub.stores.taxonomy import CategoryTold, Taxonomy, resolve

_Reader = Callable[[Path], Iterator[Item]]
_SPACE = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
_HEAD = 4096
_MOST_TOLD = 10
"""Mistakes told at once: more would only hide the first."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: articles and comments by what became of them, and what was left out, by reason.

    `reguided` are articles whose guid another one of the import has too: they get one of their own.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    reguided: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    comments: Written = field(default_factory=Written)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the first reading found."""

    places: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    """Where each is told, by id."""
    guids: dict[str, str] = field(default_factory=dict)
    """Whose a guid is: the first article's that has it. A copied post often keeps the guid of its model."""
    reguided: set[str] = field(default_factory=set)
    categories: dict[CategoryTold, str] = field(default_factory=dict)
    pictures: dict[str, Image] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


def import_files(
    paths: Iterable[Path], store: SqlStore, *, progress: Callable[[int, int], None] | None = None
) -> ImportReport:
    """Import files into the embedded store in one transaction; the same again changes nothing.

    `progress` is told how many articles of how many are written. Raises ImportRefused with file, line and reason
    where files are broken, a mistake a line; StoreError where the store cannot be written; then nothing is.
    """
    files = [one for path in paths for one in _readers(path)]
    survey = _survey(files)
    written = comments = Written()
    with store.writing() as writing:
        taxonomy = resolve(writing.categories(), survey.categories, store.name)
        writing.define(taxonomy.by_key.values())
        articles = _articles(files, survey, taxonomy)
        done = 0
        while batch := tuple(islice(articles, AT_ONCE)):
            written += writing.put(article for article, _ in batch)
            comments += writing.put_comments(comment for _, said in batch for comment in said)
            done += len(batch)
            if progress is not None:
                progress(done, len(survey.places))
    return ImportReport(
        written.new, written.changed, written.unchanged, len(survey.reguided), dict(survey.skipped), comments
    )


def _survey(files: Iterable[tuple[Path, _Reader]]) -> _Survey:
    survey = _Survey()
    wrong: list[str] = []
    for path, reader in files:
        wrong += islice(_look(survey, path, reader), _MOST_TOLD - len(wrong))
    if len(wrong) == _MOST_TOLD:
        wrong.append(f"these are the first {_MOST_TOLD}; there may be more")
    if wrong:
        raise ImportRefused("\n".join(wrong))
    return survey


def _look(survey: _Survey, path: Path, reader: _Reader) -> Iterator[str]:
    """Note what a file tells; yield what is wrong with it."""
    try:
        for _, item in _items([(path, reader)]):
            yield from _note(survey, path, item)
    except ImportRefused as error:
        yield str(error)


def _note(survey: _Survey, path: Path, item: Item) -> Iterator[str]:
    match item:
        case Broken(line, reason):
            yield f"{path}:{line}: {reason}"
        case Skipped(reason):
            survey.skipped[reason] += 1
        case Picture(identity, image):
            survey.pictures[identity] = image
            survey.skipped["attachment"] += 1
        case CategoryTold():
            survey.categories.setdefault(item, f"{path}:{item.line}")
        case ArticleTold():
            yield from _repeated(survey.places, path, item.line, item.article.id, "article")
            for comment in item.comments:
                yield from _repeated(survey.comments, path, item.line, comment.id, "comment")
            if item.article.guid and survey.guids.setdefault(item.article.guid, item.article.id) != item.article.id:
                survey.reguided.add(item.article.id)
            for category in item.categories:
                survey.categories.setdefault(category, f"{path}:{item.line}")


def _repeated(places: dict[str, str], path: Path, line: int, key: str, what: str) -> Iterator[str]:
    before = places.setdefault(key, f"{path}:{line}")
    if before != f"{path}:{line}":
        yield f'{path}:{line}: the id "{key}" is that of another {what}, at {before}'


def _articles(
    files: Iterable[tuple[Path, _Reader]], survey: _Survey, taxonomy: Taxonomy
) -> Iterator[tuple[RawArticle, tuple[RawComment, ...]]]:
    for path, item in _items(files):
        if isinstance(item, Broken):
            raise refusal(path, item.line, "the file changed while it was read: import it again")
        if isinstance(item, ArticleTold):
            keys = [taxonomy.key(category) for category in item.categories]
            if item.article.id not in survey.places or None in keys:
                raise refusal(path, item.line, "the file changed while it was read: import it again")
            picture = survey.pictures.get(item.picture)
            article = replace(
                item.article,
                guid="" if item.article.id in survey.reguided else item.article.guid,
                categories=tuple(key for key in keys if key is not None),
                images=(picture,) if picture and picture.url else item.article.images,
            )
            yield article, item.comments


def _items(files: Iterable[tuple[Path, _Reader]]) -> Iterator[tuple[Path, Item]]:
    for path, reader in files:
        with _opened(path):
            for item in reader(path):
                yield path, item


def _readers(path: Path) -> list[tuple[Path, _Reader]]:
    """A file and what reads it; of a folder, its Markdown files."""
    return markdown.files(path) if path.is_dir() else [(path, _reader(path))]


def _reader(path: Path) -> _Reader:
    """Tell a file's format by how it begins: names lie."""
    with _opened(path), path.open("rb") as file:
        head = file.read(_HEAD)
    if feeds.is_feed(head):
        return feeds.read
    match head.lstrip(_SPACE)[:1]:
        case b"<":
            return wxr.read
        case b"{":
            return json_lines.read
        case b"[":
            raise refusal(path, 1, "one list of everything: JSON Lines is needed, an article a line, without [ and ]")
        case b"":
            raise ImportRefused(f"{path}: nothing in it")
    raise ImportRefused(f"{path}: neither a WordPress export (XML), nor a feed, nor JSON Lines")


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    """Say in one sentence why a file cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise ImportRefused(f"{path}: no such file") from error
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read; look at the right to read it, and at the disk") from error
