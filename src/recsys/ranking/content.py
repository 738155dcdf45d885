"""Likeness by tags: a taste is a vector over tags, and an item's affinity is its cosine with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.itemlist import Index
from recsys.ranking.spread import spread
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers


class Taste(NamedTuple):
    """A weighted mean of the items' tag vectors, brought to unit length."""

    vector: Scores
    """(t,), one entry for each tag of the snapshot."""
    tags: Numbers
    """(s,) what it holds, heaviest first; a tag may be named more than once."""

    def leading(self, most: int) -> Index:
        """Return the heaviest tags, each once, at most *most*."""
        return np.array(list(dict.fromkeys(self.tags.tolist()))[:most], dtype=np.intp)


def taste(numbers: Index, weights: Scores, snapshot: Snapshot) -> Taste | None:
    """Blend the tags of these items, item i weighing ``weights[i]``; None if none of them has a tag."""
    tagged = spread(snapshot.item_tags, numbers)
    if len(tagged.entries) == 0:
        return None
    tags = snapshot.item_tags.indices.take(tagged.entries)
    parts = tagged.weights(snapshot.item_tags) * weights.repeat(tagged.lengths)
    vector = np.zeros(len(snapshot.tags))
    np.add.at(vector, tags, parts)
    masses = vector.take(tags)
    length = float((parts * masses).sum()) ** 0.5
    if length == 0:
        return None
    vector[tags] = masses / length
    return Taste(vector, tags[(-masses).argsort(kind="stable")])


def affinities(tastes: list[Taste], numbers: Index, snapshot: Snapshot) -> list[Scores]:
    """Return the cosine of each item with each taste, in 0..1, shape (m,) each; 0 for an item without tags."""
    tagged = spread(snapshot.item_tags, numbers)
    tags = snapshot.item_tags.indices.take(tagged.entries)
    weights = tagged.weights(snapshot.item_tags)
    return [np.minimum(tagged.sums(one.vector.take(tags) * weights), 1.0) for one in tastes]
