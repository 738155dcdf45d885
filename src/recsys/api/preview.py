"""What a draft of config or rules would change: the same requests ranked twice, nothing stored, nothing logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from recsys.api.call import Call
from recsys.api.questions import Question
from recsys.api.recommend import question
from recsys.api.wire import RecommendRequest
from recsys.errors import InvalidDocument, InvalidInput, Problem
from recsys.ranking.comparison import Comparison, Summary, compare, summarise
from recsys.ranking.fill import Filling, chain
from recsys.ranking.query import Visitor
from recsys.ranking.slate import Slate
from recsys.rules.live import Live
from recsys.rules.parse import parse_rules
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS, Config, parse_config
from recsys.tenancy.directory import TenantView

Snapshots = Mapping[str, Snapshot]
"""By namespace: every one that either side may read."""


class Wanted(NamedTuple):
    """One request, and who asks it."""

    request: RecommendRequest
    visitor: Visitor


class Preview(NamedTuple):
    """What would change."""

    comparisons: tuple[Comparison, ...]
    summary: Summary
    newly_blocked: tuple[str, ...]
    """Items that the draft's rules block on some of these requests and today's do not."""
    signals_differ: bool
    """The draft also changes how signals are made: what that does shows only when it is live."""


class Sides(NamedTuple):
    """Today's documents, and the draft in their place."""

    today: TenantView
    draft: TenantView
    signals_differ: bool


def sides(today: TenantView, config: bytes | None, rules: bytes | None) -> Sides:
    """Put the given drafts in force; what is not given stays. Raises InvalidConfig, InvalidRules.

    Both sides read the signals that are live: making others takes as long as loading the namespace.
    """
    live = today.config or DEFAULTS
    drafted = live if config is None else parse_config(config)
    differ = (drafted.signals_everywhere, drafted.namespaces) != (live.signals_everywhere, live.namespaces)
    on_live_signals = Config(drafted.everywhere, drafted.surfaces, live.signals_everywhere, live.namespaces)
    draft = TenantView(
        today.tenant, on_live_signals, None, today.rules if rules is None else parse_rules(rules), today.rules_etag
    )
    return Sides(today, draft, differ)


def namespaces(both: Sides, requests: Sequence[RecommendRequest]) -> tuple[str, ...]:
    """List the namespaces that either side reads for *requests*."""
    configs = [view.config or DEFAULTS for view in (both.today, both.draft)]
    names = (name for one in requests for config in configs for name in chain(one.surface, config.request(one.surface)))
    return tuple(dict.fromkeys(names))


def preview(call: Call, both: Sides, wanted: Sequence[Wanted], snapshots: Snapshots, now: datetime) -> Preview:
    """Rank each request on both sides. InvalidDocument names the request that could not be asked."""
    comparisons, blocked = [], set[str]()
    for index, one in enumerate(wanted):
        today, draft = (_ask(call, view, one.request, index) for view in (both.today, both.draft))
        before = _slate(both.today, today, one.visitor, snapshots, now)
        after = _slate(both.draft, draft, one.visitor, snapshots, now)
        comparisons.append(compare(before, after, draft.query.k))
        blocked |= _blocked(both.draft, draft, snapshots) - _blocked(both.today, today, snapshots)
    return Preview(tuple(comparisons), summarise(comparisons), tuple(sorted(blocked)), both.signals_differ)


def _ask(call: Call, view: TenantView, request: RecommendRequest, index: int) -> Question:
    try:
        return question(replace(call, view=view), request)
    except InvalidInput as error:
        problems = [Problem(f"$.requests[{index}]{one.path.removeprefix('$')}", one.message) for one in error.problems]
        raise InvalidDocument(problems) from None


def _slate(view: TenantView, asked: Question, visitor: Visitor, snapshots: Snapshots, now: datetime) -> Slate:
    filling = Filling(asked.query, visitor, asked.params, lambda snapshot: _live(view, asked, snapshot), now)
    return filling.fill([snapshots[name] for name in chain(asked.query.surface, asked.params)])


def _blocked(view: TenantView, asked: Question, snapshots: Snapshots) -> set[str]:
    found: set[str] = set()
    for name in chain(asked.query.surface, asked.params):
        snapshot = snapshots[name]
        mask = _live(view, asked, snapshot).blocked
        if mask is not None:
            found.update(snapshot.items.ids[number] for number in np.flatnonzero(mask).tolist())
    return found


def _live(view: TenantView, asked: Question, snapshot: Snapshot) -> Live:
    return view.live(snapshot, asked.query.surface, asked.query.segment, asked.rules_at)
