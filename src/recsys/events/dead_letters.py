"""Records that the database refused for what they hold: kept, listed, replayed."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.events.landing import DeadLetter, Spooled, land, with_partitions
from recsys.events.records import kind_name, kind_number


class Buried(NamedTuple):
    """One row of `dead_letters` that has not been replayed."""

    id: UUID
    tenant_id: UUID | None
    kind: str
    record: bytes
    reason: str
    sqlstate: str | None
    spool_id: str | None
    created_at: datetime


class Replay(NamedTuple):
    """What a replay came to."""

    landed: int
    refused: int


def bury(conn: psycopg.Connection, letters: list[DeadLetter]) -> None:
    """Keep *letters* in `dead_letters`; a record that is there already is not doubled."""
    for letter in letters:
        conn.execute(
            sql("events.bury"),
            {
                "id": _identity(letter.spooled),
                "tenant_id": letter.record and letter.record.tenant_id,
                "kind": kind_name(letter.spooled.kind),
                "record": letter.spooled.payload,
                "reason": letter.reason,
                "sqlstate": letter.sqlstate,
                "spool_id": letter.spooled.spool_id,
            },
        )


def _identity(spooled: Spooled) -> UUID:
    """Name a record by what it holds, so that a replayed spool buries it once."""
    return UUID(bytes=hashlib.sha256(bytes([spooled.kind]) + spooled.payload).digest()[:16])


def list_buried(conn: psycopg.Connection, limit: int) -> list[Buried]:
    """List dead letters that have not been replayed, oldest first."""
    return [Buried(*row) for row in conn.execute(sql("events.dead_letters"), {"limit": limit})]


def replay(database: Database, limit: int) -> Replay:
    """Try to land dead letters again, each by itself: after an upgrade, or once their cause is gone."""
    with database.system() as conn:
        waiting = list_buried(conn, limit)
    landed = sum(_replay_one(database, buried) for buried in waiting)
    return Replay(landed, len(waiting) - landed)


def _replay_one(database: Database, buried: Buried) -> bool:
    spooled = Spooled(kind_number(buried.kind), buried.record, buried.spool_id)

    def attempt(conn: psycopg.Connection) -> bool:
        dead = land(conn, [spooled]).dead
        if dead:
            values = {"id": buried.id, "reason": dead[0].reason, "sqlstate": dead[0].sqlstate}
            conn.execute(sql("events.refused_again"), values)
        else:
            conn.execute(sql("events.replayed"), {"id": buried.id})
        return not dead

    return with_partitions(database, attempt)
