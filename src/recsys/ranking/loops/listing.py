"""A whole list in one call: what gathering, pins and picking do one after the other (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Bits, Bounds, Held, Index, Wanted, kernel
from recsys.ranking.loops.gathering import OFFERED, pooled
from recsys.ranking.loops.greedy import locked, picked
from recsys.ranking.loops.ids import written
from recsys.ranking.loops.pool import first, keyed, ordered, slot, standing
from recsys.rules.live import Pinning
from recsys.snapshot.rows import Scores
from recsys.snapshot.words import Spelling

_FEW: Final = 2
"""So many times the items that are shown are put in order; all are where caps refuse most of them."""


@kernel
def answered(
    wanted: Wanted, held: Held, pins: Pinning, k: int, balance: float, among: int, limits: Bounds, words: Spelling
) -> tuple[Index, Bits, int, int]:
    """Return the report of `listed`, the list behind it, and its texts as `written` returns them."""
    report, units = listed(wanted, held, pins, k, balance, among, limits)
    made, behind_ids, behind_scores = written(words, report[len(report) - len(units) :], units)
    return report, made, behind_ids, behind_scores


@kernel
def listed(
    wanted: Wanted, held: Held, pins: Pinning, k: int, balance: float, among: int, limits: Bounds
) -> tuple[Index, Scores]:
    """Return the list's numbers behind a report of how it was made, and its scores in whole units.

    The report: how many candidates there were, how many may be shown, how many a cap kept out; the counts of
    `gathered`; what became of each pin. *balance* is that of marginal relevance *among* so many, below 0 for none.
    """
    table, numbers, pool, bits, verdicts, _, _, score, counts = pooled(wanted, held)
    count, there = pool - int(counts[OFFERED:].sum()), np.empty(len(pins[0]), np.int64)
    for pin in range(len(there)):
        there[pin] = table[slot(table, numbers, pins[0][pin])]
    places, positions, _, states = locked(pins, there, verdicts, bits, k)
    few = _FEW * k + len(places) if balance < 0 else max(_FEW * k + len(places), among)
    best = first(keyed(score, numbers, verdicts, held[8]), count, few)
    order, refused, _, _ = picked(best, numbers, score, places, positions, k, balance, among, held[4], held[2], limits)
    if len(order) < k and len(best) < count:
        kept = ordered(numbers[:pool], verdicts)
        best = kept[standing(score[kept], held[8])]
        order, refused, _, _ = picked(
            best, numbers, score, places, positions, k, balance, among, held[4], held[2], limits
        )
    report = np.empty(3 + len(counts) + len(states) + len(order), np.int64)
    report[0], report[1], report[2] = pool, count, len(refused)
    report[3 : 3 + len(counts)] = counts
    report[3 + len(counts) : 3 + len(counts) + len(states)] = states
    report[len(report) - len(order) :] = numbers[order]
    return report, np.rint(score[order] * held[8])
