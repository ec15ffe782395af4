"""`feedpub init` at a real WordPress: the config that it prints works, and the guide's rules lead to its feeds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.edge.front_door import Launcher, Site
from tests.guides import GUIDES, blocks
from tests.wordpress.site import MARKS, URL, php

pytestmark = MARKS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A folder that was empty before the config of the real site was printed into it; `once` has been there."""
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        site = Site(tmp_path_factory.mktemp("site"), launcher)
        site.save(site.feedpub("init", "--allow-private", URL).out)
        yield site
        site.stop_all()


def test_the_config_that_init_prints_for_the_real_site_works_there(site: Site) -> None:
    assert site.feedpub("check", "--config-only").err == ""
    count = int(php("echo count(get_posts(['numberposts' => -1, 'has_password' => false]));"))
    assert f"{count:,} articles noted, none announced." in site.feedpub("once").out
    assert site.deliveries() == []
    assert site.feedpub("status", "--json").json["problems"] == []
    text = (site.folder / "config" / "feedpub.toml").read_text(encoding="utf-8")
    assert f'title = "{php("echo get_bloginfo();")}"' in text
    assert f'url = "{URL}"' in text
    biggest = php("echo get_categories(['orderby' => 'count', 'order' => 'DESC'])[0]->slug;")
    assert re.findall(r"^# ([\w-]+) = \{", text, re.MULTILINE)[0] == biggest


def test_the_guides_rules_lead_each_of_the_sites_addresses_to_a_feed_that_there_is(site: Site) -> None:
    if not (site.folder / "data").exists():
        site.feedpub("once")
    (rules,) = blocks("apache", {"migration.md": GUIDES["migration.md"]}).values()
    patterns = re.findall(r"^RewriteRule (\S+) https://example\.jp/feeds/(\S+) ", rules, re.MULTILINE)
    slugs = "get_terms(['taxonomy' => 'category', 'hide_empty' => true])"
    told = php(f"foreach ({slugs} as $one) echo get_term_feed_link($one->term_id, 'category'), PHP_EOL;").split()
    told += php("echo get_feed_link(), ' ', get_feed_link('atom'), ' ', get_feed_link('comments_rss2');").split()
    led = 0
    for address in told:
        path = urlsplit(address).path.lstrip("/")
        found = [re.sub(pattern, to.replace("$", "\\"), path) for pattern, to in patterns if re.search(pattern, path)]
        if not re.search("%", address):
            assert found, address
            assert Path(site.folder, "data", "public", found[0]).is_file(), (address, found)
            led += 1
    assert led > 20
