"""Rows that changed -> articles to be recorded, and those that are kept out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from feedpub import clean
from feedpub.changes import Change, ChangeSet
from feedpub.house import House
from feedpub.ledger.recording import Quarantine, Written
from feedpub.model import Batch, Comment, Quarantined

log = structlog.get_logger("feedpub")


class Cleaner:
    """Makes articles and comments of what stores say; what cannot be read is told."""

    def __init__(self, house: House) -> None:
        """Work in a house."""
        self._house, self._ledger, self._now = house, house.ledger, house.now

    def articles(
        self, store: str, changes: ChangeSet, claimed: Mapping[str, str]
    ) -> tuple[tuple[Written, ...], tuple[Quarantine, ...]]:
        """Make each changed row an article, or say why not. A guid that another article has is a clash."""
        written: dict[str, Written] = {}
        quarantined: list[Quarantine] = []
        site, drop = self._house.setup.site, self._house.setup.feeds.drop
        judged = [
            (change, clean.article(change.raw, store=store, site=site, guid=change.guid, drop=drop))
            for change in (*changes.new, *changes.edited, *changes.restored, *changes.recleaned, *changes.adopted)
        ]
        judged = self._without_unchanged(store, changes, judged, claimed)
        articles = [result.article for _, result in judged if isinstance(result, clean.Cleaned)]
        goes_by = {(store, old): (store, new) for old, new in claimed.items()}
        there = self._ledger.articles.guid_owners([one.guid for one in articles])
        owners = {guid: goes_by.get(owner, owner) for guid, owner in there.items()}
        for change, result in judged:
            if isinstance(result, Quarantined):
                quarantined.append(self._keep_out(store, change, result))
                continue
            article = result.article
            owner = owners.get(article.guid, (store, article.id))
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
        self,
        store: str,
        changes: ChangeSet,
        judged: list[tuple[Change, clean.Cleaned | Quarantined]],
        claimed: Mapping[str, str],
    ) -> list[tuple[Change, clean.Cleaned | Quarantined]]:
        """Leave out what other rules make the same of; nor may they date a public article into the future.

        Nor may another kind of store: what it dates so is taken over as of when it came out.
        """
        adopted = {one.raw.id for one in changes.adopted}
        again = {one.raw.id for one in changes.recleaned} | adopted
        had = {new: old for old, new in claimed.items()}
        before, now = self._ledger.articles.bodies(store, {had.get(one, one) for one in again}), self._now()

        def dated(result: clean.Cleaned | Quarantined) -> clean.Cleaned | Quarantined | None:
            article = result.article if isinstance(result, clean.Cleaned) else None
            was = before.get(had.get(article.id, article.id)) if article is not None and article.id in again else None
            if article is None or was is None:
                return result
            ahead = was.published <= now < article.published
            if article.id not in adopted:
                return None if article == was or ahead else result
            return clean.Cleaned(replace(article, published=was.published), ()) if ahead else result

        return [(change, kept) for change, result in judged if (kept := dated(result)) is not None]

    def comments(self, store: str, batch: Batch, urls: Mapping[str, str]) -> tuple[Comment, ...]:
        """Clean what readers said; what cannot be read is left out, and told."""
        about = {raw.article for raw in batch.comments} - urls.keys()
        known = self._ledger.articles.bodies(store, about)
        urls = {**{id_: one.url for id_, one in known.items()}, **urls}
        cleaned = []
        for raw in batch.comments:
            result = clean.comment(raw, store=store, site=self._house.setup.site, article_url=urls.get(raw.article, ""))
            if isinstance(result, Quarantined):
                log.warning("comment_left_out", store=store, comment=result.id, why=result.reason)
            else:
                # Nobody comments in the future: a date still to come is a clock that is wrong.
                cleaned.append(replace(result, published=min(result.published, self._now())))
        return tuple(cleaned)

    def _keep_out(self, store: str, change: Change, why: Quarantined) -> Quarantine:
        log.warning("quarantined", store=store, article=why.id, why=why.reason)
        return Quarantine(why, change.fingerprint)
