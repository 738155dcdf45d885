"""`POST .../cache/invalidate`: read again now what usually is followed by itself."""

from __future__ import annotations

import time
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from recsys.api.actors import actor
from recsys.api.admin.work import document
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.api.wire import Body, Name
from recsys.ranking.fill import chain
from recsys.tenancy import invalidation
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.invalidation import SIGNALS, Target

APPLIED_WITHIN_SECONDS = 8.0
_LOOK_SECONDS = 0.02


class InvalidateRequest(Body, frozen=True):
    """What should be read again; for one surface only where that is given."""

    targets: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=16)]
    surface: Name | None = None


class InvalidateResponse(Struct, frozen=True):
    """What became of it. `requested` means that it is still being read; what was there serves meanwhile."""

    tenant_id: str
    targets: tuple[str, ...]
    surface: str | None
    status: Literal["applied", "requested"]
    invalidated: tuple[str, ...]
    """What was read again: targets, and the namespaces of signals as `signal/namespace`."""


_decoder = msgspec.json.Decoder(InvalidateRequest)


async def invalidate(service: Service, call: Call) -> InvalidateResponse:
    """Ask every host to read again, and answer when this worker has."""
    request = document(call.body, _decoder)
    tenant, targets = call.tenant.tenant, tuple(dict.fromkeys(request.targets))
    namespaces = _namespaces(call, request.surface)
    asked = invalidation.Asked(tenant.id, targets, request.surface, namespaces)
    who = actor(call, service.settings)

    def work() -> bool:
        with service.serving.database.system() as conn:
            event = invalidation.request(conn, asked, who)
        applied = _followed(service, tenant.id, time.monotonic() + APPLIED_WITHIN_SECONDS)
        if applied:
            with service.serving.database.system() as conn:
                invalidation.applied(conn, event)
        return applied

    applied = await service.admin.run(work, patience=APPLIED_WITHIN_SECONDS + 4)
    done = [name for target in targets for name in _names(target, namespaces)]
    status: Literal["applied", "requested"] = "applied" if applied else "requested"
    return InvalidateResponse(tenant.external_id, targets, request.surface, status, tuple(done))


def _followed(service: Service, tenant_id: UUID, deadline: float) -> bool:
    """Wait until this worker has looked at the log twice, so surely once from its start, and has loaded the signals."""
    serving = service.serving
    first = serving.follower.looks
    while time.monotonic() < deadline:
        stale = any(
            state.stale_since is not None
            for state in serving.snapshots.states()
            if state.snapshot.tenant_id == tenant_id
        )
        if serving.follower.looks >= first + 2 and not stale:
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _namespaces(call: Call, surface: str | None) -> tuple[str, ...]:
    """List the namespaces behind a surface; none means all of the tenant's."""
    return () if surface is None else chain(surface, (call.tenant.config or DEFAULTS).request(surface))


def _names(target: Target, namespaces: tuple[str, ...]) -> list[str]:
    if target not in SIGNALS or not namespaces:
        return [target]
    return [f"{target}/{namespace}" for namespace in namespaces]
