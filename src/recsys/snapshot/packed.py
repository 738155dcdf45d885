"""Rows packed by item, as the database sends them, become columns (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.columns import CovisitationColumns, PopularityColumns
from recsys.snapshot.vocabulary import Numbers

Keys = npt.NDArray[np.int64]
"""64-bit hashes that stand for ids while rows travel."""

POPULARITY = np.dtype([("day", ">i4"), ("score", ">f8")])
COVISITATION = np.dtype([("neighbor", ">i8"), ("day", ">i4"), ("score", ">f4")])
"""One row as Postgres packs it; a day counts from 2000-01-01."""

_DAYS_TO_2000 = 10_957


class Pack(NamedTuple):
    """Some items and all their rows: entry e of *items* has the next ``counts[e]`` of *rows*."""

    items: Sequence[str]
    counts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.void]

    @classmethod
    def of(cls, items: Sequence[str], payloads: Iterable[bytes], layout: np.dtype[np.void]) -> Pack:
        """Join the bytes of several items."""
        pieces = list(payloads)
        counts = np.fromiter(map(len, pieces), np.int64, len(pieces)) // layout.itemsize
        return cls(items, counts, np.frombuffer(b"".join(pieces), layout))


def popularity_columns(packs: list[Pack], number: Callable[[Sequence[str]], Numbers]) -> PopularityColumns:
    """Unpack rows of `POPULARITY`, leaving out items without a number (-1). Empties *packs* to bound memory."""
    days, scores, items = [np.empty(0, np.int32)], [np.empty(0, np.float64)], [np.empty(0, np.int32)]
    while packs:
        pack = packs.pop()
        item = np.repeat(number(pack.items), pack.counts)
        known = item >= 0
        items.append(item[known])
        days.append(_days(pack.rows[known]))
        scores.append(pack.rows["score"][known].astype(np.float64))
    return PopularityColumns(np.concatenate(items), np.concatenate(days), np.concatenate(scores))


def covisitation_columns(
    packs: list[Pack], number: Callable[[Sequence[str]], Numbers], number_of_key: Callable[[Keys], Numbers]
) -> CovisitationColumns:
    """Unpack rows of `COVISITATION`, leaving out what has no number (-1). Empties *packs* to bound memory."""
    items, neighbors = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    days, scores = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    while packs:
        pack = packs.pop()
        item, neighbor = np.repeat(number(pack.items), pack.counts), number_of_key(pack.rows["neighbor"])
        known = (item >= 0) & (neighbor >= 0)
        items.append(item[known])
        neighbors.append(neighbor[known])
        days.append(_days(pack.rows[known]))
        scores.append(pack.rows["score"][known].astype(np.float32))
    return CovisitationColumns(
        np.concatenate(items), np.concatenate(neighbors), np.concatenate(days), np.concatenate(scores)
    )


def _days(rows: npt.NDArray[np.void]) -> Numbers:
    return np.asarray(rows["day"].astype(np.int32) + np.int32(_DAYS_TO_2000))
