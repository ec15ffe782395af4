"""What a batch or a census changes, judged by fingerprints of the raw rows."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.changes import (
    GONE,
    MISSED,
    PRESENT,
    SKIPPED,
    UNCLAIMED,
    Change,
    Known,
    claims,
    compare,
    diff,
    fingerprint,
    headline,
    strangers,
    too_many_gone,
    without,
)
from feedpub.clean import is_made
from feedpub.model import Batch, Census, Image, Link, RawArticle

RAW = RawArticle(
    id="1", guid="g1", url="https://news.test/1", title="見出し", content="<p>本文</p>", updated="2026-04-01"
)


def known(raw: RawArticle, **changed: object) -> Known:
    return replace(Known(raw.id, fingerprint(raw), headline(raw), revision=3, guid="g"), **changed)  # type: ignore[arg-type]


def batch(*articles: RawArticle, gone: tuple[str, ...] = ()) -> Batch:
    return Batch(articles, cursor="1", gone=gone)


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1
    return changes[0]


def test_an_unseen_row_is_new() -> None:
    change = only(diff({}, batch(RAW)).new)
    assert (change.raw, change.revision, change.guid) == (RAW, 1, "")


def test_a_fingerprint_is_for_ever() -> None:
    """If it were another after an upgrade, every article would count as edited."""
    images, links = (
        (Image("https://news.test/1.jpg", "絵", "海自", "CC0"),),
        (Link("via", "https://source.test/", "出典"),),
    )
    whole = replace(RAW, images=images, links=links, tags=("F-35", "\ud800"), announce=False)
    assert fingerprint(whole) == "d7173566c92acd10d0191428c100bd07d2c19be72d2f1f022d9241536866d525"
    assert fingerprint(replace(whole, updated="2026-05-01")) == fingerprint(whole)


def test_the_same_row_again_is_nothing() -> None:
    assert diff({"1": known(RAW)}, batch(RAW, RAW)) == diff({}, batch())


def test_an_edit_of_the_text_keeps_the_revision_of_the_headline() -> None:
    change = only(diff({"1": known(RAW)}, batch(replace(RAW, content="<p>追記</p>"))).edited)
    assert (change.revision, change.guid) == (3, "g")


def test_an_edit_of_the_headline_raises_its_revision() -> None:
    for edit in ({"title": "訂正"}, {"url": "https://news.test/one"}, {"notice": "著者の言葉"}):
        assert only(diff({"1": known(RAW)}, batch(replace(RAW, **edit))).edited).revision == 4  # type: ignore[arg-type]


def test_the_text_of_a_brief_is_its_headline() -> None:
    brief = replace(RAW, title="")
    assert only(diff({"1": known(brief)}, batch(replace(brief, content="<p>改</p>"))).edited).revision == 4


def test_a_mass_re_stamp_changes_nothing() -> None:
    assert diff({"1": known(RAW)}, batch(replace(RAW, updated="2026-11-23"))) == diff({}, batch())


def test_a_row_given_twice_counts_as_it_was_given_last() -> None:
    assert only(diff({}, batch(RAW, replace(RAW, title="後"))).new).raw.title == "後"


def test_one_that_was_only_ever_quarantined_is_still_new() -> None:
    kept_out = Known("1", "fingerprint of a broken row", "", revision=0)
    assert only(diff({"1": kept_out}, batch(RAW)).new).revision == 1


def test_a_withdrawn_article_that_comes_back_is_restored_even_unchanged() -> None:
    assert only(diff({"1": known(RAW, withdrawn=True)}, batch(RAW)).restored).guid == "g"


def test_what_the_store_takes_away_is_gone_once() -> None:
    assert diff({"1": known(RAW)}, batch(gone=("1", "1", "never seen"))).gone == ("1",)
    assert diff({"1": known(RAW, withdrawn=True)}, batch(gone=("1",))).gone == ()


def test_what_a_census_missed_and_a_poll_shows_is_back() -> None:
    assert diff({"1": known(RAW, gone=MISSED)}, batch(RAW)).back == ("1",)


def test_a_row_read_again_for_better_rules_is_no_edit_and_keeps_its_revision() -> None:
    changes = diff({"1": known(RAW, headline="by an older rule", gone=MISSED)}, batch(RAW), reread=True)
    change = only(changes.recleaned)
    assert (change.raw, change.revision, change.guid, change.headline) == (RAW, 3, "g", headline(RAW))
    assert (changes.new, changes.edited, changes.back) == ((), (), ("1",))


def test_read_again_or_not_what_did_change_is_what_it_was() -> None:
    edit = replace(RAW, title="訂正")
    for before in ({}, {"1": known(RAW)}, {"1": known(edit, withdrawn=True)}):
        assert diff(before, batch(edit), reread=True) == diff(before, batch(edit))


def test_a_row_that_older_rules_kept_out_is_read_again_as_what_it_was_meant_to_be() -> None:
    never_seen = Known("1", fingerprint(RAW), "", revision=0, kept_out=True)
    assert only(diff({"1": never_seen}, batch(RAW), reread=True).new).revision == 1
    edit = replace(RAW, title="訂正")
    seen_before = known(edit, headline=headline(RAW), kept_out=True)
    assert only(diff({"1": seen_before}, batch(edit), reread=True).edited).revision == 4
    for before in (never_seen, seen_before):
        assert diff({"1": before}, batch(RAW if before is never_seen else edit)) == diff({}, batch())


def test_two_censuses_must_agree() -> None:
    nobody = Census(frozenset())
    assert compare([known(RAW)], nobody) == {"1": MISSED}
    assert compare([known(RAW, gone=MISSED)], nobody) == {"1": GONE}
    assert compare([known(RAW, gone=GONE)], nobody) == {}
    assert compare([known(RAW, gone=MISSED)], Census(frozenset({"1"}))) == {"1": PRESENT}


def test_a_census_speaks_only_of_what_it_covers() -> None:
    assert compare([known(RAW)], Census(frozenset(), covers=frozenset({"2"}))) == {}


def test_of_an_archive_that_is_all_there_a_census_keeps_nothing() -> None:
    ids = [f"{number}" for number in range(20_000)]
    census = Census(frozenset(ids))
    tracemalloc.start()
    assert compare((Known(id_, "", "", 1) for id_ in ids), census) == {}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000


@pytest.mark.parametrize(
    ("gone", "live", "many"),
    [(10, 50, False), (11, 50, True), (11, 200, False), (21, 200, True), (1, 1, False), (2, 2, True), (5, 5, True)],
)
def test_too_many_gone_is_over_the_limit_and_over_a_tenth_or_all(gone: int, live: int, many: bool) -> None:
    assert too_many_gone(gone, live, limit=10) is many


rows = st.builds(RawArticle, st.text(), st.text(), st.text(), st.text(), st.booleans(), st.text(), st.text())


@given(rows, rows)
def test_rows_have_one_fingerprint_exactly_when_they_say_the_same(one: RawArticle, other: RawArticle) -> None:
    same = all(
        getattr(one, each.name) == getattr(other, each.name) for each in fields(RawArticle) if each.name != "updated"
    )
    assert (fingerprint(one) == fingerprint(other)) is same


def test_a_lone_surrogate_has_a_fingerprint_too() -> None:
    assert fingerprint(replace(RAW, title="\ud83d")) != fingerprint(RAW)


# ---------------------------------------------------------------- another kind of store


def test_what_another_kind_of_store_left_is_taken_over_whatever_its_row_says() -> None:
    told = replace(RAW, title="別の書き方", url="https://news.test/one")
    change = only(diff({"1": known(RAW, gone=UNCLAIMED)}, batch(told)).adopted)
    assert (change.revision, change.guid, change.headline) == (3, "g", headline(told))
    assert diff({"1": known(RAW, gone=UNCLAIMED)}, batch(RAW)).adopted  # to be claimed
    assert only(diff({"1": known(RAW, gone=UNCLAIMED, withdrawn=True)}, batch(told)).restored).guid == "g"


def test_an_article_left_is_known_again_by_its_guid() -> None:
    left = {"g": replace(known(RAW, gone=UNCLAIMED), guid="g")}
    assert claims({"post-1": "g", "post-2": "other"}, {}, left) == {"1": "post-1"}
    assert claims({"1": "g"}, {"1": left["g"]}, left) == {}  # it has the id already


def test_of_two_rows_with_its_guid_the_first_is_the_article() -> None:
    left = {"g": replace(known(RAW, gone=UNCLAIMED), guid="g")}
    assert claims({"post-1": "g", "post-2": "g"}, {}, left) == {"1": "post-1"}


def test_who_is_met_already_is_nobody_else_whatever_guid_its_row_says() -> None:
    left = {"g": replace(known(RAW, gone=UNCLAIMED), guid="g")}
    met = known(replace(RAW, id="post-1"))
    assert claims({"post-1": "g"}, {"post-1": replace(met, guid="h")}, left) == {}
    assert claims({"post-1": "g"}, {"post-1": replace(met, guid="h", gone=UNCLAIMED)}, left) == {"1": "post-1"}
    assert claims({"post-1": "g"}, {"post-1": replace(met, guid="", kept_out=True)}, left) == {"1": "post-1"}


def test_an_id_decides_only_where_one_of_two_kinds_of_stores_tells_no_guid() -> None:
    left = known(RAW, gone=UNCLAIMED)
    made = "tag:news.test,2026:1"
    assert strangers({"1": "h"}, {"1": left}, is_made) == {"1"}
    assert strangers({"1": "g"}, {"1": left}, is_made) == frozenset()
    assert strangers({}, {"1": left}, is_made) == frozenset()  # the row tells none
    assert strangers({"1": "h"}, {"1": replace(left, guid=made)}, is_made) == frozenset()  # the other told none
    assert strangers({"1": "h"}, {"1": replace(left, gone=PRESENT)}, is_made) == frozenset()  # it is met already
    assert strangers({"1": "h"}, {"1": replace(left, guid="")}, is_made) == frozenset()  # nobody has seen it
    assert strangers({"12": "h"}, {"12": replace(left, id="12", guid=made)}, is_made) == {"12"}


def test_a_census_judges_neither_what_it_never_knew_nor_what_is_not_wanted() -> None:
    every = [replace(known(RAW), id=f"{level}", gone=level) for level in (UNCLAIMED, PRESENT, MISSED, GONE, SKIPPED)]
    assert compare(every, Census(frozenset())) == {"0": MISSED, "1": GONE}
    there = frozenset(one.id for one in every)
    assert compare(every, Census(there)) == {"1": PRESENT, "2": PRESENT}


# ---------------------------------------------------------------- tags that keep out


def test_tags_are_compared_as_people_read_them() -> None:
    given = batch(
        replace(RAW, id="1", tags=("ＮｏＦｅｅｄ",)), replace(RAW, id="2", tags=("F-35",)), replace(RAW, id="3")
    )
    kept, skipped = without(given, ("nofeed ",))
    assert ([raw.id for raw in kept.articles], skipped) == (["2", "3"], frozenset("1"))
    assert without(given, ("", " "))[0] is given


def test_of_a_row_given_twice_the_last_one_tells_its_tags() -> None:
    tagged = replace(RAW, tags=("nofeed",))
    assert without(batch(tagged, RAW), ("nofeed",))[1] == frozenset()
    assert without(batch(RAW, tagged), ("nofeed",)) == (batch(), frozenset("1"))
