"""The greedy pass that makes a list: diversity, and caps on tags (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Bounds, Cards, Grid, Index, Lists, Unsigned, Written, kernel
from recsys.rules.live import Pinning
from recsys.snapshot.cards import FACTS, FIRST_TAG, HELD, WORDS
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

BEHIND: Final = 0
NOT_THERE: Final = 64
NOT_IN_POOL: Final = 128
"""Why a pin has no position, beside the bits of a verdict."""

_TAGS: Final = 128
"""Limited tags of a list that there is room for at first."""
_WHOLE: Final = 1 << 16
"""Tag weights become integers, whose sums are exact in any order: two machines agree to the last bit."""
_MIX: Final = 0x9E3779B1
"""Spreads tag numbers over the slots of a table: 2^32 over the golden ratio (D. Knuth, TAOCP 3, section 6.4)."""


@kernel
def alike(rows: Lists, numbers: Unsigned, weight: Scores) -> Grid:
    """Return ``sum of weights of shared tags / sum of weights of all tags of the two``, shape (p, p), in 0..1.

    Items meet at the tags that they share: few do, and only those pairs are looked at.
    """
    indptr, indices = rows
    p, size = len(numbers), 0
    own, grid = np.zeros(p), np.zeros((p, p))
    for number in numbers:
        size += indptr[number + 1] - indptr[number]
    room = 4
    while room < 2 * size:
        room *= 2
    # By tag, the last item that was seen to carry it, and by entry the one before.
    keys, last, owner, before = (
        np.full(room, -1, np.int32),
        np.empty(room, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
    )
    entry = 0
    for place in range(p):
        for tag in indices[indptr[numbers[place]] : indptr[numbers[place] + 1]]:
            mass = np.rint(weight[tag] * _WHOLE)
            own[place] += mass
            at = (np.int64(tag) * _MIX) & (room - 1)
            while keys[at] >= 0 and keys[at] != tag:
                at = (at + 1) & (room - 1)
            owner[entry], before[entry] = place, last[at] if keys[at] >= 0 else -1
            keys[at], last[at] = tag, entry
            other = before[entry]
            while other >= 0:
                grid[place, owner[other]] += mass
                other = before[other]
            entry += 1
    for first in range(p):
        grid[first, first] = 1.0 if own[first] > 0 else 0.0
        for second in range(first):
            shared = grid[first, second]
            # Whole numbers: below 1 means that neither has a tag.
            grid[first, second] = shared / max(own[first] + own[second] - shared, 1.0)
            grid[second, first] = grid[first, second]
    return grid


@kernel
def worths(rows: Lists, numbers: Unsigned, weight: Scores, score: Scores, balance: float) -> Grid:
    """Return ``balance * relevance - (1 - balance) * likeness``, shape (p, p), and on the diagonal relevance alone.

    In row i column j is what item j is worth beside item i; relevance is its *score* brought to 0..1 among the p, so
    that the balance means the same whatever the range of the scores.
    J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.
    """
    grid, low, high = alike(rows, numbers, weight), score.min(), score.max()
    relevance = (score - low) / (high - low) * balance if high > low else np.full(len(score), balance)
    for beside in range(len(numbers)):
        for item in range(len(numbers)):
            grid[beside, item] = relevance[item] - grid[beside, item] * (1.0 - balance)
        grid[beside, beside] = relevance[beside]
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
def bound(edges: Index, most: Index, tag: int) -> int:
    """Return how many items of a list may carry a tag, -1 where nothing limits it.

    ``most[i]`` holds where ``edges[i] <= tag < edges[i + 1]``.
    """
    if len(edges) == 0 or tag < edges[0] or tag >= edges[-1]:
        return -1
    at = np.searchsorted(edges, tag, side="right") - 1
    return int(most[at])


@kernel
def find(tags: Numbers, tag: int, used: int) -> int:
    """Return the place of *tag* among the first *used*, else *used*: few tags of a list are limited."""
    for place in range(used):
        if tags[place] == tag:
            return place
    return used


@kernel
def fits(row: Numbers, edges: Index, most: Index, tags: Numbers, counts: Numbers, used: int) -> int:
    """Return 1 if the list can take an item with this row of tags, 0 if one of them is full."""
    for tag in row:
        limit = bound(edges, most, tag)
        if limit >= 0:
            place = find(tags, tag, used)
            if place < used and counts[place] >= limit:
                return 0
    return 1


@kernel
def count(row: Numbers, edges: Index, most: Index, tags: Written, counts: Written, used: int) -> int:
    """Count an item's limited tags, `counts` beside `tags`; return how many different ones there are now."""
    for tag in row:
        if bound(edges, most, tag) >= 0:
            place = find(tags, tag, used)
            if place == used:
                tags[place], counts[place] = tag, 0
                used += 1
            counts[place] += 1
    return used


@kernel
def roomy(values: Written, size: int) -> Written:
    """Return *values* if they are so many, else more of them, the first ones the same."""
    if size <= len(values):
        return values
    more = np.empty(2 * size, np.int32)
    more[: len(values)] = values
    return more


@kernel
def full(limits: Bounds, tags: Numbers, counts: Numbers) -> Index:
    """Return those of *tags* that the list can carry no more of, ascending."""
    closed, (edges, most) = np.zeros(len(tags), np.bool_), limits
    for place in range(len(tags)):
        closed[place] = counts[place] >= bound(edges, most, tags[place])
    return np.sort(tags[closed].astype(np.int64))


@kernel
def carried(number: int, words: Numbers, indptr: Index, indices: Numbers) -> Numbers:
    """Return the tags of an item, from its card if that holds them all."""
    card = WORDS * number
    length = words[card + FACTS] >> 1
    if length > HELD:
        return indices[indptr[number] : indptr[number + 1]]
    return words[card + FIRST_TAG : card + FIRST_TAG + length]


