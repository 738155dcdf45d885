"""Sessions out of the database: the base that is loaded with a snapshot, and what has come since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import psycopg

from recsys.db.queries import sql
from recsys.signals.feeds import feed_from
from recsys.snapshot.sessions import SessionColumns, remember
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

LATE = timedelta(minutes=10)
"""How long an interaction may take from happening to the database and still be found by the next look."""

_FETCH = 10_000

_BASE = 2
"""A version names the signals, the sessions that were loaded, and those that have come since."""


def read_sessions(conn: psycopg.Connection, parameters: dict[str, Any]) -> Iterator[list[str]]:
    """Give the sessions of a namespace, newest first, each with its newest item first, repeated ones too."""
    with conn.cursor(name="sessions") as cursor:
        cursor.itersize = _FETCH
        for (items,) in cursor.execute(sql("snapshot.sessions"), parameters):
            yield items


def session_parameters(namespace: str, params: SignalParams, now: datetime) -> dict[str, Any]:
    """Say which sessions a namespace remembers at *now*; its `params.sessions` are set."""
    assert params.sessions is not None  # noqa: S101  the caller looked
    feed = feed_from(dict(params.feeds), namespace)
    return {
        "since": now - timedelta(days=params.sessions.window_days),
        "now": now,
        "keep": params.sessions.keep,
        "surfaces": feed.surfaces,
        "unnamed": feed.unnamed,
        "event_types": list(params.event_weights),
        "event_weights": list(params.event_weights.values()),
        "session_gap_minutes": params.session_gap_minutes,
    }


def extended(conn: psycopg.Connection, snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return *snapshot* with the sessions that have come since it was loaded; itself where there are none.

    What happened shortly before it was loaded is read again, because it may have arrived since. Everything else that
    ranking reads is shared with *snapshot*.
    """
    parameters = session_parameters(snapshot.namespace, snapshot.params, now) | {
        "tenant_id": snapshot.tenant_id,
        "since": snapshot.as_of - LATE,
    }
    columns = SessionColumns.of(reversed(list(read_sessions(conn, parameters))), snapshot.items)
    if len(columns.item) == 0:
        return snapshot
    digest = blake2b(columns.owner.tobytes() + columns.item.tobytes(), digest_size=3).hexdigest()
    base = snapshot.version.split(".")[:_BASE]
    version = ".".join([*base, digest])
    if version == snapshot.version:
        return snapshot
    tail = remember(columns, len(snapshot.items))
    return replace(snapshot, sessions=(snapshot.sessions[0], tail), version=version)
