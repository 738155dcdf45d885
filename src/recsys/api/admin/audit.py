"""The audit log over HTTP: who changed what, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from recsys.api.admin.work import of_tenant, query
from recsys.api.call import Call
from recsys.api.identity import Role
from recsys.api.service import Service
from recsys.errors import InvalidRequest, Problem
from recsys.tenancy import audit
from recsys.tenancy.audit import Entry


class AuditQuery(Struct, frozen=True):
    """Which page: the entries before a moment, and before an id among those of that moment."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    before: Annotated[datetime, Meta(tz=True)] | None = None
    before_id: UUID | None = None


class AuditEntry(Struct, frozen=True):
    """One change, or one refused attempt. What was before and after is shown to operators only."""

    id: UUID
    occurred_at: datetime
    actor_type: str
    actor_sub: str | None
    action: str
    entity_type: str | None
    entity_id: str | None
    request_id: str | None
    ip: str | None
    user_agent: str | None
    before_state: Any
    after_state: Any
    extra: dict[str, Any] | None


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
    states = Role.OPERATOR in call.caller.roles
    return AuditResponse(
        tenant.external_id,
        tuple(_entry(entry, states=states) for entry in shown),
        None if last is None else last.occurred_at,
        None if last is None else last.id,
    )


def _entry(entry: Entry, *, states: bool) -> AuditEntry:
    fields = entry._asdict()
    del fields["tenant_id"]
    if not states:
        fields |= {"before_state": None, "after_state": None}
    return AuditEntry(**fields)
