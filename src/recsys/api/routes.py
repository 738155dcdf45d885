"""Every route, as Litestar knows it. The hot ones are here for the document, and for addresses that end in a slash."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, cast

import msgspec
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler

from recsys import metrics
from recsys.api import health, interactions, items
from recsys.api.admin.diagnosis import DIAGNOSIS_HANDLERS
from recsys.api.admin.routes import ADMIN_HANDLERS
from recsys.api.batch import BatchRequest, BatchResponse, batch
from recsys.api.call import Call, Scope
from recsys.api.decode import decode
from recsys.api.identity import Role
from recsys.api.items import (
    DeleteItemsRequest,
    DeleteItemsResponse,
    ItemKey,
    ItemResponse,
    PutItemsRequest,
    PutItemsResponse,
)
from recsys.api.openapi import BODY, QUERY, REQUIRES, document, refusals
from recsys.api.recommend import recommend
from recsys.api.service import Service
from recsys.api.similar import similar
from recsys.api.validate import validate
from recsys.api.wire import (
    HealthResponse,
    InteractionsRequest,
    InteractionsResponse,
    RecommendRequest,
    RecommendResponse,
    SimilarRequest,
    ValidateResponse,
)

CALL, SERVICE = "recsys.call", "recsys.service"
"""Where the outer callable puts what handlers are given: keys of the ASGI scope."""

_ASKED = refusals(400, 401, 403, 404, 413, 415, 429, 503)
_NOT_READY = ResponseSpec(HealthResponse, description="Nothing can be served.", generate_examples=False)
_LOOKED_UP = refusals(400, 401, 403, 404, 429, 503)

_recommend = msgspec.json.Decoder(RecommendRequest)
_similar = msgspec.json.Decoder(SimilarRequest)


@post(
    "/v1/recommend",
    status_code=200,
    tags=["Serving"],
    opt={REQUIRES: (Role.SERVE,), BODY: RecommendRequest},
    responses=_ASKED,
)
async def recommend_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> RecommendResponse:
    """Answer which items this visitor should see on this surface, now."""
    return await recommend(service, call, decode(call.body, _recommend))


@post(
    "/v1/recommend/validate",
    status_code=200,
    tags=["Serving"],
    opt={REQUIRES: (Role.SERVE,), BODY: RecommendRequest},
    responses=_ASKED,
)
async def validate_route(call: NamedDependency[Call]) -> ValidateResponse:
    """Say how a request would be understood, with every default applied. Nothing is served or logged."""
    return validate(call, decode(call.body, _recommend))


@post(
    "/v1/recommend/batch",
    status_code=200,
    tags=["Serving"],
    opt={REQUIRES: (Role.SERVE,), BODY: BatchRequest},
    responses=_ASKED,
)
async def batch_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> BatchResponse:
    """Answer the lists of one page, in order; with dedupe a list leaves out what the ones before it show."""
    return await batch(service, call)


@post(
    "/v1/similar",
    status_code=200,
    tags=["Serving"],
    opt={REQUIRES: (Role.SERVE,), BODY: SimilarRequest},
    responses=_ASKED,
)
async def similar_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> RecommendResponse:
    """Answer which items are like this one: met together with it, else tagged like it, else popular."""
    return await similar(service, call, decode(call.body, _similar))


@post(
    "/v1/interactions",
    status_code=202,
    tags=["Data in"],
    opt={REQUIRES: (Role.SERVE,), BODY: InteractionsRequest},
    responses=_ASKED,
)
async def interactions_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> InteractionsResponse:
    """Take what visitors did. What is accepted is durable before the answer; each event is refused by itself."""
    return await interactions.collect(service, call)


@put("/v1/items", tags=["Data in"], opt={REQUIRES: (Role.INGEST,), BODY: PutItemsRequest}, responses=_ASKED)
async def put_items_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> PutItemsResponse:
    """Insert or update items: all of them, or none if one is refused."""
    return await items.put(service, call)


@post(
    "/v1/items/delete",
    status_code=200,
    tags=["Data in"],
    opt={REQUIRES: (Role.INGEST,), BODY: DeleteItemsRequest},
    responses=_ASKED,
)
async def delete_items_route(service: NamedDependency[Service], call: NamedDependency[Call]) -> DeleteItemsResponse:
    """Take items away, from builders too, until they are put again."""
    return await items.delete(service, call)


@get("/v1/items", tags=["Data in"], opt={REQUIRES: (Role.INGEST, Role.VIEWER), QUERY: ItemKey}, responses=_LOOKED_UP)
async def find_item_route(
    service: NamedDependency[Service], call: NamedDependency[Call], namespace: FromQuery[str], item_id: FromQuery[str]
) -> ItemResponse:
    """Say what is known of one item: tags, price, availability, popularity, neighbours."""
    return await items.find(service, call, namespace, item_id)


@get("/livez", tags=["System"], responses=refusals())
async def livez_route() -> HealthResponse:
    """Say that the process is alive."""
    return health.ALIVE


@get(["/readyz", "/healthz", "/health"], tags=["System"], responses={503: _NOT_READY, **refusals()})
async def readyz_route(service: NamedDependency[Service]) -> Response[HealthResponse]:
    """Say whether lists can be served. A loaded snapshot is enough; a database that is away is reported, not fatal."""
    ready = await service.health.ready()
    return Response(ready, status_code=503 if ready.status == "unhealthy" else 200)


@get("/metrics", tags=["System"], media_type=metrics.CONTENT_TYPE, responses=refusals())
async def metrics_route() -> bytes:
    """Write the metrics of the service, all its processes together, in the text format of Prometheus."""
    return metrics.exposition()


@get("/openapi.json", include_in_schema=False)
async def openapi_route() -> dict[str, Any]:
    """Answer the OpenAPI document."""
    return _document()


@get(["/", "/docs"], include_in_schema=False, media_type="text/html")
async def docs_route() -> bytes:
    """Show the document, and try it out; nothing on the page comes from elsewhere."""
    return _page()


def _call(request: Request[Any, Any, Any]) -> Call:
    return cast("Call", cast("Scope", request.scope)[CALL])


def _service(request: Request[Any, Any, Any]) -> Service:
    return cast("Service", cast("Scope", request.scope)[SERVICE])


DEPENDENCIES = {"call": Provide(_call, sync_to_thread=False), "service": Provide(_service, sync_to_thread=False)}
HANDLERS: list[ControllerRouterHandler] = [
    recommend_route,
    validate_route,
    batch_route,
    similar_route,
    interactions_route,
    put_items_route,
    delete_items_route,
    find_item_route,
    livez_route,
    readyz_route,
    metrics_route,
    *ADMIN_HANDLERS,
    *DIAGNOSIS_HANDLERS,
    openapi_route,
    docs_route,
]


@cache
def _document() -> dict[str, Any]:
    return document(HANDLERS, DEPENDENCIES)


@cache
def _page() -> bytes:
    return files("recsys.api").joinpath("docs.html").read_bytes()
