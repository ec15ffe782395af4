"""What a feed costs, from changed article to renamed files: feedpub's way, and five others for comparison.

Every round runs all of them one after the other, in another order each time, over the same articles, one of which has
just changed; all write through the same output. Run by `make bench`; `python -m tests.bench.feeds --help` says more.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings as django_settings
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed
from feedgen.feed import FeedGenerator
from lxml import etree

from feedpub.building import Builder, Plan
from feedpub.categories import Ref
from feedpub.feeds.catalog import FeedsOptions, FeedSpec
from feedpub.feeds.entries import Entry, Fragment, Look
from feedpub.feeds.gate import parse_file
from feedpub.feeds.render import document, render_entries
from feedpub.feeds.rss_atom import Around, newest
from feedpub.ledger import Ledger
from feedpub.ledger.database import Database
from feedpub.ledger.recording import Record, Written
from feedpub.model import Article, Category, FeedFile, Image, Site
from feedpub.outputs.disk import DiskOutput

SITE = Site(title="航空ニュース", url="https://news.example.net/", language="ja", description="航空と防衛の記事")
NAMES: Mapping[Ref, Category] = {("blog", "1"): Category("blog", "1", "米国関連", "us")}
OPTIONS = FeedsOptions(base_url="https://news.example.net/feeds/", formats=("rss", "atom"), max_bytes=100_000_000)
WHOLE = FeedSpec("all", "all", "航空ニュース")
WORDS = [
    "防衛省は新型の輸送機を公開し",
    "米空軍の戦闘機が沖縄の基地に到着した",
    "試験飛行は予定より早く終わり",
    "記者会見で詳しい説明があった",
    "部品の供給が遅れている",
    "契約は来年度に結ばれる",
]


def article(number: int) -> Article:
    """3 kB of Japanese HTML (UTF-8), other words in each."""
    chance = random.Random(number)
    content = ""
    while len(content.encode()) < 3000:
        said = "、".join(chance.choices(WORDS, k=5))
        content += f'<p>{said}。<a href="https://example.net/{number}?a=1&amp;b=2">資料</a></p>'
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    license_ = "https://creativecommons.org/licenses/by/4.0/"
    image = Image(f"https://news.example.net/{number}.jpg", "写真", "米空軍", license_)
    return Article(
        "blog", str(number), f"https://news.example.net/?p={number}", f"https://news.example.net/{number}/",
        f"第{number}号の記事 & その続き", content[3:100], content, moment, moment,
        ("1",), ("F-35",), ("山田",), (image,),
    )  # fmt: skip


# ---------------------------------------------------------------- the contestants


class Feedpub:
    """Entries rendered once and spliced: `full` renders them all, else only what changed."""

    def __init__(self, articles: Sequence[Article], *, full: bool) -> None:
        """Begin with every entry rendered."""
        self.look, self.full = Look(SITE, OPTIONS, NAMES), full
        self.kept: dict[str, tuple[datetime, Fragment]] = {}
        self.files(articles)

    def files(self, articles: Sequence[Article]) -> Sequence[FeedFile]:
        """The feed's files."""
        if self.full:
            self.kept.clear()
        fresh = [one for one in articles if self.kept.get(one.guid, (None,))[0] != one.updated]
        for one, made in zip(fresh, render_entries([Entry(one) for one in fresh], self.look), strict=True):
            assert isinstance(made, Fragment)
            self.kept[one.guid] = one.updated, made
        around = Around("all", updated=newest(one.updated for one in articles))
        fragments = [self.kept[one.guid][1] for one in articles]
        return document(WHOLE, self.look, around, fragments, [one.guid for one in articles])


def plain_feedgen(articles: Sequence[Article]) -> Sequence[FeedFile]:
    """The plain facts through feedgen: a generator for each format, or one of the self links would be wrong."""
    return [FeedFile("all.rss", _filled(articles, "rss").rss_str(pretty=True)),
            FeedFile("all.atom", _filled(articles, "atom").atom_str(pretty=True))]  # fmt: skip


def same_feed(articles: Sequence[Article]) -> Sequence[FeedFile]:
    """What our feeds say, by feedgen and its own extensions: creators, pictures, updates in RSS."""
    return [
        FeedFile("all.rss", _filled(articles, "rss", "dc", "media").rss_str(pretty=True)),
        FeedFile("all.atom", _filled(articles, "atom", "dc", "media").atom_str(pretty=True)),
    ]


