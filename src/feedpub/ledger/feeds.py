"""Which feeds exist, which must be rebuilt, and what they carry. One transaction per method; decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from feedpub.feeds.catalog import Named
from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.fragments import Fresh, save
from feedpub.ledger.leftovers import abandon_pages, keep_pages
from feedpub.ledger.moving import locked, tell_of_feed
from feedpub.ledger.moving import save as save_delivery
from feedpub.ledger.parts import drop_parts, end_of, files_follow, soil_parts, soil_parts_of
from feedpub.ledger.rows import LIVE, RENDER, article_of, chunks, comment_of, delivery_of, hold_seq, next_seq
from feedpub.ledger.selecting import EntryRef, newest, of_feed, tombstones, unsealed
from feedpub.model import EPOCH, Article, Comment, State, Target
from feedpub.notices.lifecycle import FEEDS, FeedsOut, step
from feedpub.terms import AUTHOR, COMMENT, TAG, Term

TOMBSTONES = 200
"""As many as a feed tells at most, the newest: a mass withdrawal must not fill it."""


_COMMENTS = "comments"
"""The kind of the feed that carries what readers say."""
_UNWRITTEN = "unwritten_since"
"""The counter that holds a moment, in microseconds."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed as the ledger knows it.

    `sources`: what has one of these terms is carried, `skips`: what has one of these is not; `owner`: the terms it
    stands for, and `wish`: the name it would have if it were alone; `digest`: all else that its bytes depend on;
    `paths`: its files, below the output directory; `archived`: whether it has an archive.
    """

    address: str
    kind: str
    wish: str
    owner: frozenset[Term]
    digest: str
    sources: frozenset[Term]
    skips: frozenset[Term]
    paths: tuple[str, ...]
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Dirty:
    """A feed to be rebuilt, and the seq that the rebuilding answers for."""

    address: str
    seq: int


@dataclass(frozen=True, slots=True)
class Window:
    """What a subscription document carries: entries, newest first; guids withdrawn of late; sealed parts behind it."""

    entries: tuple[EntryRef, ...]
    tombstones: tuple[tuple[str, datetime], ...]
    parts: int
    unsealed: frozenset[int]
    """Keys of those that should be in an archive, and are in no sealed part of it."""


class Feeds:
    """The feeds' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # ------------------------------------------------------------ which there are

    def sync(self, feeds: Sequence[FeedRow]) -> None:
        """Make the feeds those given; new and changed ones become dirty.

        One that takes over from another with the same owner takes over its archive too.
        """
        with self._database.write(leading=True) as connection:
            have = {row.address: row for row in connection.execute(select(schema.feed))}
            sources = _sources(connection)
            changed = [
                one for one in feeds if _differs(one, have.get(one.address), sources.get(one.address, frozenset()))
            ]
            removed = sorted(have.keys() - {one.address for one in feeds})
            if not changed and not removed:
                return
            seq = next_seq(connection)
            with files_follow(connection, [*removed, *(one.address for one in changed)]):
                _replace(connection, changed, have, seq)
                _retire(connection, [have[address] for address in removed], feeds, set(have))
                soil_parts_of(connection, [one.address for one in changed], seq)
                drop_parts(connection, [one.address for one in changed if not one.archived])

    def names(self) -> tuple[Named, ...]:
        """Every address that a feed has or had, and whom it stands for."""
        with self._database.read() as connection:
            found = [
                Named(row.address, row.wish, frozenset(json.loads(row.owner)), live)
                for table, live in ((schema.feed, True), (schema.former, False))
                for row in connection.execute(select(table.c.address, table.c.wish, table.c.owner))
            ]
        return tuple(sorted(found, key=lambda one: one.address))

    def labels(self, kind: str) -> tuple[tuple[Term, str], ...]:
        """The tags or the authors ever seen (`kind`: terms.TAG or AUTHOR), with what people call them."""
        if kind not in {TAG, AUTHOR}:
            raise ValueError(kind)
        one = schema.term.c
        with self._database.read() as connection:
            # By its beginning, not by its place in an order: a database may sort as people of its country do.
            rows = connection.execute(select(one.term, one.name).where(one.term.startswith(kind)))
            return tuple(sorted((row.term, row.name) for row in rows))

    def has_comments(self) -> bool:
        """Whether any store ever told of a comment."""
        with self._database.read() as connection:
            return connection.execute(select(schema.comment.c.pk).limit(1)).first() is not None

    def dirty(self) -> tuple[Dirty, ...]:
        """Feeds to be rebuilt."""
        one = schema.feed.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(one.address, one.dirty_seq).where(one.built_seq < one.dirty_seq).order_by(one.address)
            )
            return tuple(Dirty(row.address, row.dirty_seq) for row in rows)

    def version(self, address: str) -> int | None:
        """The seq at which a feed's bytes last changed; None if there is no such feed any more."""
        one = schema.feed.c
        with self._database.read() as connection:
            return connection.execute(select(one.version).where(one.address == address)).scalar()

    def paths(self) -> dict[str, tuple[str, ...]]:
        """The files of each feed, by address."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.feed.c.address, schema.feed.c.paths))
            return {row.address: tuple(json.loads(row.paths)) for row in rows}

    def carried(self, addresses: Sequence[str], limit: int) -> dict[str, int]:
        """How many entries each of these feeds carries, counted no further than to `limit`."""
        with self._database.read() as connection:
            kinds = select(schema.feed.c.address, schema.feed.c.kind).where(schema.feed.c.address.in_(list(addresses)))
            return {
                row.address: _commented_count(connection, limit)
                if row.kind == _COMMENTS
                else len(newest(connection, *of_feed(connection, row.address), limit))
                for row in connection.execute(kinds).all()
            }

    def latest(self) -> dict[str, str]:
        """The newest headlines of each feed, by address, as `published` was given them."""
        with self._database.read() as connection:
            return {
                row.address: row.latest
                for row in connection.execute(select(schema.feed.c.address, schema.feed.c.latest))
            }

    # ------------------------------------------------------------ what they carry

    def window(self, address: str, limit: int, *, archived: bool) -> Window:
        """Say what the subscription document of a feed carries: the newest, and all that its archive does not have."""
        with self._database.read() as connection:
            terms, skips = of_feed(connection, address)
            parts, last = end_of(connection, address)
            loose = unsealed(connection, terms, skips, last) if archived else []
            found = {one.key: one for one in (*newest(connection, terms, skips, limit), *loose)}
            ordered = sorted(found.values(), key=lambda one: (one.published, one.guid), reverse=True)
            gone = tombstones(connection, terms, skips, TOMBSTONES)
        return Window(tuple(ordered), tuple(gone), parts, frozenset(one.key for one in loose))

    def entries(self, address: str, limit: int) -> tuple[Article, ...]:
        """The newest articles of a feed, newest first, ties by guid."""
        with self._database.read() as connection:
            terms, skips = of_feed(connection, address)
            keys = [one.key for one in newest(connection, terms, skips, limit)]
            bodies = _bodies(connection, keys)
        return tuple(bodies[key][0] for key in keys)

    def bodies(self, keys: Sequence[int]) -> dict[int, tuple[Article, int]]:
        """The articles with these keys, and how many comments feeds tell of."""
        with self._database.read() as connection:
            return _bodies(connection, keys)

    def comments(self, limit: int) -> tuple[tuple[Comment, Article, bool], ...]:
        """The newest comments of live articles, each with its article, and whether its parent is there."""
        one, article = schema.comment.c, schema.article.c
        parent = schema.comment.alias("parent")
        with self._database.read() as connection:
            # Comment by comment: in a join SQLite would begin with all articles that are live.
            of = (article.store == one.store) & (article.id == one.article)
            about = select(article.body).where(of).scalar_subquery()
            rows = connection.execute(
                select(one.body.label("said"), about.label("about"))
                .where(exists().where(of, article.state == LIVE))
                .order_by(one.published.desc(), one.pk.desc())
                .limit(limit)
            ).all()
            found = [(comment_of(row.said), article_of(row.about)) for row in rows]
            there = {
                (row.store, row.id)
                for some in chunks([comment.parent for comment, _ in found if comment.parent])
                for row in connection.execute(select(parent.c.store, parent.c.id).where(parent.c.id.in_(some)))
            }
        return tuple((said, about, (said.store, said.parent) in there) for said, about in found)

    def windows(self, store: str, limit: int) -> frozenset[str]:
        """The ids of a store's articles that a reader can see in some feed now."""
        with self._database.read() as connection:
            addresses = connection.execute(select(schema.feed.c.address)).scalars().all()
            keys = {
                one.key for address in addresses for one in newest(connection, *of_feed(connection, address), limit)
            }
            one = schema.article.c
            return frozenset(
                row.id
                for some in chunks(sorted(keys))
                for row in connection.execute(select(one.id, one.store).where(one.pk.in_(some)))
                if row.store == store
            )

    # ------------------------------------------------------------ being built

    def soil(self, addresses: Iterable[str] | None = None) -> None:
        """Have these feeds (None: all, with their archives) rebuilt, though nothing changed."""
        with self._database.write() as connection:
            soil_feeds(connection, addresses)

    def published(
        self,
        address: str,
        seq: int,
        targets: Mapping[str, Target],
        now: datetime,
        *,
        etag: str = "",
        latest: str = "[]",
        fresh: Sequence[Fresh] = (),
    ) -> bool:
        """The feed is out as of `seq`; what waited for it alone falls due. Tells whether its headlines are new.

        `etag`: a digest of its bytes; `latest`: its newest headlines, JSON; `fresh`: fragments that
        were rendered for it.

        Whoever wrote the files after another took over the lead has them written once more: they may be older.
        """
        with self._database.write() as connection:
            if not self._database.leads_still(connection):
                soil_feeds(connection, [address])
                return False
            hold_seq(connection)
            feed = schema.feed.c
            facts = select(feed.etag, feed.version, feed.latest)
            before = connection.execute(facts.where(feed.address == address)).first()
            if before is None:
                return False
            version = before.version if etag == before.etag else seq
            connection.execute(
                update(schema.feed)
                .where((feed.address == address) & (feed.built_seq < seq))
                .values(built_seq=seq, latest=latest, version=version, etag=etag)
            )
            if before.etag and version != before.version:  # the first version of all is no news
                tell_of_feed(connection, address, version, targets, now)
            save(connection, fresh)
            free_held(connection, targets, now)
            return bool(before.latest != latest)

    def free(self, targets: Mapping[str, Target], now: datetime) -> None:
        """Let fall due whatever waits for feeds that are out."""
        with self._database.write() as connection:
            hold_seq(connection)
            free_held(connection, targets, now)

    def note_unwritten(self, since: datetime | None) -> None:
        """Remember that something cannot be written, since when at the latest; None: nothing is left unwritten."""
        counter = schema.counter.c
        with self._database.write(leading=True) as connection:
            there = connection.execute(select(counter.value).where(counter.name == _UNWRITTEN)).first()
            if since is None:
                connection.execute(delete(schema.counter).where(counter.name == _UNWRITTEN))
            elif there is None:
                value = (since - EPOCH) // timedelta(microseconds=1)
                connection.execute(insert(schema.counter).values(name=_UNWRITTEN, value=value))

    def unwritten_since(self) -> datetime | None:
        """Since when something cannot be written; None if nothing is known to be left unwritten."""
        counter = schema.counter.c
        with self._database.read() as connection:
            value = connection.execute(select(counter.value).where(counter.name == _UNWRITTEN)).scalar()
        return None if value is None else EPOCH + timedelta(microseconds=value)

    def judge(self, unfit: Mapping[int, str], fit: Iterable[int], now: datetime) -> None:
        """Keep out the articles that cannot be rendered, with the reason; those that can be again are let in."""
        article, kept_out = schema.article.c, schema.quarantine
        let_in = list(fit)
        with self._database.write(leading=True) as connection:
            hold_seq(connection)
            abandon_pages(connection, list(unfit))
            keep_pages(connection, let_in)
            for some in chunks([*unfit, *let_in]):
                rows = connection.execute(
                    select(article.pk, article.store, article.id, article.fingerprint).where(article.pk.in_(some))
                ).all()
                for row in rows:
                    here = (kept_out.c.store == row.store) & (kept_out.c.id == row.id)
                    connection.execute(delete(kept_out).where(here & (kept_out.c.stage == RENDER)))
                    clean_too = connection.execute(select(kept_out.c.id).where(here)).first()
                    if row.pk in unfit and not clean_too:
                        connection.execute(
                            insert(kept_out).values(
                                store=row.store, id=row.id, fingerprint=row.fingerprint, reason=unfit[row.pk],
                                stage=RENDER, at=now,
                            )
                        )  # fmt: skip

    def unfit(self, keys: Sequence[int]) -> frozenset[int]:
        """Which of these articles are kept out because they cannot be rendered."""
        article, kept_out = schema.article.c, schema.quarantine.c
        with self._database.read() as connection:
            return frozenset(
                key
                for some in chunks(keys)
                for key in connection.execute(
                    select(article.pk)
                    .join(schema.quarantine, (kept_out.store == article.store) & (kept_out.id == article.id))
                    .where(article.pk.in_(some), kept_out.stage == RENDER)
                ).scalars()
            )


