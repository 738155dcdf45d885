"""Loops that make a pool of what several sources offer, and put it in order (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Index, Lists, Unsigned, Vectors, kernel
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
LAST: Final = (1 << 63) - 1
"""The key of what may not be shown."""
_MIX: Final = 0x4F1BBCDD
"""Spreads numbers over the slots of a table: 2^31 over the golden ratio (D. Knuth, TAOCP 3, section 6.4)."""
_SPREAD: Final = 20
"""The bits of the product that are well mixed begin here."""
_SLOTS: Final = 3
"""Of a table, at least so many to a number."""
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
def tied(rows: Vectors, numbers: Index, weights: Scores, most: int) -> tuple[Numbers, Scores]:
    """Return the first *most* entries of these rows, one row after the other, their values times the row's weight."""
    indptr, indices, values = rows
    begin, ends = np.empty(len(numbers), np.int64), np.empty(len(numbers) + 1, np.int64)
    ends[0] = 0
    for place in range(len(numbers)):
        begin[place] = indptr[numbers[place]]
        ends[place + 1] = ends[place] + min(indptr[numbers[place] + 1] - begin[place], most)
    found, ties = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float64)
    for place in range(len(numbers)):
        to, row = found[ends[place] : ends[place + 1]], indices[begin[place] :]
        for entry in range(len(to)):
            to[entry] = row[entry]
    for place in range(len(numbers)):
        tie, worth = ties[ends[place] : ends[place + 1]], values[begin[place] :]
        for entry in range(len(tie)):
            tie[entry] = worth[entry] * weights[place]
    return found, ties


@kernel
def emptied(most: int) -> tuple[Unsigned, Unsigned]:
    """Return a table of numbers that holds none: its slots, and room for *most* numbers and the one that is sought.

    A slot holds the place of a number, and a free one the last place.
    """
    slots = 64
    while slots < _SLOTS * most:
        slots *= 2
    return np.full(slots, most, np.uint32), np.zeros(most + 1, np.uint32)


@kernel
def slot(table: Unsigned, numbers: Unsigned, number: int) -> int:
    """Return the slot that holds the place of *number*, or is free for it.

    What is sought is written to the last place, so that a free slot ends the search as the right one does.
    """
    sought = np.int64(number) & _ENTRY
    numbers[-1] = sought
    at = int(sought * _MIX >> _SPREAD & len(table) - 1)
    while numbers[table[at]] != sought:
        at = at + 1 & len(table) - 1
    return at


@kernel
def entered(table: Unsigned, numbers: Unsigned, count: int, number: int) -> int:
    """Return the place of *number* among the first *count*, or the next one, which it takes."""
    at = slot(table, numbers, number)
    place = min(int(table[at]), count)
    table[at], numbers[place] = place, number
    return place


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
) -> tuple[Unsigned, Unsigned, int, Scores, Index]:
    """Unite what sources offer: a table of numbers, how many; ties as ``c / (strongest + doubt)``; who offers each.

    Who offers an item is a sum of bits: those of the six arguments' sources, and the *marks* beside *further*. A pin of
    no item is -1. Only *near* has ties; they become whole numbers of 2^-31, which add up exactly in any order.
    """
    size = len(near) + len(popular) + len(similar) + len(pinned) + len(promoted) + len(further)
    table, numbers = emptied(size)
    count, sums, bits = 0, np.zeros(size, np.int64), np.zeros(size, np.int64)
    for at in range(len(near)):
        place = entered(table, numbers, count, near[at])
        count += place == count
        sums[place] += np.int64(ties[at] * _UNIT)
        bits[place] |= NEAR
    for bit, offer in ((POPULAR, popular), (SIMILAR, similar), (PINNED, pinned), (PROMOTED, promoted)):
        for number in offer:
            if number >= 0:
                place = entered(table, numbers, count, number)
                count += place == count
                bits[place] |= bit
    for at in range(len(further)):
        place = entered(table, numbers, count, further[at])
        count += place == count
        bits[place] |= marks[at]
    strongest, cooc = np.int64(0), np.empty(count, np.float64)
    for total in sums[:count]:
        strongest = max(strongest, total)
    for place in range(count):
        cooc[place] = sums[place] / _UNIT / (strongest / _UNIT + doubt)
    return table, numbers, count, cooc, bits[:count]


@kernel
def allowed(
    table: Unsigned, numbers: Unsigned, cooc: Scores, bits: Index, included: Index
) -> tuple[Unsigned, Unsigned, int, Scores, Index]:
    """Keep of what `united` gave those that are *included*, each once."""
    kept, count = np.empty(len(included), np.int64), 0
    for number in included:
        kept[count] = table[slot(table, numbers, number)]
        count += kept[count] < len(bits)
    fewer, left = emptied(count)
    for at in range(count):
        entered(fewer, left, at, numbers[kept[at]])
    return fewer, left, count, cooc[kept[:count]], bits[kept[:count]]


@kernel
def ordered(numbers: Unsigned, verdicts: Index) -> Index:
    """Return the places of all *numbers* that may be shown, the least number first; *verdicts* may be left out."""
    keys, count, most = np.empty(len(numbers), np.int64), 0, np.int64(0)
    for place in range(len(numbers)):
        if len(verdicts) == 0 or verdicts[place] == 0:
            keys[count] = np.int64(numbers[place]) << _ENTRY_BITS | place
            most = max(most, np.int64(numbers[place]))
            count += 1
    places = ascending(keys[:count], _ENTRY_BITS, int(most) + 1)
    for at in range(len(places)):
        places[at] &= _ENTRY
    return places


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


@kernel
def keyed(score: Scores, numbers: Unsigned, verdicts: Index, unit: int) -> Index:
    """Return numbers that ascend as items stand: by score in whole units, ties by number; LAST: it may not be shown."""
    keys = np.empty(len(score), np.int64)
    for place in range(len(score)):
        key = np.int64(np.rint(score[place] * -unit)) << _ENTRY_BITS | np.int64(numbers[place])
        keys[place] = LAST if verdicts[place] else key
    return keys


@kernel
def first(keys: Index, count: int, few: int) -> Index:
    """Return the places of the least of *keys*, of which *count* are below LAST, in order: a *few* to twice as many.

    Which they are is found by halving, and in which order by counting those that are less: all without a branch that
    nobody can guess.
    """
    low, high, found = LAST, -LAST, count
    for key in keys:
        low, high = min(low, key), max(high, key if key < LAST else -LAST)
    while found > 2 * few or found < min(few, count):
        middle = (low & high) + ((low ^ high) >> 1)
        found = 0
        for key in keys:
            found += key <= middle
        if found < few:
            low = middle + 1
        else:
            high = middle
    leading, places, at = np.empty(found + 1, np.int64), np.empty(found, np.int64), 0
    for place in range(len(keys)):
        leading[at] = place
        at += keys[place] <= high
    least = keys[leading[:found]]
    for at in range(found):
        before = 0
        for key in least:
            before += key < least[at]
        places[before] = leading[at]
    return places
