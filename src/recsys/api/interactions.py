"""`POST /v1/interactions`: what visitors did, on disk before it is acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from recsys import metrics
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.api.wire import InteractionsResponse, Rejected
from recsys.events.histories import marks
from recsys.events.interaction import Policy, Rejection, parse, split
from recsys.events.records import Kind, encode

AT_ONCE = 50
"""Events that are read in one turn of the loop: about half a millisecond, for which every list waits."""


@dataclass(slots=True)
class _Batch:
    payloads: list[bytes] = field(default_factory=list)
    """Of the events that can be taken."""
    changed: set[bytes] = field(default_factory=set)
    """Marks of the visitors whose histories they change."""
    rejected: list[Rejection] = field(default_factory=list)


async def collect(service: Service, call: Call) -> InteractionsResponse:
    """Take what can be taken of a batch, and say for each other event why not."""
    days = await service.accepting.days()
    batch = await _read(call.body, Policy(call.tenant.tenant.id, service.serving.secret, days))
    if batch.payloads:
        service.serving.spool.append_batch(Kind.INTERACTION, batch.payloads)
        await service.serving.spool.synced()
        service.serving.tell(batch.changed)
    metrics.interactions("accepted").inc(len(batch.payloads))
    metrics.interactions("rejected").inc(len(batch.rejected))
    rejected = tuple(Rejected(one.index, one.code, one.detail) for one in batch.rejected)
    return InteractionsResponse(len(batch.payloads), rejected)


async def _read(body: bytes, policy: Policy) -> _Batch:
    """Read a batch some events a turn, so that a large one does not hold up what is served beside it."""
    batch, now = _Batch(), datetime.now(UTC)
    sent = split(body)
    for first in range(0, len(sent), AT_ONCE):
        if first:
            await asyncio.sleep(0)
        accepted, rejected = parse(sent[first : first + AT_ONCE], now, policy, first=first)
        batch.payloads += map(encode, accepted)
        batch.rejected += rejected
        for event in accepted:
            batch.changed.update(marks(event.tenant_id, event.user_key, event.session_id))
    return batch
