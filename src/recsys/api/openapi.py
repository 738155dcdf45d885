"""The OpenAPI document: Litestar's account of the routes, with the bodies exactly as they are decoded."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from recsys import __version__
from recsys.api.problems import INTERNAL, MEANINGS, MEDIA_TYPE, ProblemDocument

_ABOUT = """\
Which items should this visitor see on this surface, now?

Every answer carries `X-Request-Id`; every error is `application/problem+json` with a stable `code`.
The tenant is named by the credential, or by `X-Org-Id` where authentication is off.
"""
_REFERENCE = "#/components/schemas/{name}"
_TENANT_HEADERS = {
    "name": "X-Org-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 128},
    "description": "Which tenant: its external id or its UUID. A credential that names a tenant must agree.",
}
BODY = "body"
"""The key of a handler's `opt` that names the struct its body is decoded into."""
REQUIRES = "requires"
"""The key of a handler's `opt` that lists the roles of which a caller needs one; such a route serves one tenant."""


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
    bodies = _describe_operations(app, described["paths"])
    # msgspec describes its structs better than Litestar does: closed objects, patterns, limits inside lists.
    schemas = described["components"]["schemas"]
    schemas.update(msgspec.json.schema_components([*bodies, ProblemDocument], ref_template=_REFERENCE)[1])
    return described


def _describe_operations(app: Litestar, paths: dict[str, Any]) -> list[type[Any]]:
    """Say which body an operation takes and how its tenant is named; return every struct that is sent or answered."""
    structs: list[type[Any]] = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path_format not in paths:
            continue
        for handler in route.route_handlers:
            for method in handler.http_methods:
                operation = paths[route.path_format].get(method.lower())
                if operation is None:
                    continue
                if handler.opt.get(REQUIRES):
                    operation.setdefault("parameters", []).append(_TENANT_HEADERS)
                if body := handler.opt.get(BODY):
                    operation["requestBody"] = {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(name=body.__name__)}}},
                    }
                    structs.append(body)
                answer = handler.parsed_fn_signature.return_type.annotation
                if isinstance(answer, type) and issubclass(answer, msgspec.Struct):
                    structs.append(answer)
    return structs
