"""A namespace's signals, frozen: struct of arrays over dense item numbers (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.tenancy.config import SignalParams

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """A compressed list of rows: row r is ``indices[indptr[r]:indptr[r + 1]]`` with as many values.

    Shapes: indptr (rows + 1,) int64; indices (entries,) int32; values (entries,) float32 or None.
    """

    indptr: npt.NDArray[np.int64]
    indices: Numbers
    values: npt.NDArray[np.float32] | None = None

    def row(self, number: int) -> Numbers:
        """Return the entries of one row, shape (m,)."""
        return self.indices[self.indptr[number] : self.indptr[number + 1]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything ranking reads about one namespace. n items, t tags."""

    tenant_id: UUID
    namespace: str
    version: str
    """Short hex; two snapshots with one version hold the same signals under the same parameters."""
    as_of: datetime
    params: SignalParams
    items: Vocabulary
    available: npt.NDArray[np.bool_]  # (n,)
    popularity: Scores  # (n,) decayed sums: sum over days of score * 2^(-age/half_life)
    popularity_score: Scores  # (n,) the same in 0..1
    by_popularity: Numbers  # (n,) every item, most popular first, ties by number
    neighbors: Rows  # n rows; values in 0..1, largest first, ties by number
    tags: Vocabulary
    item_tags: Rows  # n rows of tag numbers, ascending; values are the item's unit vector, weighed by tag_weight
    tag_items: Rows  # t rows of item numbers, most popular first, ties by number
    tag_weight: Scores  # (t,) inverse document frequency
