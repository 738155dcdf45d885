"""The audit log over HTTP: who changed what, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from recsys.api.admin.work import of_tenant, query
from recsys.api.call import Call
from recsys.api.identity import Role
from recsys.api.service import Service
from recsys.errors import InvalidRequest, Problem
from recsys.tenancy import audit
from recsys.tenancy.audit import AuditEntry


class AuditQuery(Struct, frozen=True):
    """Which page: the entries before a moment, and before an id among those of that moment."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    before: Annotated[datetime, Meta(tz=True)] | None = None
    before_id: UUID | None = None


class AuditResponse(Struct, frozen=True):
    """One page, newest first. The two `next_` values ask for the following page; they are null on the last."""

    tenant_id: str
    entries: tuple[AuditEntry, ...]
    next_before: datetime | None
    next_before_id: UUID | None


async def entries(service: Service, call: Call, asked: dict[str, str | None]) -> AuditResponse:
    """Answer one page of a tenant's entries."""
    page, tenant = query(asked, AuditQuery), call.tenant.tenant
    if page.before_id is not None and page.before is None:
        raise InvalidRequest([Problem("$.before_id", "needs `before`: the time of that entry")])
    found = await of_tenant(
        service,
        call,
        lambda conn: audit.page(conn, tenant.id, limit=page.limit + 1, before=page.before, before_id=page.before_id),
    )
    shown = found[: page.limit]
    last = shown[-1] if len(found) > page.limit else None
    if Role.OPERATOR not in call.caller.roles:
        shown = [replace(entry, before_state=None, after_state=None) for entry in shown]
    return AuditResponse(
        tenant.external_id,
        tuple(shown),
        None if last is None else last.occurred_at,
        None if last is None else last.id,
    )
