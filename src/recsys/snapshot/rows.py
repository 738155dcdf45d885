"""Rows of different lengths in two arrays (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.snapshot.vocabulary import Numbers

Scores = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """A compressed list of rows: row r is ``indices[indptr[r]:indptr[r + 1]]`` with as many values.

    Shapes: indptr (rows + 1,) int64; indices (entries,) int32; values (entries,) float32 or None.
    """

    indptr: npt.NDArray[np.int64]
    indices: Numbers
    values: Values | None = None

    @property
    def lists(self) -> tuple[npt.NDArray[np.int64], Numbers]:
        """The rows without their values."""
        return self.indptr, self.indices

    @property
    def vectors(self) -> tuple[npt.NDArray[np.int64], Numbers, Values]:
        """The rows with their values, which they must have."""
        assert self.values is not None  # noqa: S101  a snapshot says which of its rows have values
        return self.indptr, self.indices, self.values

    @property
    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """All arrays of the rows, as many as there are."""
        return self.lists if self.values is None else self.vectors

    def row(self, number: int) -> Numbers:
        """Return the entries of one row, shape (m,)."""
        return self.indices[self.indptr[number] : self.indptr[number + 1]]


def indptr(rows: Numbers, n: int) -> npt.NDArray[np.int64]:
    """Return where each of *n* rows begins, shape (n + 1,), given the row of each entry, in any order."""
    ends = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=ends[1:])
    return ends
