"""The list made again, and what each part of request, config and rules keeps out of it (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from recsys.ranking.eligibility import survey, tolls
from recsys.ranking.fill import Filling
from recsys.ranking.intent import Intent, understand
from recsys.ranking.itemlist import Index
from recsys.ranking.query import Query, Visitor
from recsys.ranking.slate import Slate
from recsys.rules.live import NO_RULES, Live
from recsys.rules.rule import Rule
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams
from recsys.tenancy.directory import TenantView


class Effect(NamedTuple):
    """What one live rule reaches."""

    rule: Rule
    items: int


class Replay(NamedTuple):
    """The list, and how many items of the catalogue each clause keeps out, whatever the others do."""

    slate: Slate
    k: int
    catalogue: int
    """Items of all namespaces that the surface is filled from."""
    tolls: dict[str, int]
    """By warning code."""
    eligible: int
    """Items that pass everything but the caps."""
    per_required: dict[str, int]
    """Available items that carry each required tag."""
    per_forbidden: dict[str, int]
    included: int
    """Items of the allow-list that the catalogue holds."""
    excluded: int
    """Of exclude_ids."""
    anchored: int
    """Of the anchors that the request names."""
    effects: tuple[Effect, ...]
    """Of the live rules, in order of precedence."""
    idle: tuple[Rule, ...]
    """Enabled rules for this place and audience whose window does not hold the time."""
    tags: dict[str, int]
    """Every tag of the catalogue, with its items."""

    @property
    def short(self) -> int:
        """How many items are missing."""
        return max(0, self.k - len(self.slate))

    def to_blame(self, code: str) -> bool:
        """Whether what this clause keeps out makes the list short.

        It does where it would do so alone, or where none would and it has a part in it.
        """
        if not self.short or self.eligible >= self.k or not self.tolls.get(code):
            return False  # the caps are to blame where enough is eligible
        return self._alone(code) or not any(map(self._alone, self.tolls))

    def _alone(self, code: str) -> bool:
        return self.catalogue - self.tolls[code] < self.k


def replay(
    query: Query,
    visitor: Visitor,
    snapshots: Sequence[Snapshot],
    params: RequestParams,
    view: TenantView,
    rules_at: datetime,
    now: datetime,
) -> Replay:
    """Make the list from *snapshots*, at least one, as serving does, and take stock of what stood in its way."""

    def live_of(snapshot: Snapshot) -> Live:
        live = view.live(snapshot, query.surface, query.segment, rules_at)
        return live if params.enable_rules else NO_RULES

    filling = Filling(query, visitor, params, live_of, now)
    stock = [_stock(query, visitor, snapshot, params, live_of(snapshot), now) for snapshot in snapshots]
    return Replay(
        slate=filling.fill(snapshots),
        k=query.k,
        catalogue=sum(len(snapshot.items) for snapshot in snapshots),
        tolls=dict(sum((part.tolls for part in stock), Counter())),
        eligible=sum(part.eligible for part in stock),
        per_required=_carriers(query.required_tags, snapshots),
        per_forbidden=_carriers(query.forbidden_tags, snapshots),
        included=sum(len(snapshot.items.known(set(query.include_ids or ()))) for snapshot in snapshots),
        excluded=sum(len(snapshot.items.known(set(query.exclude_ids))) for snapshot in snapshots),
        anchored=sum(len(snapshot.items.known(set(query.anchors))) for snapshot in snapshots),
        effects=_effects(query, snapshots, view, params, rules_at),
        idle=_idle(query, view, rules_at),
        tags=dict(sum((_tag_sizes(snapshot) for snapshot in snapshots), Counter())),
    )


class _Stock(NamedTuple):
    tolls: Counter[str]
    eligible: int


def _stock(
    query: Query, visitor: Visitor, snapshot: Snapshot, params: RequestParams, live: Live, now: datetime
) -> _Stock:
    everything: Index = np.arange(len(snapshot.items), dtype=np.intp)
    intent = understand(query, visitor, snapshot, params, now)
    found = Counter(tolls(everything, intent, snapshot, live))
    left, _ = survey(everything if intent.included is None else intent.included, intent, snapshot, live)
    if intent.included is not None:
        found["CANDIDATES_INCLUDE_FILTERED"] = len(everything) - len(intent.included)
    found.update(_closed_by_caps(query, params, snapshot, intent))
    return _Stock(found, len(left))


def _closed_by_caps(query: Query, params: RequestParams, snapshot: Snapshot, intent: Intent) -> dict[str, int]:
    """Count what a cap of 0 keeps out, which eligibility takes for a forbidden tag."""
    *_, forbidden = intent.filters
    if len(forbidden) == len(set(query.forbidden_tags) & set(snapshot.tags.ids)):
        return {}
    open_ = replace(query, max_per_tag={})
    unlimited = replace(params, caps={})
    everything: Index = np.arange(len(snapshot.items), dtype=np.intp)
    bare = understand(open_, Visitor(), snapshot, unlimited, snapshot.as_of)
    without = tolls(everything, bare, snapshot, NO_RULES).get("CONSTRAINTS_FILTERED", 0)
    with_caps = tolls(everything, intent, snapshot, NO_RULES).get("CONSTRAINTS_FILTERED", 0)
    return {"CONSTRAINTS_FILTERED": without - with_caps, "CAPS_FILTERED": with_caps - without}


def _carriers(tags: tuple[str, ...], snapshots: Sequence[Snapshot]) -> dict[str, int]:
    sizes = [_tag_sizes(snapshot) for snapshot in snapshots] if tags else []
    return {tag: sum(size[tag] for size in sizes) for tag in dict.fromkeys(tags)}


def _tag_sizes(snapshot: Snapshot) -> Counter[str]:
    return Counter(dict(zip(snapshot.tags.ids, np.diff(snapshot.tag_items.indptr).tolist(), strict=True)))


def _effects(
    query: Query, snapshots: Sequence[Snapshot], view: TenantView, params: RequestParams, at: datetime
) -> tuple[Effect, ...]:
    if view.rules is None or not params.enable_rules:
        return ()
    reached: Counter[Rule] = Counter()
    for snapshot in snapshots:
        for rule in view.rules.active(query.surface, query.segment, snapshot.namespace, at):
            reached[rule] += _targets(rule, snapshot)
    return tuple(Effect(rule, items) for rule, items in reached.items())


def _targets(rule: Rule, snapshot: Snapshot) -> int:
    if rule.tag is None:
        return len(snapshot.items.known(set(rule.item_ids)))
    tag = snapshot.tags.number(rule.tag)
    return 0 if tag is None else len(snapshot.tag_items.row(tag))


def _idle(query: Query, view: TenantView, at: datetime) -> tuple[Rule, ...]:
    rules = () if view.rules is None else view.rules.rules
    return tuple(
        rule
        for rule in rules
        if rule.enabled
        and rule.surface in {None, query.surface}
        and rule.segment in {None, query.segment}
        and not rule.within(at)
    )