def _filled(articles: Sequence[Article], ending: str, *extensions: str) -> FeedGenerator:
    feed = FeedGenerator()
    for extension in extensions:
        feed.load_extension(extension)
    feed.id(f"{OPTIONS.base_url}all.{ending}")
    feed.title(SITE.title)
    feed.description(SITE.description)
    feed.language("ja")
    feed.link(href=f"{OPTIONS.base_url}all.{ending}", rel="self")
    feed.link(href=SITE.url, rel="alternate")
    feed.updated(articles[0].updated)
    for one in articles:
        entry = feed.add_entry(order="append")
        entry.id(one.guid)
        entry.title(one.title)
        entry.link(href=one.url)
        entry.summary(one.summary)
        entry.content(one.content, type="html")
        entry.published(one.published)
        entry.updated(one.updated)
        entry.author({"name": one.authors[0]})
        entry.category([{"term": "米国関連"}, {"term": "F-35"}])
        entry.enclosure(one.images[0].url, 0, "image/jpeg")
        if extensions:
            entry.dc.dc_creator(one.authors[0])
            entry.dc.dc_rights(one.images[0].license)
            entry.media.content({"url": one.images[0].url, "medium": "image", "type": "image/jpeg"}, group=None)
            entry.media.thumbnail({"url": one.images[0].url}, group=None)
    return feed


def django(articles: Sequence[Article]) -> Sequence[FeedFile]:
    """Django's feed generator."""
    made = []
    for kind, path in ((Rss201rev2Feed, "all.rss"), (Atom1Feed, "all.atom")):
        feed = kind(SITE.title, SITE.url, SITE.description, language="ja", feed_url=f"{OPTIONS.base_url}{path}")
        for one in articles:
            feed.add_item(
                one.title, one.url, one.content, unique_id=one.guid, pubdate=one.published, updateddate=one.updated,
                author_name=one.authors[0], categories=("米国関連", "F-35"),
            )  # fmt: skip
        made.append(FeedFile(path, feed.writeString("utf-8").encode()))
    return made


def by_hand(articles: Sequence[Article]) -> Sequence[FeedFile]:
    """Trees built with lxml for exactly this."""
    content = "{http://purl.org/rss/1.0/modules/content/}encoded"
    rss = etree.Element("rss", version="2.0", nsmap={"content": "http://purl.org/rss/1.0/modules/content/"})
    channel = etree.SubElement(rss, "channel")
    atom = etree.Element("feed", nsmap={None: "http://www.w3.org/2005/Atom"})  # type: ignore[dict-item]
    for parent, tag, text in ((channel, "title", SITE.title), (channel, "link", SITE.url), (atom, "title", SITE.title)):
        etree.SubElement(parent, tag).text = text
    for one in articles:
        item, entry = etree.SubElement(channel, "item"), etree.SubElement(atom, "entry")
        for tag, text in (("title", one.title), ("link", one.url), ("guid", one.guid), ("description", one.summary),
                          (content, one.content), ("pubDate", one.published.strftime("%a, %d %b %Y %H:%M:%S +0000")),
                          ("category", "米国関連"), ("category", "F-35")):  # fmt: skip
            etree.SubElement(item, tag).text = text
        for tag, text in (("title", one.title), ("id", one.guid), ("summary", one.summary),
                          ("updated", one.updated.isoformat()), ("published", one.published.isoformat())):  # fmt: skip
            etree.SubElement(entry, tag).text = text
        etree.SubElement(entry, "link", href=one.url)
        etree.SubElement(entry, "content", type="html").text = one.content
        etree.SubElement(etree.SubElement(entry, "author"), "name").text = one.authors[0]
    return [
        FeedFile(path, etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))
        for path, root in (("all.rss", rss), ("all.atom", atom))
    ]


# ---------------------------------------------------------------- rounds