# ---------------------------------------------------------------- inside other transactions


def soil(connection: Connection, keys: Sequence[int], seq: int) -> None:
    """Mark every feed that carries one of these articles, and the parts of archives that they are in."""
    member = schema.membership.c
    for some in chunks(keys):
        terms = connection.execute(select(member.term).where(member.article.in_(some)).distinct()).scalars().all()
        # What is said about an article stands in a feed with its title, as long as it is public.
        soil_terms(connection, [*terms, *([COMMENT] if _commented(connection, some) else [])], seq)
        soil_parts(connection, some, seq)


def soil_all(connection: Connection, seq: int) -> None:
    """Mark every feed, and all parts of archives."""
    for table in (schema.feed, schema.part):
        connection.execute(update(table).values(dirty_seq=seq))


def soil_feeds(connection: Connection, addresses: Iterable[str] | None = None) -> None:
    """Mark these feeds; None: all, with their archives."""
    seq = next_seq(connection)
    if addresses is None:
        soil_all(connection, seq)
    else:
        there = schema.feed.c.address.in_(list(addresses))
        connection.execute(update(schema.feed).where(there).values(dirty_seq=seq))


def soil_terms(connection: Connection, terms: Sequence[Term], seq: int) -> None:
    """Mark every feed that has one of these terms for a source."""
    source = schema.feed_source.c
    for some in chunks(terms):
        touched = schema.feed.c.address.in_(select(source.feed).where(source.term.in_(some)))
        connection.execute(update(schema.feed).where(touched).values(dirty_seq=seq))


