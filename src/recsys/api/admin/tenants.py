"""Tenants over HTTP: listed, created, read, renamed, suspended and resumed."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from recsys.api.actors import actor
from recsys.api.admin.work import document, follow, of_installation
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.api.wire import Body
from recsys.errors import InvalidDocument, Problem
from recsys.tenancy import tenants
from recsys.tenancy.audit import Actor
from recsys.tenancy.tenants import NewTenant, Tenant, TenantName


class TenantResponse(Struct, frozen=True):
    """One organisation."""

    id: UUID
    external_id: str
    name: str
    status: Literal["active", "suspended", "deleted"]
    created_at: datetime
    updated_at: datetime


class TenantsResponse(Struct, frozen=True):
    """Every tenant that the caller may see, by external id."""

    tenants: tuple[TenantResponse, ...]


class TenantChange(Body, frozen=True):
    """What should be different. A suspended tenant is refused with 403 until it is active again."""

    name: TenantName | None = None
    status: Literal["active", "suspended"] | None = None


_new = msgspec.json.Decoder(NewTenant)
_change = msgspec.json.Decoder(TenantChange)


async def list_all(service: Service, call: Call) -> TenantsResponse:
    """List all tenants; who speaks for one tenant sees that one."""
    if call.caller.bound:
        return TenantsResponse((_response(call.tenant.tenant),))
    return TenantsResponse(tuple(map(_response, await of_installation(service, tenants.list_all))))


async def create(service: Service, call: Call) -> TenantResponse:
    """Create a tenant; it can be served at once, with the default config."""
    new, who = document(call.body, _new), actor(call, service.settings)
    return _response(
        await of_installation(service, lambda conn: tenants.create(conn, new.external_id, new.name, actor=who))
    )


async def get(call: Call) -> TenantResponse:
    """Answer the tenant that the address names."""
    return _response(call.tenant.tenant)


async def change(service: Service, call: Call) -> TenantResponse:
    """Rename a tenant, suspend it, resume it; all or nothing.

    Where the installation has keys, a tenant's own admin may only rename it.
    """
    wanted, who = document(call.body, _change), actor(call, service.settings)
    if wanted.name is None and wanted.status is None:
        raise InvalidDocument([Problem("$", "says nothing that should change; give a name or a status")])
    if wanted.status is not None:
        call.caller.require_installation(service.settings)
    changed = await of_installation(service, partial(_change_all, call.tenant.tenant, wanted, who))
    await follow(service, call)
    return _response(changed)


def _change_all(tenant: Tenant, wanted: TenantChange, who: Actor, conn: psycopg.Connection) -> Tenant:
    if wanted.name is not None:
        tenant = tenants.rename(conn, tenant.id, wanted.name, actor=who)
    if wanted.status is not None:
        tenant = tenants.set_status(conn, tenant.id, wanted.status, actor=who)
    return tenant


def _response(tenant: Tenant) -> TenantResponse:
    return TenantResponse(*tenant)
