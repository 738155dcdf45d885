"""The greedy pass that makes a list: diversity, and caps on tags (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Bounds, Grid, Index, Lists, Written, kernel
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

_WHOLE: Final = 1 << 16
"""Tag weights become integers, whose sums are exact in any order: two machines agree to the last bit."""


@kernel
def alike(rows: Lists, numbers: Index, weight: Scores) -> Grid:
    """Return ``sum of weights of shared tags / sum of weights of all tags of the two``, shape (p, p), in 0..1."""
    indptr, indices = rows
    own, grid = np.zeros(len(numbers)), np.zeros((len(numbers), len(numbers)))
    for first in range(len(numbers)):
        begin, end = indptr[numbers[first]], indptr[numbers[first] + 1]
        for entry in range(begin, end):
            own[first] += np.rint(weight[indices[entry]] * _WHOLE)
        for second in range(first + 1):
            left, right, last, shared = begin, indptr[numbers[second]], indptr[numbers[second] + 1], 0.0
            while left < end and right < last:
                one, other = indices[left], indices[right]
                if one == other:
                    shared += np.rint(weight[one] * _WHOLE)
                left += one <= other
                right += other <= one
            # Whole numbers: below 1 means that neither has a tag.
            grid[first, second] = shared / max(own[first] + own[second] - shared, 1.0)
            grid[second, first] = grid[first, second]
    return grid


@kernel
def flattened(first: Index, end: Index, most: Index) -> Bounds:
    """Turn limits of the ranges ``first[i] <= tag < end[i]`` into limits of ranges that do not overlap."""
    edges = np.unique(np.concatenate((first, end)))
    least = np.full(len(edges), -1, np.int64)
    for at in range(len(edges)):
        for place in range(len(first)):
            if first[place] <= edges[at] < end[place] and (least[at] < 0 or most[place] < least[at]):
                least[at] = most[place]
    return edges, least


@kernel
def bound(limits: Bounds, tag: int) -> int:
    """Return how many items of a list may carry a tag, -1 where nothing limits it.

    ``most[i]`` holds where ``edges[i] <= tag < edges[i + 1]``.
    """
    edges, most = limits
    at = np.searchsorted(edges, tag, side="right") - 1
    return most[at] if at >= 0 else -1


@kernel
def find(tags: Numbers, tag: int, used: int) -> int:
    """Return the place of *tag* among the first *used*, else *used*: few tags of a list are limited."""
    for place in range(used):
        if tags[place] == tag:
            return place
    return used


@kernel
def fits(row: Numbers, limits: Bounds, tags: Numbers, counts: Numbers, used: int) -> int:
    """Return 1 if the list can take an item with this row of tags, 0 if one of them is full."""
    for tag in row:
        place = find(tags, tag, used)
        if place < used and counts[place] >= bound(limits, tag):
            return 0
    return 1


@kernel
def count(row: Numbers, limits: Bounds, tags: Written, counts: Written, used: int) -> int:
    """Count an item's limited tags, `counts` beside `tags`; return how many different ones there are now."""
    for tag in row:
        if bound(limits, tag) >= 0:
            place = find(tags, tag, used)
            if place == used:
                tags[place], counts[place] = tag, 0
                used += 1
            counts[place] += 1
    return used


@kernel
def full(limits: Bounds, tags: Numbers, counts: Numbers) -> Index:
    """Return those of *tags* that the list can carry no more of, ascending."""
    closed = np.zeros(len(tags), np.bool_)
    for place in range(len(tags)):
        closed[place] = counts[place] >= bound(limits, tags[place])
    return np.sort(tags[closed].astype(np.int64))


@kernel
def without(worth: Grid, places: Index, locked: Index) -> Scores:
    """Return what is left of what each item is worth, once the locked ones among the first p *places* are taken."""
    left = np.diag(worth).copy()
    for best in range(len(worth)):
        if locked[places[best]]:
            left = np.minimum(left, worth[best])
            left[best] = -np.inf
    return left


@kernel
def choose(
    places: Index, numbers: Index, pinned: Index, k: int, worth: Grid, rows: Lists, limits: Bounds
) -> tuple[Index, Index, Index]:
    """Choose k of *places*, best first: those that are not pinned, and of whose tags the list is not full.

    The first p of them are taken by what they are *worth*, shape (p, p): beside each other one and, on the diagonal,
    alone; the least of what it is worth beside those that are chosen or pinned counts. The others follow as they stand.
    Returns the chosen places, those that were refused, and the tags that are full.
    """
    indptr, indices = rows
    longest, used, taken, out, at = 0, 0, 0, 0, len(worth)
    for place in places:
        longest = max(longest, indptr[numbers[place] + 1] - indptr[numbers[place]])
    tags, counts = np.empty((k + len(pinned)) * longest, np.int32), np.empty((k + len(pinned)) * longest, np.int32)
    chosen, refused, locked = np.empty(k, np.int64), np.empty(len(places), np.int64), np.zeros(len(numbers), np.int64)
    for place in pinned:
        locked[place] = 1
        used = count(indices[indptr[numbers[place]] : indptr[numbers[place] + 1]], limits, tags, counts, used)
    left = without(worth, places, locked)
    while taken < k:
        best = int(np.argmax(left)) if len(left) else -1
        if best >= 0 and left[best] > -np.inf:
            place = places[best]
            left[best] = -np.inf
        elif at < len(places):
            best, place = -1, places[at]
            at += 1
        else:
            break
        row = indices[indptr[numbers[place]] : indptr[numbers[place] + 1]]
        if not locked[place] and fits(row, limits, tags, counts, used):
            chosen[taken] = place
            taken += 1
            used = count(row, limits, tags, counts, used)
            left = left if best < 0 else np.minimum(left, worth[best])
        elif not locked[place]:
            refused[out] = place
            out += 1
    return chosen[:taken], refused[:out], full(limits, tags[:used], counts)
