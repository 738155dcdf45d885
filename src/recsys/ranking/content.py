"""Likeness by tags: a taste is a vector over tags, an item's affinity is its cosine with it."""

from __future__ import annotations

import numpy as np

from recsys.ranking.itemlist import Index
from recsys.ranking.spread import spread
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers


class Taste:
    """A weighted mean of items' tag vectors, brought to unit length; a tag counts with its inverse document frequency.

    `tags`, shape (s,), are the tags it holds, heaviest first, ties by number.
    """

    __slots__ = ("_pull", "tags")

    def __init__(self, tags: Index, pull: Scores) -> None:
        self.tags = tags
        self._pull = pull  # (t,): the vector times idf, so that one gather gives an item's products

    def pull(self, tags: Numbers) -> Scores:
        """Return what each of these tags adds to the product with an item that carries it."""
        return self._pull.take(tags)


def taste(numbers: Index, weights: Scores, snapshot: Snapshot) -> Taste | None:
    """Blend the tags of these items, item i weighing ``weights[i]``; None if none of them has a tag."""
    tagged = spread(snapshot.item_tags, numbers)
    if len(tagged.entries) == 0:
        return None
    tags = snapshot.item_tags.indices.take(tagged.entries)
    idf = snapshot.tag_weight.take(tags)
    lengths = np.sqrt(tagged.sums(idf * idf))
    shares = np.divide(weights, lengths, out=np.zeros(len(numbers)), where=lengths > 0)
    parts = idf * np.repeat(shares, tagged.lengths)
    vector = np.zeros(len(snapshot.tags))  # untouched pages of a large vocabulary are never paid for
    np.add.at(vector, tags, parts)
    length = float(np.sqrt((parts * vector.take(tags)).sum()))
    if length == 0:
        return None
    held = _heaviest_first(tags, vector)
    vector[held] *= snapshot.tag_weight.take(held) / length
    return Taste(held, vector)


def affinities(tastes: list[Taste], numbers: Index, snapshot: Snapshot) -> list[Scores]:
    """Return the cosine of each item with each taste, in 0..1, shape (m,) each; 0 for an item without tags."""
    tagged = spread(snapshot.item_tags, numbers)
    tags = snapshot.item_tags.indices.take(tagged.entries)
    idf = snapshot.tag_weight.take(tags)
    lengths = np.sqrt(tagged.sums(idf * idf))
    lengths[lengths == 0] = 1.0
    return [np.minimum(tagged.sums(one.pull(tags)) / lengths, 1.0) for one in tastes]


def _heaviest_first(tags: Numbers, vector: Scores) -> Index:
    ordered = np.sort(tags)
    held = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))].astype(np.intp)
    return held[np.argsort(-vector.take(held), kind="stable")]
