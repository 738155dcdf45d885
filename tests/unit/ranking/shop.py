"""A small shop to rank in, written down in one line for each kind of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from recsys.ranking.query import NOBODY, Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.ranking.slate import Slate
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import NO_RULES, Live
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams, SignalParams

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
COUNTS = SignalParams(popularity_half_life=None, normalization="count")
"""Neighbour values are counts over the largest count, so that a test can do the sums."""


def shop(
    popular: Mapping[str, float] | str = "",
    together: Mapping[tuple[str, str], float] | None = None,
    tags: Mapping[str, str] | None = None,
    gone: str = "",
    namespace: str = "home",
) -> Snapshot:
    """Freeze a shop.

    *popular* gives scores, or ids with falling ones; *together* how often two items met; *tags* words by item;
    *gone* the items that are not available.
    """
    falling = popular.split() if isinstance(popular, str) else []
    scores = (
        popular if isinstance(popular, Mapping) else {one: float(len(falling) - i) for i, one in enumerate(falling)}
    )
    today, words = NOW.date(), dict(tags or {})
    columns = Columns.from_rows(
        popularity=[(item_id, today, score) for item_id, score in scores.items()],
        covisitation=[
            row for (a, b), count in (together or {}).items() for row in ((a, b, today, count), (b, a, today, count))
        ],
        tags=[
            (item_id, tuple(words.get(item_id, "").split()), item_id not in gone.split())
            for item_id in {**words, **dict.fromkeys(gone.split())}
        ],
    )
    return freeze(columns, COUNTS, tenant_id=UUID(int=1), namespace=namespace, now=NOW)


def ask(
    snapshot: Snapshot,
    params: RequestParams | None = None,
    live: Live = NO_RULES,
    visitor: Visitor = NOBODY,
    trace: Trace = SILENT,
    **query: Any,
) -> Slate:
    """Recommend from *snapshot*; *query* holds the fields that differ from a plain question for 5 items."""
    question = Query(**{"surface": "home", "namespace": snapshot.namespace, "k": 5, **query})
    return recommend(question, visitor, snapshot, params or RequestParams(), live, now=NOW, trace=trace)


def shown(slate: Slate) -> str:
    """Return the ids of a slate, in order, as one text."""
    return " ".join(slate.item_ids)


def codes(slate: Slate) -> set[str]:
    """Return the codes of a slate's warnings."""
    return {warning.code for warning in slate.warnings}
