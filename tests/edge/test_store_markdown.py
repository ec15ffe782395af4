"""A folder of Markdown files, with real files and a real git: what changed in it, however, and what only seems to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch, Quarantined, RawArticle
from feedpub.stores import MarkdownOptions
from feedpub.stores.markdown import tour
from feedpub.stores.markdown.store import MarkdownStore
from tests.edge.authors.markdown import opened as opened_for_author
from tests.edge.reading import batches
from tests.edge.test_store_contract import SITE, House
from tests.world import HOME

LONG_AGO = 1_760_000_000
"""A time at which no file is fresh any more."""


@dataclass
class Desk:
    """A folder, and somebody who reads it as the publisher does."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    store: MarkdownStore = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.restart()

    def restart(self) -> None:
        options = MarkdownOptions.model_validate({"name": "blog", "path": str(self.folder), **self.options})
        self.store = options.open(Door(), HOME)

    def after(self, *, seconds: int) -> None:
        """Let the store's clock go on: what was written lately was written long ago then."""
        before = self.store.clock
        self.store.clock = lambda: before() + seconds * 10**9

    def write(self, path: str, said: str = "", body: str = "本文", *, date: str = "2026-04-28T09:00:00+09:00") -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"---\ndate: {date}\n{said}\n---\n{body}\n", encoding="utf-8")
        return place

    def batches(self) -> list[Batch]:
        found: list[Batch] = []
        for batch in batches(self.store, self.cursor):
            self.cursor = batch.cursor
            found.append(batch)
        return found

    def read(self) -> dict[str, RawArticle]:
        """The articles that a poll brings, by id."""
        return {one.id: one for batch in self.batches() for one in batch.articles}

    def gone(self) -> list[str]:
        return [one for batch in self.batches() for one in batch.gone]

    def garbage(self) -> list[Quarantined]:
        return [one for batch in self.batches() for one in batch.garbage]

    def settle(self) -> None:
        """As if all files had been written long ago; what can be dated back is, and the rest is waited for."""
        for path in self.folder.rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "content")


# ---------------------------------------------------------------- one article


def test_a_file_is_an_article(desk: Desk) -> None:
    desk.write("posts/f35.md", "title: F-35の最新状況\ntags: [米空軍]\nimage: f35.jpg\nannounce: いいえ", "**本文**")
    (article,) = desk.read().values()
    assert article.id == "posts/f35.md"
    assert (article.title, article.url, article.content) == (
        "F-35の最新状況",
        "posts/f35/",
        "<p><strong>本文</strong></p>\n",
    )
    assert (article.tags, article.images[0].url, article.announce) == (("米空軍",), "/f35.jpg", False)


def test_categories_are_told_with_the_articles_that_are_in_them(desk: Desk) -> None:
    desk.write("a.md", "title: a\ncategories: [米国関連, [国内, 空港]]")
    (batch,) = desk.batches()
    assert batch.categories is not None
    assert {one.key: one.parent for one in batch.categories} == {"米国関連": None, "国内": None, "空港": "国内"}
    assert batch.articles[0].categories == ("米国関連", "国内", "空港")
    desk.write("b.md", "title: b\ncategories: 空港")
    (batch,) = desk.batches()
    assert batch.categories is None
    assert batch.articles[0].categories == ("空港",)


def test_addresses_begin_where_the_admin_says(desk: Desk) -> None:
    desk.options = {"url": "https://example.com/blog", "permalink": "/:year/:slug/"}
    desk.restart()
    desk.write("f35.md", "title: F-35\nimage: a.jpg")
    desk.write("bundle/index.md", "title: b\nimage: a.jpg")
    articles = desk.read()
    assert articles["f35.md"].url == "https://example.com/blog/2026/f-35/"
    assert articles["f35.md"].images[0].url == "https://example.com/blog/a.jpg"
    assert articles["bundle/index.md"].images[0].url == "a.jpg"


# ---------------------------------------------------------------- what changes


