"""What a store says since its cursor -> the ledger: its articles, and the notices that are owed of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from feedpub import clean
from feedpub.categories import fold
from feedpub.changes import GONE, PRESENT, SKIPPED, UNCLAIMED, Known, claims, diff, strangers, without
from feedpub.cleaning import Cleaner
from feedpub.errors import GuidTaken, Superseded
from feedpub.house import House, Published, Source, extra
from feedpub.ledger.articles import StoreState
from feedpub.ledger.recording import Quarantine, Record, Written
from feedpub.ledger.renaming import ADOPTING
from feedpub.ledger.rows import PUT_BACK
from feedpub.model import Article, Batch, Category, Quarantined
from feedpub.notices.lifecycle import FLOOD
from feedpub.notices.plan import Owed, news_by_target, plan, unclear
from feedpub.stores.base import StoreOptions

log = structlog.get_logger("feedpub")


class Poller:
    """Records what changed, batch by batch, and what became ripe. Each store by one at a time."""

    def __init__(self, house: House) -> None:
        """Work in a house."""
        self._house, self._ledger, self._now = house, house.ledger, house.now
        self._cleaner = Cleaner(house)

    def poll(self, name: str, done: Published) -> bool:
        """Record everything that changed in a store since its cursor, batch by batch.

        If the rules of cleaning are others than those its articles were cleaned by, everything is read once more.
        Whatever is wrong with a store is told and noted; it is nobody else's trouble. Tells whether all was read.
        """
        source = self._house.setup.sources.get(name)
        if source is None:
            return False
        rules, before = self._rules(source.options), self._ledger.articles.store_state(name)
        whole = False
        with self._house.heeding(name, done):
            again = before.cursor is not None and before.cleaner != rules
            whole = self._read(name, source, done) and (not again or self._read(name, source, done, again=True))
        if whole:
            self._ledger.articles.note_poll(name, now=self._now(), cleaner=rules)
            if before.phase == ADOPTING:
                log.info("store_taken_over", store=name, left=self._ledger.articles.count_left(name))
        if before.asked_at is not None and self._answers(done, whole=whole):
            self._ledger.articles.answer(name, before.asked_at)
        return whole

    def glance(self, name: str) -> None:
        """Record what a store says first, and no more: enough to see what is there. Raises FeedpubError."""
        source = self._house.setup.sources[name]
        state = self._state(name, source)
        self._record(name, source, state, source.store.changes(state.cursor), Published(), again=False)

    def _answers(self, done: Published, *, whole: bool) -> bool:
        """Whether this was the poll that somebody asked for: one that failed is, one that was broken off is not."""
        return whole or (bool(done.error) and not self._house.door.closed)

    def _rules(self, options: StoreOptions) -> str:
        """Name all that decides what becomes of a store's rows."""
        skips = sorted({fold(tag) for tag in options.skip_tags} - {""})
        return "|".join([clean.digest(self._house.setup.site, self._house.setup.feeds.drop), *skips])

    def _read(self, name: str, source: Source, done: Published, *, again: bool = False) -> bool:
        """Record what a store says since its cursor; `again`: from the beginning, to clean it by other rules.

        Tells whether it came to the end: it breaks off where the config of the store changes.
        """
        more, first = True, again
        while more:
            state = self._state(name, source)
            batch = source.store.changes(None if first else state.cursor)
            if not self._house.stands(name, source):
                return False
            self._record(name, source, state, batch, done, again=again)
            more, first = batch.more, False
        return True

    def _state(self, name: str, source: Source) -> StoreState:
        """Where polling of a store stands; what was written for us alone was never there before us."""
        state = self._ledger.articles.store_state(name)
        if source.options.had_readers or state.phase == PUT_BACK:
            return state
        # It may have come after the backup that was put back.
        return replace(state, phase="live" if self._ledger.history.put_back_at() is None else PUT_BACK)

    def _record(
        self, name: str, source: Source, state: StoreState, batch: Batch, done: Published, *, again: bool
    ) -> None:
        batch = _legible(batch)
        if batch.categories is not None:
            batch = replace(batch, categories=tuple(map(clean.category, batch.categories)))
        if batch == Batch((), state.cursor or "", more=batch.more) and state.live:
            return
        try:
            self._record_batch(name, source, state, batch, done, again=again)
        except GuidTaken:  # by another store, at this very moment: a second look sees it
            self._record_batch(name, source, state, batch, done, again=again)

    def _record_batch(
        self, name: str, source: Source, state: StoreState, batch: Batch, done: Published, *, again: bool
    ) -> None:
        known, claimed, others = self._known(name, batch)
        batch, skipped = without(batch, source.options.skip_tags)
        changes = diff(known, batch, reread=again)
        written, quarantined = self._cleaner.articles(name, changes, claimed)
        by_id = {one.article.id: one for one in written}
        fresh = [by_id[one.raw.id].article for one in changes.new if one.raw.id in by_id]
        news = [one for one in fresh if _is_news(one, state)]
        now, unsure = self._now(), self._unsure_until(state)
        record = Record(
            store=name,
            expected=state.cursor,
            cursor=batch.cursor,
            kind=source.options.form,
            cleaner=self._rules(source.options) if state.cursor is None else "",
            live=state.live or not batch.more,
            written=written,
            restored=frozenset(one.raw.id for one in changes.restored),
            recleaned=frozenset(one.raw.id for one in (*changes.recleaned, *changes.adopted)),
            unsure=unsure is not None,
            claimed={old: new for old, new in claimed.items() if new in by_id},
            strangers=others & by_id.keys(),
            gone={
                **dict.fromkeys(changes.gone, GONE),
                **dict.fromkeys(changes.back, PRESENT),
                **{known[one].id: SKIPPED for one in skipped if one in known and not known[one].withdrawn},
            },
            quarantined=(*quarantined, *(Quarantine(one, "") for one in batch.garbage)),
            categories=batch.categories,
            comments=self._cleaner.comments(name, batch, {id_: one.article.url for id_, one in by_id.items()}),
            comments_gone=batch.comments_gone,
            owed=self._owed(
                [one for one in news if one.published <= now],
                self._categories(name, batch),
                done,
                now,
                baseline=state.baseline,
                unsure_until=unsure,
            ),
        )
        self._write(record, done, now)
        new = 0 if state.baseline else len(news)
        done.new += new
        done.baseline += len(fresh) - new
        done.edited += sum(one.raw.id in by_id for one in changes.edited)
        done.restored += sum(one.raw.id in by_id for one in changes.restored)
        done.recleaned += len(record.recleaned & by_id.keys())
        done.quarantined += len(record.quarantined)

    def _owed(
        self,
        articles: Iterable[Article],
        categories: Sequence[Category],
        done: Published,
        now: datetime,
        *,
        baseline: bool = False,
        unsure_until: datetime | None,
    ) -> tuple[Owed, ...]:
        setup = self._house.setup
        return plan(
            articles,
            setup.targets.values(),
            categories,
            site=setup.site,
            baseline=baseline,
            already=done.news,
            now=now,
            unsure_until=unsure_until,
        )

    def _unsure_until(self, state: StoreState) -> datetime | None:
        """Until when a store's news may have been announced after the backup that was put back; None: it is read."""
        if state.live:
            return None
        return state.news_since if state.phase == PUT_BACK and state.news_since else self._ledger.history.put_back_at()

    def _write(self, record: Record, done: Published, now: datetime) -> None:
        """Record; then bring the feeds that come of it, and tell what a person should look at."""
        if self._ledger.articles.record(record, self._house.setup.targets, now):
            self._house.builder.sync()
        # After that: a feed may have come with its category.
        if record.categories is not None:
            self._house.tell_unknown()
        tell_owed(record.owed)
        done.owes(record.owed)

    def _known(self, name: str, batch: Batch) -> tuple[dict[str, Known], dict[str, str], frozenset[str]]:
        """What we remember of a batch's articles; the new ids, by the old ones; which have another's."""
        articles = self._ledger.articles
        known = articles.known(name, [*(raw.id for raw in batch.articles), *batch.gone])
        unmet = (raw for raw in batch.articles if raw.id not in known or known[raw.id].gone == UNCLAIMED)
        guids = {raw.id: guid for raw in unmet if (guid := clean.line(raw.guid))}
        left = articles.left(name, guids.values()) if guids else {}
        claimed = claims(guids, known, left)
        others, by_id = strangers(guids, known, clean.is_made), {one.id: one for one in left.values()}
        kept = {id_: one for id_, one in known.items() if id_ not in others and id_ not in claimed}
        return kept | {new: by_id[old] for old, new in claimed.items()}, claimed, others.difference(claimed.values())

    def _categories(self, store: str, batch: Batch) -> tuple[Category, ...]:
        known = self._ledger.articles.categories()
        if batch.categories is None:
            return known
        return (*(one for one in known if one.store != store), *batch.categories)

    def ripen(self, done: Published) -> None:
        """What time alone brings: articles dated in the future become new; comments count, tombstones fall."""
        now = self._now()
        self._ledger.articles.age(now=now, tombstones_before=now - self._house.setup.feeds.tombstones)
        # Of a store that was taken out of the config nobody knows whether it still means to.
        stores = set(self._house.setup.sources)
        while True:
            # Looked at first: an edit recorded between the two looks moves a cursor, and this record is void.
            states = {state.name: state for state in self._ledger.articles.store_states()}
            ripe = self._ledger.articles.ripe(now, stores)
            if not ripe:
                return
            for store in dict.fromkeys(one.article.store for one in ripe):
                try:
                    self._ripen(states[store], [one for one in ripe if one.article.store == store], done, now)
                except Superseded:
                    # Somebody is at work on that very store, and ends with this: it must not cost the others a round.
                    stores.discard(store)

    def _ripen(self, state: StoreState, ripe: Sequence[Written], done: Published, now: datetime) -> None:
        articles, since = [one.article for one in ripe], self._ledger.history.put_back_at()
        owed = self._owed(articles, self._ledger.articles.categories(), done, now, unsure_until=since)
        self._write(extra(state, written=tuple(ripe), owed=owed, ripe=True), done, now)
        done.new += len(ripe)


