"""At most so many items of a tag, or of each tag with a prefix, in one list."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from recsys.snapshot.snapshot import Snapshot

_LAST = chr(0x10FFFF)


class Range(NamedTuple):
    """The tags that begin with one prefix: numbers first <= t < end."""

    first: int
    end: int
    most: int


class Limits(NamedTuple):
    """What a request and a config allow, in tag numbers."""

    tags: dict[int, int]
    ranges: tuple[Range, ...]

    def of(self, tag: int) -> int | None:
        """Return how many items may carry this tag; None where nothing limits it."""
        bounds = [limit.most for limit in self.ranges if limit.first <= tag < limit.end]
        if tag in self.tags:
            bounds.append(self.tags[tag])
        return min(bounds, default=None)


def limits(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> Limits | None:
    """Resolve limits against the snapshot's tags; None where none of them can bind."""
    tags = {number: most for tag, most in per_tag.items() if (number := snapshot.tags.number(tag)) is not None}
    ids = snapshot.tags.ids
    ranges = tuple(
        Range(bisect_left(ids, prefix), bisect_left(ids, prefix + _LAST), most) for prefix, most in per_prefix.items()
    )
    return Limits(tags, ranges) if tags or ranges else None


class Caps:
    """Counts the limited tags of one list while it is picked."""

    __slots__ = ("_known", "_limits", "_seen", "_snapshot", "refused")

    def __init__(self, limits: Limits, snapshot: Snapshot) -> None:
        self._limits = limits
        self._snapshot = snapshot
        self._seen: Counter[int] = Counter()
        self._known: dict[int, int | None] = {}
        self.refused: list[int] = []
        """Numbers of the items that a cap kept out."""

    def admit(self, number: int) -> bool:
        """Count this item if the list can take it; remember it as refused if not."""
        limited = self._limited(number)
        if any(self._seen[tag] >= most for tag, most in limited):
            self.refused.append(number)
            return False
        self._count(limited)
        return True

    def lock(self, number: int) -> None:
        """Count an item whose place is not up to the caps."""
        self._count(self._limited(number))

    def _count(self, limited: list[tuple[int, int]]) -> None:
        for tag, _ in limited:
            self._seen[tag] += 1

    def _limited(self, number: int) -> list[tuple[int, int]]:
        tags = self._snapshot.item_tags.row(number).tolist()
        return [(tag, most) for tag in tags if (most := self._limit(tag)) is not None]

    def _limit(self, tag: int) -> int | None:
        if tag not in self._known:
            self._known[tag] = self._limits.of(tag)
        return self._known[tag]