@kernel
def find_place(places: Index, wanted: int) -> int:
    """Return where *wanted* stands among *places*, their number if it does not."""
    for at in range(len(places)):
        if places[at] == wanted:
            return at
    return len(places)


@kernel
def without(worth: Grid, places: Index, locked: Index) -> Scores:
    """Return what is left of what each item is worth, once the *locked* ones among the first p *places* are taken."""
    left = np.diag(worth).copy()
    for best in range(len(worth)):
        if find_place(locked, places[best]) < len(locked):
            left = np.minimum(left, worth[best])
            left[best] = -np.inf
    return left


@kernel
def choose(
    places: Index, numbers: Unsigned, pinned: Index, k: int, worth: Grid, cards: Cards, limits: Bounds
) -> tuple[Index, Index, Written, Written]:
    """Choose k of *places*, best first: those that are not pinned, and of whose tags the list is not full.

    The first p of them are taken by what they are *worth*, shape (p, p): beside each other one and, on the diagonal,
    alone; the least of what it is worth beside those that are chosen or pinned counts. The others follow as they stand.
    Returns the chosen places, those that were refused, the limited tags of the list and how many items carry each.
    """
    (words, indptr, indices), (edges, most) = cards, limits
    used, taken, out, at = 0, 0, 0, len(worth)
    tags, counts = np.empty(_TAGS, np.int32), np.empty(_TAGS, np.int32)
    chosen, refused = np.empty(k, np.int64), np.empty(len(places), np.int64)
    for place in pinned:
        row = carried(numbers[place], words, indptr, indices)
        tags, counts = roomy(tags, used + len(row)), roomy(counts, used + len(row))
        used = count(row, edges, most, tags, counts, used)
    left = without(worth, places, pinned)
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
        row = carried(numbers[place], words, indptr, indices)
        free = find_place(pinned, place) == len(pinned)
        if free and fits(row, edges, most, tags, counts, used):
            chosen[taken] = place
            taken += 1
            if used + len(row) > len(tags):
                tags, counts = roomy(tags, used + len(row)), roomy(counts, used + len(row))
            used = count(row, edges, most, tags, counts, used)
            if best >= 0:
                left = np.minimum(left, worth[best])
        elif free:
            refused[out] = place
            out += 1
    return chosen[:taken], refused[:out], tags[:used], counts[:used]


@kernel
def locked(pins: Pinning, there: Index, verdicts: Index, bits: Index, k: int) -> tuple[Index, Index, Index, Index]:
    """Give pins their positions in a list of *k*, in the order of the rules.

    *there* is the place of each pin's item in the pool, of which `verdicts` and *bits* are; behind the last one, the
    pool does not hold it. Returns the places that are locked, the position of each and which pin holds it; and what
    became of every pin: who offers its item, as bits, if it is placed; 0 if there was nothing left to do for it; else
    ``-1 - reason``: the verdict on its item, BEHIND the last position, or why it has none (NOT_THERE, NOT_IN_POOL).
    """
    wanted, positions, rules, most = pins
    taken, holder = np.full(k, -1, np.int64), np.empty(k, np.int64)
    states, placed = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    for pin in range(len(wanted)):
        if most[pin] >= 0 and placed[rules[pin]] >= most[pin]:
            continue
        place = there[pin]
        verdict = verdicts[place] if place < len(verdicts) else NOT_THERE if wanted[pin] < 0 else NOT_IN_POOL
        if verdict:
            states[pin] = -1 - verdict
            continue
        if find_place(taken, place) < k:
            continue
        position = max(positions[pin], 0)
        while position < k and taken[position] >= 0:
            position += 1
        if position >= k:
            states[pin] = -1 - BEHIND
            continue
        taken[position], holder[position], states[pin] = place, pin, bits[place]
        placed[rules[pin]] += 1
    held = np.flatnonzero(taken >= 0)
    return taken[held], held, holder[held], states


@kernel
def woven(places: Index, positions: Index, chosen: Index, k: int) -> Index:
    """Put the locked *places* to their ascending *positions* and the *chosen* ones around them, k at most.

    When the chosen ones run out, those that are locked move up.
    """
    order, count, next_lock, free = np.empty(k, np.int64), 0, 0, 0
    for position in range(k):
        if next_lock < len(positions) and positions[next_lock] == position:
            order[count] = places[next_lock]
            next_lock += 1
            count += 1
        elif free < len(chosen):
            order[count] = chosen[free]
            free += 1
            count += 1
    return order[:count]


@kernel
def picked(
    standing: Index,
    numbers: Unsigned,
    score: Scores,
    places: Index,
    positions: Index,
    k: int,
    balance: float,
    among: int,
    cards: Cards,
    weight: Scores,
    limits: Bounds,
) -> tuple[Index, Index, Written, Written]:
    """Fill k positions: the locked *places* at their *positions*, the others with the best items that no cap keeps out.

    *balance* is that of relevance against likeness *among* so many of the best, below 0 where relevance alone counts.
    Returns the places in their final order, those that a cap refused, and what `full` needs to say which tags are.
    """
    worth = np.empty((0, 0))
    if balance >= 0 and len(standing):
        best = standing[:among]
        worth = worths((cards[1], cards[2]), numbers[best], weight, score[best], balance)
    if len(limits[0]) == 0 and len(worth) == 0 and len(places) == 0:
        return standing[:k], standing[:0], np.empty(0, np.int32), np.empty(0, np.int32)
    chosen, refused, tags, counts = choose(standing, numbers, places, k - len(places), worth, cards, limits)
    return woven(places, positions, chosen, k), refused, tags, counts