def _legible(batch: Batch) -> Batch:
    """Keep out articles whose id no database can hold as it is: to change it would make it another article's."""
    odd = {raw.id for raw in batch.articles if raw.id != clean.text(raw.id)}
    gone = tuple(one for one in batch.gone if one == clean.text(one))
    if not odd:
        return replace(batch, gone=gone)
    why = "its id holds characters that cannot be written: give it another id"
    return replace(
        batch,
        articles=tuple(raw for raw in batch.articles if raw.id not in odd),
        gone=gone,
        garbage=(*batch.garbage, *(Quarantined(clean.text(one), why) for one in sorted(odd))),
    )


def _is_news(article: Article, state: StoreState) -> bool:
    """Whether it was written since we know its store; what another kind of store did not tell of may be long known."""
    return state.phase != ADOPTING or (state.news_since is not None and article.published > state.news_since)


def tell_owed(owed: Sequence[Owed]) -> None:
    """Tell what a person should look at: what is held back, and what nobody knows whether it is wanted."""
    for target, count in news_by_target(one for one in owed if one.held_by == FLOOD).items():
        log.error("flood_held", target=target, deliveries=count, why="so many articles are new at once: see `status`")
    for target, articles in unclear(owed).items():
        log.error(
            "condition_failed",
            target=target,
            articles=len(articles),
            guid=articles[0].guid,
            why=f"{articles[0].reason}; to say it all the same: `feedpub announce ARTICLE --target {target}`",
        )
