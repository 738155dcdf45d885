"""Loops over what is known of items: who may be shown, how near an item is to a taste, what it scores (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Cards, Filters, Index, Lists, Mask, Places, Rows, Taste, Vectors, kernel
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
    indptr, indices, values = rows
    size, count, squared = 0, 0, 0.0
    for number in numbers:
        size += indptr[number + 1] - indptr[number]
    size = min(size, _PLACES)
    tags, sums, places = np.empty(size, np.int32), np.zeros(size + 1, np.float64), np.zeros(len(weight), np.uint16)
    for place in range(len(numbers)):
        for entry in range(indptr[numbers[place]], indptr[numbers[place] + 1]):
            if places[indices[entry]] == 0 and count < size:
                tags[count] = indices[entry]
                count += 1
                places[indices[entry]] = count
            sums[places[indices[entry]]] += values[entry] * weights[place]
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
def judged(numbers: Index, cards: Cards, filters: Filters, rules: Steering) -> Index:
    """Set a bit for each filter that keeps one of the ascending *numbers* out; 0: it may be shown. Shape (m,).

    *filters* are excluded and settled items, in any order, and required and forbidden tags, ascending. Where tags are
    required, an item must carry one; a tag that nothing has (-1) may be all that is left of them.
    """
    words, indptr, indices = cards
    excluded, settled, required, forbidden = filters
    touched, blocked, _ = rules
    verdicts = np.empty(len(numbers), np.int64)
    for place in range(len(numbers)):
        verdicts[place] = UNAVAILABLE * (1 - (words[WORDS * numbers[place] + FACTS] & 1))
    if len(blocked):
        for place in range(len(numbers)):
            number = numbers[place]
            if touched[number >> 3] >> (number & 7) & 1 and blocked[number]:
                verdicts[place] |= BLOCKED
    for bit, others in ((EXCLUDED, excluded), (SETTLED, settled)):
        for other in others:
            place = np.searchsorted(numbers, other)
            if place < len(numbers) and numbers[place] == other:
                verdicts[place] |= bit
    if len(required) or len(forbidden):
        for place in range(len(numbers)):
            row = indices[indptr[numbers[place]] : indptr[numbers[place] + 1]]
            verdicts[place] |= 0 if meets(row, required, forbidden) else CONSTRAINED
    return verdicts


@kernel
def affinities(numbers: Index, cards: Cards, places: Places, products: Scores) -> Scores:
    """Return the cosine of each item's vector of tags with a taste, in 0..1, shape (m,); 0 for an item without tags."""
    words, indptr, indices = cards
    figures = words.view(np.float64)
    found = np.empty(len(numbers), np.float64)
    for at in range(len(numbers)):
        card, common = WORDS * numbers[at], 0.0
        length = words[card + FACTS] >> 1
        for word in range(card + FIRST_TAG, card + FIRST_TAG + min(length, HELD)):
            common += products[places[words[word]]]
        if length > HELD:
            for entry in range(indptr[numbers[at]] + HELD, indptr[numbers[at] + 1]):
                common += products[places[indices[entry]]]
        found[at] = min(common / figures[card // 2 + 1], 1.0)
    return found


@kernel
def scored(
    numbers: Index,
    signals: Rows,
    cards: Cards,
    places: Places,
    products: Scores,
    profile: Taste,
    shares: Scores,
    rules: Steering,
) -> tuple[Scores, Scores]:
    """Return what each item scores before and after rules; *signals*, a row for each of the *shares*, is completed.

    Co-visitation and sessions are in it already; popularity, the likeness to the anchors' tags (*places* and
    *products*; no places: nothing is known of them) and to the visitor's *profile* are looked up here.
    """
    figures = cards[0].view(np.float64)
    touched, _, lift = rules
    if shares[0]:
        for at in range(len(numbers)):
            signals[0, at] = figures[WORDS // 2 * numbers[at]]
    if len(places):
        signals[3] = affinities(numbers, cards, places, products)
    if len(profile[0]):
        signals[4] = affinities(numbers, cards, profile[0], profile[1])
    base, score = np.zeros(len(numbers)), np.empty(len(numbers), np.float64)
    for row in range(len(shares)):
        if shares[row]:
            for at in range(len(numbers)):
                base[at] += signals[row, at] * shares[row]
    for at in range(len(numbers)):
        number = numbers[at]
        score[at] = base[at]
        if len(lift) and touched[number >> 3] >> (number & 7) & 1:
            score[at] += lift[number]
    return base, score
