"""The program, read top to bottom: Publisher.publish() from store to feeds, Publisher.deliver() from ledger to network.

Deciding is apart from doing: every decision is a pure function, every effect one line here. What must be told
is logged, one line an event, with names and never an address.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import structlog

from feedpub import clean
from feedpub.building import PARTS_A_POLL, PARTS_A_ROUND, Builder, Built, Plan
from feedpub.categories import DESK, fold, unknown
from feedpub.changes import (
    GONE,
    PRESENT,
    SKIPPED,
    UNCLAIMED,
    Change,
    ChangeSet,
    Known,
    claims,
    compare,
    diff,
    too_many_gone,
    without,
)
from feedpub.errors import ComposeError, FeedpubError, GuidTaken, LedgerError, Superseded, place
from feedpub.feeds.addresses import ascii_url, feed_url
from feedpub.feeds.catalog import FeedsOptions, unmatched
from feedpub.http import Door
from feedpub.ledger import Ledger
from feedpub.ledger.articles import StoreState
from feedpub.ledger.recording import Quarantine, Record, Written
from feedpub.ledger.renaming import ADOPTING
from feedpub.model import (
    Action,
    Article,
    Batch,
    Category,
    Census,
    Comment,
    Context,
    Conversation,
    Delivery,
    Doubt,
    Notice,
    Outcome,
    Quarantined,
    Refused,
    Said,
    Site,
    State,
)
from feedpub.networks.base import Network
from feedpub.networks.feed_subject import FeedNetwork
from feedpub.networks.websub import WebSub
from feedpub.notices.compose import compose, key_of
from feedpub.notices.feeds import compose_feed, unknown_feeds
from feedpub.notices.lifecycle import FLOOD, NOT_ANNOUNCED, Edited, WayOut, action_of, way_out
from feedpub.notices.pace import Bill, bill, in_one_step, rest_after, silent, windows
from feedpub.notices.plan import Owed, news_by_target, plan, unclear
from feedpub.stores.base import Store, StoreOptions

log = structlog.get_logger("feedpub")

_PERSIST_WAITS = (0.1, 0.5, 2.0, 5.0, 10.0)
"""Seconds between tries to write down an answer we have: losing it would be a doubt."""


@dataclass(frozen=True, slots=True)
class Source:
    """An opened store, and the admin's options for it."""

    options: StoreOptions
    store: Store


@dataclass(frozen=True, slots=True)
class Setup:
    """What the config in force asks for, ready to be used."""

    site: Site
    feeds: FeedsOptions
    sources: Mapping[str, Source]
    targets: Mapping[str, Network]


@dataclass(slots=True)
class Published:
    """What one round of publishing did."""

    new: int = 0
    edited: int = 0
    restored: int = 0
    recleaned: int = 0
    withdrawn: int = 0
    quarantined: int = 0
    baseline: int = 0
    owed: int = 0
    skipped: int = 0
    feeds: int = 0
    files: int = 0
    parts: int = 0
    error: str = ""
    news: dict[str, int] = field(default_factory=dict)


