"""`POST /v1/interactions`: what visitors did, on disk before it is acknowledged."""

from __future__ import annotations

from datetime import UTC, datetime

from recsys import metrics
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.api.wire import InteractionsResponse, Rejected
from recsys.events.interaction import Policy, parse
from recsys.events.records import Kind, encode


async def collect(service: Service, call: Call) -> InteractionsResponse:
    """Take what can be taken of a batch, and say for each other event why not."""
    days = await service.accepting.days()
    accepted, rejected = parse(
        call.body, datetime.now(UTC), Policy(call.tenant.tenant.id, service.serving.secret, days)
    )
    if accepted:
        spool = service.serving.spool
        spool.append_batch(Kind.INTERACTION, map(encode, accepted))
        await spool.synced()
    metrics.interactions("accepted").inc(len(accepted))
    metrics.interactions("rejected").inc(len(rejected))
    return InteractionsResponse(len(accepted), tuple(Rejected(one.index, one.code, one.detail) for one in rejected))
