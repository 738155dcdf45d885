"""The record that a slate was served, on disk before the answer goes out."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

import msgspec

from recsys import metrics
from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.service import Service
from recsys.api.wire import Experiment
from recsys.events.eval_v1 import shown, to_json
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
        propensities=slate.propensities,
        request=_request(call, question),
        meta=_encode_json(_meta(call, question, slate)),
    )


def _meta(call: Call, question: Question, slate: Slate) -> dict[str, Any]:
    said: dict[str, Any] = {"endpoint": call.endpoint, "latency_ms": call.milliseconds()}
    return said if slate.propensities is None else said | {"seed": question.query.seed}


def _request(call: Call, question: Question) -> bytes | None:
    """Keep what was asked, without its user, where that was asked for and in the share of lists that config names.

    Chance is drawn from the request id: all lists of a page are kept or none.
    """
    asked, share = question.asked, question.params.kept_requests
    if asked is None:
        return None
    wanted = asked.options is not None and asked.options.include_trace
    if not wanted and zlib.crc32(b"kept " + call.request_id.encode()) >= share * 2**32:
        return None
    return _encode_json(_without_nulls(msgspec.to_builtins(asked) | {"user": None}))


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not given: null means the same as absence."""
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }


async def log(service: Service, record: Exposure, tenant: str) -> bool:
    """Write *record*, with all others of this turn, so that it outlives this process. False: it could not be."""
    serving = service.serving
    logged = serving.spool.append(Kind.EXPOSURE, encode(record)) and await serving.spool.written()
    if not logged:
        metrics.EXPOSURES_NOT_LOGGED.inc()
    if serving.exposure_log is not None:
        serving.exposure_log.append(to_json(shown(record, tenant)))
    return logged
