"""`GET` and `POST .../diagnosis`: the empty-recs runbook as data, for a surface or for one request."""

from __future__ import annotations

import time

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from recsys.api.call import Call
from recsys.api.case import asking
from recsys.api.decode import convert, decode
from recsys.api.identity import Role
from recsys.api.openapi import BODY, NEEDS, QUERY, REQUIRES, refusals
from recsys.api.questions import SEGMENT
from recsys.api.route import Need
from recsys.api.service import Service
from recsys.api.wire import Name, RecommendRequest
from recsys.diagnosis.check import Diagnosis
from recsys.diagnosis.facts import Asked
from recsys.diagnosis.gather import Sources, gather
from recsys.diagnosis.runbook import diagnose

ADDRESS = "/v1/admin/tenants/{tenant_id:str}/diagnosis"
PATIENCE_SECONDS = 30.0
_REFUSALS = refusals(400, 401, 403, 404, 413, 415, 429, 503)

_decoder = msgspec.json.Decoder(RecommendRequest)


class DiagnosisQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which list is looked at."""

    surface: Name
    segment: Name = SEGMENT


@get(
    ADDRESS,
    tags=["Operations"],
    opt={REQUIRES: (Role.VIEWER,), NEEDS: Need.KNOWN, QUERY: DiagnosisQuery},
    responses=_REFUSALS,
)
async def get_diagnosis(
    service: NamedDependency[Service],
    call: NamedDependency[Call],
    surface: FromQuery[str],
    segment: FromQuery[str | None] = None,
) -> Diagnosis:
    """Walk the empty-recs runbook for a surface: checks in order, each with status, evidence and remedy."""
    query = convert({"surface": surface, "segment": segment or SEGMENT}, DiagnosisQuery)
    return await _diagnose(service, call, Asked(_name(call), query.surface, query.segment), None)


@post(
    ADDRESS,
    status_code=200,
    tags=["Operations"],
    opt={REQUIRES: (Role.VIEWER,), NEEDS: Need.KNOWN, BODY: RecommendRequest},
    responses=_REFUSALS,
)
async def post_diagnosis(service: NamedDependency[Service], call: NamedDependency[Call]) -> Diagnosis:
    """Walk the runbook for one request as it was sent to /v1/recommend. Nothing is served or logged."""
    request = decode(call.body, _decoder)
    return await _diagnose(service, call, Asked(_name(call), request.surface, request.segment or SEGMENT), request)


async def _diagnose(service: Service, call: Call, asked: Asked, request: RecommendRequest | None) -> Diagnosis:
    began = time.perf_counter()
    serving = service.serving
    sources = Sources(
        settings=serving.settings,
        database=serving.database,
        view=call.tenant,
        served=serving.snapshots.load_once,
        states=serving.snapshots.states(),
    )
    ask = asking(call, asked, request, serving.database, serving.secret)
    facts = await service.admin.run(lambda: gather(sources, asked, ask), patience=PATIENCE_SECONDS)
    return diagnose(facts, milliseconds=round((time.perf_counter() - began) * 1000, 3))


def _name(call: Call) -> str:
    return call.tenant.tenant.external_id


DIAGNOSIS_HANDLERS: list[ControllerRouterHandler] = [get_diagnosis, post_diagnosis]
