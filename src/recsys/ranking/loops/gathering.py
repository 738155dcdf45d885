"""From sources to scored items in one call, without a way back to Python in between (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Grid, Held, Index, Wanted, kernel
from recsys.ranking.loops.pool import allowed, heads, standing, tied, united
from recsys.ranking.loops.rating import FILTERS, blended, heaviest, judged, scored
from recsys.snapshot.rows import Scores

OFFERED: Final = 3
"""Sources whose offers are counted here: neighbours, similar items, pins of known items."""


@kernel
def gathered(wanted: Wanted, held: Held) -> tuple[Index, Index, Index, Index, Grid, Scores, Scores, Index, Index]:
    """Unite what sources offer, sift it, score it, and say in which order it stands.

    Returns the pool's numbers, ascending, and their verdicts; of those that may be shown the numbers, who offers them,
    their signals, scores before and after rules, and all places by score; and counts: neighbours, similar and pinned
    items that were offered, and by filter the items whose verdict names it first. A
    *selective* pool holds *included* only.
    """
    anchors, weights, shares, profile, most, similar, leading, popular, pinned, promoted = wanted[:10]
    further, marks, likely, likelihood, included, selective = wanted[10:]
    neighbors, item_tags, tag_weight, tag_items, cards, filters, rules, doubt, unit = held
    indptr, _, _ = neighbors
    near, ties = tied(neighbors, anchors, weights, most if shares[1] else 0)
    tags, masses, places, products = blended(item_tags, tag_weight, anchors if shares[3] else anchors[:0], weights)
    alike = np.empty(0, np.int32)
    if similar and len(tags) and not selective:
        chief = heaviest(tags, masses, leading)
        alike = heads(tag_items, chief, (similar + len(chief) - 1) // len(chief))
    numbers, cooc, bits = united(
        near, ties, popular, alike, pinned, promoted, further, marks, doubt, max(len(indptr) - 1, 1)
    )
    if selective:
        numbers, cooc, bits = allowed(numbers, cooc, bits, included)
    verdicts = judged(numbers, cards, filters, rules)
    kept, count, counts = np.empty(len(numbers), np.int64), 0, np.zeros(OFFERED + FILTERS, np.int64)
    counts[0], counts[1], counts[2] = len(near), len(alike), np.sum(pinned >= 0)
    for place in range(len(numbers)):
        kept[count] = place
        count += verdicts[place] == 0
        if verdicts[place]:
            first = OFFERED
            while not verdicts[place] >> (first - OFFERED) & 1:
                first += 1
            counts[first] += 1
    if len(tags) == 0:
        places = places[:0]
    staying, offering, signals = np.empty(count, np.int64), np.empty(count, np.int64), np.zeros((len(shares), count))
    for at in range(count):
        staying[at], offering[at], signals[1, at] = numbers[kept[at]], bits[kept[at]], cooc[kept[at]]
    at = 0
    for place in range(len(likely)):
        at += np.searchsorted(staying[at:], likely[place])
        if at < count and staying[at] == likely[place]:
            signals[2, at] = likelihood[place]
    base, score = scored(staying, signals, cards, places, products, profile, shares, rules)
    return numbers, verdicts, staying, offering, signals, base, score, standing(score, unit), counts
