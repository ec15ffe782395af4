"""What a census misses, and what a store says is gone -> articles withdrawn, or held for a person to look first."""

from __future__ import annotations

import structlog

from feedpub.changes import PRESENT, compare, too_many_gone
from feedpub.house import House, Published, Source, extra
from feedpub.model import Census

log = structlog.get_logger("feedpub")


class Withdrawer:
    """Looks for what is gone, and takes it back."""

    def __init__(self, house: House) -> None:
        """Work in a house."""
        self._house, self._ledger, self._now = house, house.ledger, house.now

    def look(self, name: str, done: Published) -> None:
        """Ask a store that does not report withdrawals which articles it still has, if it is time to."""
        source = self._house.setup.sources.get(name)
        if source is None or source.options.names_everything:
            return
        options = source.options
        state, now = self._ledger.articles.store_state(name), self._now()
        if state.censused_at is None:
            # The first poll has just read everything.
            self._ledger.articles.note_census(name, now=now, whole=True)
            return
        # However far off: a clock that was set back must not make us look away for so long.
        whole = abs(now - state.censused_at) >= options.census
        if whole or state.rechecked_at is None or abs(now - state.rechecked_at) >= options.recheck:
            with self._house.heeding(name, done):
                self._census(name, source, done, whole=whole)

    def _census(self, name: str, source: Source, done: Published, *, whole: bool) -> None:
        """Compare a census with what we know. Only what two censuses in a row miss is taken for gone."""
        ids = None if whole else sorted(self._ledger.feeds.windows(name, self._house.setup.feeds.entries))
        census = Census(frozenset(), frozenset()) if ids == [] else source.store.census(ids)
        if not self._house.stands(name, source):
            return
        known = (
            self._ledger.articles.known_live(name) if ids is None else self._ledger.articles.known(name, ids).values()
        )
        marks = compare(known, census)
        if marks:
            state = self._ledger.articles.store_state(name)
            self._ledger.articles.record(extra(state, gone=marks), self._house.setup.targets, self._now())
        self._ledger.articles.note_census(name, now=self._now(), whole=whole)
        self.withdraw(name, done)
        # Where it misses articles it may be wrong: many a row that cannot be read is told only once.
        missed = any(level != PRESENT for level in marks.values()) or self._ledger.articles.store_state(name).note
        if census.covers is None and not missed:
            self._ledger.articles.forget_missing(name, census.present)

    def withdraw(self, name: str, done: Published) -> None:
        """Withdraw what is surely gone, unless it is so much that a person should look first."""
        source, articles = self._house.setup.sources.get(name), self._ledger.articles
        if source is None:
            return
        gone, state = articles.surely_gone(name), articles.store_state(name)
        # Beyond that it makes no difference (changes.too_many_gone), and is not told.
        live = articles.live_count(name, 10 * (len(gone) + 1)) if gone else 0
        held = bool(gone) and too_many_gone(len(gone), live, source.options.withdraw_limit)
        note = _too_many_note(name, len(gone), live) if held else ""
        if note != state.note:
            articles.note(name, note)
        if held:
            log.error("withdrawals_held", store=name, gone=len(gone), of=live, why=note)
        elif gone:
            articles.record(extra(state, withdrawn=gone), self._house.setup.targets, self._now())
            log.info("withdrawn", store=name, articles=len(gone))
            done.withdrawn += len(gone)


def _too_many_note(name: str, gone: int, live: int) -> str:
    if gone == live:
        return (
            f"all {gone} articles are gone from stores.{name}: an empty store is not believed, so they stay in the "
            f"feeds; bring articles back, or take stores.{name} out of the config"
        )
    return (
        f"{gone} of {live} articles are gone from stores.{name} at once: they stay in the feeds; "
        f"if that is right, raise stores.{name}.withdraw_limit to {gone} until the next poll"
    )
