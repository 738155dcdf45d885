"""In what two snapshots of one namespace differ (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.rows import Rows
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Vocabulary

TOLERANCE = 1e-6
"""Scores are rounded to as many digits before ties are broken by id."""
EXAMPLES = 5

Mask = npt.NDArray[np.bool_]


class Difference(NamedTuple):
    """One part of a snapshot that is not the same."""

    part: str
    """A field of `Snapshot`."""
    different: int
    """How many items, or tags where they are the part."""
    examples: tuple[str, ...]
    """The first few of them."""


def differences(served: Snapshot, loaded: Snapshot) -> list[Difference]:
    """Return where the two differ by more than TOLERANCE; where ids differ only they, because numbers mean others."""
    ids = [*_ids("items", served.items, loaded.items), *_ids("tags", served.tags, loaded.tags)]
    return ids or [
        Difference(part, int(other.sum()), tuple(served.items.ids[item] for item in np.flatnonzero(other)[:EXAMPLES]))
        for part, other in _parts(served, loaded)
        if other.any()
    ]


def _parts(served: Snapshot, loaded: Snapshot) -> Iterator[tuple[str, Mask]]:
    """Say of every part which items have another value."""
    yield "available", served.available != loaded.available
    yield "popularity", _far(served.popularity, loaded.popularity)
    yield "popularity_score", _far(served.popularity_score, loaded.popularity_score)
    yield "by_popularity", _far(np.argsort(served.by_popularity), np.argsort(loaded.by_popularity))
    yield "neighbors", _other_rows(served.neighbors, loaded.neighbors)
    yield "item_tags", _other_rows(served.item_tags, loaded.item_tags)


def _ids(part: str, served: Vocabulary, loaded: Vocabulary) -> list[Difference]:
    other = sorted(set(served.ids) ^ set(loaded.ids))
    return [Difference(part, len(other), tuple(other[:EXAMPLES]))] if other else []


def _far(one: npt.NDArray[np.number], other: npt.NDArray[np.number]) -> Mask:
    return np.asarray(~np.isclose(one, other, rtol=TOLERANCE, atol=TOLERANCE))


def _other_rows(one: Rows, other: Rows) -> Mask:
    """Say which rows have other entries, or other values; shape (rows,)."""
    lengths = np.diff(one.indptr), np.diff(other.indptr)
    different: Mask = lengths[0] != lengths[1]
    here, there = (np.repeat(~different, counts) for counts in lengths)
    entries = one.indices[here] != other.indices[there]
    entries |= _far(one.vectors[2][here], other.vectors[2][there])
    owner = np.repeat(np.arange(len(different)), lengths[0])[here]
    different[owner[entries]] = True
    return different
