"""Several rows of a compressed list at once, without a loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.ranking.itemlist import Index, Mask
from recsys.snapshot.snapshot import Rows, Scores, Snapshot


class Spread(NamedTuple):
    """The entries of r rows, one row after the other."""

    entries: Index
    """(e,) places in ``rows.indices`` and ``rows.values``."""
    lengths: Index
    """(r,) how many entries each row has."""
    starts: Index
    """(r,) where each row begins in `entries`."""

    def weights(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return what each entry counts, shape (e,): its value, or 1 in rows without values."""
        if rows.values is None:
            return np.ones(len(self.entries), dtype=np.float32)
        return rows.values.take(self.entries)

    def sums(self, values: Scores) -> Scores:
        """Sum *values* (e,) over each row, shape (r,); an empty row sums to 0."""
        if self.lengths.all() and len(self.lengths):
            return np.add.reduceat(values, self.starts)
        sums = np.zeros(len(self.lengths))
        if len(values):
            filled = self.lengths.nonzero()[0]
            sums[filled] = np.add.reduceat(values, self.starts.take(filled))
        return sums


def spread(rows: Rows, numbers: Index, most: int | None = None) -> Spread:
    """Find the entries of these rows, at most the first *most* of each."""
    begin = rows.indptr.take(numbers)
    lengths = rows.indptr[1:].take(numbers)
    lengths -= begin
    if most is not None:
        np.minimum(lengths, most, out=lengths)
    ends = lengths.cumsum()
    starts = ends - lengths
    begin -= starts
    entries = begin.repeat(lengths)
    entries += np.arange(len(entries))
    return Spread(entries, lengths, starts)


def carrying(numbers: Index, tags: Index, snapshot: Snapshot) -> Mask:
    """Tell which of the items carry at least one of the tags, shape (m,)."""
    tagged = spread(snapshot.item_tags, numbers)
    wanted = np.zeros(len(snapshot.tags))
    wanted[tags] = 1.0
    return tagged.sums(wanted.take(snapshot.item_tags.indices.take(tagged.entries))) > 0
