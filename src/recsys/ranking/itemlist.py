"""The one value that flows through every stage: items of one snapshot as a struct of arrays."""

from __future__ import annotations

from enum import IntFlag
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from recsys.snapshot.snapshot import Scores

Index = npt.NDArray[np.intp]

SIGNALS: Final = ("pop", "cooc", "emb", "session", "profile")
"""The rows of `ItemList.signals`, by the names that weights and explanations give them."""
POP, COOC, EMB, SESSION, PROFILE = range(len(SIGNALS))


class Source(IntFlag):
    """Where a candidate came from; an item may come from several."""

    POPULAR = 1
    NEIGHBOR = 2
    SIMILAR = 4
    TAGGED = 8
    PINNED = 16
    PROMOTED = 32
    INCLUDED = 64


class ItemList(Struct, frozen=True, eq=False):
    """m items, each once. No stage writes into the arrays of a list that it was given."""

    numbers: Index
    """(m,) dense item numbers; ascending until `pick` puts them into their final order."""
    sources: npt.NDArray[np.int64]
    """(m,) bits of `Source`."""
    signals: Scores
    """(len(SIGNALS), m) normalised evidence, each in 0..1."""
    base: Scores
    """(m,) score before rules, in 0..1, rounded to six decimals."""
    score: Scores
    """(m,) score after boost and bury, rounded to six decimals."""

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, index: Index) -> ItemList:
        """Return the items at these places, in this order."""
        return ItemList(
            self.numbers.take(index),
            self.sources.take(index),
            self.signals.take(index, axis=1),
            self.base.take(index),
            self.score.take(index),
        )


def unscored(numbers: Index, sources: npt.NDArray[np.int64], cooc: Scores) -> ItemList:
    """Make a list of candidates: what is known before scoring is where they came from and their co-visitation."""
    signals = np.zeros((len(SIGNALS), len(numbers)))
    signals[COOC] = cooc
    zeros = np.zeros(len(numbers))
    return ItemList(numbers, sources, signals, zeros, zeros)
