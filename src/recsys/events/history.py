"""What a visitor did recently, as ranking reads it."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.ranking.query import Event

PATIENCE_SECONDS = 0.25
"""How long a read may wait for a connection; the list that wanted it has been answered long before."""


def recent(
    conn: psycopg.Connection, tenant_id: UUID, user_key: bytes | None, session_id: str | None, limit: int
) -> list[Event]:
    """Return at most *limit* interactions of the visitor, newest first; among equal times the later arrival first.

    Given both, what the person did and what the session did are one history. Nobody (both None) has none.
    """
    asked = _question(tenant_id, user_key, session_id, limit)
    return [] if asked is None else [Event(*row) for row in conn.execute(*asked)]


def look_up(
    database: Database, tenant_id: UUID, user_key: bytes | None, session_id: str | None, limit: int
) -> list[Event]:
    """Return what `recent` does, in one round trip to the database."""
    asked = _question(tenant_id, user_key, session_id, limit)
    return [] if asked is None else [Event(*row) for row in database.ask(tenant_id, *asked, patience=PATIENCE_SECONDS)]


def _question(
    tenant_id: UUID, user_key: bytes | None, session_id: str | None, limit: int
) -> tuple[LiteralString, dict[str, object]] | None:
    values: dict[str, object] = {
        "tenant_id": tenant_id,
        "user_key": user_key,
        "session_id": session_id,
        "limit": limit,
    }
    if user_key is not None:
        whole = session_id is not None
        return sql("events.recent_by_user_or_session" if whole else "events.recent_by_user"), values
    return None if session_id is None else (sql("events.recent_by_session"), values)
