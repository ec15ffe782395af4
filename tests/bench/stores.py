"""What stores that keep no log of their changes cost: a folder of Markdown files, with a thousand and ten thousand.

Both sites live in this process, and are asked in turn. Run by `make bench`; `python -m tests.bench.stores --help` says
more.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from feedpub.app import App
from feedpub.settings import load
from tests.bench.archive import timed
from tests.bench.feeds import bar
from tests.bench.sites import QUIET, categories, configure, content, moment

LEAVES = [name for key, name, *_ in categories() if len(key) == 3]
_HOUR = 3600


def markdown(folder: Path, number: int) -> None:
    """Write one article, as of an hour ago: a file that was just written is read once more."""
    here = folder / "content" / f"{number % 100}"
    here.mkdir(parents=True, exist_ok=True)
    file = here / f"{number}.md"
    text = content(number).replace("<p>", "").replace("</p>", "\n\n")
    head = f"title: 第{number}号\ndate: {moment(number).isoformat()}\ncategories: [{LEAVES[number % len(LEAVES)]}]\n"
    file.write_text(f"---\n{head}---\n{text}", encoding="utf-8")
    written = file.stat().st_mtime - _HOUR
    os.utime(file, (written, written))


class Site:
    """A site of so many files, polled for the first time."""

    def __init__(self, folder: Path, size: int) -> None:
        """Make it; `first` is how long its first poll took."""
        self.folder, self.next = folder, size
        for number in range(size):
            markdown(folder, number)
        configure(folder, QUIET, store=f'kind = "markdown"\npath = "{folder}/content"')
        self.app = App.open(load(folder / "config", {}), lead=True, show=lambda _: None)
        self.first = timed(lambda: self.app.publisher.poll("blog"))
        self.app.once()

    def idle(self) -> float:
        """Seconds of a poll that finds nothing."""
        return timed(lambda: self.app.publisher.publish("blog"))

    def new(self) -> float:
        """Seconds from a new file to its feeds."""
        markdown(self.folder, self.next)
        self.next += 1
        return timed(lambda: self.app.publisher.publish("blog"))


def main() -> None:
    """Print medians, and how the large one compares with the small one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="how many of each")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="files")
    parser.add_argument("--folder", type=Path, help="where to write")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    given = parser.parse_args()
    given.rounds = 5 if given.quick else given.rounds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir=given.folder)))
        sites = {}
        for size in given.sizes:
            (folder / f"{size}").mkdir()
            sites[size] = Site(folder / f"{size}", size)
            stack.callback(sites[size].app.close)
        laps: Mapping[str, Callable[[Site], float]] = {"idle poll": Site.idle, "one new article": Site.new}
        took = {
            name: [[lap(site) for site in sites.values()] for _ in range(given.rounds)] for name, lap in laps.items()
        }
    print(f"\n{'Markdown files':28}" + "".join(f"{size:>12,}" for size in sites))
    print(f"{'first poll, files a second':28}" + "".join(f"{size / site.first:12,.0f}" for size, site in sites.items()))
    for name, found in took.items():
        medians = [statistics.median(times) for times in zip(*found, strict=True)]
        print(f"{name:28}" + "".join(f"{median * 1000:>9.1f} ms" for median in medians))
    idle = [statistics.median(times) for times in zip(*took["idle poll"], strict=True)]
    bar(f"idle poll of {given.sizes[-1]:,} files: seconds", idle[-1], most=1)


if __name__ == "__main__":
    main()
