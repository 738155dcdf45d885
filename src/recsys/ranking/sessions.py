"""Sessions that resemble the visitor's, and what was in them: k nearest neighbours over recent sessions.

M. Ludewig and D. Jannach, "Evaluation of Session-based Recommendation Algorithms", User Modeling and User-Adapted
Interaction 28, 2018, section 3 (VS-kNN), with the anchors' own weights in the place of its position decay.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from recsys.ranking.anchors import Anchors
from recsys.ranking.itemlist import Index
from recsys.ranking.spread import spread
from recsys.snapshot.sessions import Sessions
from recsys.snapshot.snapshot import Scores
from recsys.snapshot.vocabulary import Numbers

ANCHORS: Final = 20
"""Items of the current session that count: the heaviest, which are the last ones."""
NEIGHBORS: Final = 50
"""Sessions that are listened to, the most similar; of equal ones the newest. Recall@20 of the rest of an Instacart
basket: 50 .233, 100 .222, 200 .214."""

_NUMBER_BITS: Final = 32
_LIKENESS_UNIT: Final = 2.0**20
"""A likeness is at most 20 * ln(1 + 5,000,000), which leaves it 29 bits above its session's number."""


class Likely(NamedTuple):
    """m items that similar sessions held."""

    numbers: Numbers
    """(m,) ascending, each once."""
    values: Scores
    """(m,) in 0..1, 1 for the likeliest."""


def resembling(anchors: Anchors, layers: tuple[Sessions, ...]) -> Likely:
    """Score items by the sessions most like the anchors; *layers* are older and newer sessions of one catalogue.

    ``likeness(s) = sum over anchors a in s of weight(a) * idf(a) / sqrt(items of s)``, and
    ``score(i) = sum over the NEIGHBORS most similar s with i of likeness(s) * sqrt(idf(i))``, over the largest.
    """
    idf = layers[0].idf
    numbers = anchors.numbers[:ANCHORS]
    weights = anchors.weights[:ANCHORS] * idf.take(numbers)
    found = [_alike(numbers, weights, one) for one in layers]
    least = _least_likeness(np.concatenate([keys for keys, _ in found]))
    entries, parts = [np.empty(0, np.int32)], [np.empty(0)]
    for (keys, sessions), one in zip(found, layers, strict=True):
        near = keys >= least
        held = spread(one.items, sessions[near])
        entries.append(one.items.indices.take(held.entries))
        parts.append((keys[near] >> _NUMBER_BITS).repeat(held.lengths) / _LIKENESS_UNIT)
    return _scored(np.concatenate(entries), np.concatenate(parts), idf)


def _alike(numbers: Index, weights: Scores, sessions: Sessions) -> tuple[Index, Index]:
    """Return the sessions that hold any of the items, and for each its likeness and number as one integer."""
    held = spread(sessions.sessions, numbers)
    keys = sessions.sessions.indices.take(held.entries).astype(np.int64)
    keys <<= _NUMBER_BITS
    keys |= np.arange(len(keys))
    keys.sort()
    owners, parts = keys >> _NUMBER_BITS, weights.repeat(held.lengths).take(keys & ((1 << _NUMBER_BITS) - 1))
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    if len(starts) == 0:
        return keys, keys
    owners = owners.take(starts)
    lengths = sessions.items.indptr[owners + 1] - sessions.items.indptr[owners]
    likeness = np.add.reduceat(parts, starts) / np.sqrt(lengths)
    return np.rint(likeness * _LIKENESS_UNIT).astype(np.int64) << _NUMBER_BITS | owners, owners


def _least_likeness(keys: Index) -> int:
    """Return the key of the last session that is listened to."""
    if len(keys) <= NEIGHBORS:
        return 0
    return int(np.partition(keys, len(keys) - NEIGHBORS)[len(keys) - NEIGHBORS])


def _scored(entries: Numbers, parts: Scores, idf: Scores) -> Likely:
    order = np.argsort(entries, kind="stable")
    numbers = entries.take(order)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    if len(starts) == 0:
        return Likely(entries, parts)
    numbers = numbers.take(starts)
    values = np.add.reduceat(parts.take(order), starts) * np.sqrt(idf.take(numbers))
    largest = values.max()
    return Likely(numbers, values / largest if largest > 0 else values)
