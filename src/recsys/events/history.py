"""What a visitor did recently, as ranking reads it."""

from __future__ import annotations

from uuid import UUID

import psycopg

from recsys.db.queries import sql
from recsys.ranking.query import Event


def recent(
    conn: psycopg.Connection, tenant_id: UUID, user_key: bytes | None, session_id: str | None, limit: int
) -> list[Event]:
    """Return at most *limit* interactions of the visitor, newest first; among equal times the later arrival first.

    Given both, what the person did and what the session did are one history. Nobody (both None) has none.
    """
    if user_key is not None:
        query = sql("events.recent_by_user") if session_id is None else sql("events.recent_by_user_or_session")
    elif session_id is not None:
        query = sql("events.recent_by_session")
    else:
        return []
    values = {"tenant_id": tenant_id, "user_key": user_key, "session_id": session_id, "limit": limit}
    return [Event(*row) for row in conn.execute(query, values)]
