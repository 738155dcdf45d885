"""The audit log: who changed what, written in the transaction of the change."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from recsys.db.queries import sql
from recsys.identifiers import uuid7


class Actor(NamedTuple):
    """Who makes a change, and through what."""

    type: str
    """``user``, ``api_key``, ``cli`` or ``system``."""
    sub: str | None = None
    """Subject of the token, id of the key, or name of the account."""
    roles: tuple[str, ...] = ()
    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None


SYSTEM = Actor("system")
"""The service itself."""


class Change(NamedTuple):
    """What was done to one thing; the states are JSON values."""

    action: str
    """Such as ``config.publish``."""
    entity_type: str
    entity_id: str | None
    before: Any = None
    after: Any = None
    extra: dict[str, Any] | None = None


class AuditEntry(Struct, frozen=True):
    """One row of the log: one change, or one refused attempt. Columns of audit.sql."""

    id: UUID
    occurred_at: datetime
    tenant_id: UUID | None
    """Null where it is about the installation, or about nobody who is known."""
    actor_type: str
    actor_sub: str | None
    action: str
    entity_type: str | None
    entity_id: str | None
    request_id: str | None
    ip: str | None
    user_agent: str | None
    before_state: Any
    """What it was before, and after: shown over HTTP to operators only."""
    after_state: Any
    extra: dict[str, Any] | None


def record(conn: psycopg.Connection, tenant_id: UUID | None, change: Change, actor: Actor) -> None:
    """Append one row; it stands or falls with the caller's transaction, so let it be the last thing that does."""
    conn.execute(sql("audit.order"), {"tenant_id": tenant_id})
    extra = (change.extra or {}) | ({"roles": list(actor.roles)} if actor.roles else {})
    conn.execute(
        sql("audit.record"),
        {
            "id": uuid7(),
            "tenant_id": tenant_id,
            "actor_sub": actor.sub,
            "actor_type": actor.type,
            "action": change.action,
            "entity_type": change.entity_type,
            "entity_id": change.entity_id,
            "request_id": actor.request_id,
            "ip": actor.ip,
            "user_agent": actor.user_agent,
            "before": _jsonb(change.before),
            "after": _jsonb(change.after),
            "extra": _jsonb(extra or None),
        },
    )


def page(
    conn: psycopg.Connection,
    tenant_id: UUID | None,
    *,
    limit: int = 100,
    before: datetime | None = None,
    before_id: UUID | None = None,
) -> list[AuditEntry]:
    """List a tenant's entries, or those of no tenant, newest first, older than (before, before_id) where that is given.

    The last entry's time and id ask for the next page.
    """
    with conn.cursor(row_factory=class_row(AuditEntry)) as cursor:
        query = sql("audit.page") if tenant_id is not None else sql("audit.page_of_installation")
        cursor.execute(query, {"tenant_id": tenant_id, "limit": limit, "before": before, "before_id": before_id})
        return cursor.fetchall()


def _jsonb(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)
