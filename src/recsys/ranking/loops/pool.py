"""Loops over item numbers: what neighbours, heads of rows and lists of items have in common (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Index, Lists, Mask, Vectors, kernel
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

_UNIT: Final = 2.0**31
_FILTERS: Final = 5
"""Bits of a verdict."""
_RADIX_BITS: Final = 11
_RADIX: Final = 1 << _RADIX_BITS


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
def ascending(keys: Index) -> Index:
    """Return the places of *keys* in ascending order, equal ones as they stand: a radix sort, eleven bits at a time."""
    places, other, counts = np.arange(len(keys)), np.empty(len(keys), np.int64), np.empty(_RADIX, np.int64)
    if len(keys) == 0:
        return places
    low, shift = keys.min(), 0
    spread = keys.max() - low
    while spread >> shift > 0:
        counts[:] = 0
        for place in places:
            counts[((keys[place] - low) >> shift) & (_RADIX - 1)] += 1
        before = 0
        for digit in range(_RADIX):
            counts[digit], before = before, before + counts[digit]
        for place in places:
            digit = ((keys[place] - low) >> shift) & (_RADIX - 1)
            other[counts[digit]] = place
            counts[digit] += 1
        places, other = other, places
        shift += _RADIX_BITS
    return places


@kernel
def united(numbers: Numbers, ties: Scores, doubt: float) -> tuple[Index, Scores]:
    """Unite the entries of equal items: numbers, ascending, and their ties as ``c / (strongest + doubt)``.

    Entries behind the last tie have none. Ties become whole numbers of 2^-31, which add up exactly in any order.
    """
    entries = np.empty(len(numbers), np.int64)
    for entry in range(len(numbers)):
        entries[entry] = numbers[entry]
    found, sums = np.empty(len(numbers), np.int64), np.empty(len(numbers), np.float64)
    count, strongest, before = 0, 0.0, np.int64(-1)
    for entry in ascending(entries):
        if entries[entry] != before:
            before = entries[entry]
            found[count], sums[count] = before, 0.0
            count += 1
        if entry < len(ties):
            sums[count - 1] += np.int64(ties[entry] * _UNIT) / _UNIT
            strongest = max(strongest, sums[count - 1])
    return found[:count], sums[:count] / (strongest + doubt)


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
def judged(numbers: Index, available: Mask, excluded: Index, settled: Index, blocked: Mask) -> Index:
    """Set bits for each of the ascending *numbers*: 1 unavailable, 2 excluded, 4 settled, 16 blocked (by none: empty).

    *excluded* and *settled* ascend too.
    """
    verdicts = np.empty(len(numbers), np.int64)
    for place in range(len(numbers)):
        verdicts[place] = 0 if available[numbers[place]] else 1
    if len(blocked):
        for place in range(len(numbers)):
            verdicts[place] |= 16 if blocked[numbers[place]] else 0
    for bit, others in ((2, excluded), (4, settled)):
        place = 0
        for other in others:
            place += np.searchsorted(numbers[place:], other)
            if place < len(numbers) and numbers[place] == other:
                verdicts[place] |= bit
    return verdicts


@kernel
def sifted(verdicts: Index) -> tuple[Index, Index]:
    """Return the places whose verdict is 0, and how many items fell to each filter, the first that a verdict names."""
    places, lost, count = np.empty(len(verdicts), np.int64), np.zeros(_FILTERS, np.int64), 0
    for place in range(len(verdicts)):
        if verdicts[place] == 0:
            places[count] = place
            count += 1
            continue
        for bit in range(_FILTERS):
            if verdicts[place] >> bit & 1:
                lost[bit] += 1
                break
    return places[:count], lost


@kernel
def standing(score: Scores, unit: int) -> Index:
    """Return all places, the highest score first, counted in whole units; ties as they stand, (m,)."""
    keys = np.empty(len(score), np.int64)
    for place in range(len(score)):
        keys[place] = np.int64(np.rint(score[place] * -unit))
    return ascending(keys)


@kernel
def at(values: Scores, places: Index) -> Scores:
    """Return the values at these places."""
    found = np.empty(len(places), np.float64)
    for place in range(len(places)):
        found[place] = values[places[place]]
    return found


@kernel
def numbers_at(numbers: Index, places: Index) -> Index:
    """Return the numbers at these places."""
    found = np.empty(len(places), np.int64)
    for place in range(len(places)):
        found[place] = numbers[places[place]]
    return found


@kernel
def lifted(base: Scores, lift: Scores, numbers: Index) -> Scores:
    """Return ``base[i] + lift[numbers[i]]``."""
    score = np.empty(len(base), np.float64)
    for place in range(len(base)):
        score[place] = base[place] + lift[numbers[place]]
    return score


@kernel
def plus(total: Scores, values: Scores, share: float) -> Scores:
    """Return ``total + values * share``."""
    return total + values * share


@kernel
def places_of(numbers: Index, wanted: Numbers) -> Index:
    """Return where each of *wanted* stands among the ascending *numbers*, -1 where it does not."""
    places = np.searchsorted(numbers, wanted)
    for at in range(len(wanted)):
        if places[at] == len(numbers) or numbers[places[at]] != wanted[at]:
            places[at] = -1
    return places


@kernel
def holds(numbers: Numbers, wanted: Numbers) -> Mask:
    """Tell which of a few *wanted* are among *numbers*, which stand in any order."""
    found = np.zeros(len(wanted), np.bool_)
    for at in range(len(wanted)):
        for number in numbers:
            if number == wanted[at]:
                found[at] = True
                break
    return found
