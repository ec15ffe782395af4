"""a folder of Markdown and HTML files -> articles, one for each file, as the store of that kind reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import time_ns
from zoneinfo import ZoneInfo

from feedpub.errors import ImportRefused, StoreError
from feedpub.stores.imports.told import ArticleTold, Broken, Item, Skipped
from feedpub.stores.markdown import reading
from feedpub.stores.markdown.folder import Folder
from feedpub.stores.markdown.front_matter import Fault
from feedpub.stores.markdown.reading import Rules

_RULES = Rules(ZoneInfo("UTC"), reading.PERMALINK)


def files(folder: Path) -> list[tuple[Path, Callable[[Path], Iterator[Item]]]]:
    """Every file in a folder that may be an article, with what reads it; raises ImportRefused."""
    place = Folder(folder)
    try:
        found = [(folder / path, partial(_read, place, path)) for path in place.look(time_ns())]
    except StoreError as error:
        raise ImportRefused(str(error)) from error
    if not found:
        raise ImportRefused(f"{folder}: a folder without a Markdown or HTML file; name the files in it")
    return list(found)


def _read(folder: Folder, name: str, path: Path) -> Iterator[Item]:
    """Read one file. One without a date is a page of the site: whatever was meant, it is no news of today."""
    try:
        data = folder.content(name)
        if data is None:
            raise FileNotFoundError(path)
        told = reading.read(name, data, _RULES)
    except reading.Dateless:
        yield Skipped("without a date")
        return
    except Fault as fault:
        yield Broken(fault.line, fault.reason)
        return
    if told.named is None or 0 < told.until * 10**9 <= time_ns():
        yield Skipped(told.hidden or "expired")
        return
    article = reading.with_id(told.named.article, told.said or name)
    yield ArticleTold(1, article, told.named.categories)
