"""A config edited at random while jobs run: the last good one is in force, and no unchanged job hears of it.

RELOADS=200 plays the long run, RELOADS_SEED=1 the same edits again; `pytest -rP` shows the figures.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.edge.front_door import ENGLISH, Running, Site, measured, until, webhook
from tests.edge.polled import Wire, wire
from tests.edge.receiver import Receiver

EDITS = int(os.environ.get("RELOADS", "30"))
BURST = 5
EVERY = 1.0
"""The cadence of the stores that nobody touches, in seconds."""
MUCH = 5.0
"""Seconds that a busy machine may make of what should take none."""


@dataclass
class Editor:
    """Somebody who edits `feeds.toml` in every way there is. The path of `base_url` tells which version is in force."""

    folder: Path
    chance: random.Random
    version: int = 0
    valid: bool = True
    done: Counter[str] = field(default_factory=Counter)

    @property
    def file(self) -> Path:
        return self.folder / "feeds.toml"

    def text(self) -> str:
        return f'[feeds]\nentries = 50\noutput = "public"\nbase_url = "https://news.test/v{self.version}/"\n'

    def edit(self) -> None:
        """Make one edit: two of three are valid."""
        kinds = self.good if self.chance.random() < 0.66 else self.bad
        kind = self.chance.choice(kinds)
        (self.folder / "twin.toml").unlink(missing_ok=True)
        self.valid = kind in self.good
        self.version += self.valid
        self.done[kind.__name__] += 1
        kind(self)

    # ------------------------------------------------------------ valid

    def renamed_over(self) -> None:
        fresh = self.folder / "feeds.toml.new"
        fresh.write_text(self.text(), encoding="utf-8")
        fresh.replace(self.file)

    def written_in_place(self) -> None:
        self.file.write_text(self.text(), encoding="utf-8")

    def written_in_two_steps(self) -> None:
        text, cut = self.text(), self._cut()
        with self.file.open("w", encoding="utf-8") as file:
            file.write(text[:cut])
            file.flush()
            time.sleep(self.chance.random() * 0.4)
            file.write(text[cut:])

    def saved_by_an_editor(self) -> None:
        swap, kept = self.folder / ".feeds.toml.swp", self.folder / "feeds.toml~"
        swap.write_bytes(b"b0VIM 9.0\x00\x00")
        (self.folder / "4913").touch()
        (self.folder / "4913").unlink()
        if self.file.exists():
            self.file.replace(kept)
        self.file.write_text(self.text(), encoding="utf-8")
        kept.unlink(missing_ok=True)
        swap.unlink()

    def swapped_as_a_mount(self) -> None:
        """As Kubernetes does it."""
        inside = self.folder / f"..v{self.version}"
        inside.mkdir()
        (inside / "feeds.toml").write_text(self.text(), encoding="utf-8")
        (self.folder / "..data_tmp").symlink_to(inside.name)
        (self.folder / "..data_tmp").replace(self.folder / "..data")
        if not self.file.is_symlink():
            (self.folder / "link").symlink_to("..data/feeds.toml")
            (self.folder / "link").replace(self.file)

    def deleted_and_restored(self) -> None:
        self.file.unlink(missing_ok=True)
        time.sleep(self.chance.random() * 0.4)
        self.renamed_over()

    def with_another_secret(self) -> None:
        secret = self.folder.parent / "secret"
        secret.write_text(f"whsec_{self.chance.randbytes(24).hex()}", encoding="utf-8")
        self.renamed_over()

    # ------------------------------------------------------------ invalid

    def half_written(self) -> None:
        self._spoil(self.text()[: self._cut()])

    def misspelt(self) -> None:
        self._spoil(self.text().replace("entries", "entires"))

    def with_a_nul_in_it(self) -> None:
        self._spoil(self.text() + "\0\0\0\0")

    def emptied(self) -> None:
        self._spoil("")

    def deleted(self) -> None:
        self.file.unlink(missing_ok=True)

    def said_twice(self) -> None:
        """In another file, too."""
        self._spoil(self.text())
        (self.folder / "twin.toml").write_text("[feeds]\nentries = 51\n", encoding="utf-8")

    def _spoil(self, text: str) -> None:
        self.file.unlink(missing_ok=True)  # or it would spoil what a link leads to
        self.file.write_text(text, encoding="utf-8")

    def _cut(self) -> int:
        """Somewhere in the address: what is before it is no TOML."""
        return len(self.text()) - self.chance.randint(3, 12)

    good: tuple[Callable[[Editor], None], ...] = (
        renamed_over,
        written_in_place,
        written_in_two_steps,
        saved_by_an_editor,
        swapped_as_a_mount,
        deleted_and_restored,
        with_another_secret,
    )
    bad: tuple[Callable[[Editor], None], ...] = (half_written, misspelt, with_a_nul_in_it, emptied, deleted, said_twice)


def serves(daemon: Running, version: int) -> bool:
    return daemon.ask(f"/v{version}/feeds.opml").status == 200


def problems(daemon: Running) -> list[str]:
    told: list[str] = daemon.ask("/health/ready", admin=True).json["problems"]
    return told


@pytest.fixture
def at_work(site: Site) -> Iterator[tuple[Running, Editor, Wire, Receiver]]:
    """A daemon that polls two stores and says what they have, and somebody who edits its config."""
    with wire() as stores, Receiver() as hook:
        (site.folder / "secret").write_text("whsec_" + "Zmlyc3Q" * 6 + "==", encoding="utf-8")
        target = webhook(hook, secret={"file": "secret"})
        polled: dict[str, object] = {name: stores.store(name, poll=f"{EVERY:.0f}s") for name in ("one", "other")}
        seed = int(os.environ.get("RELOADS_SEED") or random.randrange(10**6))
        editor = Editor(site.folder / "config", random.Random(seed))
        site.configure(site=ENGLISH, stores=polled, targets={"hook": target})
        whole = site.folder / "config" / "feedpub.toml"
        text = whole.read_text(encoding="utf-8")
        head, _, rest = text.partition("[feeds]")
        whole.write_text(head + rest[rest.index("[") :], encoding="utf-8")
        editor.renamed_over()
        daemon = site.start("run")
        until(lambda: all(stores.polls[name] for name in polled) and serves(daemon, 0))
        print(f"seed {seed}")  # noqa: T201 - to play it again
        yield daemon, editor, stores, hook
        print(daemon.end().err[-2000:], editor)  # noqa: T201 - what it told last


def test_whatever_is_saved_the_last_good_config_is_in_force_and_nothing_else_changes(
    at_work: tuple[Running, Editor, Wire, Receiver],
) -> None:
    daemon, editor, stores, hook = at_work
    begun, waits, refusals, in_force = time.monotonic(), [0.0], [0.0], 0
    for count in range(EDITS // BURST):
        stores.items.insert(0, str(count))
        for _ in range(BURST):
            editor.edit()
            time.sleep(editor.chance.random() * 0.25)
        if editor.valid:
            waits.append(until(lambda: serves(daemon, editor.version)))
            in_force = editor.version
            until(lambda: problems(daemon) == [])
        else:
            refusals.append(until(lambda: problems(daemon)))
            assert problems(daemon)[0].startswith("the saved config is not in force: config")
            served = [one for one in range(in_force, editor.version + 1) if serves(daemon, one)]
            assert len(served) == 1, "one of those that were valid, and no other"
            in_force = served[0]
    elapsed = time.monotonic() - begun
    (editor.folder / "twin.toml").unlink(missing_ok=True)
    editor.renamed_over()
    until(lambda: serves(daemon, editor.version) and not problems(daemon))
    until(lambda: len(hook.requests) >= EDITS // BURST)
    ended = time.monotonic()
    measured(f"for {EDITS} edits", elapsed)
    measured("at the longest until a saved config was in force", max(waits))
    measured("at the longest until a mistake was told", max(refusals))
    for name in ("one", "other"):
        usually, at_most = off_beat(stores.polls[name], ended)
        measured(f"usually was a poll of stores.{name} off its beat", usually)
        measured("at most", at_most)
        assert usually < EVERY / 10, "a job that began anew with each config would be off by EVERY / 4"
    print(dict(editor.done))  # noqa: T201 - figures
    assert max(waits) < 2 + MUCH
    heard = Counter(seen.json["data"]["id"] for seen in hook.requests)
    assert heard == Counter(map(str, range(EDITS // BURST)))
    assert daemon.events("fault") == daemon.events("failed") == daemon.events("run_skipped") == []


def off_beat(polls: list[float], ended: float) -> tuple[float, float]:
    """How far off their beat a store's polls were: half of them at most, and any of them at most.

    Fails if some are missing, or were doubled. One may be late on a busy machine; half of them are not.
    """
    beats = (ended - polls[0]) / EVERY
    assert len(polls) <= beats + 2, "polled more often than its cadence"
    assert len(polls) >= beats * 0.7 - 1, "polled less often"
    phases = [(one - polls[0]) % EVERY for one in polls]
    off = min(sorted(_apart(one, other) for one in phases) for other in phases[:: len(phases) // 20 + 1])
    return off[len(off) // 2], off[-1]


def _apart(one: float, other: float) -> float:
    """How far two moments are from each other on a clock that goes round once in EVERY."""
    return abs((one - other + EVERY / 2) % EVERY - EVERY / 2)
