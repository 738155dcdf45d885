"""Ask the real serving path every question of a split: the same `freeze`, the same `recommend`, with `now` frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from recsys.evaluation.definitions import columns
from recsys.evaluation.protocols import Case, Split
from recsys.ranking.query import Event, Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.rules.live import NO_RULES
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams, SignalParams

_NOBODY = UUID(int=0)
_NAMESPACE = "backtest"

Lists = list[tuple[str, ...]]
"""What was shown, one list for each case."""


class Contender(NamedTuple):
    """One way to rank, by name."""

    name: str
    request: RequestParams
    signals: SignalParams
    history: int | None = 200
    """How many of a visitor's newest interactions are known, as in serving; None: all."""


def snapshot_of(split: Split, signals: SignalParams) -> Snapshot:
    """Freeze the past of *split* as it stands at its moment."""
    rows = columns(split.log.take(split.past), signals)
    return freeze(rows, signals, tenant_id=_NOBODY, namespace=_NAMESPACE, now=split.now)


def lists(
    split: Split,
    contender: Contender,
    k: int,
    *,
    snapshot: Snapshot | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Lists:
    """Make the list of every case, *k* items long where the catalogue has as many.

    *snapshot* saves making it again for a contender with the same signal parameters.
    """
    world = snapshot or snapshot_of(split, contender.signals)
    query = Query(surface=_NAMESPACE, namespace=_NAMESPACE, k=k)
    shown = []
    for done, case in enumerate(split.cases, start=1):
        visitor = Visitor(_history(split, case, contender.history))
        slate = recommend(query, visitor, world, contender.request, NO_RULES, now=split.now)
        shown.append(slate.item_ids)
        progress(done)
    return shown


def _history(split: Split, case: Case, most: int | None) -> tuple[Event, ...]:
    return tuple(split.log.event(place) for place in case.history[:most].tolist())
