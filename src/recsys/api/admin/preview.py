"""`POST .../preview`: what a draft would change, for given requests or for what was really asked lately."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import msgspec
import psycopg
from msgspec import Meta, Struct

from recsys.api.admin.work import PATIENCE_SECONDS, document, of_tenant
from recsys.api.call import Call
from recsys.api.history import LENGTH_MAX
from recsys.api.namespaces import load
from recsys.api.preview import Preview, Wanted, namespaces, preview, sides
from recsys.api.questions import K
from recsys.api.service import Service
from recsys.api.wire import Body, Name, RecommendRequest, User
from recsys.db.queries import sql
from recsys.errors import InvalidDocument, Problem
from recsys.events.history import recent
from recsys.events.user_key import user_key
from recsys.ranking.comparison import Comparison, Summary
from recsys.ranking.query import Visitor
from recsys.tenancy.directory import TenantView

LISTS_MAX = 100


class Sample(Body, frozen=True):
    """So many of a surface's latest lists: their requests where those were kept, else their surface, segment and k."""

    surface: Name
    count: Annotated[int, Meta(ge=1, le=LISTS_MAX)] = 20


class PreviewRequest(Body, frozen=True):
    """Drafts to try, and what to ask; a draft that is left out stays as it is live."""

    config: dict[str, Any] | None = None
    rules: list[Any] | dict[str, Any] | None = None
    requests: Annotated[tuple[RecommendRequest, ...], Meta(max_length=LISTS_MAX)] | None = None
    sample: Sample | None = None


class PreviewResponse(Struct, frozen=True):
    """What would change: in sum, and list by list, in the order of the requests, then of the sample."""

    tenant_id: str
    summary: Summary
    newly_blocked: tuple[str, ...]
    signals_differ: bool
    """The draft changes signals too; both sides were ranked on those that are live."""
    lists: tuple[Comparison, ...]


class _Shown(Struct, frozen=True):
    """A list that was served, as far as the log knows what was asked."""

    user_key: bytes | None
    session_id: str | None
    request: RecommendRequest


_decoder = msgspec.json.Decoder(PreviewRequest)


async def run(service: Service, call: Call) -> PreviewResponse:
    """Rank everything twice; nothing is stored and nothing is logged."""
    asked, view = document(call.body, _decoder), call.tenant
    if asked.requests is None and asked.sample is None:
        raise InvalidDocument([Problem("$.requests", "is needed, or a sample of what was asked lately")])
    both = sides(view, _encoded(asked.config), _encoded(asked.rules))
    asking = partial(wanted, service.serving.secret, view, asked)
    asked_by = await of_tenant(service, call, asking)
    names = namespaces(both, [one.request for one in asked_by])
    snapshots = {name: await load(service, view, name) for name in names}
    rank = partial(preview, call, both, asked_by, snapshots, datetime.now(UTC))
    return _response(view, await service.admin.run(rank, patience=PATIENCE_SECONDS))


def _encoded(draft: Any) -> bytes | None:
    return None if draft is None else msgspec.json.encode(draft)


def wanted(secret: bytes, view: TenantView, asked: PreviewRequest, conn: psycopg.Connection) -> list[Wanted]:
    """Find out what to ask, and what each visitor did lately; *secret* makes user keys."""
    found = []
    for request in asked.requests or ():
        user = request.user or User()
        key = user_key(secret, view.tenant.id, user.user_id, user.anonymous_id)
        found.append(Wanted(request, _visitor(conn, view, key, user)))
    for shown in _sample(conn, view, asked.sample) if asked.sample is not None else ():
        user = User(session_id=shown.session_id)
        found.append(Wanted(shown.request, _visitor(conn, view, shown.user_key, user)))
    return found


def _visitor(conn: psycopg.Connection, view: TenantView, key: bytes | None, user: User) -> Visitor:
    session_id = user.session_id or None
    return Visitor(tuple(recent(conn, view.tenant.id, key, session_id, LENGTH_MAX)))


def _sample(conn: psycopg.Connection, view: TenantView, sample: Sample) -> list[_Shown]:
    values = {"tenant_id": view.tenant.id, "surface": sample.surface, "count": sample.count}
    return [
        _Shown(key, session_id, _request(request, sample.surface, segment, size))
        for key, session_id, segment, request, size in conn.execute(sql("preview.sample"), values)
    ]


def _request(kept: Any, surface: str, segment: str | None, size: int) -> RecommendRequest:
    """Read what was asked; a request that was not kept, or that this release would not take, is asked plainly."""
    try:
        return msgspec.convert(kept, RecommendRequest)
    except msgspec.ValidationError:
        return RecommendRequest(surface=surface, segment=segment, k=min(max(size, 1), 200) if size else K)


def _response(view: TenantView, found: Preview) -> PreviewResponse:
    return PreviewResponse(
        view.tenant.external_id, found.summary, found.newly_blocked, found.signals_differ, found.comparisons
    )
