"""Which namespaces answer for a surface, and their snapshots."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from recsys.api.service import Service
from recsys.errors import Unavailable
from recsys.ranking.fill import shows_anything, stand_in
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import TenantView

PATIENCE_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2.0
STALE_AFTER = timedelta(seconds=10)


async def first(service: Service, view: TenantView, names: tuple[str, ...]) -> tuple[Snapshot, tuple[str, ...]]:
    """Return the first snapshot that has an item to show, and the names behind it.

    Where none has, one of them says what it lacks.
    """
    empty = []
    for place, name in enumerate(names, start=1):
        snapshot = await load(service, view, name)
        if shows_anything(snapshot):
            return snapshot, names[place:]
        empty.append(snapshot)
    return stand_in(empty), ()


def at_hand(service: Service, view: TenantView, namespace: str) -> Snapshot | None:
    """Return a namespace's snapshot if it is in memory."""
    params = (view.config or DEFAULTS).signals(namespace)
    return service.serving.snapshots.current(view.tenant.id, namespace, params)


async def load(service: Service, view: TenantView, namespace: str) -> Snapshot:
    """Return a namespace's snapshot, from memory if it is there; Unavailable if it takes longer than a request may."""
    snapshot = at_hand(service, view, namespace)
    if snapshot is not None:
        return snapshot
    tenant_id, params = view.tenant.id, (view.config or DEFAULTS).signals(namespace)
    work = partial(service.serving.snapshots.load_once, tenant_id, namespace, params)
    try:
        return await service.snapshots.load((tenant_id, namespace, view.config_etag), work, patience=PATIENCE_SECONDS)
    except Unavailable:
        message = f"The signals of namespace {namespace!r} are being loaded. Try again."
        raise Unavailable(message, retry_after=RETRY_AFTER_SECONDS) from None


def is_stale(service: Service, snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether the database has held something newer for longer than a refresh should take."""
    since = service.serving.snapshots.stale_since(*snapshot.key)
    return since is not None and now - since > STALE_AFTER
