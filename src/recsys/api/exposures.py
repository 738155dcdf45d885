"""The record that a slate was served, on disk before the answer goes out."""

from __future__ import annotations

from datetime import datetime

import msgspec

from recsys import metrics
from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.service import Service
from recsys.api.wire import Experiment
from recsys.events.exposure import Exposure
from recsys.events.records import Kind, encode
from recsys.identifiers import uuid7
from recsys.ranking.slate import Slate

_encode_json = msgspec.json.Encoder().encode
_NO_EXPERIMENT = Experiment()


def exposure(call: Call, question: Question, slate: Slate, now: datetime, user_key: bytes | None) -> Exposure:
    """Say what was shown to whom, and what made it."""
    view, query = call.tenant, question.query
    experiment = question.experiment or _NO_EXPERIMENT
    return Exposure(
        id=uuid7(int(now.timestamp() * 1000)),
        tenant_id=view.tenant.id,
        occurred_at=now,
        request_id=call.request_id,
        surface=query.surface,
        segment=query.segment,
        algo_version=slate.algo_version,
        item_ids=slate.item_ids,
        scores=slate.scores,
        user_key=user_key,
        session_id=question.user.session_id or None,
        experiment_id=experiment.id,
        experiment_variant=experiment.variant,
        config_etag=view.config_etag,
        rules_etag=view.rules_etag,
        signals_version=slate.signals_version,
        meta=_encode_json({"endpoint": call.endpoint, "latency_ms": call.milliseconds()}),
    )


async def log(service: Service, record: Exposure) -> bool:
    """Write *record*, with all others of this turn, so that it outlives this process. False: it could not be."""
    spool = service.serving.spool
    logged = spool.append(Kind.EXPOSURE, encode(record)) and await spool.written()
    if not logged:
        metrics.EXPOSURES_NOT_LOGGED.inc()
    return logged
