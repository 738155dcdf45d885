"""From a question to a slate that may be answered: snapshots, visitor, rules, ranking, exposure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from recsys import eager, metrics
from recsys.api import exposures, history, namespaces
from recsys.api.base_lists import is_base
from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.service import Service
from recsys.api.wire import RankedItem, RecommendResponse, Versions, Warned
from recsys.ranking.fill import Filling, chain, shows_anything
from recsys.ranking.query import NOBODY, Visitor
from recsys.ranking.recommend import in_steps
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


class Answered(NamedTuple):
    """What goes back, and what it shows."""

    response: RecommendResponse
    item_ids: tuple[str, ...]


_encode = msgspec.json.Encoder().encode


async def answer(service: Service, call: Call, question: Question) -> Answered:
    """Make the list, record it, and say what made it."""
    now, view = datetime.now(UTC), call.tenant
    await eager.step()  # all are decoded
    key = history.key_of(service, view, question.user)
    call.lap("prepare")
    visitor, is_known = NOBODY, True
    if history.matters(question.params, anchored=bool(question.query.anchors)):
        visitor, is_known = await history.visitor(service, view, key, question.user.session_id)
    call.lap("history")
    slate, snapshot = await listed(service, view, question, visitor, now)
    call.lap("rank")
    await eager.step()  # all are ranked
    shown = exposures.exposure(call, question, slate, now, key)
    is_logged = await exposures.log(service, shown, view.tenant.external_id)
    call.lap("log")
    warnings = [*question.warnings, *[Warned(warning.code, warning.detail) for warning in slate.warnings]]
    if not is_known:
        warnings.append(LATE)
    if namespaces.is_stale(service, snapshot, now):
        warnings.append(STALE)
    if not is_logged:
        warnings.append(NOT_LOGGED)
    return Answered(_response(call, question, slate, warnings), slate.item_ids)


async def listed(service: Service, view: TenantView, question: Question, visitor: Visitor, now: datetime) -> Listed:
    """Rank on the surface's first namespace that has anything to show, and fill up from the others.

    A list that is everybody's is ranked once, as long as what it was made from is in force.
    """
    query, params = question.query, question.params
    snapshot = namespaces.at_hand(service, view, query.namespace)
    others: Sequence[str] | None = None
    if snapshot is None or not shows_anything(snapshot):
        snapshot, others = await namespaces.first(service, view, chain(query.surface, params))
        query = replace(query, namespace=snapshot.namespace)
    live = view.live(snapshot, query.surface, query.segment, question.rules_at)
    base = params.exploration is None and is_base(query, visitor)
    if base and (kept := service.base_lists.get(snapshot, view, live, query)) is not None:
        return Listed(kept, snapshot)
    slate = await eager.stepwise(in_steps(query, visitor, snapshot, params, live, now=now))
    if len(slate.item_ids) == query.k:
        if base:
            slate = slate if slate.items is not None else replace(slate, items=_encode(_items(slate)))
            service.base_lists.put(snapshot, view, live, query, slate)
        return Listed(slate, snapshot)
    others = chain(query.surface, params)[1:] if others is None else others
    return await _filled(service, view, question, visitor, now, Listed(slate, snapshot), others)


async def _filled(
    service: Service,
    view: TenantView,
    question: Question,
    visitor: Visitor,
    now: datetime,
    first: Listed,
    others: Sequence[str],
) -> Listed:
    """Fill a short list up from the namespaces behind the one that gave it."""
    query = question.query

    def live_of(snapshot: Snapshot) -> Live:
        return view.live(snapshot, query.surface, query.segment, question.rules_at)

    filling = Filling(query, visitor, question.params, live_of, now)
    filling.begin(first.slate, first.snapshot)
    for name in others:
        further = await namespaces.load(service, view, name)
        if shows_anything(further) and filling.add(further):
            break
    return Listed(filling.slate, first.snapshot)


def _response(call: Call, question: Question, slate: Slate, warnings: list[Warned]) -> RecommendResponse:
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
    shown: Any = _items(slate) if slate.items is None else Raw(slate.items)  # either is written alike
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
