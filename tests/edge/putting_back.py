"""Databases that are put back: desks with a mark, and copies of their ledgers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from feedpub.commands.marking import Marking
from feedpub.ledger.copying import copy_in, copy_out
from feedpub.ledger.restoring import PutBack
from feedpub.networks.base import Network
from tests.edge.test_publisher import Desk
from tests.world import Board, FindBoard, KeyedBoard, RepostBoard, ThreadBoard


def boards(**options: Any) -> dict[str, Network]:
    """One target for each way of telling an edit, and of finding out after a doubt."""
    given: dict[str, Any] = {"template": "{{ headline }}\n{{ url }}", "retract_after": "1h"} | options
    return {
        "board": Board(name="board", **given),
        "keyed": KeyedBoard(name="keyed", **given),
        "findable": FindBoard(name="findable", **given),
        "threaded": ThreadBoard(name="threaded", correct="reply", **given),
        "reposting": RepostBoard(name="reposting", correct="repost", **given),
    }


class MarkedDesk(Desk):
    """A desk whose feedpub heeds the mark, as App does."""

    marking: Marking | None = None

    def start(self) -> PutBack | None:
        """Begin as a feedpub that has just come to lead."""
        if self.marking is not None:
            self.marking.close()
        self.marking = Marking(self.ledger, self.folder / "mark")
        found = self.marking.heed(self.targets, self.now)
        self.publisher.apply(self.setup())
        self.ledger.deliveries.recover(self.targets, self.now, all_leases=True)
        return found

    def copied(self, name: str = "copy.db") -> Path:
        """Copy the database aside, as a snapshot or a dump does."""
        path = self.folder / name
        with self.ledger.database.snapshot() as connection:
            copy_out(connection, path)
        return path

    def put_back(self, copy: Path) -> PutBack | None:
        """Put a copy in place of the database by hand, and start."""
        with self.ledger.database.write() as connection:
            copy_in(copy, connection)
        return self.start()

    def posts(self) -> list[tuple[str, str]]:
        """Everything that was ever posted: where, and of which article."""
        return [(post.target, post.guid.rpartition(":")[2]) for post in self.world.posts]

    def held(self) -> set[tuple[str, str]]:
        """What waits for a person since it was put back."""
        return {(one.delivery.target, one.about.id) for one in self.ledger.deliveries.listed(held_by="restore")}