class Publisher:
    """Articles in; feeds and notices out. Safe to call from several threads; each store by one at a time."""

    def __init__(self, ledger: Ledger, door: Door, setup: Setup, now: Callable[[], datetime]) -> None:
        """Work for a setup. `now` is the clock, read here and nowhere below."""
        self.ledger = ledger
        self.door = door
        self.now = now
        self.setup = setup
        self.builder = Builder(ledger, _feeds_plan(setup), now)

    # ------------------------------------------------------------ a new config

    def apply(self, setup: Setup) -> None:
        """Take on a setup: its stores, its targets, its feeds. What is no longer there is told."""
        # First of all: who polls a store by its old name, or as it was, must not go on.
        before, self.setup = self.setup, replace(self.setup, sources=setup.sources)
        self._take_over()
        # Welcomed before they are written down: a crash in between welcomes them again, and owes nothing twice.
        known = {one.name for one in self.ledger.targets.states()}
        self._welcome([target for name, target in setup.targets.items() if name not in known])
        for name, count in self.ledger.targets.sync(setup.targets).items():
            log.warning("queue_cancelled", target=name, deliveries=count, why="the target was removed from the config")
        self.setup = setup
        changed = [name for name, target in setup.targets.items() if before.targets.get(name) != target]
        self.ledger.deliveries.follow_config(setup.targets, changed, self.now())
        self.builder.apply(_feeds_plan(setup))
        self._tell_unknown()

    def _take_over(self) -> None:
        """Have each store go on that has another name now, or is of another kind."""
        articles = self.ledger.articles
        states = {state.name: state for state in articles.store_states()}
        for name, source in self.setup.sources.items():
            options, own, former = source.options, states.get(name), states.get(source.options.replaces)
            if former is not None and not articles.has_any(name):
                articles.rename_store(former.name, name, anew=former.kind != options.form, now=self.now())
                log.info("store_replaced", store=name, replaces=former.name, kind=options.form)
            elif own is not None and own.kind is not None and own.kind != options.form and name != DESK:
                articles.begin_store_anew(name, now=self.now())
                log.info("store_begins_anew", store=name, kind=options.form, before=own.kind)
        for option, why in self.not_replaced():
            log.warning("config_warning", what=f"{option}: {why}")

    def not_replaced(self) -> Iterator[tuple[str, str]]:
        """Each option that names a store which cannot be taken over, and why; none once it was."""
        known = {state.name for state in self.ledger.articles.store_states()}
        for name, source in self.setup.sources.items():
            former, option = source.options.replaces, f"stores.{name}.replaces"
            if former in known and self.ledger.articles.has_any(former) and self.ledger.articles.has_any(name):
                why = f"stores.{name} has articles of its own, so that stores.{former} stays apart: leave this out"
                yield option, why
            elif former and former not in known and name not in known:
                yield option, f"feedpub never polled a store {former}: write the name that it had, or leave this out"

    def _welcome(self, targets: Iterable[Network]) -> None:
        """Owe a new target the backlog it asks for; all else that is known already is its baseline."""
        for target in targets:
            if target.announce_backlog:
                known = self.ledger.articles.since(self.now() - target.max_age)
                categories = self.ledger.articles.categories()
                owed = plan(
                    known, [target], categories, site=self.setup.site, baseline=True, already={}, now=self.now()
                )
                self.ledger.deliveries.owe(owed, self.now())
                _tell_owed(owed)

    def unknown_categories(self) -> Iterator[tuple[str, str]]:
        """Each option that names a category which no store has, and that name; none before the first poll."""
        categories = self.ledger.articles.categories()
        if categories:
            for key in unmatched(self.setup.feeds, categories):
                yield f"feeds.categories.{key}", self.setup.feeds.categories[key].name
            for key, feed in self.setup.feeds.own.items():
                for option in ("categories", "skip_categories"):
                    for category in unknown(getattr(feed, option), categories):
                        yield f"feeds.own.{key}.{option}", category
            for name, target in self.setup.targets.items():
                for option in ("categories", "hashtags", "by_category"):
                    for category in unknown(getattr(target, option), categories):
                        yield f"targets.{name}.{option}", category

    def unknown_feeds(self) -> Iterator[tuple[str, str]]:
        """Each option that names a feed which there is not, and that name; none before the first poll."""
        for name, target in self.setup.targets.items():
            if isinstance(target, FeedNetwork) and self.ledger.articles.categories():
                for feed in unknown_feeds(target.feeds, self.ledger.feeds.paths()):
                    yield f"targets.{name}.feeds", feed

    def _tell_unknown(self) -> None:
        for option, category in self.unknown_categories():
            log.warning("unknown_category", option=option, category=category)
        for option, feed in self.unknown_feeds():
            log.warning("unknown_feed", option=option, feed=feed)

    # ------------------------------------------------------------ publishing

    def publish(self, name: str) -> Published:
        """One round for one store: what changed, what is gone, what is ripe; then the feeds that this touches."""
        done = self.poll(name)
        if not done.error:
            self.look(name, done)
        self.ripen(done)
        self.build(done)
        # Few: the next poll waits for this one. The rest is left to `tidy`.
        self.archive(done, PARTS_A_POLL)
        did = {key: value for key, value in _shown(done).items() if value}
        if did and not done.error:
            log.info("published", store=name, **did)
        return done

    def poll(self, name: str) -> Published:
        """Record everything that changed in a store since its cursor, batch by batch.

        If the rules of cleaning are others than those its articles were cleaned by, everything is read once more.
        Whatever is wrong with a store is told and noted; it is nobody else's trouble.
        """
        done = Published()
        source = self.setup.sources.get(name)
        if source is None:
            return done
        rules, before = self._rules(source.options), self.ledger.articles.store_state(name)
        whole = False
        with self._heeding(name, done):
            again = before.cursor is not None and before.cleaner != rules
            whole = self._read(name, source, done) and (not again or self._read(name, source, done, again=True))
        if whole:
            self.ledger.articles.note_poll(name, now=self.now(), cleaner=rules, kind=source.options.form)
            if before.phase == ADOPTING:
                log.info("store_taken_over", store=name, left=self.ledger.articles.count_left(name))
            self._withdraw(name, done)
        return done

    def _rules(self, options: StoreOptions) -> str:
        """Name all that decides what becomes of a store's rows."""
        skips = sorted({fold(tag) for tag in options.skip_tags} - {""})
        return "|".join([clean.digest(self.setup.site, self.setup.feeds.drop), *skips])

    @contextmanager
    def _heeding(self, name: str, done: Published) -> Iterator[None]:
        """Note why a store could not be asked, be it the store's fault or our own."""
        source = self.setup.sources.get(name)
        try:
            yield
        except LedgerError:
            raise
        except FeedpubError as error:
            done.error = str(error)
        except Exception as error:  # noqa: BLE001 - one store's fault must not end the others'
            log.error("fault", what="poll", store=name, error=type(error).__name__, at=place(error))
            done.error = "feedpub itself failed as it read this store: see the log, and please report it"
        if done.error and self.setup.sources.get(name) is source:
            self._note_failure(name, done.error)

    def _read(self, name: str, source: Source, done: Published, *, again: bool = False) -> bool:
        """Record what a store says since its cursor; `again`: from the beginning, to clean it by other rules.

        Tells whether it came to the end: it breaks off where the config of the store changes.
        """
        more, first = True, again
        while more:
            state = self._state(name, source)
            batch = source.store.changes(None if first else state.cursor)
            if self.setup.sources.get(name) is not source:
                return False
            self._record(name, source, state, batch, done, again=again)
            more, first = batch.more, False
        return True

    def _state(self, name: str, source: Source) -> StoreState:
        """Where polling of a store stands; what was written for us alone was never there before us."""
        state = self.ledger.articles.store_state(name)
        return state if source.options.had_readers else replace(state, phase="live")

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
        known, claimed = self._known(name, batch)
        batch, skipped = without(batch, source.options.skip_tags)
        changes = diff(known, batch, reread=again)
        written, quarantined = self._clean(name, changes, claimed)
        by_id = {one.article.id: one for one in written}
        now = self.now()
        fresh = [by_id[one.raw.id].article for one in changes.new if one.raw.id in by_id]
        news = [one for one in fresh if _is_news(one, state)]
        owed = plan(
            [one for one in news if one.published <= now],
            self.setup.targets.values(),
            self._categories(name, batch),
            site=self.setup.site,
            baseline=state.baseline,
            already=done.news,
            now=now,
        )
        record = Record(
            store=name,
            expected=state.cursor,
            cursor=batch.cursor,
            live=state.live or not batch.more,
            written=written,
            restored=frozenset(one.raw.id for one in changes.restored),
            recleaned=frozenset(one.raw.id for one in (*changes.recleaned, *changes.adopted)),
            claimed={old: new for old, new in claimed.items() if new in by_id},
            gone={
                **dict.fromkeys(changes.gone, GONE),
                **dict.fromkeys(changes.back, PRESENT),
                **{known[one].id: SKIPPED for one in skipped if one in known and not known[one].withdrawn},
            },
            quarantined=(*quarantined, *(Quarantine(one, "") for one in batch.garbage)),
            categories=batch.categories,
            comments=self._comments(name, batch, {id_: one.article.url for id_, one in by_id.items()}),
            comments_gone=batch.comments_gone,
            owed=owed,
        )
        other_feeds = self.ledger.articles.record(record, self.setup.targets, now)
        if batch.categories is not None:
            self._tell_unknown()
        if other_feeds:
            self.builder.sync()
        _tell_owed(owed)
        _count_owed(done, owed)
        done.quarantined += len(record.quarantined)
        done.baseline += len(fresh) - (0 if state.baseline else len(news))
        done.new += 0 if state.baseline else len(news)
        done.edited += sum(one.raw.id in by_id for one in changes.edited)
        done.restored += sum(one.raw.id in by_id for one in changes.restored)
        done.recleaned += len(record.recleaned & by_id.keys())

    def _known(self, name: str, batch: Batch) -> tuple[dict[str, Known], dict[str, str]]:
        """What we remember of a batch's articles; and which go by another id now, the new one by the old one."""
        articles = self.ledger.articles
        known = articles.known(name, [*(raw.id for raw in batch.articles), *batch.gone])
        unmet = (raw for raw in batch.articles if raw.id not in known or known[raw.id].gone == UNCLAIMED)
        guids = {raw.id: guid for raw in unmet if (guid := clean.line(raw.guid))}
        left = articles.left(name, guids.values()) if guids else {}
        claimed = claims(guids, known, left)
        by_id = {one.id: one for one in left.values()}
        return known | {new: by_id[old] for old, new in claimed.items()}, claimed

    def _clean(
        self, store: str, changes: ChangeSet, claimed: Mapping[str, str]
    ) -> tuple[tuple[Written, ...], tuple[Quarantine, ...]]:
        """Make each changed row an article, or say why not. A guid that another article has is a clash."""
        written: dict[str, Written] = {}
        quarantined: list[Quarantine] = []
        site, drop = self.setup.site, self.setup.feeds.drop
        judged = [
            (change, clean.article(change.raw, store=store, site=site, guid=change.guid, drop=drop))
            for change in (*changes.new, *changes.edited, *changes.restored, *changes.recleaned, *changes.adopted)
        ]
        judged = self._without_unchanged(store, changes, judged)
        articles = [result.article for _, result in judged if isinstance(result, clean.Cleaned)]
        owners = self.ledger.articles.guid_owners([one.guid for one in articles])
        for change, result in judged:
            if isinstance(result, Quarantined):
                quarantined.append(self._keep_out(store, change, result))
                continue
            article = result.article
            owner = owners.get(article.guid, (store, article.id))
            owner = (owner[0], claimed.get(owner[1], owner[1])) if owner[0] == store else owner
            if owner != (store, article.id) or article.guid in written:
                if article.guid in written:
                    owner = (store, written[article.guid].article.id)
                other = f"article {owner[1]} of stores.{owner[0]}"
                why = Quarantined(change.raw.id, f"its guid {article.guid} belongs to {other}: give it one of its own")
                quarantined.append(self._keep_out(store, change, why))
                continue
            if result.warnings:
                log.warning("article_mended", store=store, article=article.id, what="; ".join(result.warnings))
            written[article.guid] = Written(article, change.fingerprint, change.headline, change.revision)
        return tuple(written.values()), tuple(quarantined)

    def _without_unchanged(
        self, store: str, changes: ChangeSet, judged: list[tuple[Change, clean.Cleaned | Quarantined]]
    ) -> list[tuple[Change, clean.Cleaned | Quarantined]]:
        """Leave out what other rules make the same of; nor may they date a public article into the future."""
        again = {one.raw.id for one in (*changes.recleaned, *changes.adopted)}
        adopted = {one.raw.id for one in changes.adopted}
        before, now = self.ledger.articles.bodies(store, again), self.now()

        def same(result: clean.Cleaned | Quarantined) -> bool:
            article = result.article if isinstance(result, clean.Cleaned) else None
            if article is None or article.id not in again:
                return False
            was = before.get(article.id)
            same_words = article == was and article.id not in adopted
            return same_words or (was is not None and was.published <= now < article.published)

        return [(change, result) for change, result in judged if not same(result)]

    def _comments(self, store: str, batch: Batch, urls: Mapping[str, str]) -> tuple[Comment, ...]:
        """Clean what readers said; what cannot be read is left out, and told."""
        about = {raw.article for raw in batch.comments} - urls.keys()
        known = self.ledger.articles.bodies(store, about)
        urls = {**{id_: one.url for id_, one in known.items()}, **urls}
        cleaned = []
        for raw in batch.comments:
            result = clean.comment(raw, store=store, site=self.setup.site, article_url=urls.get(raw.article, ""))
            if isinstance(result, Quarantined):
                log.warning("comment_left_out", store=store, comment=result.id, why=result.reason)
            else:
                # Nobody comments in the future: a date still to come is a clock that is wrong.
                cleaned.append(replace(result, published=min(result.published, self.now())))
        return tuple(cleaned)

    def _keep_out(self, store: str, change: Change, why: Quarantined) -> Quarantine:
        log.warning("quarantined", store=store, article=why.id, why=why.reason)
        return Quarantine(why, change.fingerprint)

    def tidy(self) -> Published:
        """What time alone brings: articles ripen, and feeds that could not be written are tried again."""
        done = Published()
        self.ripen(done)
        self.build(done)
        self.archive(done)
        return done

    def ripen(self, done: Published) -> None:
        """What time alone brings: articles dated in the future become new; comments count, tombstones fall."""
        now = self.now()
        self.ledger.articles.age(now=now, tombstones_before=now - self.setup.feeds.tombstones)
        while True:
            # Looked at first: an edit recorded between the two looks moves a cursor, and this record is void.
            states = {state.name: state for state in self.ledger.articles.store_states()}
            # Of a store that was taken out of the config nobody knows whether it still means to.
            ripe = self.ledger.articles.ripe(now, self.setup.sources)
            if not ripe:
                return
            categories = self.ledger.articles.categories()
            for store in dict.fromkeys(one.article.store for one in ripe):
                written = tuple(one for one in ripe if one.article.store == store)
                owed = plan(
                    [one.article for one in written],
                    self.setup.targets.values(),
                    categories,
                    site=self.setup.site,
                    baseline=False,
                    already=done.news,
                    now=now,
                )
                record = _extra(states[store], written=written, owed=owed, ripe=True)
                if self.ledger.articles.record(record, self.setup.targets, now):
                    self.builder.sync()
                _tell_owed(owed)
                done.new += len(written)
                _count_owed(done, owed)

    # ------------------------------------------------------------ what is gone

    def look(self, name: str, done: Published) -> None:
        """Ask a store that does not report withdrawals which articles it still has, if it is time to."""
        source = self.setup.sources.get(name)
        if source is None or source.options.names_everything:
            return
        options = source.options
        state, now = self.ledger.articles.store_state(name), self.now()
        if state.censused_at is None:
            # The first poll has just read everything.
            self.ledger.articles.note_census(name, now=now, whole=True)
            return
        # However far off: a clock that was set back must not make us look away for so long.
        whole = abs(now - state.censused_at) >= options.census
        if whole or state.rechecked_at is None or abs(now - state.rechecked_at) >= options.recheck:
            with self._heeding(name, done):
                self._census(name, source, done, whole=whole)

    def _note_failure(self, name: str, why: str) -> None:
        if self.door.closed:
            return  # we are stopping: no fault of the store's
        self.ledger.articles.note_poll(name, now=self.now(), error=why)
        log.error("store_failed", store=name, why=why)

    def _census(self, name: str, source: Source, done: Published, *, whole: bool) -> None:
        """Compare a census with what we know. Only what two censuses in a row miss is taken for gone."""
        ids = None if whole else sorted(self.ledger.feeds.windows(name, self.setup.feeds.entries))
        census = Census(frozenset(), frozenset()) if ids == [] else source.store.census(ids)
        if self.setup.sources.get(name) is not source:
            return
        known = self.ledger.articles.known_live(name) if ids is None else self.ledger.articles.known(name, ids).values()
        marks = compare(known, census)
        if marks:
            state = self.ledger.articles.store_state(name)
            self.ledger.articles.record(_extra(state, gone=marks), self.setup.targets, self.now())
        self.ledger.articles.note_census(name, now=self.now(), whole=whole)
        self._withdraw(name, done)
        # Where it misses articles it may be wrong: rows that cannot be read are told again by no store.
        missed = any(level != PRESENT for level in marks.values()) or self.ledger.articles.store_state(name).note
        if census.covers is None and not missed:
            self.ledger.articles.forget_missing(name, census.present)

    def _withdraw(self, name: str, done: Published) -> None:
        """Withdraw what is surely gone, unless it is so much that a person should look first."""
        articles = self.ledger.articles
        gone, state = articles.surely_gone(name), articles.store_state(name)
        # Beyond that it makes no difference (changes.too_many_gone), and is not told.
        live = articles.live_count(name, 10 * (len(gone) + 1)) if gone else 0
        source = self.setup.sources.get(name)
        if source is None:
            return
        limit = source.options.withdraw_limit
        held = bool(gone) and too_many_gone(len(gone), live, limit)
        note = _too_many_note(name, len(gone), live) if held else ""
        if note != state.note:
            articles.note(name, note)
        if held:
            log.error("withdrawals_held", store=name, gone=len(gone), of=live, why=note)
        elif gone:
            articles.record(_extra(state, withdrawn=gone), self.setup.targets, self.now())
            log.info("withdrawn", store=name, articles=len(gone))
            done.withdrawn += len(gone)

    # ------------------------------------------------------------ feeds

    def build(self, done: Published | None = None) -> Published:
        """Rebuild every feed that a change touched, and the pages; then what waited for them falls due."""
        return _counted(done, self.builder.build(self.setup.targets))

    def archive(self, done: Published | None = None, limit: int = PARTS_A_ROUND) -> Published:
        """Write some parts of archives that are not as they should be: what can wait until feeds are out."""
        return _counted(done, self.builder.archive(limit))

    def rebuild(self) -> Published:
        """Render every feed again, each file parsed whole; files whose bytes are the same are not touched."""
        return _counted(None, self.builder.rebuild(self.setup.targets))

    # ------------------------------------------------------------ delivering

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        """Lease what is due, for so many free workers."""
        return self.ledger.deliveries.claim(self.setup.targets, self.now(), limit, self.silent())

    def next_due(self) -> datetime | None:
        """When there may be something to claim."""
        return self.ledger.deliveries.next_due(self.setup.targets, self.now(), self.silent())

    def silent(self) -> dict[str, datetime]:
        """The targets whose quiet hours it is, and when each may speak again."""
        return silent(self.setup.targets, self.now(), self.setup.site.zone)

    def put_back(self, claimed: Delivery) -> None:
        """Give back what was claimed and not begun."""
        target = self.setup.targets.get(claimed.target)
        if target is not None:
            with suppress(Superseded):
                self.ledger.deliveries.put_back(claimed, target, self.now())

    def deliver(self, claimed: Delivery, heard: Callable[[], object] = lambda: None) -> Delivery | None:
        """Say (or correct, retract, look for) one claimed delivery. None if somebody else has it by now.

        `heard` is called when the other side has answered, or will not: all that is left is to write it down.
        """
        target = self.setup.targets.get(claimed.target)
        if target is None:
            return None
        try:
            return self._converse(claimed, target, heard)
        except Superseded as error:
            log.info("delivery_superseded", target=claimed.target, delivery=claimed.id, why=str(error))
            return None

    def _converse(self, claimed: Delivery, configured: Network, heard: Callable[[], object]) -> Delivery:
        memory = self._learned(configured)
        target = configured.knowing(memory)
        doubt = claimed.doubt_since is not None
        context = Context(self.now(), memory, doubted=doubt)
        way = way_out(claimed, target, self.now()) if doubt else None  # it may have been claimed a while ago
        if self.door.closed or way is WayOut.STOP:
            return self.ledger.deliveries.put_back(claimed, target, self.now())
        if claimed.frozen is not None and way is WayOut.FIND:
            return self._settle(claimed, target, self._say(target, target.find(claimed.frozen, context), heard))
        try:
            notice = claimed.frozen if doubt and claimed.frozen is not None else self._compose(claimed, target)
        except ComposeError as error:
            return self._settle(claimed, target, Refused(str(error)))
        if claimed.wanted is not None and silent({target.name: target}, self.now(), self.setup.site.zone):
            return self.ledger.deliveries.put_back(claimed, target, self.now())
        anew = notice.action is Action.RETRACT and claimed.wanted is not None
        owed = bill(target, notice, self.now(), self.setup.site.zone, anew=anew)
        started = self.ledger.deliveries.start(claimed, notice, target, self.now(), owed)
        if started.state is not State.SENDING:
            self._tell_waiting(started)
            return started
        outcome = self._say(target, _conversation(target, notice, context), heard)
        return self._settle(started, target, outcome, owed if in_one_step(notice) else None)

    def _learned(self, target: Network) -> Mapping[str, str]:
        """Read what a target remembers, after it has asked its server for what it allows, if it is time to."""
        memory = self.ledger.targets.memory(target.name)
        question = target.learn(Context(self.now(), memory))
        if question is None:
            return memory
        self._say(target, question)
        return self.ledger.targets.memory(target.name)

    def _compose(self, claimed: Delivery, target: Network) -> Notice:
        """Write what is true now of the article, or the feed, that it is about."""
        action = action_of(claimed, target)
        if action is None:
            raise Superseded("there is nothing left to say")
        if claimed.article is None:
            return self._compose_feed(claimed, action, target)
        written, categories = self.ledger.articles.subject(claimed.article)
        article = written.article
        if action is Action.ANNOUNCE and not article.announce and not _said_before(claimed, target):
            # The author said so while nobody knew what stood there.
            unwanted = Edited(written.revision, announce=False)
            self.ledger.deliveries.tell([claimed.id], unwanted, {target.name: target}, self.now())
            raise Superseded(NOT_ANNOUNCED)

        def composed(action: Action) -> Notice:
            return compose(
                article,
                target,
                action=action,
                revision=written.revision,
                key=key_of(article.guid, target.name, action, written.revision, retractions=claimed.retractions),
                now=self.now(),
                categories=categories,
                site=self.setup.site,
                remote_id=claimed.remote_id,
                also=claimed.also,
                said_instead=claimed.words,
            )

        if action is Action.RETRACT and claimed.wanted is not None:
            composed(Action.ANNOUNCE)  # raises: nothing is deleted that could not be said better
        return composed(action)

    def _compose_feed(self, claimed: Delivery, action: Action, target: Network) -> Notice:
        address = claimed.feed or ""
        spec, version = self.builder.spec(address), self.ledger.feeds.version(address)
        if spec is None or version is None:
            raise ComposeError(f"there is no feed {address} any more")
        feeds = self.setup.feeds
        return compose_feed(
            address,
            target,
            title=spec.title,
            files=[feed_url(feeds.base_url, address, ending) for ending in dict.fromkeys(feeds.formats)],
            link=ascii_url(self.setup.site.url),
            language=self.setup.site.language,
            action=action,
            revision=version,
            key=key_of(address, target.name, action, version),
            now=self.now(),
        )

    def _say(self, target: Network, conversation: Conversation, heard: Callable[[], object] = lambda: None) -> Outcome:
        def remember(key: str, value: str) -> None:
            self.ledger.targets.remember(target.name, key, value)

        try:
            outcome = self.door.converse(
                conversation, remember, timeout=target.timeout, allow_private=target.allow_private
            )
        except Exception as error:  # noqa: BLE001 - one target's fault must not end the others'
            log.error("conversation_failed", target=target.name, error=type(error).__name__, at=place(error))
            return Doubt("feedpub itself failed in this conversation: see the log, and please report it")
        finally:
            heard()
        # What a network calls a post is hostile until cleaned, like everything it says.
        return Said(clean.line(outcome.id), clean.url(outcome.url)) if isinstance(outcome, Said) else outcome

    def _settle(self, held: Delivery, target: Network, outcome: Outcome, paid: Bill | None = None) -> Delivery:
        """Write the answer down; it is worth some patience, for to lose it is to doubt."""
        action = held.frozen.action if held.frozen is not None else Action.ANNOUNCE
        rules = self.setup.targets.get(target.name, target)  # as they are by now
        waits = iter(_PERSIST_WAITS)
        while True:
            try:
                now = self.now()
                spoken = self.ledger.deliveries.spoken(target.name, windows(rules), now, besides=held.id)
                rests = partial(rest_after, outcome, action, held.attempts, target=rules, now=now, spoken=spoken)
                settled, rest = self.ledger.deliveries.settle(held, outcome, rests, target, now, paid)
            except Superseded:
                raise
            except LedgerError:
                if (wait := next(waits, None)) is None:
                    raise
                time.sleep(wait)
            else:
                self._tell_outcome(settled, outcome)
                if rest.paused:
                    log.error("target_paused", target=target.name, why=rest.paused)
                return settled

    def _about(self, delivery: Delivery) -> dict[str, str | None]:
        if delivery.article is None:
            return {"feed": delivery.feed}
        return {"article": self.ledger.articles.id_of(delivery.article)}

    def _tell_waiting(self, unpaid: Delivery) -> None:
        log.warning(
            "budget_spent", target=unpaid.target, **self._about(unpaid), state=str(unpaid.state), why=unpaid.reason
        )

    def _tell_outcome(self, delivery: Delivery, outcome: Outcome) -> None:
        well = delivery.state in {State.SENT, State.SKIPPED, State.DUE} and not isinstance(outcome, Refused)
        (log.info if well else log.error)(
            "delivery",
            target=delivery.target,
            **self._about(delivery),
            state=str(delivery.state),
            outcome=type(outcome).__name__.lower(),
            **({"why": delivery.reason} if delivery.reason else {}),
        )

    # ------------------------------------------------------------ small things

    def _categories(self, store: str, batch: Batch) -> tuple[Category, ...]:
        known = self.ledger.articles.categories()
        if batch.categories is None:
            return known
        return (*(one for one in known if one.store != store), *batch.categories)