def rounds(count: int, number: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each contestant in each round."""
    articles = [article(n) for n in range(count, 0, -1)]
    full, one_changed = Feedpub(articles, full=True), Feedpub(articles, full=False)
    makers: dict[str, Callable[[Sequence[Article]], Sequence[FeedFile]]] = {
        "feedpub, full build": full.files,
        "feedpub, one entry changed": one_changed.files,
        "plain feedgen": plain_feedgen,
        "feedgen, the same feed": same_feed,
        "Django's feedgenerator": django,
        "lxml by hand": by_hand,
    }
    outputs = {name: DiskOutput(folder / str(n)) for n, name in enumerate([*makers, "floor"])}
    taken: dict[str, list[float]] = {name: [] for name in outputs}
    chance = random.Random(1)
    for lap in range(number + 1):
        place = chance.randrange(count)
        old = articles[place]
        later = old.updated + timedelta(seconds=1)
        articles[place] = replace(old, title=f"{old.title} {lap}", content=f"{old.content}<p>{lap}</p>", updated=later)
        bytes_ = one_changed.files(articles)
        one_changed.kept[old.guid] = (old.updated, one_changed.kept[old.guid][1])
        for name in chance.sample(list(outputs), len(outputs)):
            with timed(taken[name]):
                outputs[name].write(bytes_ if name == "floor" else makers[name](articles))
    for file in one_changed.files(articles):
        parse_file(file.path.rpartition(".")[2], file.content)
    return {name: found[1:] for name, found in taken.items()}  # the first is for warming up


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    """Add the seconds that it took."""
    start = time.perf_counter()
    yield
    into.append(time.perf_counter() - start)


# ---------------------------------------------------------------- all of it, with the ledger


def whole(count: int, number: int, folder: Path) -> list[float]:
    """Seconds from an edit recorded in the ledger to the feed out: SQLite, siblings and JSON too."""
    ledger = Ledger(Database(f"sqlite:///{folder}/feedpub.db"))
    ledger.open(lead=True)
    options = OPTIONS.model_copy(
        update={"output": str(folder / "public"), "entries": count, "formats": ("rss", "atom", "json"), "archive": 0}
    )
    builder = Builder(ledger, Plan(SITE, options, lambda _: ()), lambda: datetime(2026, 11, 1, tzinfo=UTC))
    builder.sync()
    taken: list[float] = []
    articles = [article(n) for n in range(count, 0, -1)]
    record(ledger, articles, None)
    builder.build({})
    for lap in range(number):
        one = articles[lap % count]
        articles[lap % count] = changed = replace(one, title=f"{one.title} {lap}")
        with timed(taken):
            record(ledger, [changed], "1")
            builder.build({})
    ledger.close()
    return taken


def record(ledger: Ledger, articles: Sequence[Article], expected: str | None) -> None:
    """Write articles down as a poll would."""
    written = tuple(Written(one, one.title, one.title, 1) for one in articles)
    step = Record("blog", expected, "1", live=True, written=written)
    ledger.articles.record(step, {}, datetime(2026, 11, 1, tzinfo=UTC))


def peak() -> None:
    """Build one feed of 5,000 entries, and say how much memory that took."""
    articles = [article(n) for n in range(5000, 0, -1)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = Feedpub(articles, full=True)
    size = sum(len(file.content) for file in kept.files(articles))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"5,000 entries: {size / 1e6:.0f} MB of feeds; {(after - before) / 1024:.0f} MiB at the peak", flush=True)


def main() -> None:
    """Print medians and ratios, and whether the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=21, help="how many, at least 15")
    parser.add_argument("--folder", type=Path, help="where to write (a disk like that of your output directory)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--peak", action="store_true", help="only measure memory")
    given = parser.parse_args()
    given.rounds = 15 if given.quick else given.rounds
    if given.peak:
        return peak()
    django_settings.configure(USE_TZ=True)
    for count in (50, 500):
        with TemporaryDirectory(dir=given.folder) as folder:
            taken = rounds(count, given.rounds, Path(folder))
        medians = {name: statistics.median(found) for name, found in taken.items()}
        print(f"\n{count} entries of 3 kB, RSS and Atom, from changed article to renamed files ({given.rounds} rounds)")
        for name, median in sorted(medians.items(), key=lambda item: item[1]):
            ratio, least = medians["plain feedgen"] / median, min(taken[name])
            print(f"  {name:28}{median * 1000:9.2f} ms (least {least * 1000:.2f})  {ratio:6.2f} × as fast as feedgen")
        changed, full = medians["feedpub, one entry changed"], medians["feedpub, full build"]
        floor, plain, same = medians["floor"], medians["plain feedgen"], medians["feedgen, the same feed"]
        bar("one entry changed: times as fast as feedgen with the same feed", same / changed, least=8)
        bar("one entry changed: times the floor", changed / floor, most=3)
        bar("full build: times plain feedgen's time", full / plain, most=1.5)
        with TemporaryDirectory(dir=given.folder) as folder:
            found = whole(count, given.rounds, Path(folder))
        print(f"  with ledger (SQLite), JSON Feed, gzip and brotli: {statistics.median(found) * 1000:.1f} ms")
    print()
    subprocess.run([sys.executable, "-m", "tests.bench.feeds", "--peak"], check=True)
    return None


def bar(what: str, ratio: float, *, least: float = 0.0, most: float = float("inf")) -> None:
    """Say whether a bar is met."""
    asked = f"at least {least:g}" if least else f"at most {most:g}"
    print(f"  {'met    ' if least <= ratio <= most else 'NOT MET'} {what}, {asked}: {ratio:.2f}")


if __name__ == "__main__":
    main()
