"""Tenants: created, found, renamed, suspended and resumed; every change leaves a row in the audit log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from msgspec import Meta, Struct
from psycopg.rows import class_row

from recsys.db.queries import sql
from recsys.errors import Conflict, InvalidDocument, TenantNotFound
from recsys.tenancy.audit import SYSTEM, Actor, Change, record
from recsys.tenancy.conformity import problems
from recsys.tenancy.document import Reading
from recsys.tenancy.sections import Name

Status = Literal["active", "suspended", "deleted"]

_UUID_LENGTH = 36
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ACTIONS: dict[Status, str] = {"active": "tenant.resume", "suspended": "tenant.suspend", "deleted": "tenant.delete"}


class Tenant(NamedTuple):
    """One organisation."""

    id: UUID
    external_id: str
    name: str
    status: Status
    created_at: datetime
    updated_at: datetime


TenantName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f]+$",
        extra={"say": "a text of 1 to 256 characters without control characters"},
    ),
]


class NewTenant(Struct, frozen=True, forbid_unknown_fields=True):
    """What creates a tenant."""

    external_id: Name
    """What a token, an API key or X-Org-Id names."""
    name: TenantName | None = None
    """For people; the external id if it is left out."""


def create(conn: psycopg.Connection, external_id: str, name: str | None = None, *, actor: Actor = SYSTEM) -> Tenant:
    """Create a tenant; Conflict if the external id is taken, InvalidDocument if it can not be one."""
    value = {"external_id": external_id, "name": name}
    _require(value, NewTenant)
    tenant = _one(conn, "tenants.create", {"external_id": external_id, "name": name or external_id})
    if tenant is None:
        raise Conflict(f"There is already a tenant {external_id!r}. Choose another external id.")
    record(conn, tenant.id, Change("tenant.create", "tenant", external_id, after=_state(tenant)), actor)
    return tenant


def find(conn: psycopg.Connection, name: str | UUID) -> Tenant:
    """Return the tenant with this external id or this UUID, whatever its status; raises TenantNotFound."""
    tenant = _one(conn, "tenants.find", either(name))
    if tenant is None:
        raise TenantNotFound
    return tenant


def list_all(conn: psycopg.Connection) -> list[Tenant]:
    """List every tenant by external id."""
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute(sql("tenants.list")).fetchall()


def rename(conn: psycopg.Connection, tenant_id: UUID, name: str, *, actor: Actor = SYSTEM) -> Tenant:
    """Give a tenant another name for people; the external id never changes."""
    _require({"external_id": "kept", "name": name}, NewTenant)
    return _update(conn, tenant_id, {"name": name, "status": None}, "tenant.rename", actor)


def set_status(conn: psycopg.Connection, tenant_id: UUID, status: Status, *, actor: Actor = SYSTEM) -> Tenant:
    """Suspend a tenant, resume it, or mark it deleted; all hosts follow within a second."""
    return _update(conn, tenant_id, {"name": None, "status": status}, _ACTIONS[status], actor)


def either(name: str | UUID) -> dict[str, Any]:
    """Make the parameters that find a tenant by external id or by UUID; a UUID wins over an external id like it."""
    if isinstance(name, UUID):
        return {"external_id": None, "id": name}
    storable = None if _UNSTORABLE.search(name) else name
    try:
        return {"external_id": storable, "id": UUID(name) if len(name) == _UUID_LENGTH else None}
    except ValueError:
        return {"external_id": storable, "id": None}


def _update(
    conn: psycopg.Connection, tenant_id: UUID, changed: dict[str, str | None], action: str, actor: Actor
) -> Tenant:
    before = _one(conn, "tenants.lock", {"id": tenant_id})
    if before is None:
        raise TenantNotFound
    if all(value in (None, getattr(before, key)) for key, value in changed.items()):
        return before
    after = _one(conn, "tenants.update", {"id": tenant_id, **changed})
    if after is None:
        raise TenantNotFound
    record(conn, tenant_id, Change(action, "tenant", after.external_id, _state(before), _state(after)), actor)
    return after


def _require(value: dict[str, Any], kind: type[Struct]) -> None:
    if found := problems(Reading(value, []), kind):
        raise InvalidDocument(found)


def _one(conn: psycopg.Connection, query: str, parameters: dict[str, Any]) -> Tenant | None:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute(sql(query), parameters).fetchone()


def _state(tenant: Tenant) -> dict[str, str]:
    return {"external_id": tenant.external_id, "name": tenant.name, "status": tenant.status}
