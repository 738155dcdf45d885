"""A whole list in one call: what gathering, pins and picking do one after the other (pure)."""

from __future__ import annotations

import numpy as np

from recsys.ranking.compiled import Bounds, Cards, Filters, Index, Lists, Pins, Steering, Taste, Vectors, kernel
from recsys.ranking.loops.gathering import gathered
from recsys.ranking.loops.greedy import choose, locked, worths, woven
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers


@kernel
def listed(
    anchors: Index,
    weights: Scores,
    shares: Scores,
    profile: Taste,
    most: int,
    similar: int,
    leading: int,
    popular: Numbers,
    pinned: Numbers,
    promoted: Numbers,
    further: Numbers,
    marks: Index,
    likely: Numbers,
    likelihood: Scores,
    included: Index,
    selective: int,
    neighbors: Vectors,
    item_tags: Vectors,
    tag_weight: Scores,
    tag_items: Lists,
    cards: Cards,
    filters: Filters,
    rules: Steering,
    doubt: float,
    unit: int,
    pins: Pins,
    k: int,
    balance: float,
    among: int,
    limits: Bounds,
) -> tuple[Index, Scores]:
    """Return the list's numbers behind a report of how it was made, and its scores in whole units.

    The report: how many candidates there were, how many may be shown, how many a cap kept out; the counts of
    `gathered`; what became of each pin. *balance* is that of marginal relevance *among* so many, below 0 for none.
    """
    pool, verdicts, numbers, bits, _, _, score, standing, counts = gathered(
        anchors,
        weights,
        shares,
        profile,
        most,
        similar,
        leading,
        popular,
        pinned,
        promoted,
        further,
        marks,
        likely,
        likelihood,
        included,
        selective,
        neighbors,
        item_tags,
        tag_weight,
        tag_items,
        cards,
        filters,
        rules,
        doubt,
        unit,
    )
    places, positions, _, states = locked(pins, pool, verdicts, numbers, bits, k)
    worth, out = np.empty((0, 0)), 0
    if balance >= 0 and len(standing):
        best = standing[:among]
        worth = worths((cards[1], cards[2]), numbers[best], tag_weight, score[best], balance)
    if len(limits[0]) or len(worth) or len(places):
        chosen, refused, _ = choose(standing, numbers, places, k - len(places), worth, cards, limits)
        order, out = woven(places, positions, chosen, k), len(refused)
    else:
        order = standing[:k]
    report = np.empty(3 + len(counts) + len(states) + len(order), np.int64)
    report[0], report[1], report[2] = len(pool), len(numbers), out
    report[3 : 3 + len(counts)] = counts
    report[3 + len(counts) : 3 + len(counts) + len(states)] = states
    report[len(report) - len(order) :] = numbers[order]
    return report, np.rint(score[order] * unit)
