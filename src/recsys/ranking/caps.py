"""At most so many items of a tag, or of each tag with a prefix, in one list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from recsys.ranking.compiled import Bounds
from recsys.ranking.loops.greedy import flattened
from recsys.snapshot.snapshot import Snapshot

_LAST: Final = chr(0x10FFFF)

UNLIMITED: Final[Bounds] = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


class Range(NamedTuple):
    """The tags that begin with one prefix, first <= t < end, and how many items of a list may share one of them."""

    first: int
    end: int
    most: int


def limits(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> Bounds:
    """Resolve all limits above 0 against the snapshot's tags: how many items of a list may carry a tag, by its number.

    Of several limits of one tag the least holds. What is limited to 0 is `closed`.
    """
    ranges = list(_ranges(per_tag, per_prefix, snapshot))
    if not ranges:
        return UNLIMITED
    first, end, most = zip(*ranges, strict=True)
    return flattened(np.array(first), np.array(end), np.array(most))


def closed(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> list[str]:
    """List the tags that no item of a list may carry."""
    shut = [tag for tag, most in per_tag.items() if most == 0]
    for prefix in (prefix for prefix, most in per_prefix.items() if most == 0):
        first, end = _range(prefix, snapshot)
        shut += snapshot.tags.ids[first:end]
    return shut


def _ranges(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> Iterator[Range]:
    for tag, most in per_tag.items():
        number = snapshot.tags.number(tag)
        if most and number is not None:
            yield Range(number, number + 1, most)
    for prefix, most in per_prefix.items():
        if most:
            yield Range(*_range(prefix, snapshot), most)


def _range(prefix: str, snapshot: Snapshot) -> tuple[int, int]:
    """Find the tags that begin with *prefix*: they stand together, since tags are in code point order."""
    ids = snapshot.tags.ids
    return bisect_left(ids, prefix), bisect_left(ids, prefix + _LAST)
