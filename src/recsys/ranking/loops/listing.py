"""A whole list in one call: what gathering, pins and picking do one after the other (pure)."""

from __future__ import annotations

import numpy as np

from recsys.ranking.compiled import Bounds, Held, Index, Wanted, kernel
from recsys.ranking.loops.gathering import gathered
from recsys.ranking.loops.greedy import locked, picked
from recsys.rules.live import Pinning
from recsys.snapshot.rows import Scores


@kernel
def listed(
    wanted: Wanted, held: Held, pins: Pinning, k: int, balance: float, among: int, limits: Bounds
) -> tuple[Index, Scores]:
    """Return the list's numbers behind a report of how it was made, and its scores in whole units.

    The report: how many candidates there were, how many may be shown, how many a cap kept out; the counts of
    `gathered`; what became of each pin. *balance* is that of marginal relevance *among* so many, below 0 for none.
    """
    pool, verdicts, numbers, bits, _, _, score, standing, counts = gathered(wanted, held)
    places, positions, _, states = locked(pins, pool, verdicts, numbers, bits, k)
    order, refused, _ = picked(standing, numbers, score, places, positions, k, balance, among, held[4], held[2], limits)
    report = np.empty(3 + len(counts) + len(states) + len(order), np.int64)
    report[0], report[1], report[2] = len(pool), len(numbers), len(refused)
    report[3 : 3 + len(counts)] = counts
    report[3 + len(counts) : 3 + len(counts) + len(states)] = states
    report[len(report) - len(order) :] = numbers[order]
    return report, np.rint(score[order] * held[8])
