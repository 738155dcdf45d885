"""Which namespaces answer for a surface, and their snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from recsys.api.service import Service
from recsys.errors import Unavailable
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS, RequestParams
from recsys.tenancy.directory import TenantView

DEFAULT = "default"
PATIENCE_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2.0


def chain(surface: str, params: RequestParams) -> tuple[str, ...]:
    """List the namespaces that fill a surface's list: the one that config names, else its own; then the fallbacks."""
    return tuple(dict.fromkeys((params.namespace or surface, *params.fallbacks)))


async def snapshots(service: Service, view: TenantView, surface: str, params: RequestParams) -> AsyncIterator[Snapshot]:
    """Give the snapshots that have an item to show, in the order of `chain`; one in any case.

    A surface that reads no namespace by name, and has none of its own, reads `default` even where nothing falls back
    to it.
    """
    names = chain(surface, params)
    found = False
    for name in names:
        snapshot = await load(service, view, name)
        if snapshot.available.any():
            found = True
            yield snapshot
    if not found:
        yield await load(service, view, params.namespace or DEFAULT)


async def load(service: Service, view: TenantView, namespace: str) -> Snapshot:
    """Return a namespace's snapshot, from memory if it is there; Unavailable if it takes longer than a request may."""
    params = (view.config or DEFAULTS).signals(namespace)
    tenant_id, store = view.tenant.id, service.serving.snapshots
    snapshot = store.current(tenant_id, namespace, params)
    if snapshot is not None:
        return snapshot
    work = partial(store.load_once, tenant_id, namespace, params)
    try:
        return await service.snapshots.load((tenant_id, namespace, view.config_etag), work, patience=PATIENCE_SECONDS)
    except Unavailable:
        message = f"The signals of namespace {namespace!r} are being loaded. Try again."
        raise Unavailable(message, retry_after=RETRY_AFTER_SECONDS) from None
