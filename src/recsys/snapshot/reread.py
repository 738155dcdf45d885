"""Bring a snapshot up to date by what the log of changes names: a few items' rows instead of the whole namespace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from recsys.db.queries import sql
from recsys.snapshot.amend import amended
from recsys.snapshot.changed import ITEMS_MAX, NOTHING, Changed
from recsys.snapshot.changes import KEPT, origin_of
from recsys.snapshot.columns import Columns
from recsys.snapshot.dawn import over
from recsys.snapshot.freeze import with_sessions
from recsys.snapshot.origin import Origin
from recsys.snapshot.sessions import SessionColumns
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.tail import extended, read_sessions, session_parameters
from recsys.snapshot.window import day_bounds
from recsys.tenancy.config import SignalParams

ROWS_MAX = 200_000
"""Rows of one table that are read item by item; beyond them a load, which reads packed rows, costs less."""


def renewed(conn: psycopg.Connection, snapshot: Snapshot, params: SignalParams, now: datetime) -> Snapshot | None:
    """Return *snapshot* as the database would give it now; itself if nothing changed, None if it must be loaded.

    *conn* is in a transaction that sees all rows of the tenant at one moment: `Database.reading()`. Days count as on
    the day of `snapshot.as_of`, which stays: it says when all rows were read.
    """
    stale = snapshot.params != params or now - snapshot.as_of > KEPT or over(snapshot, now)
    if stale or snapshot.origin is None or not _same_past(conn, snapshot.origin):
        return None
    about = {"tenant_id": snapshot.tenant_id, "namespace": snapshot.namespace}
    changed = _changed(conn, about | {"seen": snapshot.origin.seen, "most": ITEMS_MAX + 1})
    if changed is None or changed == NOTHING:
        return None if changed is None else snapshot
    columns = _columns(conn, about | day_bounds(snapshot.as_of.astimezone(UTC).date(), params), changed, snapshot)
    made = None if columns is None else amended(snapshot, changed, columns)
    return None if made is None else replace(_with_sessions(conn, made, snapshot, now), origin=origin_of(conn))


def _same_past(conn: psycopg.Connection, origin: Origin) -> bool:
    about = {"cluster": origin.cluster, "seen": origin.seen}
    return conn.execute(sql("amend.same_past"), about).fetchone() == (True,)


def _changed(conn: psycopg.Connection, parameters: dict[str, Any]) -> Changed | None:
    rows = conn.execute(sql("amend.items_since"), parameters).fetchall()
    if len(rows) > ITEMS_MAX or any(item_id is None for item_id, _ in rows):
        return None
    return Changed(frozenset(item_id for item_id, _ in rows), frozenset(item_id for item_id, met in rows if met))


def _columns(
    conn: psycopg.Connection, parameters: dict[str, Any], changed: Changed, snapshot: Snapshot
) -> Columns | None:
    """Read the rows of what changed; None if they are too many."""
    conn.execute(sql("snapshot.prepare"))
    parameters |= {"items": list(changed.items), "met": list(changed.met), "most_rows": ROWS_MAX + 1}
    tags, popularity, covisitation, owners = (
        conn.cursor(binary=True).execute(sql(f"amend.{query}"), parameters).fetchall()
        for query in ("tags", "popularity", "covisitation", "owners")
    )
    if max(len(popularity), len(covisitation)) > ROWS_MAX:
        return None
    gone = {item_id for item_id, _, _, away, _ in tags if away}
    return Columns.from_rows(
        [row for row in popularity if row[0] not in gone],
        [row for row in covisitation if row[0] not in gone and not _is_gone(row[1], gone, changed, snapshot)],
        [(item_id, tuple(words), available, created) for item_id, words, available, away, created in tags if not away],
        [item_id for (item_id,) in owners if item_id not in gone],
        gone,
    )


def _is_gone(item_id: str, gone: set[str], changed: Changed, snapshot: Snapshot) -> bool:
    """Say whether a neighbour is deleted: what was read says it of changed items, the snapshot of all others."""
    if item_id in changed.items or snapshot.raw is None:
        return item_id in gone
    return snapshot.raw.gone.number(item_id) is not None


def _with_sessions(conn: psycopg.Connection, made: Snapshot, before: Snapshot, now: datetime) -> Snapshot:
    """Let sessions be read again where the numbers of items have moved."""
    if made.params.sessions is None or made.sessions:
        return made
    parameters = session_parameters(made.namespace, made.params, before.as_of) | {"tenant_id": made.tenant_id}
    sessions = SessionColumns.of(reversed(list(read_sessions(conn, parameters))), made.items)
    return extended(conn, with_sessions(made, sessions), now)