def free_held(connection: Connection, targets: Mapping[str, Target], now: datetime, *, only: int | None = None) -> None:
    """Move each delivery (or `only` this) that waits for feeds, if all that carry its article are out, and it is well.

    No other delivery is locked: who has one of those waits for nobody here.
    """
    article, feed, delivery = schema.article.c, schema.feed.c, schema.delivery.c
    member, source = schema.membership.c, schema.feed_source.c
    behind = (
        exists()
        .where(
            (feed.built_seq < feed.dirty_seq)
            & (feed.built_seq < article.seq)
            & (source.feed == feed.address)
            & (member.term == source.term)
            & (member.article == article.pk)
        )
        .correlate(schema.article)
    )
    ill = (
        exists()
        .where((schema.quarantine.c.store == article.store) & (schema.quarantine.c.id == article.id))
        .correlate(schema.article)
    )
    waiting = (delivery.state == State.HELD) & (delivery.held_by == FEEDS) & (article.state == LIVE)
    if only is not None:
        waiting &= delivery.id == only
    ready = select(schema.delivery).join(schema.article, article.pk == delivery.article).where(waiting, ~behind, ~ill)
    for held in map(delivery_of, connection.execute(locked(ready)).all()):
        if held.target in targets:
            save_delivery(connection, held, step(held, FeedsOut(), targets[held.target], now))


