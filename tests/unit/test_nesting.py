from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from feedpub.feeds.catalog import FeedSpec
from feedpub.feeds.nesting import DEEPEST, Nested, nest


def feed(name: str, *sources: str) -> FeedSpec:
    return FeedSpec(
        f"category/{name}", "category", name, frozenset(f"category:blog:{source}" for source in sources), name
    )


def shape(nested: Iterable[Nested]) -> list[object]:
    """Names, each with those inside it."""
    return [[one.spec.label, *shape(one.within)] for one in nested]


def every(nested: Iterable[Nested]) -> Iterable[Nested]:
    for one in nested:
        yield one
        yield from every(one.within)


def depth(nested: Iterable[Nested]) -> int:
    return max((1 + depth(one.within) for one in nested), default=0)


def test_a_child_stands_in_the_nearest_feed_that_carries_it() -> None:
    feeds = [feed("child", "3"), feed("world", "1", "2", "3"), feed("other", "4"), feed("us", "2", "3")]
    assert shape(nest(feeds)) == [["world", ["us", ["child"]]], ["other"]]


def test_feeds_that_carry_the_same_stand_side_by_side() -> None:
    assert shape(nest([feed("a", "1"), feed("b", "1"), feed("c")])) == [["a"], ["b"], ["c"]]


def test_what_lies_too_deep_to_show_stands_side_by_side() -> None:
    feeds = [feed(str(n), *map(str, range(n, 3000))) for n in range(2900, 3000)]
    assert depth(nest(feeds)) == DEEPEST
    assert len(list(every(nest(feeds)))) == len(feeds)


@given(st.lists(st.frozensets(st.sampled_from("123456"), max_size=5), max_size=12))
def test_every_feed_is_there_once_and_inside_a_wider_one(carried: list[frozenset[str]]) -> None:
    feeds = [feed(str(number), *sources) for number, sources in enumerate(carried)]
    nested = list(every(nest(feeds)))
    assert sorted(one.spec.address for one in nested) == sorted(spec.address for spec in feeds)
    assert all(inner.spec.sources < outer.spec.sources for outer in nested for inner in outer.within)
