"""stores -> whether they answer, and what their next poll would read first; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from feedpub import clean
from feedpub.commands.trying import AT_ONCE, Tried
from feedpub.errors import FeedpubError, place
from feedpub.ledger.articles import StoreState
from feedpub.model import Batch, Quarantined
from feedpub.pipeline import Setup
from feedpub.stores.base import StoreOptions
from feedpub.stores.sql import SqlOptions


def ask(setup: Setup, states: Mapping[str, StoreState]) -> Iterator[Tried]:
    """Ask every store of a setup, many at once; told in the order of the config.

    Asked is what the next poll would ask: what changed since the cursor in `states`, and from the beginning where
    there is none that is of use. One answer is read, which is bounded, and forgotten.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda name: _ask(setup, name, states.get(name)), setup.sources)


def _ask(setup: Setup, name: str, state: StoreState | None) -> Tried:
    source = setup.sources[name]
    cursor = state.cursor if state is not None and state.kind in (None, source.options.form) else None
    if cursor is None and is_to_be_made(source.options):
        return Tried(name, None, "its file is not there yet: the first poll makes it, and so does `feedpub import`")
    try:
        batch = source.store.changes(cursor)
    except FeedpubError as error:
        return Tried(name, well=False, told=str(error))
    except Exception as error:  # noqa: BLE001 - one store's fault must not keep the others from being asked
        what = f"{type(error).__name__} at {place(error)}"
        return Tried(name, well=False, told=f"feedpub itself failed as it read this store, please report it: {what}")
    return Tried(name, well=True, told=_told(batch, _kept_out(setup, name, batch), first=cursor is None))


def is_to_be_made(options: StoreOptions) -> bool:
    """Whether to ask would make an embedded store's file: that is the first poll's to do."""
    if not isinstance(options, SqlOptions) or options.is_query or options.embedded().file.mark():
        return False
    return next(above for above in Path(options.path).absolute().parents if above.exists()).is_dir()


def _kept_out(setup: Setup, name: str, batch: Batch) -> list[Quarantined]:
    """Find what would be kept out of the feeds, however well the store answers."""
    judged = (clean.article(raw, store=name, site=setup.site, drop=setup.feeds.drop) for raw in batch.articles)
    return [*batch.garbage, *(one for one in judged if isinstance(one, Quarantined))]


def _told(batch: Batch, kept_out: list[Quarantined], *, first: bool) -> str:
    count = len(batch.articles) + len(batch.garbage)
    articles = f"{count:,} article{'' if count == 1 else 's'}{' and more' if batch.more else ''}"
    if first:
        said = f"answers; the first poll finds {articles}" if count else "answers, but no article is there"
    else:
        said = f"answers; {articles} may have changed since the last poll" if count else "answers; nothing new"
    if not kept_out:
        return said
    reasons = f"{kept_out[0].id} ({kept_out[0].reason})"
    return f"{said}; {len(kept_out):,} would be kept out of the feeds, such as {clean.line(reasons)}"
