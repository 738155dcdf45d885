"""Two catalogues become one: where the ids and the rows of each stand in the other (pure)."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.rows import Rows
from recsys.snapshot.vocabulary import Numbers, Vocabulary

Mask = npt.NDArray[np.bool_]


class Union(NamedTuple):
    """The ids of two vocabularies in one."""

    ids: Vocabulary
    left: Numbers
    """Number in `ids` of each id of the left vocabulary; ascends."""
    right: Numbers
    """Number in `ids` of each id of the right vocabulary; ascends."""

    @classmethod
    def of(cls, left: Vocabulary, right: Vocabulary) -> Union:
        """Merge the few ids of *right* into *left*, which is given back itself where it holds them all."""
        new = [one for one in right.ids if left.number(one) is None]
        if not new:
            return cls(left, np.arange(len(left), dtype=np.int32), left.known(right.ids))
        before = np.array([bisect_left(left.ids, one) for one in new])
        places = (np.arange(len(left)) + np.searchsorted(before, np.arange(len(left)), side="right")).astype(np.int32)
        merged = np.empty(len(left) + len(new), dtype=object)
        merged[places] = list(left.ids)
        merged[before + np.arange(len(new))] = new
        ids = Vocabulary(merged.tolist())
        return cls(ids, places, ids.known(right.ids))


def kept(ids: Vocabulary, keep: Mask) -> Vocabulary:
    """Return the vocabulary of the ids that *keep*, shape (len(ids),), names."""
    return ids if keep.all() else Vocabulary(one for one, stays in zip(ids.ids, keep.tolist(), strict=True) if stays)


def places(keep: Mask) -> Numbers:
    """Return the number of each one that stays once the others are left out, -1 for those; shape of *keep*."""
    return np.where(keep, np.cumsum(keep, dtype=np.int32) - 1, np.int32(-1)).astype(np.int32)


def moved(rows: Rows, to: Numbers, n: int, drop: Mask | None = None) -> Rows:
    """Return *rows* as *n* rows, row r as row ``to[r]``; rows that *drop* names, or that go nowhere (-1), are empty.

    *to* ascends where it is not -1, so entries keep their order. Where all rows stay as they are, *rows* is returned.
    """
    gone = to < 0 if drop is None else drop | (to < 0)
    if n == len(to) and not gone.any():
        return rows
    lengths = np.diff(rows.indptr)
    ends = np.zeros(n + 1, dtype=np.int64)
    ends[to[~gone] + 1] = lengths[~gone]
    np.cumsum(ends, out=ends)
    return Rows(ends, *_entries(rows, None if not gone.any() else np.repeat(~gone, lengths)))


def renamed(rows: Rows, to: Numbers) -> Rows:
    """Return *rows* with entry e as ``to[e]``, without those that go nowhere (-1). *to* ascends where it is not -1.

    Where no number is another one, *rows* is returned.
    """
    if np.array_equal(to, np.arange(len(to))):
        return rows
    indices = to[rows.indices]
    stays = indices >= 0
    if stays.all():
        return Rows(rows.indptr, indices, rows.values)
    ends = np.concatenate([[0], np.cumsum(stays)])[rows.indptr]
    return Rows(ends, indices[stays], None if rows.values is None else rows.values[stays])


def joined(left: Rows, right: Rows) -> Rows:
    """Lay two lists of as many rows over each other: of each row at least one is empty."""
    if len(right.indices) == 0:
        return left
    ends = left.indptr + right.indptr
    indices = np.empty(ends[-1], dtype=np.int32)
    values = None if left.values is None else np.empty(ends[-1], dtype=np.float32)
    for rows in (left, right):
        places = np.arange(len(rows.indices)) + np.repeat(ends[:-1] - rows.indptr[:-1], np.diff(rows.indptr))
        indices[places] = rows.indices
        if values is not None and rows.values is not None:
            values[places] = rows.values
    return Rows(ends, indices, values)


def _entries(rows: Rows, stays: Mask | None) -> tuple[Numbers, npt.NDArray[np.float32] | None]:
    if stays is None:
        return rows.indices, rows.values
    return rows.indices[stays], None if rows.values is None else rows.values[stays]
