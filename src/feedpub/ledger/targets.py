"""How each target is doing, and what it remembers. One transaction per method; decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from feedpub.ledger import schema
from feedpub.ledger.database import Database
from feedpub.ledger.moving import locked, save
from feedpub.ledger.rows import AnyRow, delivery_of
from feedpub.model import EPOCH, State, Target
from feedpub.notices.lifecycle import Lost, cancel, step
from feedpub.notices.pace import Rest

_ONE = select(schema.target).where(schema.target.c.name == bindparam("key"))
_MEMORY = select(schema.target.c.memory).where(schema.target.c.name == bindparam("key"))


@dataclass(frozen=True, slots=True)
class TargetState:
    """How a target is doing."""

    name: str
    kind: str
    rest: Rest


class Targets:
    """The targets' side of the ledger."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def sync(self, targets: Mapping[str, Target]) -> dict[str, int]:
        """Make the targets those given. Returns how many deliveries of each removed one were cancelled."""
        with self._database.write(leading=True) as connection:
            have = {row.name: row for row in connection.execute(select(schema.target))}
            for name in targets.keys() - have.keys():
                connection.execute(
                    insert(schema.target).values(
                        name=name, kind=targets[name].kind, paused="", failures=0, rest_until=EPOCH, slot_until=EPOCH,
                        memory="{}",
                    )
                )  # fmt: skip
            for name, target in targets.items():
                if name in have and have[name].kind != target.kind:
                    # What it remembers was said by another network.
                    connection.execute(
                        update(schema.target).where(schema.target.c.name == name).values(kind=target.kind, memory="{}")
                    )
            removed = [name for name in have if name not in targets]
            return {name: count for name in removed if (count := _cancel_all(connection, name))}

    def states(self) -> tuple[TargetState, ...]:
        """Every target ever configured."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.target).order_by(schema.target.c.name))
            return tuple(TargetState(row.name, row.kind, _rest(row)) for row in rows)

    def pause(self, target: Target, why: str, now: datetime) -> bool:
        """Have a target begin nothing from now on; what it is saying this moment runs to its end.

        Tells whether it was free to speak until now; if not, the reason that it has stays.
        """
        one, of = schema.delivery.c, schema.target.c
        with self._database.write() as connection:
            free = (of.name == target.name) & (of.paused == "")
            if not connection.execute(update(schema.target).where(free).values(paused=why)).rowcount:
                return False
            claimed = select(schema.delivery).where(one.target == target.name, one.state == State.CLAIMED)
            for taken in map(delivery_of, connection.execute(locked(claimed)).all()):
                save(connection, taken, step(taken, Lost(), target, now))
            return True

    def resume(self, name: str) -> None:
        """Let a paused target speak again."""
        with self._database.write() as connection:
            connection.execute(
                update(schema.target)
                .where(schema.target.c.name == name)
                .values(paused="", failures=0, rest_until=EPOCH)
            )

    def memory(self, name: str) -> dict[str, str]:
        """What a target remembered; nothing, if feedpub has not met it yet."""
        with self._database.glance() as connection:
            text = connection.execute(_MEMORY, {"key": name}).scalar()
        return dict(json.loads(text or "{}"))

    def remember(self, name: str, key: str, value: str) -> None:
        """Make something durable for a target; an empty value forgets it."""
        with self._database.write() as connection:
            where = schema.target.c.name == name
            text = connection.execute(select(schema.target.c.memory).where(where).with_for_update()).scalar_one()
            memory = {name: kept for name, kept in {**json.loads(text), key: value}.items() if kept}
            connection.execute(update(schema.target).where(where).values(memory=json.dumps(memory)))


def _cancel_all(connection: Connection, name: str) -> int:
    """Cancel what a removed target still had to say; what it is saying this moment runs to its end."""
    waiting = (State.HELD, State.DUE, State.DOUBTFUL)
    rows = connection.execute(
        locked(select(schema.delivery).where(schema.delivery.c.target == name, schema.delivery.c.state.in_(waiting)))
    ).all()
    why = f"the target {name} was removed from the config"
    return sum(save(connection, one, cancel(one, why)) for one in map(delivery_of, rows))


def rest_of(connection: Connection, name: str) -> Rest:
    """How one target is going on, within a transaction."""
    return _rest(connection.execute(_ONE, {"key": name}).one())


def _rest(row: AnyRow) -> Rest:
    return Rest(row.failures, row.rest_until, row.slot_until, row.paused)
