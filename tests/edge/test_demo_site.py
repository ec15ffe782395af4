"""The sample site of `feedpub demo`: imported and cleaned as an admin's own articles would be."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from feedpub import clean
from feedpub.model import Article, Comment, RawArticle, RawComment, Site
from feedpub.stores.imports import import_files
from feedpub.stores.sql import SqlOptions, SqlStore

SITE = Site(title="航空ニュース", url="https://example.jp/", language="ja", timezone="Asia/Tokyo")
CONTENT = files("feedpub") / "demo"


def lines(name: str) -> list[str]:
    return (CONTENT / name).read_text(encoding="utf-8").splitlines()


def store(tmp_path: Path) -> SqlStore:
    return SqlOptions(name="blog", path=str(tmp_path / "articles.db")).embedded()


def imported(tmp_path: Path, *names: str) -> tuple[RawArticle, ...]:
    opened = store(tmp_path)
    for name in names:
        with as_file(CONTENT / name) as path:
            import_files([path], opened)
    return opened.changes(None).articles


def cleaned(raw: RawArticle) -> Article:
    result = clean.article(raw, store="blog", site=SITE)
    assert isinstance(result, clean.Cleaned), result
    return result.article


def test_the_site_has_articles_and_briefs_and_all_of_them_go_out(tmp_path: Path) -> None:
    articles = [cleaned(raw) for raw in imported(tmp_path, "site.jsonl")]
    assert sum(not article.brief for article in articles) == 24
    assert sum(article.brief for article in articles) == 4
    assert all(article.categories for article in articles)
    assert any(image.alt and image.credit and image.license for article in articles for image in article.images)


def test_its_categories_are_nested(tmp_path: Path) -> None:
    with as_file(CONTENT / "site.jsonl") as path:
        opened = store(tmp_path)
        import_files([path], opened)
    categories = {category.slug: category for category in opened.changes(None).categories or ()}
    parents = {slug: category.parent for slug, category in categories.items()}
    assert parents["japan-airports"] == categories["japan"].key
    assert parents["us-airports"] == categories["us"].key
    assert parents["japan"] is None


def test_what_is_added_while_the_demo_runs_goes_out_too(tmp_path: Path) -> None:
    before = {raw.id for raw in imported(tmp_path, "site.jsonl")}
    added = [raw for raw in imported(tmp_path, "site.jsonl", "upcoming.jsonl") if raw.id not in before]
    assert len(added) == len(lines("upcoming.jsonl")) == 30
    for raw in added:
        article = cleaned(replace(raw, published="2025-05-01T09:00:00+09:00"))
        assert article.title or article.content


def test_what_readers_say_is_about_its_articles_and_goes_out(tmp_path: Path) -> None:
    opened, site = store(tmp_path), {json.loads(line)["id"] for line in lines("site.jsonl")}
    imported(tmp_path, "site.jsonl")
    opened.put((), comments=[RawComment(**json.loads(line)) for line in lines("comments.jsonl")])
    told = opened.changes(None).comments
    assert len(told) == len(lines("comments.jsonl"))
    assert {one.article for one in told} <= site
    assert any(one.parent for one in told)
    results = [clean.comment(one, store="blog", site=SITE, article_url="https://example.jp/") for one in told]
    assert all(isinstance(result, Comment) for result in results)


@pytest.mark.parametrize("name", ["site.jsonl", "upcoming.jsonl", "comments.jsonl"])
def test_the_sample_leads_to_no_real_site(name: str) -> None:
    hosts = {host for line in lines(name) for host in re.findall(r"https?://([^/\"\\]+)", line)}
    assert hosts <= {"example.jp", "creativecommons.org"}


def test_only_the_upcoming_ones_are_without_a_date() -> None:
    assert all("published" in json.loads(line) for name in ("site.jsonl", "comments.jsonl") for line in lines(name))
    assert not any("published" in json.loads(line) for line in lines("upcoming.jsonl"))
