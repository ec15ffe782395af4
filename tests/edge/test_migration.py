"""docs/migration.md: its rules in the web servers themselves lead WordPress's addresses to feeds that there are."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedpub.feeds.catalog import FeedsOptions, Taxonomy, catalog
from feedpub.model import Category, Site
from feedpub.terms import of_author, of_tag
from tests.edge.plain import Plain, running
from tests.guides import GUIDES, blocks, rows

GUIDE = {"migration.md": GUIDES["migration.md"]}
BASE = "https://example.jp/feeds/"
LED = {
    "/feed/": "all.rss",
    "/feed": "all.rss",
    "/feed/?utm_source=x": "all.rss",
    "/feed/rss/": "all.rss",
    "/feed/rss2/": "all.rss",
    "/feed/rdf/": "all.rss",
    "/feed/atom/": "all.atom",
    "/comments/feed/": "comments.rss",
    "/category/us/feed/": "category/us.rss",
    "/category/japan/bases/feed/": "category/bases.rss",
    "/category/japan/bases/feed/rss2/": "category/bases.rss",
    "/tag/f-35/feed/": "tag/f-35.rss",
    "/author/kamome/feed/": "author/kamome.rss",
    "/?feed=rss2": "all.rss",
    "/index.php?feed=rss2": "all.rss",
    "/?feed=atom": "all.atom",
    "/?feed=comments-rss2": "comments.rss",
}
LEFT = [
    "/",
    "/2026/06/feed/",
    "/2026/06/f-35/feed/",
    "/feedback/",
    "/feed/extra/",
    "/search/f-35/feed/rss2/",
    "/category/us/",
    "/category/%E7%B1%B3%E5%9B%BD/feed/",
    "/category/feed/",
    "/?feed=rss2&cat=3",
    "/?p=12",
    "/wp-json/wp/v2/posts?per_page=1",
]
HTACCESS = """
# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteBase /
RewriteRule ^index\\.html$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.html [L]
</IfModule>
# END WordPress
"""
"""WordPress's own lines; index.html stands for its index.php."""
APACHE = """
DocumentRoot "{root}"
<Directory "{root}">
AllowOverride FileInfo
Require all granted
</Directory>
"""


@pytest.fixture(scope="module", params=["nginx", "caddy", "apache2"])
def server(request: pytest.FixtureRequest) -> Iterator[Plain]:
    """A server with the guide's rules, before a WordPress that answers everything else."""
    (rules,) = blocks(request.param.removesuffix("2"), GUIDE).values()
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), Path(name, "public")
        folder.chmod(0o755)  # Apache serves as another user
        root.mkdir(mode=0o755)
        (root / "index.html").write_text("WordPress", encoding="utf-8")
        (root / ".htaccess").write_text(rules + HTACCESS, encoding="utf-8")
        lines = {
            "nginx": f'{rules}\nlocation / {{ return 200 "WordPress"; }}',
            "caddy": f'{rules}\nrespond "WordPress"',
            "apache2": APACHE.format(root=root),
        }[request.param]
        with running(request.param, folder, root, lines) as server:
            yield server


def test_the_rules_lead_wordpresss_addresses_to_the_new_ones(server: Plain) -> None:
    for path, feed in LED.items():
        answer = server.ask(path, User_Agent="Feedly/1.0")
        assert (answer.status, answer.headers.get("location")) == (302, BASE + feed), path


def test_the_rules_leave_everything_else_to_wordpress(server: Plain) -> None:
    for path in LEFT:
        answer = server.ask(path, User_Agent="Feedly/1.0")
        assert (answer.status, answer.body) == (200, b"WordPress"), path


def test_the_rules_let_feedpub_itself_through_to_wordpress(server: Plain) -> None:
    for path in LED:
        answer = server.ask(path, User_Agent="feedpub/1.2.3 (+https://example.jp/)")
        assert (answer.status, answer.body) == (200, b"WordPress"), path


# ---------------------------------------------------------------- what is promised, and the feeds there are


def test_every_address_that_the_rules_lead_to_is_one_that_feedpub_gives() -> None:
    categories = (
        Category("blog", "1", "米国関連", "us"),
        Category("blog", "2", "日本関連", "japan"),
        Category("blog", "3", "基地", "bases", parent="2"),
    )
    taxonomy = Taxonomy(
        categories=categories,
        tags=((of_tag("F-35"), "F-35"),),
        authors=((of_author("kamome"), "kamome"),),
        comments=True,
    )
    options = FeedsOptions(base_url=BASE, tags=True, authors=True)
    specs = catalog(options, Site(title="航空ニュース", url="https://example.jp/"), taxonomy)
    given = {f"{spec.address}.{ending}" for spec in specs for ending in options.formats}
    assert set(LED.values()) <= given


def test_the_guides_table_says_where_the_rules_lead() -> None:
    told = {
        path: re.findall("`([^`]+)`", cells[1])[0]
        for cells in rows("migration.md", "WordPress")
        for path in re.findall("`([^`]+)`", cells[0])
    }
    assert len(told) > 10
    assert {path: LED[path] for path in told} == told
