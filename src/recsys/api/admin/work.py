"""What the admin routes share: a document decoded, a transaction in the admin room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import psycopg

from recsys.api.call import Call
from recsys.api.decode import decode
from recsys.api.service import Service
from recsys.errors import InvalidDocument, InvalidRequest, Problem

T = TypeVar("T")

PATIENCE_SECONDS = 10.0


def document(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a body that is a document of its own; InvalidDocument (422) names what is wrong with it."""
    try:
        return decode(body, decoder)
    except InvalidRequest as error:
        raise InvalidDocument(error.problems) from None


def query(asked: dict[str, str | None], shape: type[T]) -> T:
    """Read the parameters of a query string into *shape*; InvalidRequest (400) names the first that is wrong."""
    given = {name: value.replace(" ", "+") for name, value in asked.items() if value is not None}
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise InvalidRequest([Problem(where.strip("`") or "$", what)]) from None


async def of_tenant(service: Service, call: Call, work: Callable[[psycopg.Connection], T]) -> T:
    """Run *work* in one transaction that sees the call's tenant and no other."""
    tenant_id = call.tenant.tenant.id

    def run() -> T:
        with service.serving.database.service(tenant_id) as conn:
            return work(conn)

    return await service.admin.run(run, patience=PATIENCE_SECONDS)


async def of_installation(service: Service, work: Callable[[psycopg.Connection], T]) -> T:
    """Run *work* in one transaction across tenants."""

    def run() -> T:
        with service.serving.database.system() as conn:
            return work(conn)

    return await service.admin.run(run, patience=PATIENCE_SECONDS)


async def follow(service: Service, call: Call) -> None:
    """Let this worker serve what was just published without waiting for its next look at the log of changes."""
    tenant_id = call.tenant.tenant.id
    await service.admin.run(lambda: service.serving.directory.forget(tenant_id), patience=PATIENCE_SECONDS)
