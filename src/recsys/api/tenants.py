"""Finding the tenant that a call is for."""

from __future__ import annotations

from functools import partial

from recsys.api.service import Service
from recsys.errors import TenantNotFound, TenantScopeMismatch, TenantScopeRequired, TenantSuspended
from recsys.tenancy.directory import TenantView
from recsys.tenancy.tenants import Tenant

PATIENCE_SECONDS = 2.0
NAME_MAX = 256


async def find(service: Service, names: tuple[str, ...], *, suspended: bool = False) -> TenantView:
    """Return the one tenant that all *names* (external ids or UUIDs) mean, if it may be served, or is *suspended*.

    Raises TenantScopeRequired without a name, TenantNotFound, TenantScopeMismatch, TenantSuspended, and Unavailable
    when the database does not answer.
    """
    if not names:
        raise TenantScopeRequired
    first, *others = names
    try:
        view = service.serving.directory.get(first) or await _fetch(service, first)
    except TenantNotFound:
        if others:  # whether the other one exists is nobody's business here
            raise TenantScopeMismatch from None
        raise
    if others and not all(_means(view.tenant, name) for name in others):
        raise TenantScopeMismatch
    if view.tenant.status == "suspended" and not suspended:
        raise TenantSuspended
    if view.tenant.status == "deleted":
        raise TenantNotFound
    return view


async def _fetch(service: Service, name: str) -> TenantView:
    if len(name) > NAME_MAX:
        raise TenantNotFound
    work = partial(service.serving.directory.fetch, name)
    return await service.tenants.load(name, work, patience=PATIENCE_SECONDS)


def _means(tenant: Tenant, name: str) -> bool:
    return name == tenant.external_id or name.lower() == str(tenant.id)