def test_nothing_new_is_an_empty_batch_and_the_very_same_cursor(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.after(seconds=10)
    desk.read()
    before = desk.cursor
    (batch,) = desk.batches()
    assert batch == Batch((), before or "")


def test_an_edit_without_lastmod_is_dated_by_its_file(desk: Desk) -> None:
    place = desk.write("a.md", "title: a")
    assert desk.read()["a.md"].updated == ""
    desk.write("a.md", "title: b")
    os.utime(place, (LONG_AGO, LONG_AGO))
    assert desk.read()["a.md"].updated == "2025-10-09T08:53:20+00:00"


def test_an_edit_of_the_same_size_in_the_same_instant_is_seen(desk: Desk) -> None:
    place = desk.write("a.md", "title: a")
    desk.read()
    stamp = place.stat().st_mtime_ns
    desk.write("a.md", "title: b")
    os.utime(place, ns=(stamp, stamp))
    assert desk.read()["a.md"].title == "b"


def test_touching_every_file_brings_nothing(desk: Desk) -> None:
    for number in range(30):
        desk.write(f"{number}.md", f"title: t{number}")
    assert len(desk.read()) == 30
    desk.settle()
    batches = desk.batches()
    assert [(batch.articles, batch.gone, batch.garbage) for batch in batches] == [((), (), ())]


@pytest.mark.parametrize("said", ["draft: true", "published: false", "private: yes", "expiryDate: 2026-01-01"])
def test_what_is_hidden_is_gone_at_once_and_comes_back(desk: Desk, said: str) -> None:
    desk.write("a.md", "title: a")
    desk.write("b.md", f"title: b\n{said}")
    assert list(desk.read()) == ["a.md"]
    desk.write("a.md", f"title: a\n{said}")
    assert desk.gone() == ["a.md"]
    assert desk.gone() == []
    desk.write("a.md", "title: a")
    assert list(desk.read()) == ["a.md"]


def test_an_article_whose_time_is_over_is_gone_though_its_file_lies_there_as_it_did(desk: Desk) -> None:
    desk.write("a.md", "title: a\nexpiryDate: 2090-01-01")
    assert list(desk.read()) == ["a.md"]
    desk.after(seconds=70 * 366 * 86400)
    assert desk.gone() == ["a.md"]
    assert desk.gone() == []


def test_a_file_is_believed_to_be_gone_at_the_second_look(desk: Desk) -> None:
    for name in "ab":
        desk.write(f"{name}.md", f"title: {name}")
    desk.read()
    (desk.folder / "a.md").unlink()
    assert desk.gone() == []
    assert desk.gone() == ["a.md"]
    assert desk.gone() == []


def test_a_file_that_was_away_for_a_moment_never_left(desk: Desk) -> None:
    place = desk.write("a.md", "title: a")
    desk.write("b.md", "title: b")
    desk.read()
    place.rename(desk.folder.parent / "a.md")
    assert desk.gone() == []
    (desk.folder.parent / "a.md").rename(place)
    for _ in range(3):
        assert [(one.articles, one.gone) for one in desk.batches()] == [((), ())]


def test_a_file_that_is_just_being_written_is_let_be(desk: Desk) -> None:
    place = desk.write("a.md", "title: a")
    desk.read()
    place.write_bytes(b"")
    assert desk.gone() == []
    desk.write("a.md", "title: b")
    assert desk.read()["a.md"].title == "b"


def test_another_permalink_tells_every_article_anew_under_its_id(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.read()
    (desk.folder / "a.md").rename(desk.folder / "b.md")
    assert desk.read()["a.md"].url == "b/"
    desk.options = {"permalink": "/:filename.html"}
    desk.restart()
    assert desk.read()["a.md"].url == "b.html"


def test_read_from_the_beginning_renamed_files_keep_their_ids(desk: Desk) -> None:
    """As when the rules of cleaning change, and everything is asked for once more."""
    for number in range(1200):
        desk.write(f"{number:04}.md", f"title: t{number}")
    desk.read()
    (desk.folder / "0007.md").rename(desk.folder / "new.md")
    desk.read()
    again = desk.store.changes(None)
    assert again.more
    desk.cursor = again.cursor
    desk.restart()
    told = desk.read()
    assert len(told) == 1200
    assert "new.md" not in told
    assert told["0007.md"].url == "new/"


def test_other_rules_of_cleaning_make_no_news_of_a_renamed_file(tmp_path: Path) -> None:
    with opened_for_author(tmp_path) as author:
        content = Path(author.options.model_dump()["path"])
        for name in "ab":
            (content / f"{name}.md").write_text(f"---\ntitle: {name}\ndate: 2026-04-27\n---\n本文\n", encoding="utf-8")
        house = House(author, tmp_path)
        assert house.round().baseline == 2
        (content / "a.md").rename(content / "renamed.md")
        assert (house.round().new, house.round().withdrawn) == (0, 0)
        house.publisher.apply(replace(house.setup(), site=SITE.model_copy(update={"language": "en"})))
        done = house.round()
        assert (done.new, done.recleaned, done.withdrawn) == (0, 2, 0)
        assert (sorted(house.feed()), house.said()) == (["a", "b"], [])
        house.close()


# ---------------------------------------------------------------- renames


def test_a_rename_is_no_new_article(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.write("b.md", "title: b")
    desk.read()
    (desk.folder / "sub").mkdir()
    (desk.folder / "a.md").rename(desk.folder / "sub" / "c.md")
    told = desk.read()
    assert {id_: one.url for id_, one in told.items()} == {"a.md": "sub/c/"}
    assert (desk.gone(), desk.gone()) == ([], [])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("other.md", "title: 題"),
        ("other.md", "slug: s\ntitle: 別"),
        ("sub/a.md", "title: 別の題"),
    ],
)
def test_a_file_renamed_and_edited_at_once_is_known_by_what_stayed(desk: Desk, path: str, said: str) -> None:
    desk.write("a.md", "title: 題\nslug: s" if "slug" in said else "title: 題")
    desk.write("z.md", "title: z")
    desk.read()
    (desk.folder / "a.md").unlink()
    desk.write(path, said, "直しました")
    assert list(desk.read()) == ["a.md"]


def test_a_rename_is_known_though_the_old_file_went_a_poll_before(desk: Desk) -> None:
    place = desk.write("a.md", "title: a")
    desk.write("b.md", "title: b")
    desk.read()
    place.rename(desk.folder.parent / "c.md")
    desk.read()
    (desk.folder.parent / "c.md").rename(desk.folder / "c.md")
    assert list(desk.read()) == ["a.md"]


def test_another_article_in_the_place_of_one_that_went_is_new(desk: Desk) -> None:
    desk.write("2025/summary.md", "title: 2025年", date="2025-12-31")
    desk.write("b.md", "title: b")
    desk.read()
    (desk.folder / "2025" / "summary.md").unlink()
    desk.write("2026/summary.md", "title: 2026年", date="2026-12-31")
    assert list(desk.read()) == ["2026/summary.md"]
    assert desk.gone() == ["2025/summary.md"]


def test_a_new_file_where_a_renamed_one_lay_is_another_article(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.read()
    (desk.folder / "a.md").rename(desk.folder / "b.md")
    desk.read()
    desk.write("a.md", "title: 別")
    assert list(desk.read()) == ["a.md~2"]


def test_a_renamed_file_that_was_gone_for_long_has_its_id_when_it_comes_back(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.write("z.md", "title: z")
    desk.read()
    (desk.folder / "a.md").rename(desk.folder / "b.md")
    desk.read()
    (desk.folder / "b.md").rename(desk.folder.parent / "b.md")
    desk.read()
    assert desk.gone() == ["a.md"]
    (desk.folder.parent / "b.md").rename(desk.folder / "b.md")
    assert list(desk.read()) == ["a.md"]


def test_an_id_that_is_given_later_changes_nothing_and_one_that_is_changed_does(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.write("b.md", "title: b\nid: 5")
    assert list(desk.read()) == ["a.md", "5"]
    desk.write("a.md", "title: a\nid: 7")
    desk.write("b.md", "title: b\nid: 6")
    (batch,) = desk.batches()
    assert ([one.id for one in batch.articles], batch.gone) == (["a.md", "6"], ("5",))


def test_of_two_files_with_one_id_the_first_holds_until_it_goes(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 5")
    (batch,) = desk.batches()
    assert [one.title for one in batch.articles] == ["a"]
    assert [one.id for one in batch.garbage] == ["(b.md)"]
    assert 'its id "5" is that of a.md' in batch.garbage[0].reason
    (desk.folder / "a.md").unlink()
    assert desk.read()["5"].title == "b"
    assert desk.gone() == []


def test_files_that_trade_their_ids_have_them_two_polls_later(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 6")
    desk.read()
    desk.write("a.md", "title: a\nid: 6")
    desk.write("b.md", "title: b\nid: 5")
    told = desk.read() | desk.read()
    assert {id_: one.title for id_, one in told.items()} == {"5": "b", "6": "a"}


def test_an_article_given_the_id_of_another_leaves_its_own(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 6")
    desk.read()
    desk.write("b.md", "title: b\nid: 5")
    (batch,) = desk.batches()
    assert (batch.articles, batch.gone, [one.id for one in batch.garbage]) == ((), ("6",), ["(b.md)"])
    desk.after(seconds=60)
    desk.batches()
    before = desk.cursor
    assert desk.batches() == [Batch((), before or "")]


# ---------------------------------------------------------------- rubbish


def pipe(path: Path) -> None:
    os.mkfifo(path)


RUBBISH: dict[str, tuple[Callable[[Path], object], str]] = {
    "no UTF-8": (lambda path: path.write_bytes(b"---\ntitle: \xe9\n---\n"), "bad.md:2: it is not UTF-8"),
    "NUL": (lambda path: path.write_bytes(b"---\ntitle: a\n---\n\0"), "bad.md:4: it has a NUL byte"),
    "huge": (lambda path: path.write_bytes(b"---\n" + b"a" * 5_000_001), "bad.md:1: it is larger than 5,000,000 bytes"),
    "a pipe": (pipe, "bad.md:1: it is no file, but a pipe"),
    "no end": (lambda path: path.write_text("---\ntitle: a\n"), "bad.md:1: its front matter begins with --- and"),
    "YAML": (
        lambda path: path.write_text("---\na: 1\ntitle: b: c\n---\n"),
        "bad.md:3: its front matter is not valid Y",
    ),
    "TOML": (lambda path: path.write_text("+++\na = 1\nb = c\n+++\n"), "bad.md:3: its front matter is not valid TOML"),
    "JSON": (lambda path: path.write_text('{"a": 1,\n"b": c}\n'), "bad.md:2: its front matter is not valid JSON"),
    "an alias": (
        lambda path: path.write_text("---\na: &x [1]\nb: *x\n---\n"),
        "bad.md:3: its front matter has an alia",
    ),
    "no date": (lambda path: path.write_text("---\ntitle: a\n---\n"), "bad.md:1: it has no date"),
    "a wrong date": (lambda path: path.write_text("---\ndate: tomorrow\n---\n"), "bad.md:1: its date"),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_a_file_that_cannot_be_read_is_told_and_harms_no_other(desk: Desk, what: str) -> None:
    make, reason = RUBBISH[what]
    make(desk.folder / "bad.md")
    desk.write("good.md", "title: a")
    (batch,) = desk.batches()
    assert [one.id for one in batch.articles] == ["good.md"]
    (told,) = batch.garbage
    assert told.id == "bad.md"
    assert told.reason.startswith(reason)
    assert "\n" not in told.reason


def test_a_file_that_was_broken_at_first_has_the_id_that_its_author_gave(desk: Desk) -> None:
    desk.write("a.md", "title: a: b\nid: 5")
    assert [one.id for one in desk.garbage()] == ["a.md"]
    desk.write("a.md", "title: a\nid: 5")
    (batch,) = desk.batches()
    assert ([one.id for one in batch.articles], batch.gone) == (["5"], ("a.md",))


def test_a_file_that_is_given_an_id_of_its_own_is_kept_out_no_more(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 5")
    assert [one.id for one in desk.garbage()] == ["(b.md)"]
    desk.write("b.md", "title: b\nid: 6")
    (batch,) = desk.batches()
    assert ([one.id for one in batch.articles], batch.gone) == (["6"], ("(b.md)",))


def test_a_file_that_gives_up_the_id_of_another_is_an_article_of_its_own(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 5")
    desk.read()
    desk.write("b.md", "title: b")
    (batch,) = desk.batches()
    assert ([one.id for one in batch.articles], batch.gone) == (["b.md"], ("(b.md)",))


def test_an_article_hidden_and_given_another_id_at_once_is_gone(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.read()
    desk.write("a.md", "title: a\nid: 6\ndraft: true")
    assert desk.gone() == ["5"]


def test_a_broken_file_that_becomes_a_draft_is_kept_out_no_more(desk: Desk) -> None:
    desk.write("a.md", "title: a: b")
    assert [one.id for one in desk.garbage()] == ["a.md"]
    desk.write("a.md", "title: a\ndraft: true")
    assert (desk.gone(), desk.gone()) == (["a.md"], [])


@pytest.mark.parametrize("said", ["draft: true\nid: 5", "title: a: b\nid: 5"])
def test_of_a_file_kept_out_for_its_id_the_latest_is_told(desk: Desk, said: str) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b\nid: 5")
    desk.read()
    desk.write("b.md", said)
    (batch,) = desk.batches()
    assert (batch.articles, batch.gone) == ((), ("(b.md)",))
    assert [one.id for one in batch.garbage] == ["b.md"] * ("draft" not in said)


def test_a_file_kept_out_for_its_id_harms_no_article_that_had_its_name(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", "title: b")
    desk.read()
    (desk.folder / "b.md").rename(desk.folder / "c.md")
    assert (list(desk.read()), desk.gone()) == (["b.md"], [])
    desk.write("b.md", "title: another\nid: 5", date="2026-04-29")
    desk.read()
    (desk.folder / "b.md").unlink()
    assert desk.gone() + desk.gone() == ["(b.md)"]


@pytest.mark.parametrize("said", ["title: a: b", "title: a\nid: 5"])
def test_what_was_kept_out_and_is_deleted_is_told_to_be_gone(desk: Desk, said: str) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.write("b.md", said)
    (told,) = desk.garbage()
    (desk.folder / "b.md").unlink()
    assert (desk.gone(), desk.gone()) == ([], [told.id])


def test_a_broken_article_whose_id_another_file_takes_over_is_not_gone(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.read()
    desk.write("a.md", "title: a: b\nid: 5")
    desk.write("b.md", "title: b\nid: 5")
    desk.read()
    (desk.folder / "a.md").unlink()
    assert list(desk.read()) == ["5"]
    assert desk.gone() == []


def test_an_article_broken_by_an_edit_stays_as_it_was(desk: Desk) -> None:
    desk.write("a.md", "title: a\nid: 5")
    desk.read()
    desk.write("a.md", "title: a: b\nid: 5")
    (batch,) = desk.batches()
    assert (batch.articles, batch.gone, [one.id for one in batch.garbage]) == ((), (), ["5"])
    desk.write("a.md", "title: b\nid: 5")
    assert desk.read()["5"].title == "b"


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf---\ntitle: a\ndate: 2026-04-28\n---\nb\n", b"---\r\ntitle: a\r\ndate: 2026-04-28\r\n---\r\nb\r\n"],
)
def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(desk: Desk, data: bytes) -> None:
    (desk.folder / "a.md").write_bytes(data)
    (article,) = desk.read().values()
    assert (article.title, article.content) == ("a", "<p>b</p>\n")


@pytest.mark.parametrize(
    "path",
    [
        "_index.md", "README.md", "readme.ja.md", ".hidden.md", ".obsidian/a.md", "_drafts/a.md", "node_modules/x/a.md",
        ".git/a.md", "a.txt", "a.md~", "sub/_index.md", "_layouts/post.html",
    ],
)  # fmt: skip
def test_what_is_no_article_is_left_out(desk: Desk, path: str) -> None:
    desk.write(path, "title: a")
    (desk.folder / "plain.md").write_text("# no front matter\n")
    (desk.folder / "2026-04-28-page.html").write_text("<p>no front matter</p>")
    (batch,) = desk.batches()
    assert (batch.articles, batch.garbage) == ((), ())


def test_the_admin_says_what_is_read(desk: Desk) -> None:
    for path in ("posts/a.md", "posts/2026/b.md", "pages/c.md", "posts/draft-d.md"):
        desk.write(path, "title: a")
    desk.options = {"include": ["posts/*"], "exclude": ["*/draft-*"]}
    desk.restart()
    assert sorted(desk.read()) == ["posts/2026/b.md", "posts/a.md"]


def test_links_are_followed_inside_the_folder_alone_and_never_in_circles(desk: Desk, tmp_path: Path) -> None:
    desk.write(".data/a.md", "title: a")
    desk.write("real.md", "title: real")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("---\ntitle: secret\ndate: 2026-04-28\n---\n")
    (desk.folder / "mounted").symlink_to(".data")
    (desk.folder / "again.md").symlink_to("real.md")
    (desk.folder / "outside").symlink_to(tmp_path / "outside")
    (desk.folder / "secret.md").symlink_to(tmp_path / "outside" / "secret.md")
    (desk.folder / "circle").symlink_to(".")
    (desk.folder / ".data" / "up").symlink_to("..")
    (desk.folder / "broken.md").symlink_to("nowhere.md")
    assert sorted(desk.read()) == ["mounted/a.md", "real.md"]


def test_a_name_that_is_no_text_is_an_id_all_the_same(desk: Desk) -> None:
    for name in (b"\xff.md", b"\xfe.md"):
        place = os.fsencode(desk.folder) + b"/" + name
        with open(place, "wb") as file:  # noqa: PTH123 - a name in bytes
            file.write(b"---\ntitle: a\ndate: 2026-04-28\n---\n")
    assert len(desk.read()) == 2
    assert desk.read() == {}


# ---------------------------------------------------------------- the folder


def test_a_folder_that_is_not_there_is_told_in_one_line(desk: Desk) -> None:
    desk.write("a.md", "title: a")
    desk.read()
    desk.folder.rename(desk.folder.parent / "away")
    with pytest.raises(StoreError, match=r"^\S+/content: no such folder; correct path"):
        desk.read()
    desk.folder.write_text("a file")
    with pytest.raises(StoreError, match=r"a file, not a folder; give path the folder"):
        desk.read()


def test_an_empty_folder_is_not_believed(desk: Desk) -> None:
    for name in "ab":
        desk.write(f"{name}.md", f"title: {name}")
    desk.read()
    desk.folder.rename(desk.folder.parent / "away")
    desk.folder.mkdir()
    for _ in range(3):
        with pytest.raises(StoreError, match=r"all 2 files are gone, and an empty folder is not believed; mount"):
            desk.read()
    desk.folder.rmdir()
    (desk.folder.parent / "away").rename(desk.folder)
    assert (desk.read(), desk.gone()) == ({}, [])


def test_the_last_article_may_go(desk: Desk) -> None:
    desk.write("a.md", "title: a").unlink()
    desk.write("b.md", "title: b")
    desk.read()
    (desk.folder / "b.md").unlink()
    assert (desk.gone(), desk.gone()) == ([], ["b.md"])


@pytest.mark.parametrize("cursor", ["", "{}", "rubbish", '{"place": "{}"}', '{"place": "[1]"}', '{"since": "x"}'])
def test_a_cursor_that_another_kind_of_store_wrote_is_the_beginning(desk: Desk, cursor: str) -> None:
    desk.write("a.md", "title: a")
    desk.cursor = cursor
    assert list(desk.read()) == ["a.md"]


def test_a_poll_broken_off_begins_again(desk: Desk) -> None:
    for number in range(700):
        desk.write(f"{number:03}.md", f"title: t{number}")
    first = desk.store.changes(None)
    assert (len(first.articles), first.more) == (500, True)
    desk.cursor = first.cursor
    desk.restart()
    assert len(desk.read()) == 700


# ---------------------------------------------------------------- what it costs


OPENED: list[str] = []
_hooked: list[bool] = []


def _listen() -> None:
    """Hear of every file that this process opens. A hook can never be taken off."""
    if not _hooked:
        sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)
        _hooked.append(True)


def opened(desk: Desk) -> list[str]:
    """What a poll opens of the folder."""
    _listen()
    OPENED.clear()
    desk.batches()
    return [path for path in OPENED if path.endswith(".md")]


def test_a_file_that_was_just_written_is_read_once_more(desk: Desk) -> None:
    """The clocks of file systems are coarse: another edit in the same instant leaves no other mark."""
    place = desk.write("a.md", "title: a")
    assert opened(desk) == [str(place)]
    desk.after(seconds=60)
    assert (opened(desk), opened(desk)) == ([str(place)], [])


def test_an_idle_poll_of_ten_thousand_files_opens_none_and_after_an_edit_one(desk: Desk) -> None:
    for number in range(10_000):
        desk.write(f"{number % 100}/{number}.md", f"title: t{number}")
    desk.after(seconds=60)
    assert len(opened(desk)) == 10_000
    before = desk.cursor
    assert (opened(desk), desk.cursor) == ([], before)
    place = desk.write("7/7.md", "title: anders")
    assert opened(desk) == [str(place)]


# ---------------------------------------------------------------- git


@dataclass
class Repository:
    """A checkout that the desk reads."""

    desk: Desk

    def __call__(self, *words: str) -> str:
        here = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(self.desk.folder)}
        who = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words],
            cwd=self.desk.folder,
            env=os.environ | here | who,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def commit(self) -> None:
        self("add", "-A")
        self("commit", "-qm", "a")


@pytest.fixture
def git(desk: Desk) -> Repository:
    repository = Repository(desk)
    repository("init", "-q", "-b", "main")
    for number in range(20):
        desk.write(f"posts/{number:02}.md", f"title: t{number}")
    repository.commit()
    desk.read()
    return repository


def test_another_branch_brings_what_it_changed_and_nothing_else(desk: Desk, git: Repository) -> None:
    git("checkout", "-qb", "next")
    git("mv", "posts/03.md", "posts/three.md")
    (desk.folder / "posts" / "04.md").unlink()
    desk.write("posts/05.md", "title: 直した")
    desk.write("posts/new.md", "title: 新しい")
    git.commit()
    git("checkout", "-q", "main")
    assert desk.read() == {}
    git("checkout", "-q", "next")
    assert {id_: one.title for id_, one in desk.read().items()} == {
        "posts/03.md": "t3",
        "posts/05.md": "直した",
        "posts/new.md": "新しい",
    }
    assert desk.gone() == ["posts/04.md"]


def test_a_rename_with_an_edit_in_one_commit_is_no_new_article(desk: Desk, git: Repository) -> None:
    git("mv", "posts/03.md", "posts/three.md")
    desk.write("posts/three.md", "title: t3", "ずいぶん長く書き直した本文です。" * 20)
    git.commit()
    assert list(desk.read()) == ["posts/03.md"]
    assert (desk.gone(), desk.gone()) == ([], [])


def test_in_the_middle_of_a_checkout_there_is_no_news(desk: Desk, git: Repository) -> None:
    """As git leaves it when it is stopped halfway: its lock is there, and some files are not."""
    lock = desk.folder / ".git" / "index.lock"
    lock.touch()
    for number in range(15):
        (desk.folder / "posts" / f"{number:02}.md").unlink()
    before = desk.cursor
    for _ in range(3):
        assert desk.batches() == [Batch((), before or "")]
    lock.unlink()
    git("checkout", "-q", "--", ".")
    assert (desk.read(), desk.gone(), desk.gone()) == ({}, [], [])


def test_a_real_checkout_stopped_halfway_withdraws_nothing(desk: Desk, git: Repository) -> None:
    """git runs a filter for each file that it writes: this one waits while the store is read."""
    git("checkout", "-qb", "other")
    for number in range(20):
        (desk.folder / "posts" / f"{number:02}.md").unlink()
        desk.write(f"posts/x{number:02}.md", f"title: x{number}", date="2026-05-01")
    (desk.folder / ".gitattributes").write_text("*.md filter=slow\n")
    git.commit()
    git("checkout", "-q", "main")
    (desk.folder.parent / "go").touch()
    desk.read()
    (desk.folder.parent / "go").unlink()
    git("config", "filter.slow.smudge", "touch ../started; while [ ! -e ../go ]; do sleep 0.02; done; cat")
    words = ["git", "-C", str(desk.folder), "checkout", "-q", "other"]
    env = os.environ | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    with subprocess.Popen(words, env=env) as running:
        while not (desk.folder.parent / "started").exists() and running.poll() is None:
            os.sched_yield()
        lying, before = list((desk.folder / "posts").iterdir()), desk.cursor
        try:
            news = [desk.batches() for _ in range(3)]
        finally:
            (desk.folder.parent / "go").touch()
        assert running.wait(timeout=60) == 0
    assert len(lying) < 20
    assert news == [[Batch((), before or "")]] * 3
    assert len(desk.read()) == 20


def test_a_first_poll_waits_for_git(desk: Desk, git: Repository) -> None:
    (desk.folder / ".git" / "index.lock").touch()
    desk.cursor = None
    with pytest.raises(StoreError, match=r"git is changing it \(\S+index.lock is there\); let it finish, or undo it"):
        desk.read()


@pytest.mark.parametrize("name", ["index.lock", "MERGE_HEAD"])
def test_a_lock_that_stays_is_told(desk: Desk, git: Repository, name: str) -> None:
    lock = desk.folder / ".git" / name
    lock.touch()
    assert desk.read() == {}
    os.utime(lock, (LONG_AGO, LONG_AGO))
    with pytest.raises(StoreError, match=rf"\({lock} is there\); let it finish, or undo it"):
        desk.read()


def test_a_worktree_and_a_folder_below_it_are_watched_too(desk: Desk, git: Repository, tmp_path: Path) -> None:
    git("worktree", "add", "-q", str(tmp_path / "tree"))
    other = Desk(tmp_path / "tree" / "posts")
    assert len(other.read()) == 20
    (desk.folder / ".git" / "worktrees" / "tree" / "index.lock").touch()
    (other.folder / "03.md").unlink()
    for _ in range(3):
        assert other.gone() == []


@pytest.mark.parametrize("deed", ["rename", "delete"])
def test_what_a_broken_off_tour_told_is_known_to_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setattr(tour, "BATCH", 1)
    for name in ("a", "b", "c"):
        desk.write(f"{name}.md", f"title: {name}")
    first = desk.store.changes(None)
    (told,) = first.articles
    desk.cursor = first.cursor
    desk.restart()
    if deed == "rename":
        (desk.folder / told.id).rename(desk.folder / "z.md")
    else:
        (desk.folder / told.id).unlink()
    found = desk.read()
    assert set(found) - {told.id} == {"a.md", "b.md", "c.md"} - {told.id}
    assert (desk.gone() == [told.id]) == (deed == "delete")


def test_a_first_tour_that_was_broken_off_is_not_over_while_git_is_at_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tour, "BATCH", 1)
    for name in ("a", "b"):
        desk.write(f"{name}.md", f"title: {name}")
    desk.cursor = desk.store.changes(None).cursor
    desk.restart()
    (desk.folder / ".git").mkdir()
    (desk.folder / ".git" / "index.lock").touch()
    with pytest.raises(StoreError, match="git is changing it"):
        desk.batches()
