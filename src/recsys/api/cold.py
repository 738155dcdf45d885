"""The wide, rarely called part of the API: routed, documented and called by Litestar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from litestar import Litestar, Request, Response
from litestar.exceptions import ClientException, MethodNotAllowedException, NotFoundException, ValidationException

from recsys.api.call import Answer, Call, Scope
from recsys.api.identity import Role
from recsys.api.openapi import NEEDS, REQUIRES
from recsys.api.route import Need
from recsys.api.routes import CALL, DEPENDENCIES, HANDLERS, SERVICE
from recsys.api.service import Service
from recsys.errors import InvalidRequest, MethodNotAllowed, NotFound, Problem

_FAILURE = "recsys.failure"
_MISSING = re.compile(r"Missing required query parameter '(\w+)'")
ADMIN = "/v1/admin/"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


@dataclass(frozen=True, slots=True)
class ColdRoute:
    """One of Litestar's routes."""

    litestar: Litestar
    endpoint: str
    requires: tuple[Role, ...]
    need: Need
    path_tenant: str | None

    @property
    def sheds(self) -> bool:
        """Health and admin are always answered."""
        return bool(self.requires) and not self.endpoint.startswith(ADMIN)

    async def answer(self, service: Service, call: Call, scope: Scope) -> Answer:
        """Let Litestar answer; what it refuses is raised in our own words, so that there is one kind of error."""
        inner = {**scope, "method": call.method, CALL: call, SERVICE: service}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.litestar(inner, receive, send)  # type: ignore[arg-type]  # its types name every kind of message
        if failure := inner.get(_FAILURE):
            raise failure
        return _collected(sent)


class Cold:
    """Finds routes and answers them."""

    def __init__(self) -> None:
        self._litestar = Litestar(
            HANDLERS,
            dependencies=DEPENDENCIES,
            exception_handlers={Exception: _remember},
            openapi_config=None,
            logging_config=None,
        )

    def route(self, call: Call) -> ColdRoute:
        """Find the route of a call; NotFound or MethodNotAllowed if there is none."""
        try:
            found = self._litestar.asgi_router.handle_routing(path=_normal(call.path), method=call.method)
        except NotFoundException:
            raise NotFound from None
        except MethodNotAllowedException:
            raise MethodNotAllowed(self._allow(call.path)) from None
        _, handler, _, parameters, template = found
        opt = handler.opt
        requires, need = opt.get(REQUIRES, ()), opt.get(NEEDS, Need.ACTIVE)
        return ColdRoute(self._litestar, template, requires, need, parameters.get("tenant_id"))

    def options(self, call: Call) -> Answer:
        """Say which methods an address answers."""
        return Answer(204, headers=((b"allow", self._allow(call.path).encode("ascii")),))

    def _allow(self, path: str) -> str:
        methods = [method for method in _METHODS if self._answers(path, method)]
        if not methods:
            raise NotFound
        return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])

    def _answers(self, path: str, method: Any) -> bool:
        try:
            self._litestar.asgi_router.handle_routing(path=_normal(path), method=method)
        except (NotFoundException, MethodNotAllowedException):
            return False
        return True


def _normal(path: str) -> str:
    return "/" + path.strip("/")


def _remember(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Keep what a handler raised for the one place that knows what errors mean."""
    cast("Scope", request.scope)[_FAILURE] = _ours(error)
    return Response(b"")


def _ours(error: Exception) -> Exception:
    if isinstance(error, NotFoundException):
        return NotFound()
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return InvalidRequest([Problem(f"$.{entry.get('key', '')}", entry["message"]) for entry in error.extra])
    if isinstance(error, ValidationException) and (missing := _MISSING.match(error.detail)):
        return InvalidRequest([Problem(f"$.{missing[1]}", "This query parameter is required.")])
    if isinstance(error, ClientException):
        return InvalidRequest(message=error.detail)
    return error


def _collected(sent: list[dict[str, Any]]) -> Answer:
    start, *parts = sent
    headers = dict(start["headers"])
    media_type = headers.pop(b"content-type", b"application/json")
    headers.pop(b"content-length", None)
    return Answer(
        start["status"], b"".join(part.get("body", b"") for part in parts), media_type, tuple(headers.items())
    )
