"""Asking every host to read something again, although the log of changes says nothing new."""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

import psycopg

from recsys.db.queries import sql
from recsys.identifiers import uuid7
from recsys.tenancy.audit import Actor, Change, record

Target = Literal["config", "rules", "tenant", "keys", "tags", "popularity", "covisitation"]
SIGNALS = frozenset({"tags", "popularity", "covisitation"})


class Asked(NamedTuple):
    """What should be read again."""

    tenant_id: UUID
    targets: tuple[Target, ...]
    surface: str | None
    namespaces: tuple[str, ...]
    """Of signals; empty means all of the tenant's."""


def request(conn: psycopg.Connection, asked: Asked, actor: Actor) -> UUID:
    """Write it to the log of changes, which every host follows, and who asked; return the id of the call."""
    event = uuid7()
    conn.execute(
        sql("invalidation.request"),
        {
            "id": event,
            "tenant_id": asked.tenant_id,
            "targets": list(asked.targets),
            "surface": asked.surface,
            "actor": actor.sub,
            "request_id": actor.request_id,
        },
    )
    for target in asked.targets:
        for namespace in (asked.namespaces or (None,)) if target in SIGNALS else (None,):
            row = {"tenant_id": asked.tenant_id, "signal": target, "namespace": namespace}
            conn.execute(sql("invalidation.change"), row)
    extra = {"targets": list(asked.targets), "surface": asked.surface}
    record(conn, asked.tenant_id, Change("cache.invalidate", "cache", str(event), extra=extra), actor)
    return event


def applied(conn: psycopg.Connection, event: UUID) -> None:
    """Note that the host which was asked has read everything again."""
    conn.execute(sql("invalidation.applied"), {"id": event})
