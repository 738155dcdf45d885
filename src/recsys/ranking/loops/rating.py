"""Loops over what is known of items: who may be shown, how near an item is to a taste, what it scores (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Cards, Filters, Index, Lists, Mask, Places, Signals, Unsigned, Vectors, kernel
from recsys.ranking.loops.pool import tied
from recsys.rules.live import BLOCKED as KEPT_OUT
from recsys.rules.live import Steering
from recsys.snapshot.cards import FACTS, FIRST_TAG, HELD, WORDS
from recsys.snapshot.rows import Scores
from recsys.snapshot.vocabulary import Numbers

UNAVAILABLE: Final = 1
EXCLUDED: Final = 2
SETTLED: Final = 4
CONSTRAINED: Final = 8
BLOCKED: Final = 16
"""The bits of a verdict: which filters keep an item out."""
FILTERS: Final = 5

_PLACES: Final = (1 << 16) - 1
"""Different tags that a taste can hold."""


@kernel
def one_of(row: Numbers, tags: Index) -> int:
    """Return 1 if a row of tags holds at least one of the ascending *tags*, else 0."""
    for tag in row:
        at = np.searchsorted(tags, tag)
        if at < len(tags) and tags[at] == tag:
            return 1
    return 0


@kernel
def carries(rows: Lists, numbers: Index, tags: Index) -> Mask:
    """Tell which of the items have at least one of the ascending *tags*, shape (m,)."""
    indptr, indices = rows
    found = np.zeros(len(numbers), np.bool_)
    for place in range(len(numbers)):
        found[place] = one_of(indices[indptr[numbers[place]] : indptr[numbers[place] + 1]], tags) == 1
    return found


@kernel
def blended(rows: Vectors, weight: Scores, numbers: Index, weights: Scores) -> tuple[Numbers, Scores, Places, Scores]:
    """Sum the tag vectors of these items, item i counting ``weights[i]``, and bring the sum to a length of 1.

    Returns its tags in the order in which they were met and how much of it each is; and by tag of the catalogue its
    place, from 1, in what each adds to an item's product with the sum: that much times the tag's own *weight*. Place 0
    adds nothing. A table of places is looked up without a branch, which would be guessed wrong half of the time.
    Without a tag, or a weight, nothing of the sum is left.
    """
    held, parts = tied(rows, numbers, weights, _PLACES)
    size, count, squared = min(len(held), _PLACES), 0, 0.0
    tags, sums, places = np.empty(size + 1, np.int32), np.zeros(size + 1, np.float64), np.zeros(len(weight), np.uint16)
    for entry in range(len(held)):
        place = places[held[entry]]
        if place == 0 and count < size:
            tags[count] = held[entry]
            count += 1
            place = places[held[entry]] = count
        sums[place] += parts[entry]
    sums[0] = 0.0
    for mass in sums[1 : count + 1]:
        squared += mass * mass
    if squared == 0.0:
        return tags[:0], sums[:0], places, sums
    masses = sums[1 : count + 1] / np.sqrt(squared)
    for place in range(count):
        sums[place + 1] = masses[place] * weight[tags[place]]
    return tags[:count], masses, places, sums


@kernel
def heaviest(tags: Numbers, masses: Scores, most: int) -> Index:
    """Return the heaviest of a taste's *tags*, at most *most* and few, the heaviest first; ties as they stand."""
    left = masses.copy()
    found = np.empty(min(most, len(tags)), np.int64)
    for place in range(len(found)):
        best = np.argmax(left)
        found[place], left[best] = tags[best], -1.0
    return found


@kernel
def meets(row: Numbers, required: Index, forbidden: Index) -> int:
    """Return 1 if a row of tags holds one of the *required*, unless there are none, and none of the *forbidden*."""
    return 0 if (len(required) and not one_of(row, required)) or one_of(row, forbidden) else 1


@kernel
def felt(numbers: Unsigned, rules: Steering) -> Unsigned:
    """Return which effect of rules each item feels, shape (m,)."""
    words, width, _ = rules
    effects, each = np.zeros(len(numbers), np.uint32), 5 - width
    if len(words):
        for place in range(len(numbers)):
            number = np.int64(numbers[place])
            word, shift = np.int64(words[number >> each]), (number & (1 << each) - 1) << width
            effects[place] = word >> shift & (1 << (1 << width)) - 1
    return effects


@kernel
def judged(numbers: Unsigned, effects: Unsigned, cards: Cards, filters: Filters) -> Index:
    """Set a bit for each filter that keeps one of the *numbers* out, but those of named items; 0: none. Shape (m,).

    *filters* are excluded and settled items, and required and forbidden tags, ascending. Where tags are required, an
    item must carry one; a tag that nothing has (-1) may be all that is left of them.
    """
    words, indptr, indices = cards
    _, _, required, forbidden = filters
    verdicts = np.empty(len(numbers), np.int64)
    for place in range(len(numbers)):
        facts = words[WORDS * np.int64(numbers[place]) + FACTS]
        verdicts[place] = UNAVAILABLE * (1 - (facts & 1)) | BLOCKED * (effects[place] == KEPT_OUT)
    if len(required) or len(forbidden):
        for place in range(len(numbers)):
            number = np.int64(numbers[place])
            row = indices[indptr[number] : indptr[number + 1]]
            verdicts[place] |= 0 if meets(row, required, forbidden) else CONSTRAINED
    return verdicts


@kernel
def popularities(numbers: Unsigned, cards: Cards) -> Scores:
    """Return the popularity of each item, shape (m,)."""
    figures = cards[0].view(np.float64)
    found = np.empty(len(numbers), np.float64)
    for at in range(len(numbers)):
        found[at] = figures[WORDS // 2 * np.int64(numbers[at])]
    return found


@kernel
def affinities(numbers: Unsigned, cards: Cards, places: Places, products: Scores) -> Scores:
    """Return the cosine of each item's vector of tags with a taste, in 0..1, shape (m,); 0 for an item without tags."""
    words, indptr, indices = cards[0].view(np.uint32), cards[1], cards[2].view(np.uint32)
    figures = cards[0].view(np.float64)
    found = np.empty(len(numbers), np.float64)
    for at in range(len(numbers)):
        number = np.int64(numbers[at])
        card, common = WORDS * number, 0.0
        length = words[card + FACTS] >> 1
        for tag in range(min(length, HELD)):
            common += products[places[words[card + FIRST_TAG + tag]]]
        if length > HELD:
            for entry in range(indptr[number] + HELD, indptr[number + 1]):
                common += products[places[indices[entry]]]
        found[at] = min(common / figures[card // 2 + 1], 1.0)
    return found


@kernel
def blend(signals: Signals, shares: Scores, size: int) -> Scores:
    """Return the sum of the *signals* of so many items, each times its share."""
    base = np.zeros(size, np.float64)
    for row in range(len(shares)):
        signal, share = signals[row], shares[row]
        for at in range(len(signal)):
            base[at] += signal[at] * share
    return base
