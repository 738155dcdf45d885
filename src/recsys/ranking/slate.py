"""The answer: items with scores, why they are there, and why there are not more of them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from recsys.ranking.explain import Explanation, Shown, explanations, reasons
from recsys.ranking.itemlist import rounded
from recsys.ranking.query import Query
from recsys.ranking.shortfall import SlateWarning, warnings

ALGO_VERSION: Final = "1"
"""Changes whenever the same inputs give another list."""


class Slate(Struct, frozen=True, kw_only=True):
    """n items in their final order, n <= k."""

    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    """After rules, rounded to six decimals; with pins or diversity they need not fall."""
    reasons: tuple[tuple[str, ...], ...] | None
    """One tuple of words for each item; None unless they were asked for."""
    explain: tuple[Explanation, ...] | None
    """One for each item; None unless they were asked for."""
    warnings: tuple[SlateWarning, ...]
    counts: dict[str, int]
    """How many items each source offered and each stage left, and how many each filter kept out of the last pool."""
    signals_version: str
    algo_version: str = ALGO_VERSION
    propensities: tuple[float, ...] | None = None
    """How likely each item was to be shown at its rank; None where nothing was random."""

    items: bytes | None = None
    """The items as JSON, as an answer has them, where they were written together with the list."""

    def __len__(self) -> int:
        return len(self.item_ids)


def slate(query: Query, shown: Shown) -> Slate:
    """Finish a list: numbers become ids again, and everything that was asked for is said about them."""
    items, ids = shown.picked.items, shown.snapshot.items.ids
    return Slate(
        item_ids=tuple([ids[number] for number in items.numbers.tolist()]),
        scores=tuple(rounded(items.score).tolist()),
        reasons=reasons(shown) if query.include_reasons else None,
        explain=explanations(shown, full=query.explain == "full") if query.explain != "none" else None,
        warnings=warnings(query, shown),
        counts=_counts(shown),
        signals_version=shown.snapshot.version,
        propensities=None if shown.picked.drawn is None else _propensities(shown.picked.drawn, len(items)),
    )


def _propensities(drawn: dict[int, float], length: int) -> tuple[float, ...]:
    """Give what chance did not choose 1: it would stand at its rank whatever was drawn."""
    return tuple(drawn.get(rank, 1.0) for rank in range(length))


def _counts(shown: Shown) -> dict[str, int]:
    counts = dict(shown.pool.offered)
    counts["candidates"] = len(shown.pool.numbers)
    counts["eligible"] = len(shown.steered.items)
    counts["capped"] = len(shown.picked.refused)
    counts["widened"] = shown.pool.depth
    counts["returned"] = len(shown.picked.items)
    return counts | shown.pool.lost
