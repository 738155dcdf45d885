"""The one value that flows through every stage: items of one snapshot as a struct of arrays."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from msgspec import Struct

from recsys.ranking.compiled import Index, Mask
from recsys.snapshot.snapshot import Scores

__all__ = ["SIGNALS", "UNIT", "Index", "ItemList", "Mask", "Signal", "rounded"]

Signal = Literal["pop", "cooc", "emb", "session", "profile"]
"""Evidence, by the name that weights and explanations give it."""

SIGNALS: Final[tuple[Signal, ...]] = ("pop", "cooc", "session", "emb", "profile")
"""In the order in which their parts are added up, the same for every item of every list."""

DECIMALS: Final = 6
UNIT: Final = 10**DECIMALS
"""Scores are rounded before ties break, so that a refreshed and a freshly loaded snapshot agree."""


class ItemList(Struct, frozen=True, eq=False):
    """m items, each once. No stage writes into the arrays of a list that it was given."""

    numbers: Index
    """(m,) dense item numbers; ascending until `pick` puts them into their final order."""
    signals: dict[Signal, Scores]
    """Normalised evidence, (m,) each, in 0..1; what is not in it is 0 for every item."""
    base: Scores
    """(m,) score before rules, in 0..1."""
    score: Scores
    """(m,) score after boost and bury."""

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, places: Index) -> ItemList:
        """Return the items at these places, in this order."""
        base = self.base[places]
        return ItemList(
            self.numbers[places],
            {name: values[places] for name, values in self.signals.items()},
            base,
            base if self.score is self.base else self.score[places],
        )


def rounded(scores: Scores) -> Scores:
    """Round to six decimals."""
    near: Scores = np.rint(scores * UNIT) / UNIT
    return near