def expire_tombstones(connection: Connection, before: datetime, seq: int) -> int:
    """Forget what was withdrawn before a moment: feeds tell of it no more. Returns how many."""
    member = schema.membership.c
    keys = sorted(set(connection.execute(select(member.article).where(member.gone_at <= before)).scalars()))
    soil(connection, keys, seq)
    connection.execute(delete(schema.membership).where(member.gone_at <= before))
    return len(keys)


# ---------------------------------------------------------------- small things


def _bodies(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[Article, int]]:
    one = schema.article.c
    return {
        row.pk: (article_of(row.body), row.comments)
        for some in chunks(keys)
        for row in connection.execute(select(one.pk, one.body, one.comments).where(one.pk.in_(some)))
    }


def _commented_count(connection: Connection, limit: int) -> int:
    """How many comments of live articles there are, counted no further than to `limit`."""
    one, article = schema.comment.c, schema.article.c
    public = exists().where((article.store == one.store) & (article.id == one.article), article.state == LIVE)
    some = select(one.pk).where(public).order_by(one.published.desc(), one.pk.desc()).limit(limit).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _commented(connection: Connection, keys: Sequence[int]) -> bool:
    one, article = schema.comment.c, schema.article.c
    said = select(one.pk).join(schema.article, (article.store == one.store) & (article.id == one.article))
    return connection.execute(said.where(article.pk.in_(keys)).limit(1)).first() is not None


