"""`POST /v1/similar`: the same pipeline with one anchor."""

from __future__ import annotations

from datetime import UTC, datetime

from recsys.api import slates
from recsys.api.call import Call
from recsys.api.questions import Question, params_of, query_of
from recsys.api.service import Service
from recsys.api.wire import RecommendResponse, SimilarRequest, User
from recsys.tenancy.config import Weights

LAST_RESORT = 0.001
"""Popularity's share of the weights: it only orders what neither visits nor tags connect with the item."""


async def similar(service: Service, call: Call, request: SimilarRequest) -> RecommendResponse:
    """Answer which items are like one: met together with it, else tagged like it, else popular."""
    return (await slates.answer(service, call, question(call, request))).response


def question(call: Call, request: SimilarRequest) -> Question:
    """Ask with one anchor, and the weights of what connects two items."""
    params = params_of(call, request.surface)
    asked = query_of(call, params, request, (request.item_id,), likeness(params.weights))
    everyone = User()  # what is like an item does not depend on who looks
    return Question(asked, params, everyone, None, datetime.now(UTC), asked=request)


def likeness(weights: Weights) -> Weights:
    """Take the tenant's weights of what connects two items; popularity only orders what nothing connects."""
    connecting = weights.cooc + weights.emb
    if connecting == 0:
        weights, connecting = Weights(), Weights().cooc + Weights().emb
    return Weights(pop=LAST_RESORT * connecting, cooc=weights.cooc, emb=weights.emb, session=0.0)
