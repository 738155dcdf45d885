"""`POST /v1/recommend`: the wire's request becomes a question, and the question a slate."""

from __future__ import annotations

from recsys.api import slates
from recsys.api.call import Call
from recsys.api.questions import Question, merged, params_of, query_of, rules_time
from recsys.api.service import Service
from recsys.api.wire import Anchors, Context, RecommendRequest, RecommendResponse, User

MAX_ANCHORS = 50

# What an absent part of a request means.
_USER, _CONTEXT, _ANCHORS = User(), Context(), Anchors()


async def recommend(service: Service, call: Call, request: RecommendRequest) -> RecommendResponse:
    """Answer which items this visitor should see on this surface, now."""
    return (await slates.answer(service, call, question(call, request))).response


def question(call: Call, request: RecommendRequest) -> Question:
    """Apply defaults, the tenant's limits and the caller's rights; InvalidRequest and Forbidden say what is wrong."""
    params = params_of(call, request.surface)
    anchors = request.anchors or _ANCHORS
    most = MAX_ANCHORS if anchors.max_anchors is None else anchors.max_anchors
    weights = None if request.weights is None else merged(params.weights, request.weights)
    rules_at, warnings = rules_time(call, request.context or _CONTEXT)
    return Question(
        query=query_of(call, params, request, (anchors.item_ids or ())[:most], weights),
        params=params,
        user=request.user or _USER,
        experiment=request.experiment,
        rules_at=rules_at,
        warnings=warnings,
        asked=request,
    )