def _terms_of(feed: FeedRow) -> frozenset[tuple[Term, bool]]:
    return frozenset([(term, False) for term in feed.sources] + [(term, True) for term in feed.skips - feed.sources])


def _differs(feed: FeedRow, row: object, terms: frozenset[tuple[Term, bool]] | None) -> bool:
    return getattr(row, "digest", None) != feed.digest or (terms or frozenset()) != _terms_of(feed)


def _sources(connection: Connection) -> dict[str, frozenset[tuple[Term, bool]]]:
    found: dict[str, set[tuple[Term, bool]]] = {}
    for row in connection.execute(select(schema.feed_source)):
        found.setdefault(row.feed, set()).add((row.term, row.skip))
    return {address: frozenset(terms) for address, terms in found.items()}


def _replace(connection: Connection, changed: Sequence[FeedRow], have: Mapping[str, object], seq: int) -> None:
    former = schema.former.c
    etags: dict[str, str] = {}
    for some in chunks([one.address for one in changed]):
        connection.execute(delete(schema.feed_source).where(schema.feed_source.c.feed.in_(some)))
        # One that comes back goes on where it was: whoever still reads it hears of what is new.
        stood = connection.execute(select(former.address, former.etag).where(former.address.in_(some)))
        etags |= {row.address: row.etag for row in stood}
        connection.execute(delete(schema.former).where(former.address.in_(some)))
    for one in changed:
        fields = {
            "kind": one.kind,
            "wish": one.wish,
            "owner": json.dumps(sorted(one.owner)),
            "digest": one.digest,
            "dirty_seq": seq,
            "paths": json.dumps(one.paths),
        }
        if one.address in have:
            connection.execute(update(schema.feed).where(schema.feed.c.address == one.address).values(**fields))
        else:
            etag = etags.get(one.address, "")
            connection.execute(
                insert(schema.feed).values(
                    address=one.address, built_seq=0, version=0, etag=etag, latest="[]", **fields
                )
            )
        rows = [{"feed": one.address, "term": term, "skip": skip} for term, skip in sorted(_terms_of(one))]
        if rows:
            connection.execute(insert(schema.feed_source), rows)


def _retire(connection: Connection, rows: Sequence[object], feeds: Sequence[FeedRow], had: set[str]) -> None:
    """Remove feeds; their addresses are remembered, and an archive goes to a newcomer with the same owner."""
    heirs = {term: one.address for one in feeds if one.address not in had for term in one.owner}
    for row in rows:
        address, owner = row.address, json.loads(row.owner)  # type: ignore[attr-defined]  # a row of `feed`
        facts = {name: getattr(row, name) for name in ("address", "wish", "owner", "etag")}
        connection.execute(insert(schema.former).values(**facts))
        heir = next((heirs[term] for term in owner if term in heirs), None)
        if heir is not None:
            taken = exists().where(schema.part.alias("other").c.feed == heir)
            connection.execute(update(schema.part).where((schema.part.c.feed == address) & ~taken).values(feed=heir))
        connection.execute(delete(schema.feed).where(schema.feed.c.address == address))
