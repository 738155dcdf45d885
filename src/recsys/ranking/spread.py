"""Several rows of a compressed list at once, without a loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.itemlist import Index
from recsys.snapshot.snapshot import Rows, Scores


class Spread(NamedTuple):
    """The entries of r rows, one row after the other."""

    entries: Index
    """(e,) places in ``rows.indices`` and ``rows.values``."""
    lengths: Index
    """(r,) how many entries each row has."""
    starts: Index
    """(r,) where each row begins in `entries`."""

    def sums(self, values: Scores) -> Scores:
        """Sum *values* (e,) over each row, shape (r,); an empty row sums to 0."""
        if self.lengths.all():
            return np.add.reduceat(values, self.starts)
        sums = np.zeros(len(self.lengths))
        if len(values):
            filled = np.flatnonzero(self.lengths)
            sums[filled] = np.add.reduceat(values, self.starts.take(filled))
        return sums


def spread(rows: Rows, numbers: Index, most: int | None = None) -> Spread:
    """Find the entries of these rows, at most the first *most* of each."""
    begin = rows.indptr.take(numbers)
    lengths = rows.indptr.take(numbers + 1) - begin
    if most is not None:
        lengths = np.minimum(lengths, most)
    ends = lengths.cumsum()
    starts = ends - lengths
    entries = np.repeat(begin - starts, lengths)
    entries += np.arange(len(entries))
    return Spread(entries, lengths, starts)
