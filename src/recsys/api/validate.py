"""`POST /v1/recommend/validate`: how a request would be understood. Nothing is ranked, nothing is logged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.recommend import MAX_ANCHORS, question
from recsys.api.wire import Anchors, Context, Options, RecommendRequest, ValidateResponse, Warned, WeightOverrides
from recsys.ranking.slate import ALGO_VERSION

_CONTEXT, _ANCHORS, _OPTIONS, _WEIGHTS = Context(), Anchors(), Options(), WeightOverrides()


def validate(call: Call, request: RecommendRequest) -> ValidateResponse:
    """Say how a request would be understood; nothing is ranked, nothing is logged."""
    asked = question(call, request)
    view = call.tenant
    warnings = [*asked.warnings, *_defaults_applied(request)]
    meta = {
        "tenant_id": view.tenant.external_id,
        "request_id": call.request_id,
        "algo_version": ALGO_VERSION,
        "config_version": view.config_etag,
        "rules_version": view.rules_etag,
    }
    return ValidateResponse(_normalized(request, asked), tuple(warnings), meta)


def _normalized(request: RecommendRequest, asked: Question) -> dict[str, Any]:
    """Write the request out with every default in its place."""
    query, params, options = asked.query, asked.params, request.options or _OPTIONS
    anchors = request.anchors or _ANCHORS
    return {
        "surface": query.surface,
        "segment": query.segment,
        "k": query.k,
        "user": to_builtins(asked.user),
        "context": to_builtins(request.context or _CONTEXT),
        "anchors": {
            "item_ids": query.anchors,
            "max_anchors": MAX_ANCHORS if anchors.max_anchors is None else anchors.max_anchors,
        },
        "candidates": {"include_ids": query.include_ids, "exclude_ids": query.exclude_ids},
        "constraints": {
            "required_tags": query.required_tags,
            "forbidden_tags": query.forbidden_tags,
            "max_per_tag": query.max_per_tag,
        },
        "weights": to_builtins(query.weights or params.weights),
        "options": {
            "include_reasons": query.include_reasons,
            "explain": query.explain,
            "include_trace": bool(options.include_trace),
            "seed": query.seed,
        },
        "experiment": None if request.experiment is None else to_builtins(request.experiment),
    }


def _defaults_applied(request: RecommendRequest) -> Iterator[Warned]:
    """Name every field that the request leaves to a default."""
    given = {
        "segment": request.segment,
        "k": request.k,
        "anchors.max_anchors": (request.anchors or _ANCHORS).max_anchors,
        "options.include_reasons": (request.options or _OPTIONS).include_reasons,
        "options.explain": (request.options or _OPTIONS).explain,
        "options.include_trace": (request.options or _OPTIONS).include_trace,
        "options.seed": (request.options or _OPTIONS).seed,
    }
    given |= {f"weights.{name}": value for name, value in to_builtins(request.weights or _WEIGHTS).items()}
    for path, value in given.items():
        if value is None:
            yield Warned("DEFAULT_APPLIED", f"{path} was not given; the default applies.")