def _feeds_plan(setup: Setup) -> Plan:
    def hubs(address: str) -> tuple[str, ...]:
        heard = (one for one in setup.targets.values() if isinstance(one, WebSub) and one.hears(address))
        return tuple(dict.fromkeys(one.hub_url for one in heard))

    return Plan(setup.site, setup.feeds, hubs)


def _counted(done: Published | None, built: Built) -> Published:
    done = done or Published()
    done.feeds += built.feeds
    done.files += built.files
    done.parts += built.parts
    return done


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


def _said_before(claimed: Delivery, target: Network) -> bool:
    """Whether an author's no comes too late: a person wants it said, or it was only deleted to be said better."""
    return claimed.expires_at is None or (claimed.retractions > 0 and target.correct_by == "repost")


def _conversation(target: Network, notice: Notice, context: Context) -> Conversation:
    """Begin only when it is carried out: what fails in a network's own code fails there."""
    if notice.action is Action.RETRACT:
        return (yield from _retraction(target, notice, context))
    say = {Action.ANNOUNCE: target.announce, Action.CORRECT: target.correct, Action.REPLY: target.reply}
    return (yield from say[notice.action](notice, context))


def _retraction(target: Network, notice: Notice, context: Context) -> Conversation:
    """Take back everything that stands there of a subject; where one step fails, all are done again: it is harmless."""
    standing = (notice.remote_id, *notice.also)
    outcome: Outcome = Said(notice.remote_id)
    for one in standing if any(standing) else ("",):
        if one or not any(standing):
            outcome = yield from target.retract(replace(notice, remote_id=one), context)
        if not isinstance(outcome, Said):
            break
    return outcome


def _extra(state: StoreState, **fields: object) -> Record:
    """A record that moves no cursor."""
    return Record(state.name, state.cursor, state.cursor, live=state.live, **fields)  # type: ignore[arg-type]


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


def _tell_owed(owed: Sequence[Owed]) -> None:
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


def _count_owed(done: Published, owed: Sequence[Owed]) -> None:
    for target, count in news_by_target(owed).items():
        done.news[target] = done.news.get(target, 0) + count
    skipped = sum(one.state is State.SKIPPED for one in owed)
    done.owed += len(owed) - skipped
    done.skipped += skipped


def _shown(done: Published) -> dict[str, object]:
    fields = (
        "new",
        "edited",
        "restored",
        "withdrawn",
        "quarantined",
        "baseline",
        "owed",
        "skipped",
        "feeds",
        "files",
        "parts",
    )
    return {name: getattr(done, name) for name in fields}
