"""Several rows of a compressed list at once, without a loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.itemlist import Index
from recsys.snapshot.snapshot import Rows


class Spread(NamedTuple):
    """The entries of r rows, one row after the other."""

    entries: Index
    """(e,) places in ``rows.indices`` and ``rows.values``."""
    lengths: Index
    """(r,) how many entries each row has."""


def spread(rows: Rows, numbers: Index) -> Spread:
    """Find the entries of these rows."""
    begin = rows.indptr.take(numbers)
    lengths = rows.indptr[1:].take(numbers)
    lengths -= begin
    begin -= lengths.cumsum() - lengths
    entries = begin.repeat(lengths)
    entries += np.arange(len(entries))
    return Spread(entries, lengths)
