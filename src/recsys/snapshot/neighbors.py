"""The best neighbours of every item: pairs summed over days, weighed, and the strongest kept (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.columns import CovisitationColumns
from recsys.snapshot.decay import Decay, Keys, decayed_sums
from recsys.snapshot.rows import Rows, Values, indptr
from recsys.snapshot.vocabulary import Numbers
from recsys.snapshot.weights import Floats, Meetings, weigh
from recsys.tenancy.config import SignalParams

_BLOCK = 1 << 15
"""Pairs worked on at a time: the dozen arrays of this length that are alive at once stay in a core's cache. Blocks of
1 << 20 pairs take 1.7 times as long."""

_VALUE_BITS = np.uint64(32)


def met_pairs(columns: CovisitationColumns, n: int, decay: Decay) -> Rows:
    """Return how often each of *n* items met which others: n rows, neighbours ascending, counts as float32."""
    keys, met = decayed_sums(_keys(columns, n), columns.day, columns.score, decay)
    item = (keys // max(n, 1)).astype(np.int32)
    return Rows(indptr(item, n), (keys % max(n, 1)).astype(np.int32), met.astype(np.float32))


def best_neighbors(pairs: Rows, params: SignalParams) -> Rows:
    """Return the `params.neighbors` strongest neighbours of each item of *pairs*, values in 0..1.

    One constant scales all rows, so values compare across items. Pairs of weight 0 are left out.
    """
    met = _met(pairs)
    n = len(pairs.indptr) - 1
    weights = _weights(met, n, params)
    largest = weights.max(initial=0.0)
    rows, indices, kept = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for block in _blocks(met.item):
        values = (weights[block] / largest if largest > 0 else weights[block]).astype(np.float32)
        best = _strongest(met.item[block], values, params.neighbors)
        rows.append(met.item[block][best])
        indices.append(met.neighbor[block][best])
        kept.append(values[best])
    return Rows(indptr(np.concatenate(rows), n), np.concatenate(indices), np.concatenate(kept))


class _Pairs(NamedTuple):
    """Every pair once, ordered by item, then neighbour; three arrays of shape (m,), `met` above 0."""

    item: Numbers
    neighbor: Numbers
    met: Values


def _met(pairs: Rows) -> _Pairs:
    ends, neighbor, met = pairs.vectors
    item = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))
    seen = met > 0
    return _Pairs(item, neighbor, met) if seen.all() else _Pairs(item[seen], neighbor[seen], met[seen])


def _keys(columns: CovisitationColumns, n: int) -> Keys:
    keys = columns.item * np.int64(n)
    keys += columns.neighbor
    return keys


def _weights(pairs: _Pairs, n: int, params: SignalParams) -> Floats:
    meetings_of = _marginals(pairs, n)
    total = float(meetings_of.sum())
    weights = np.empty(len(pairs.met))
    for start in range(0, len(weights), _BLOCK):
        block = slice(start, start + _BLOCK)
        met = pairs.met[block].astype(np.float64)
        meetings = Meetings(met, meetings_of[pairs.item[block]], meetings_of[pairs.neighbor[block]], total)
        weights[block] = weigh(meetings, params.normalization, params.shrinkage)
    return weights


def _marginals(pairs: _Pairs, n: int) -> Floats:
    """How often each item met anything: its row's sum, shape (n,).

    Built tables are symmetric. In rows seeded by hand in one direction only, a neighbour has no row of its own; its
    column's sum stands in, as if the other direction had been written too.
    """
    rows = np.bincount(pairs.item, weights=pairs.met, minlength=n)
    columns = np.bincount(pairs.neighbor, weights=pairs.met, minlength=n)
    return np.maximum(rows, columns)


def _blocks(rows: Numbers) -> Iterator[slice]:
    """Cut *rows*, which ascends, into pieces of at least `_BLOCK` entries that end where a row does."""
    start = 0
    while start < len(rows):
        last = rows[min(start + _BLOCK, len(rows)) - 1]
        stop = int(np.searchsorted(rows, last, side="right"))
        yield slice(start, stop)
        start = stop


def _strongest(rows: Numbers, values: npt.NDArray[np.float32], keep: int) -> npt.NDArray[np.int64]:
    """Return the places of the *keep* largest positive values of each row: by row, largest first, ties as they stand.

    *rows* ascends. A positive float32 read as an integer keeps its order, so one sort of row and value does it.
    """
    places = np.flatnonzero(values > 0)
    rows = rows[places]
    keys = rows.astype(np.uint64) << _VALUE_BITS
    keys |= ~values[places].view(np.uint32)
    order = np.argsort(keys, kind="stable")
    del keys
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    lengths = np.diff(starts, append=len(rows))
    nth = np.arange(len(rows)) - np.repeat(starts, lengths)
    return places[order[nth < keep]]
