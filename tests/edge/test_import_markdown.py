"""A folder of Markdown files imported into the embedded store: read as the store reads it, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedpub.errors import ImportRefused
from feedpub.model import RawArticle
from feedpub.stores.imports import ImportReport, import_files
from feedpub.stores.sql import SqlOptions, SqlStore


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(tmp_path / "articles.db")).embedded()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


def write(folder: Path, path: str, said: str, body: str = "**本文**") -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"---\n{said}\n---\n{body}\n", encoding="utf-8")


def articles(store: SqlStore) -> dict[str, RawArticle]:
    return {article.id: article for article in store.changes(None).articles}


def test_every_article_of_a_folder_is_imported_under_its_path_or_its_id(store: SqlStore, folder: Path) -> None:
    write(folder, "posts/f35.md", "title: F-35\ndate: 2026-04-28T09:00:00+09:00\ncategories: [[国内, 空港]]\ntags: [a]")
    write(folder, "posts/f22/index.md", "title: F-22\ndate: 2026-04-28\nid: 22\nguid: https://example.com/?p=22")
    write(folder, "2026-04-29-brief.md", "announce: no", "短信です。")
    assert import_files([folder], store) == ImportReport(new=3)
    found = articles(store)
    assert found.keys() == {"posts/f35.md", "22", "2026-04-29-brief.md"}
    assert (found["posts/f35.md"].url, found["posts/f35.md"].content) == (
        "posts/f35/",
        "<p><strong>本文</strong></p>\n",
    )
    assert found["22"].guid == "https://example.com/?p=22"
    assert (found["2026-04-29-brief.md"].title, found["2026-04-29-brief.md"].announce) == ("", False)
    categories = store.changes(None).categories or ()
    assert {one.name: one.parent for one in categories} == {"国内": None, "空港": "国内"}
    assert import_files([folder], store) == ImportReport(unchanged=3)


def test_what_is_no_article_is_left_out_and_counted(store: SqlStore, folder: Path) -> None:
    write(folder, "a.md", "title: a\ndate: 2026-04-28")
    write(folder, "draft.md", "title: a\ndate: 2026-04-28\ndraft: true")
    write(folder, "old.md", "title: a\ndate: 2020-04-28\nexpiryDate: 2021-01-01")
    write(folder, "about.md", "title: a")
    (folder / "notes.md").write_text("# notes\n")
    report = import_files([folder], store)
    assert (report.new, report.skipped) == (
        1,
        {"draft": 1, "expired": 1, "without a date": 1, "without front matter": 1},
    )


def test_with_one_mistake_nothing_is_written_and_file_and_line_are_told(store: SqlStore, folder: Path) -> None:
    write(folder, "a.md", "title: a\ndate: 2026-04-28\nid: 5")
    write(folder, "b.md", "title: b\ndate: 2026-04-28\nid: 5")
    write(folder, "c.md", "title: c: d")
    (folder / "d.md").write_bytes(b"---\ntitle: \xff\n---\n")
    with pytest.raises(ImportRefused) as caught:
        import_files([folder], store)
    told = str(caught.value).replace(f"{folder}/", "").splitlines()
    assert told[0] == 'b.md:1: the id "5" is that of another article, at a.md:1'
    assert [line.partition(": ")[0] for line in told] == ["b.md:1", "c.md:2", "d.md:2"]
    assert articles(store) == {}


def test_a_folder_comes_with_other_files(store: SqlStore, folder: Path, tmp_path: Path) -> None:
    write(folder, "a.md", "title: a\ndate: 2026-04-28")
    (tmp_path / "b.jsonl").write_text('{"id": "b", "title": "b"}\n')
    assert import_files([folder, tmp_path / "b.jsonl"], store) == ImportReport(new=2)
    assert articles(store).keys() == {"a.md", "b"}
