"""Files into the embedded store: all or nothing, told by what is in them, and the same again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedpub.errors import ImportRefused, StoreError
from feedpub.model import Image, Link, RawArticle
from feedpub.stores.imports import ImportReport, import_files
from feedpub.stores.sql import SqlOptions, SqlStore

THEME_TEST = Path(__file__).parents[3] / "shared" / "data" / "wordpress-theme-unit-test.en.xml"
Write = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(tmp_path / "articles.db")).open()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def articles(store: SqlStore) -> dict[str, RawArticle]:
    return {article.id: article for article in store.changes(None).articles}


def parents(store: SqlStore) -> dict[str, str | None]:
    return {category.name: category.parent for category in store.changes(None).categories or ()}


def refused(store: SqlStore, path: Path) -> str:
    """What is said of a broken file; nothing of it may be written."""
    with pytest.raises(ImportRefused) as error:
        import_files([path], store)
    batch = store.changes(None)
    assert (batch.articles, batch.categories) == ((), ())
    return str(error.value).replace(f"{path.parent}/", "")


# ---------------------------------------------------------------- JSON Lines


def lines(*said: dict[str, Any]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in said)


FULL = {
    "id": "1",
    "guid": "https://example.com/?p=1",
    "url": "https://example.com/f35",
    "title": "F-35 & <試験>",
    "summary": "要約",
    "content": "<p>本文</p>",
    "published": "2026-04-28T09:00:00+09:00",
    "updated": "Tue, 28 Apr 2026 10:00:00 +0900",
    "categories": ["米国関連", {"name": "空軍", "slug": "air-force", "parent": "米国関連"}],
    "tags": ["F-35", "米空軍"],
    "authors": ["航空太郎"],
    "images": [{"url": "https://example.com/a.jpg", "alt": "飛行", "credit": "空自", "license": "CC BY 4.0"}],
    "links": [{"rel": "via", "url": "https://example.org/", "title": "出典"}],
    "language": "ja",
    "announce": False,
    "notice": "F-35について",
}


def test_every_key_of_a_line_arrives(store: SqlStore, write: Write) -> None:
    assert import_files([write(lines(FULL))], store) == ImportReport(new=1)
    assert articles(store)["1"] == RawArticle(
        id="1",
        guid="https://example.com/?p=1",
        url="https://example.com/f35",
        title="F-35 & <試験>",
        summary="要約",
        content="<p>本文</p>",
        published="2026-04-28T09:00:00+09:00",
        updated="Tue, 28 Apr 2026 10:00:00 +0900",
        categories=("米国関連", "air-force"),
        tags=("F-35", "米空軍"),
        authors=("航空太郎",),
        images=(Image("https://example.com/a.jpg", "飛行", "空自", "CC BY 4.0"),),
        links=(Link("via", "https://example.org/", "出典"),),
        language="ja",
        announce=False,
        notice="F-35について",
    )
    assert parents(store) == {"米国関連": None, "空軍": "米国関連"}


def test_importing_twice_changes_nothing(store: SqlStore, write: Write) -> None:
    path = write(lines(FULL, {"id": 2, "content": "短信"}))
    import_files([path], store)
    before = store.changes(None)
    assert import_files([path], store) == ImportReport(unchanged=2)
    after = store.changes(before.cursor)
    assert (after.articles, after.categories, after.cursor) == ((), None, before.cursor)


def test_only_what_differs_is_changed_and_nothing_is_deleted(store: SqlStore, write: Write) -> None:
    import_files([write(lines(FULL, {"id": "2", "title": "a"}, {"id": "3", "title": "b"}))], store)
    cursor = store.changes(None).cursor
    report = import_files([write(lines({"id": "2", "title": "a"}, {"id": "3", "title": "c"}))], store)
    assert report == ImportReport(changed=1, unchanged=1)
    assert [article.id for article in store.changes(cursor).articles] == ["3"]
    assert len(articles(store)) == 3


def test_a_byte_order_mark_crlf_and_blank_lines_do_no_harm(store: SqlStore, write: Write) -> None:
    path = write('\ufeff{"id": "1", "title": "一"}\r\n\r\n   \r\n{"id": "2", "title": "二"}')
    assert import_files([path], store) == ImportReport(new=2)


def test_null_is_the_same_as_nothing_said(store: SqlStore, write: Write) -> None:
    path = write('{"id": "1", "title": "一", "summary": null, "tags": null, "announce": null, "categories": null}')
    assert import_files([path], store) == ImportReport(new=1)
    assert articles(store)["1"].announce is None


def test_an_article_without_a_date_is_published_when_it_is_imported(store: SqlStore, write: Write) -> None:
    path = write(lines({"id": "1", "title": "一"}))
    import_files([path], store)
    published = articles(store)["1"].published
    assert published.endswith("Z")
    import_files([path], store)
    assert articles(store)["1"].published == published


def test_a_category_written_by_hand_is_found_by_its_name(store: SqlStore, write: Write) -> None:
    import_files([write(lines({"id": "1", "title": "一", "categories": [{"name": "米国関連", "slug": "us"}]}))], store)
    import_files([write(lines({"id": "2", "title": "二", "categories": ["米国関連", "us"]}))], store)
    assert articles(store)["2"].categories == ("us",)


WRONG_LINES = {
    '{"title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": " ", "title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": true, "title": "x"}': 'an article needs an "id", a text that stays the same when the article is edited',
    '{"id": "9"}': 'an article needs a "title" or "content"',
    '{"id": "9", "title": " "}': 'an article needs a "title" or "content"',
    '{"id": "9", "titel": "x"}': '"titel" is not a key of an article (did you mean "title"?)',
    '{"id": "9", "title": "x", "zzz": 1}': '"zzz" is not a key of an article (known: id, guid,',
    '{"id": "9", "title": 7}': '"title" must be a text in quotation marks',
    '{"id": "9", "title": "x", "tags": "a"}': '"tags" must be a list [ … ]',
    '{"id": "9", "title": "x", "tags": [1]}': '"tags" must be a list of texts in quotation marks',
    '{"id": "9", "title": "x", "announce": "yes"}': '"announce" must be true or false, without quotation marks',
    '{"id": "9", "title": "x", "images": ["a"]}': '"images" must be a list of objects { … }',
    '{"id": "9", "title": "x", "images": [{"alt": "a"}]}': 'an image needs a "url"',
    '{"id": "9", "title": "x", "images": [{"url": "a", "licence": ""}]}': '(did you mean "license"?)',
    '{"id": "9", "title": "x", "links": [{"rel": "next", "url": "a"}]}': 'the "rel" of a link is "via" (a source) or',
    '{"id": "9", "title": "x", "links": [{"rel": "via"}]}': 'a link needs a "url"',
    '{"id": "9", "title": "x", "categories": [""]}': '"categories" lists names, or objects such as',
    '{"id": "9", "title": "x", "categories": [{"slug": "a"}]}': 'a category needs a "name"',
    '{"id": "9", "title": "x", "categories": [{"name": "a", "parant": "b"}]}': '(did you mean "parent"?)',
    '{"id": "9", "title": "x", "published": "昨日"}': '"published" cannot be read as a date',
    '{"id": "9", "title": "x", "updated": "1066-10-14"}': '"updated" lies outside the years',
    '{"id": "9", "id": "8", "title": "x"}': 'the key "id" stands there twice',
    '{"id": "9", "title": "x"': "not valid JSON (at character",
    '{"id": "9", "title": "x"} {}': "not valid JSON (at character",
    "[1]": "one object { … } is needed on each line",
    '{"id": "9", "title": "x", "tags": ' + "[" * 100_000 + "]" * 100_000 + "}": "nested too deeply",
}


@pytest.mark.parametrize(("line", "reason"), WRONG_LINES.items(), ids=range(len(WRONG_LINES)))
def test_a_wrong_line_refuses_the_file_with_line_and_reason(
    store: SqlStore, write: Write, line: str, reason: str
) -> None:
    good = lines(FULL, {"id": "2", "title": "二"})
    assert refused(store, write(good + "\n" + line + "\n", "site.jsonl")).startswith(f"site.jsonl:4: {reason}"[:16])
    with pytest.raises(ImportRefused) as error:
        import_files([write(good + line)], store)
    assert reason in str(error.value)


def test_bytes_that_are_not_utf_8_are_refused(store: SqlStore, write: Write) -> None:
    assert refused(store, write(b'{"id": "1", "title": "\xff"}', "a.jsonl")) == "a.jsonl:1: not UTF-8 text (at byte 23)"


def test_an_id_said_twice_is_refused_naming_both_lines(store: SqlStore, write: Write) -> None:
    twice = write(lines({"id": "1", "title": "a"}, {"id": "2", "title": "b"}, {"id": 1, "title": "c"}), "a.jsonl")
    assert refused(store, twice) == f'a.jsonl:3: the id "1" is that of another article, at a.jsonl:1'
    first, second = write(lines(FULL), "one"), write(lines(FULL), "two")
    with pytest.raises(ImportRefused, match=r'two:1: the id "1" is that of another article, at .*one:1$'):
        import_files([first, second], store)


def test_categories_in_a_circle_are_refused(store: SqlStore, write: Write) -> None:
    circle = [{"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}]
    path = write(lines(FULL, {"id": "2", "title": "x", "categories": circle}), "a.jsonl")
    assert refused(store, path) == 'a.jsonl:2: the category "A" stands below itself: correct its parent'


def test_progress_counts_up_to_all_articles(store: SqlStore, write: Write) -> None:
    told: list[tuple[int, int]] = []
    path = write(lines(*({"id": str(n), "title": "x"} for n in range(1200))))
    import_files([path], store, progress=lambda done, total: told.append((done, total)))
    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), st.text(), max_size=5))
def test_any_text_survives_the_way_in_and_out(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    path = folder / "a.jsonl"
    said = [{"id": key, "title": "x", "content": content} for key, content in contents.items()]
    path.write_text("{}"[:0] + "\n".join(map(json.dumps, said)) or '{"id": "0", "title": "x"}', encoding="utf-8")
    store = SqlOptions(name="blog", path=str(folder / "articles.db")).open()
    import_files([path], store)
    out = {key: article.content for key, article in articles(store).items() if key in contents}
    assert out == {key: content.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for key, content in contents.items()} or any(
        "\ud800" <= character <= "\udfff" for content in contents.values() for character in content
    )
    assert import_files([path], store).unchanged == max(len(contents), 1)


# ---------------------------------------------------------------- files of other kinds


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "x: nothing in it"),
        (b"\xef\xbb\xbf \n", "x: nothing in it"),
        (b"\x1f\x8b\x08", "x: neither a WordPress export (XML) nor JSON Lines"),
        (b'[{"id": "1"}]', "x:1: one list of everything: JSON Lines is needed, an article a line, without [ and ]"),
        (b"<html><body/></html>", "x:1: not a WordPress export: its first element is not <rss>"),
        (b"<!-- -->", "x:1: not well-formed XML: no element is in it"),
        (
            b"<rss><channel><item><title>a</title></item></channel></rss>",
            "x:1: an RSS file, but not a WordPress export: it has no wp:wxr_version",
        ),
        ("<rss/>".encode("utf-16"), "x:1: a WordPress export is needed in UTF-8: convert it"),
        (
            b'\n<!DOCTYPE rss [<!ENTITY a "a">]><rss/>',
            "x:2: a document type (<!DOCTYPE \xe2\x80\xa6>): WordPress exports have none".encode("latin-1").decode(),
        ),
    ],
)
def test_a_file_of_another_kind_is_refused(store: SqlStore, write: Write, content: bytes, reason: str) -> None:
    assert refused(store, write(content.lstrip(b"\n") if content.startswith(b"\n<!D") else content, "x")) == reason.replace(
        "x:2", "x:1"
    )


def test_a_file_that_is_not_there_is_refused(store: SqlStore, tmp_path: Path) -> None:
    assert refused(store, tmp_path / "no.xml") == "no.xml: no such file"
    (tmp_path / "folder").mkdir()
    assert refused(store, tmp_path / "folder") == "folder: a directory; name the files in it"


def test_a_store_that_cannot_be_written_is_told(write: Write, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        import_files([write(lines(FULL))], SqlOptions(path=str(tmp_path)).open())


# ---------------------------------------------------------------- WordPress exports
