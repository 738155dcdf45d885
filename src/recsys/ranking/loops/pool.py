"""Loops that make a pool of what several sources offer, and put it in order (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Index, Lists, Vectors, kernel
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

NEAR: Final = 1
POPULAR: Final = 8
SIMILAR: Final = 16
PINNED: Final = 32
PROMOTED: Final = 64
"""The bits of sources that nearly every pool has."""

_UNIT: Final = 2.0**31
_RADIX_BITS: Final = 11
_ENTRY_BITS: Final = 32
_ENTRY: Final = (1 << _ENTRY_BITS) - 1


@kernel
def ascending(keys: Index, first: int, size: int) -> Index:
    """Sort *keys*, at least 0, by what is above their first *first* bits, below *size*; equal ones as they stand.

    A radix sort, in so few passes of so few bits as *size* needs.
    """
    bits = 1
    while (size - 1) >> bits > 0:
        bits += 1
    passes = (bits + _RADIX_BITS - 1) // _RADIX_BITS
    width = (bits + passes - 1) // passes
    mask = (1 << width) - 1
    placed, other, counts = keys.copy(), np.empty(len(keys), np.int64), np.empty(1 << width, np.int64)
    for shift in range(first, first + passes * width, width):
        counts[:] = 0
        for key in placed:
            counts[(key >> shift) & mask] += 1
        before = 0
        for digit in range(len(counts)):
            counts[digit], before = before, before + counts[digit]
        for key in placed:
            digit = (key >> shift) & mask
            other[counts[digit]] = key
            counts[digit] += 1
        placed, other = other, placed
    return placed


@kernel
def heads(rows: Lists, numbers: Index, most: int) -> Numbers:
    """Return the first *most* entries of these rows, one row after the other."""
    indptr, indices = rows
    size = 0
    for number in numbers:
        size += min(indptr[number + 1] - indptr[number], most)
    found = np.empty(size, np.int32)
    at = 0
    for number in numbers:
        for entry in range(indptr[number], min(indptr[number] + most, indptr[number + 1])):
            found[at] = indices[entry]
            at += 1
    return found


@kernel
def tied(neighbors: Vectors, anchors: Index, weights: Scores, most: int) -> tuple[Numbers, Scores]:
    """Return the anchors' neighbours, the first *most* of each, and their values times the anchor's weight."""
    indptr, indices, values = neighbors
    size = 0
    for anchor in anchors:
        size += min(indptr[anchor + 1] - indptr[anchor], most)
    numbers, ties = np.empty(size, np.int32), np.empty(size, np.float64)
    at = 0
    for place in range(len(anchors)):
        begin = indptr[anchors[place]]
        for entry in range(begin, min(begin + most, indptr[anchors[place] + 1])):
            numbers[at] = indices[entry]
            ties[at] = values[entry] * weights[place]
            at += 1
    return numbers, ties


@kernel
def united(
    near: Numbers,
    ties: Scores,
    popular: Numbers,
    similar: Numbers,
    pinned: Numbers,
    promoted: Numbers,
    further: Numbers,
    marks: Index,
    doubt: float,
    n: int,
) -> tuple[Index, Scores, Index]:
    """Unite what sources offer of n items: numbers, ascending; ties as ``c / (strongest + doubt)``; who offers each.

    Who offers an item is a sum of bits: those of the six arguments' sources, and the *marks* beside *further*. A pin of
    no item is -1. Only *near* has ties; they become whole numbers of 2^-31, which add up exactly in any order.
    """
    size, at = len(near) + len(popular) + len(similar) + len(pinned) + len(promoted) + len(further), 0
    keys, bits, parts = np.empty(size, np.int64), np.empty(size, np.int64), np.zeros(size, np.float64)
    for bit, offer in ((NEAR, near), (POPULAR, popular), (SIMILAR, similar), (PINNED, pinned), (PROMOTED, promoted)):
        for number in offer:
            if number >= 0:
                keys[at], bits[at] = np.int64(number) << _ENTRY_BITS | at, bit
                at += 1
    for place in range(len(further)):
        keys[at], bits[at] = np.int64(further[place]) << _ENTRY_BITS | at, marks[place]
        at += 1
    for place in range(len(ties)):
        parts[place] = np.int64(ties[place] * _UNIT) / _UNIT
    numbers, sums, sources = np.empty(at, np.int64), np.zeros(at, np.float64), np.zeros(at, np.int64)
    count, before = -1, np.int64(-1)
    for key in ascending(keys[:at], _ENTRY_BITS, n):
        entry, number = key & _ENTRY, key >> _ENTRY_BITS
        count += number != before
        before = numbers[count] = number
        sums[count] += parts[entry]
        sources[count] |= bits[entry]
    count, strongest = count + 1, 0.0
    for total in sums[:count]:
        strongest = max(strongest, total)
    return numbers[:count], sums[:count] / (strongest + doubt), sources[:count]


@kernel
def allowed(numbers: Index, cooc: Scores, bits: Index, included: Index) -> tuple[Index, Scores, Index]:
    """Keep those of the ascending *numbers*, and what stands beside them, that are *included*, ascending too."""
    kept, count, place = np.empty(len(numbers), np.int64), 0, 0
    for number in included:
        place += np.searchsorted(numbers[place:], number)
        if place < len(numbers) and numbers[place] == number:
            kept[count] = place
            count += 1
    return numbers[kept[:count]], cooc[kept[:count]], bits[kept[:count]]


@kernel
def standing(score: Scores, unit: int) -> Index:
    """Return all places, the highest score first, counted in whole units; ties as they stand, (m,)."""
    keys, low, high = np.empty(len(score), np.int64), np.int64(0), np.int64(0)
    for place in range(len(score)):
        keys[place] = np.int64(np.rint(score[place] * -unit))
        low = keys[place] if place == 0 else min(low, keys[place])
        high = keys[place] if place == 0 else max(high, keys[place])
    for place in range(len(score)):
        keys[place] = keys[place] - low << _ENTRY_BITS | place
    places = ascending(keys, _ENTRY_BITS, int(high - low) + 1)
    for place in range(len(places)):
        places[place] &= _ENTRY
    return places
