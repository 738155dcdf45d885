"""A visitor's recent interactions, as ranking reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from recsys.db.pool import Database
from recsys.events.history import look_up, recent
from recsys.events.records import Kind
from recsys.identifiers import uuid7

_TENANT = UUID("0190a0b0-0000-7000-8000-000000000001")


def _items(database: Database, tenant: UUID, user: bytes | None, session: str | None, limit: int = 10) -> list[str]:
    with database.service(tenant) as conn:
        found = recent(conn, tenant, user, session, limit)
    assert look_up(database, tenant, user, session, limit) == found
    return [event.item_id for event in found]


def _spool(desk: Any, *changes: dict[str, Any]) -> None:
    desk.spool(Kind.INTERACTION, [desk.interaction(number, **change) for number, change in enumerate(changes)])
    desk.drain()


def test_newest_first_and_later_arrivals_first(desk: Any) -> None:
    """Time decides, then the order of arrival; the limit keeps the newest."""
    _spool(desk, *[{"user_key": b"u"}] * 4)
    with desk.database.service(_TENANT) as conn:
        first = recent(conn, _TENANT, b"u", None, 1)[0].occurred_at
    older = desk.interaction(9, user_key=b"u", occurred_at=first - timedelta(days=40), seq=99)
    desk.spool(Kind.INTERACTION, [older])
    desk.drain()

    assert _items(desk.database, _TENANT, b"u", None) == ["i3", "i2", "i1", "i0", "i9"]
    assert _items(desk.database, _TENANT, b"u", None, limit=2) == ["i3", "i2"]


def test_a_person_and_a_session_are_one_history(desk: Any) -> None:
    """What the session did before it signed in counts, each event once; nobody has no history."""
    _spool(
        desk,
        {"session_id": "s"},
        {"session_id": "s", "user_key": b"u"},
        {"session_id": "t", "user_key": b"u"},
        {"session_id": "t"},
    )

    assert _items(desk.database, _TENANT, b"u", "s") == ["i2", "i1", "i0"]
    assert _items(desk.database, _TENANT, None, "s") == ["i1", "i0"]
    assert _items(desk.database, _TENANT, b"u", None) == ["i2", "i1"]
    assert _items(desk.database, _TENANT, None, None) == []


def test_another_tenants_visitor_is_somebody_else(desk: Any) -> None:
    """The same key in another tenant has another history."""
    _spool(desk, {"user_key": b"u"}, {"user_key": b"u", "tenant_id": uuid7()})

    assert _items(desk.database, _TENANT, b"u", None) == ["i0"]
