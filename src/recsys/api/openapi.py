"""The OpenAPI document: Litestar's account of the routes, with the bodies exactly as they are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, get_args

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from recsys import __version__
from recsys.api.problems import INTERNAL, MEANINGS, MEDIA_TYPE, ProblemDocument

_ABOUT = """\
Which items should this visitor see on this surface, now?

Every answer carries `X-Request-Id`; every error is `application/problem+json` with a stable `code`.
The tenant is named by the credential, or by `X-Org-Id` where authentication is off.
"""
_REFERENCE = "#/components/schemas/{name}"
_TENANT_HEADER = {
    "name": "X-Org-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 128},
    "description": "Which tenant: its external id or its UUID. A credential that names a tenant must agree.",
}
_PATH_TENANT = {
    "name": "tenant_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "description": "Which tenant: its external id or its UUID.",
}
BODY = "body"
"""The key of a handler's `opt` that names the struct its body is decoded into, or holds the JSON Schema of it."""
HEADERS = "headers"
"""The key of a handler's `opt` that maps the headers it understands to what they mean."""
QUERY = "query"
"""The key of a handler's `opt` that names the struct its query parameters are checked by."""
REQUIRES = "requires"
"""The key of a handler's `opt` that lists the roles of which a caller needs one."""
NEEDS = "needs"
"""The key of a handler's `opt` that says which tenant it is about, where that is not an active one."""


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """Document the errors that a route answers, with their codes; 500 may always happen."""
    return {status: _refusal(status) for status in (*statuses, INTERNAL.status)}


def _refusal(status: int) -> ResponseSpec:
    codes = sorted({meaning.code for meaning in (*MEANINGS.values(), INTERNAL) if meaning.status == status})
    return ResponseSpec(
        ProblemDocument,
        description=f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
        media_type=MEDIA_TYPE.decode("ascii"),
        generate_examples=False,
    )


def document(handlers: list[ControllerRouterHandler], dependencies: dict[str, Provide]) -> dict[str, Any]:
    """Describe *handlers* as OpenAPI 3.1."""
    config = OpenAPIConfig(title="recsys-service", version=__version__, description=_ABOUT, create_examples=False)
    app = Litestar(handlers, dependencies=dependencies, openapi_config=config, logging_config=None)
    described: dict[str, Any] = app.openapi_schema.to_schema()
    structs = _describe_operations(app, described["paths"])
    # msgspec describes its structs better than Litestar does: closed objects, patterns, limits inside lists.
    schemas = described["components"]["schemas"]
    schemas.update(msgspec.json.schema_components([*structs, ProblemDocument], ref_template=_REFERENCE)[1])
    return described


def _describe_operations(app: Litestar, paths: dict[str, Any]) -> list[type[Struct]]:
    """Say what Litestar does not know of each operation; return every struct that is sent or answered."""
    structs: list[type[Struct]] = []
    for path, method, handler in _handlers(app):
        operation = paths.get(path, {}).get(method.lower())
        if operation is not None:
            _describe(operation, handler)
            structs += [handler.opt[BODY]] if isinstance(handler.opt.get(BODY), type) else []
            structs += _answered(handler)
    return structs


def _handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    yield route.path_format, method, handler


def _describe(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Say what it does, how the tenant is named, what the parameters may be, and which body is taken."""
    operation["summary"] = (handler.fn.__doc__ or "").partition("\n")[0]
    if QUERY in handler.opt:
        shapes = msgspec.json.schema(handler.opt[QUERY], ref_template="{name}")["$defs"][handler.opt[QUERY].__name__]
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                parameter["schema"] = shapes["properties"][parameter["name"]]
    for parameter in operation.get("parameters", []):
        parameter.update(_PATH_TENANT if parameter["name"] == _PATH_TENANT["name"] else {})
    if REQUIRES in handler.opt:
        operation.setdefault("parameters", []).append(_TENANT_HEADER)
    if BODY in handler.opt:
        body = handler.opt[BODY]
        schema = {"$ref": _REFERENCE.format(name=body.__name__)} if isinstance(body, type) else body
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    for name, meaning in handler.opt.get(HEADERS, {}).items():
        parameter = {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        operation.setdefault("parameters", []).append(parameter | {"description": meaning})


def _answered(handler: HTTPRouteHandler) -> list[type[Struct]]:
    answer = handler.parsed_fn_signature.return_type.annotation
    answers = (answer, *get_args(answer))  # the body may be wrapped, to come with headers
    return [one for one in answers if isinstance(one, type) and issubclass(one, Struct)]
