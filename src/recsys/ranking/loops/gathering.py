"""From sources to scored items in one call, without a way back to Python in between (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Grid, Held, Index, Signals, Unsigned, Wanted, kernel
from recsys.ranking.loops.pool import allowed, heads, ordered, slot, standing, tied, united
from recsys.ranking.loops.rating import (
    EXCLUDED,
    FILTERS,
    SETTLED,
    affinities,
    blend,
    blended,
    felt,
    heaviest,
    judged,
    popularities,
)
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

OFFERED: Final = 3
"""Sources whose offers are counted here: neighbours, similar items, pins of known items."""


@kernel
def pooled(wanted: Wanted, held: Held) -> tuple[Unsigned, Unsigned, int, Index, Index, Signals, Scores, Scores, Index]:
    """Unite what sources offer, judge it and score it.

    Returns the pool as a table and how many it holds (pool.py); of each who offers it, the verdict on it, its signals,
    its scores before and after rules; and counts: neighbours, similar and pinned items that were offered, and by filter
    the items whose verdict names it first. A *selective* pool holds *included* only.
    """
    anchors, weights, shares, profile, most, similar, leading, popular, pinned, promoted = wanted[:10]
    further, marks, likely, likelihood, included, selective = wanted[10:]
    neighbors, item_tags, tag_weight, tag_items, cards, filters, rules, doubt, _ = held
    lifts = rules[2]
    near, ties = tied(neighbors, anchors, weights, most if shares[1] else 0)
    tags, masses, places, products = blended(item_tags, tag_weight, anchors if shares[3] else anchors[:0], weights)
    alike = np.empty(0, np.int32)
    if similar and len(tags) and not selective:
        chief = heaviest(tags, masses, leading)
        alike = heads(tag_items, chief, (similar + len(chief) - 1) // len(chief))
    table, found, count, cooc, bits = united(near, ties, popular, alike, pinned, promoted, further, marks, doubt)
    if selective:
        table, found, count, cooc, bits = allowed(table, found, cooc, bits, included)
    numbers, nobody = found[:count], found[:0]
    signals = (
        popularities(numbers if shares[0] else nobody, cards),
        cooc,
        said(table, found, likely, likelihood, count if len(likely) else 0),
        affinities(numbers if len(tags) else nobody, cards, places, products),
        affinities(numbers if len(profile[0]) else nobody, cards, profile[0], profile[1]),
    )
    effects, base = felt(numbers, rules), blend(signals, shares, count)
    verdicts, score = judged(numbers, effects, cards, filters), np.empty(count, np.float64)
    for bit, named in ((EXCLUDED, filters[0]), (SETTLED, filters[1])):
        for number in named:
            place = table[slot(table, found, number)]
            if place < count:
                verdicts[place] |= bit
    for place in range(count):
        score[place] = base[place] + lifts[effects[place]]
    counts = np.zeros(OFFERED + FILTERS, np.int64)
    counts[0], counts[1], counts[2] = len(near), len(alike), np.sum(pinned >= 0)
    for filter_ in range(FILTERS):
        kept_out = 0
        for verdict in verdicts:
            kept_out += verdict & -verdict == 1 << filter_
        counts[OFFERED + filter_] = kept_out
    return table, found, count, bits, verdicts, signals, base, score, counts


@kernel
def said(table: Unsigned, numbers: Unsigned, likely: Numbers, likelihood: Scores, count: int) -> Scores:
    """Return what sessions say of the first *count* numbers."""
    values = np.zeros(count, np.float64)
    for at in range(len(likely)):
        place = table[slot(table, numbers, likely[at])]
        if place < count:
            values[place] = likelihood[at]
    return values


@kernel
def gathered(wanted: Wanted, held: Held) -> tuple[Index, Index, Index, Index, Grid, Scores, Scores, Index, Index]:
    """Say of a pool what there is to know, ascending by number, and in which order it stands.

    Returns the pool's numbers and their verdicts; of those that may be shown the numbers, who offers them, their
    signals, scores before and after rules, and all places by score; and the counts of `pooled`.
    """
    _, found, count, bits, verdicts, signals, base, score, counts = pooled(wanted, held)
    numbers, grid = found[:count].astype(np.int64), np.zeros((len(signals), count))
    for row in range(len(signals)):
        grid[row, : len(signals[row])] = signals[row]
    order, kept = ordered(found[:count], verdicts[:0]), ordered(found[:count], verdicts)
    stands = standing(score[kept], held[8])
    return (
        numbers[order],
        verdicts[order],
        numbers[kept],
        bits[kept],
        grid[:, kept],
        base[kept],
        score[kept],
        stands,
        counts,
    )
