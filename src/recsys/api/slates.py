"""From a question to a slate that may be answered: snapshots, visitor, rules, ranking, exposure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from recsys import metrics
from recsys.api import exposures, history, namespaces
from recsys.api.base_lists import Made, is_base
from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.service import Service
from recsys.api.wire import RankedItem, RecommendResponse, Versions, Warned
from recsys.ranking.fill import Filling, chain, shows_anything
from recsys.ranking.query import NOBODY, Visitor
from recsys.ranking.slate import Slate
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.directory import TenantView

_NO_REASONS = {
    "ANCHOR_UNKNOWN",
    "NAMESPACE_FALLBACK",
    "RULE_PIN_INJECTED",
    "RULE_PIN_UNREACHABLE",
    "SIGNAL_PARTIAL",
    "SIGNAL_UNAVAILABLE",
}
"""Warnings of a slate that do not say why it is short."""
LATE = Warned("SIGNAL_PARTIAL", "The visitor's history could not be read in time; the list is made without it.")
STALE = Warned("SIGNAL_STALE", "The signals have changed, and the newer ones are not loaded yet.")
NOT_LOGGED = Warned("EXPOSURE_NOT_LOGGED", "The event log of this host is full or fails; this list is not in it.")


class Listed(NamedTuple):
    """A list, and where most of it comes from."""

    slate: Slate
    snapshot: Snapshot
    items: Raw | None = None
    """The items as they go over the wire, where they are known already."""


class Answered(NamedTuple):
    """What goes back, and what it shows."""

    response: RecommendResponse
    item_ids: tuple[str, ...]


_encode = msgspec.json.Encoder().encode


async def answer(service: Service, call: Call, question: Question) -> Answered:
    """Make the list, record it, and say what made it."""
    now = datetime.now(UTC)
    key = history.key_of(service, call.tenant, question.user)
    call.lap("prepare")
    visitor, known = await _visitor(service, call, question, key)
    call.lap("history")
    slate, snapshot, items = await listed(service, call.tenant, question, visitor, now)
    call.lap("rank")
    shown = exposures.exposure(call, question, slate, now, key)
    logged = await exposures.log(service, shown, call.tenant.tenant.external_id)
    call.lap("log")
    warnings = [
        *question.warnings,
        *(Warned(warning.code, warning.detail) for warning in slate.warnings),
        *(() if known else (LATE,)),
        *((STALE,) if namespaces.is_stale(service, snapshot, now) else ()),
        *(() if logged else (NOT_LOGGED,)),
    ]
    return Answered(_response(call, question, slate, items, warnings), slate.item_ids)


async def _visitor(service: Service, call: Call, question: Question, key: bytes | None) -> tuple[Visitor, bool]:
    if not history.matters(question.params, anchored=bool(question.query.anchors)):
        return NOBODY, True
    return await history.visitor(service, call.tenant, key, question.user.session_id)


async def listed(service: Service, view: TenantView, question: Question, visitor: Visitor, now: datetime) -> Listed:
    """Rank on the surface's first namespace that has anything to show, and fill up from the others.

    A list that is everybody's is ranked once, as long as what it was made from is in force.
    """
    query, params = question.query, question.params

    def live_of(snapshot: Snapshot) -> Live:
        return view.live(snapshot, query.surface, query.segment, question.rules_at)

    snapshot, others = await namespaces.first(service, view, chain(query.surface, params))
    base, live = params.exploration is None and is_base(query, visitor), live_of(snapshot)
    if base and (kept := service.base_lists.get(snapshot, view, live, query)) is not None:
        return Listed(kept.slate, snapshot, kept.items)
    filling = Filling(query, visitor, params, live_of, now)
    if filling.add(snapshot, live):
        if base:
            made = Made(filling.slate, Raw(_encode(_items(filling.slate))))
            service.base_lists.put(snapshot, view, live, query, made)
        return Listed(filling.slate, snapshot)
    for name in others:
        further = await namespaces.load(service, view, name)
        if shows_anything(further) and filling.add(further):
            break
    return Listed(filling.slate, snapshot)


def _response(
    call: Call, question: Question, slate: Slate, items: Raw | None, warnings: list[Warned]
) -> RecommendResponse:
    call.empty = len(slate) == 0
    for warning in warnings:
        metrics.TALLY.count(metrics.warnings(warning.code))
    if len(slate) < question.query.k:
        metrics.TALLY.count(metrics.short_lists(call.endpoint, _reason(slate)))
    view, query = call.tenant, question.query
    meta = Versions(
        tenant_id=view.tenant.external_id,
        surface=query.surface,
        segment=query.segment,
        request_id=call.request_id,
        algo_version=slate.algo_version,
        config_version=view.config_etag,
        rules_version=view.rules_etag,
        signals_version=slate.signals_version,
        timings_ms=call.timings(),
        counts=slate.counts,
    )
    shown: Any = _items(slate) if items is None else items  # written by its encoder, items or their text
    return RecommendResponse(shown, meta, tuple(warnings) or None)


def _reason(slate: Slate) -> str:
    """Return the code of the first warning that says why a list is short."""
    return next((warning.code for warning in slate.warnings if warning.code not in _NO_REASONS), "unknown")


def _items(slate: Slate) -> tuple[RankedItem, ...]:
    ids, scores = slate.item_ids, slate.scores
    if slate.reasons is None and slate.explain is None:
        return tuple([RankedItem(ids[place], place + 1, scores[place]) for place in range(len(ids))])
    reasons = slate.reasons or (None,) * len(slate)
    explain = slate.explain or (None,) * len(slate)
    return tuple(
        RankedItem(ids[place], place + 1, scores[place], reasons[place], explain[place]) for place in range(len(slate))
    )
