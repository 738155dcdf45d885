"""Config and rules over HTTP: read, published, compared, taken back. One set of functions for both."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from recsys.api.actors import actor
from recsys.api.admin import preconditions
from recsys.api.admin.work import document, follow, of_tenant, query
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.api.wire import Body
from recsys.tenancy.config import parse_config
from recsys.tenancy.difference import changed_lines, json_patch
from recsys.tenancy.store import Kind, Version, Versions

Etag = Annotated[str, Meta(min_length=1, max_length=128, description="Hex SHA-256 of a version.")]


class ConfigResponse(Struct, frozen=True, omit_defaults=True):
    """The live config, or one version of it; `config_version` is its etag."""

    tenant_id: str
    config_version: str
    config: dict[str, Any]
    signals_ready_in: dict[str, float] = {}
    """After a change: the namespaces whose signals are made anew for it, with the seconds that a load of each took.

    They serve under their old parameters until then; what is not named here is live within a second.
    """


class RulesResponse(Struct, frozen=True):
    """The live rules, or one version of them; `rules_version` is its etag."""

    tenant_id: str
    rules_version: str
    rules: list[Any] | dict[str, Any]


class VersionEntry(Struct, frozen=True):
    """One version, without its document."""

    etag: str
    created_at: datetime
    created_by_sub: str | None
    comment: str | None
    current: bool


class VersionsResponse(Struct, frozen=True):
    """The versions of a document, newest first."""

    tenant_id: str
    versions: tuple[VersionEntry, ...]


class RollbackRequest(Body, frozen=True):
    """Which version should be live."""

    to: Etag


class DifferenceResponse(Struct, frozen=True):
    """What leads from one version to another: as JSON Patch (RFC 6902), and as lines to read."""

    before: str
    after: str
    patch: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]


class VersionsQuery(Struct, frozen=True):
    """How many versions to list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


_rollback = msgspec.json.Decoder(RollbackRequest)


async def get(service: Service, call: Call, kind: Kind) -> Response[Any]:
    """Answer the live document, or 304 to who has it."""
    tenant_id = call.tenant.tenant.id
    found = await of_tenant(service, call, lambda conn: Versions(conn, tenant_id, kind).current())
    if preconditions.is_known(call.headers, found.etag):
        return Response(None, status_code=304, headers=_etag(found))
    return _answer(call, kind, found)


async def put(service: Service, call: Call, kind: Kind) -> Response[Any]:
    """Publish the body: append a version, move the pointer, write the audit row, all or nothing."""
    tenant_id, who = call.tenant.tenant.id, actor(call, service.settings)
    expected = preconditions.expected(call.headers, required=service.settings.require_if_match)
    comment = preconditions.comment(call.headers)
    published = await of_tenant(
        service,
        call,
        lambda conn: Versions(conn, tenant_id, kind).publish(call.body, expected=expected, actor=who, comment=comment),
    )
    await follow(service, call)
    return _published(service, call, kind, published.version)


async def roll_back(service: Service, call: Call, kind: Kind) -> Response[Any]:
    """Make an older version the live one; no version is added."""
    tenant_id, who = call.tenant.tenant.id, actor(call, service.settings)
    to = document(call.body, _rollback).to
    expected = preconditions.expected(call.headers, required=service.settings.require_if_match)
    comment = preconditions.comment(call.headers)
    published = await of_tenant(
        service,
        call,
        lambda conn: Versions(conn, tenant_id, kind).roll_back(to, expected=expected, actor=who, comment=comment),
    )
    await follow(service, call)
    return _published(service, call, kind, published.version)


async def versions(service: Service, call: Call, kind: Kind, limit: str | None) -> VersionsResponse:
    """List the versions, newest first."""
    tenant_id, most = call.tenant.tenant.id, query({"limit": limit}, VersionsQuery).limit
    found = await of_tenant(service, call, lambda conn: Versions(conn, tenant_id, kind).list(most))
    entries = [VersionEntry(one.etag, one.created_at, one.created_by_sub, one.comment, one.current) for one in found]
    return VersionsResponse(call.tenant.tenant.external_id, tuple(entries))


async def version(service: Service, call: Call, kind: Kind, etag: str) -> Response[Any]:
    """Answer one version; it never changes."""
    tenant_id = call.tenant.tenant.id
    found = await of_tenant(service, call, lambda conn: Versions(conn, tenant_id, kind).get(etag))
    if preconditions.is_known(call.headers, found.etag):
        return Response(None, status_code=304, headers=_etag(found))
    return _answer(call, kind, found)


async def difference(service: Service, call: Call, kind: Kind, etag: str, before: str | None) -> DifferenceResponse:
    """Say what leads to a version from the live one, or from the version *before*."""
    tenant_id = call.tenant.tenant.id

    def both(conn: Any) -> tuple[Version, Version]:
        store = Versions(conn, tenant_id, kind)
        return store.current() if before is None else store.get(before), store.get(etag)

    old, new = await of_tenant(service, call, both)
    patch, lines = json_patch(old.document, new.document), changed_lines(old.document, new.document)
    return DifferenceResponse(old.etag, new.etag, tuple(patch), tuple(lines))


def _answer(call: Call, kind: Kind, found: Version) -> Response[Any]:
    tenant = call.tenant.tenant.external_id
    shape = ConfigResponse if kind.name == "config" else RulesResponse
    return Response(shape(tenant, found.etag, found.document), headers=_etag(found))


def _published(service: Service, call: Call, kind: Kind, found: Version) -> Response[Any]:
    """Answer what is live now, and when the signals that it asks for will be."""
    answer = _answer(call, kind, found)
    if isinstance(answer.content, ConfigResponse):
        answer.content = replace(answer.content, signals_ready_in=_ready_in(service, call, found))
    return answer


def _ready_in(service: Service, call: Call, found: Version) -> dict[str, float]:
    config, tenant_id = parse_config(msgspec.json.encode(found.document)), call.tenant.tenant.id
    return {
        state.snapshot.namespace: round(state.load_seconds, 2)
        for state in service.serving.snapshots.states()
        if state.snapshot.tenant_id == tenant_id and state.snapshot.params != config.signals(state.snapshot.namespace)
    }


def _etag(found: Version) -> dict[str, str]:
    return {"ETag": f'"{found.etag}"'}
