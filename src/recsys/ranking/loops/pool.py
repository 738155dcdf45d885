"""Loops over item numbers: what neighbours, heads of rows and lists of items have in common (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Index, Lists, Mask, Vectors, kernel
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

_VALUE_BITS: Final = 32
"""Room for an entry's co-visitation, in units of 2^-31, beside its item number in one integer."""
_UNIT: Final = 2.0**31


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
def keyed(numbers: Numbers, ties: Scores) -> Index:
    """Put number and tie of each entry into one integer; entries behind the last tie have none."""
    keys = np.empty(len(numbers), np.int64)
    for entry in range(len(ties)):
        keys[entry] = (np.int64(numbers[entry]) << _VALUE_BITS) | np.int64(ties[entry] * _UNIT)
    for entry in range(len(ties), len(numbers)):
        keys[entry] = np.int64(numbers[entry]) << _VALUE_BITS
    return keys


@kernel
def merged(keys: Index, doubt: float) -> tuple[Index, Scores]:
    """Unite the entries of equal items in sorted *keys*: numbers, ascending, and ``c / (strongest + doubt)``."""
    numbers, ties = np.empty(len(keys), np.int64), np.empty(len(keys), np.float64)
    count, strongest, before = 0, 0.0, np.int64(-1)
    for key in keys:
        number = key >> _VALUE_BITS
        if number != before:
            numbers[count], ties[count] = number, 0.0
            before = number
            count += 1
        ties[count - 1] += (key & ((1 << _VALUE_BITS) - 1)) / _UNIT
        strongest = max(strongest, ties[count - 1])
    return numbers[:count], ties[:count] / (strongest + doubt)


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
def standing(score: Scores, unit: int, place_bits: int) -> Index:
    """Put score, in units and negated, and place of each item into one integer: ascending is best first, (m,)."""
    keys = np.empty(len(score), np.int64)
    for place in range(len(score)):
        keys[place] = (np.int64(np.rint(score[place] * -unit)) << place_bits) | place
    return keys


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
