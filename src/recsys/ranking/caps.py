"""At most so many items of a tag, or of each tag with a prefix, in one list."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from recsys.snapshot.snapshot import Snapshot

_LAST: Final = chr(0x10FFFF)


class Range(NamedTuple):
    """The tags that begin with one prefix, first <= t < end, and how many items of a list may share one of them."""

    first: int
    end: int
    most: int


class Limits(NamedTuple):
    """What a request and a config allow, in tag numbers; 0 is not among it: such tags are `closed`."""

    tags: dict[int, int]
    ranges: tuple[Range, ...]

    def of(self, tag: int) -> int | None:
        """Return how many items of a list may carry this tag; None where nothing limits it."""
        bounds = [limit.most for limit in self.ranges if limit.first <= tag < limit.end]
        if tag in self.tags:
            bounds.append(self.tags[tag])
        return min(bounds, default=None)


UNLIMITED: Final = Limits({}, ())


def limits(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> Limits:
    """Resolve all limits above 0 against the snapshot's tags."""
    if not per_tag and not per_prefix:
        return UNLIMITED
    tags = {number: most for tag, most in per_tag.items() if most and (number := snapshot.tags.number(tag)) is not None}
    ranges = (Range(*_range(prefix, snapshot), most) for prefix, most in per_prefix.items() if most)
    return Limits(tags, tuple(ranges))


def closed(per_tag: Mapping[str, int], per_prefix: Mapping[str, int], snapshot: Snapshot) -> list[str]:
    """List the tags that no item of a list may carry."""
    shut = [tag for tag, most in per_tag.items() if most == 0]
    for prefix in (prefix for prefix, most in per_prefix.items() if most == 0):
        first, end = _range(prefix, snapshot)
        shut += snapshot.tags.ids[first:end]
    return shut


class Caps:
    """Counts the limited tags of one list while it is picked."""

    __slots__ = ("_known", "_rows", "_seen", "full", "limits", "refused")

    def __init__(self, limits: Limits, snapshot: Snapshot) -> None:
        self.limits = limits
        self._rows = snapshot.item_tags
        self._known: dict[int, int | None] = {}
        self._seen: Counter[int] = Counter()
        self.full: set[int] = set()
        """Tags that the list can carry no more of."""
        self.refused: list[int] = []
        """Numbers of the items that were kept out."""

    def admit(self, number: int) -> bool:
        """Count this item if the list can take it; remember it as refused if not."""
        limited = self._limited(number)
        if any(tag in self.full for tag, _ in limited):
            self.refused.append(number)
            return False
        self._count(limited)
        return True

    def lock(self, number: int) -> None:
        """Count an item whose place is not up to the caps."""
        self._count(self._limited(number))

    def _count(self, limited: list[tuple[int, int]]) -> None:
        for tag, most in limited:
            self._seen[tag] += 1
            if self._seen[tag] >= most:
                self.full.add(tag)

    def _limited(self, number: int) -> list[tuple[int, int]]:
        tags = self._rows.row(number).tolist()
        return [(tag, most) for tag in tags if (most := self._limit(tag)) is not None]

    def _limit(self, tag: int) -> int | None:
        if tag not in self._known:
            self._known[tag] = self.limits.of(tag)
        return self._known[tag]


def _range(prefix: str, snapshot: Snapshot) -> tuple[int, int]:
    """Find the tags that begin with *prefix*: they stand together, since tags are in code point order."""
    ids = snapshot.tags.ids
    return bisect_left(ids, prefix), bisect_left(ids, prefix + _LAST)
