"""Two lists for one request held against each other, and many such pairs in sum (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from statistics import fmean

from msgspec import Struct

from recsys.ranking.slate import Slate


class Move(Struct, frozen=True):
    """An item that is on both lists, at different ranks (from 1)."""

    item_id: str
    before: int
    after: int


class Comparison(Struct, frozen=True, kw_only=True):
    """What becomes of one list of at most k items."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    entered: tuple[str, ...]
    """In the order of the list after."""
    left: tuple[str, ...]
    """In the order of the list before."""
    moved: tuple[Move, ...]
    overlap: float
    """Items on both lists over items on either (Jaccard); 1 where both are empty."""
    short_by: int
    """Items that the list after lacks to k."""

    @property
    def changed(self) -> bool:
        """Whether anybody would see a difference."""
        return self.before != self.after


class Summary(Struct, frozen=True, kw_only=True):
    """What becomes of n lists; the shares and means of no list at all are 0, 1 for the overlap."""

    lists: int
    changed: int
    share_changed: float
    mean_overlap: float
    coverage_before: int
    """Different items on all lists together."""
    coverage_after: int
    newly_short: int
    """Lists that are full now and would not be."""
    newly_empty: int


def compare(before: Slate, after: Slate, k: int) -> Comparison:
    """Say what enters, leaves and moves between two answers to one request for *k* items."""
    old = {item_id: rank for rank, item_id in enumerate(before.item_ids, start=1)}
    new = {item_id: rank for rank, item_id in enumerate(after.item_ids, start=1)}
    moved = (Move(item_id, old[item_id], rank) for item_id, rank in new.items() if item_id in old)
    return Comparison(
        before=before.item_ids,
        after=after.item_ids,
        entered=tuple(item_id for item_id in new if item_id not in old),
        left=tuple(item_id for item_id in old if item_id not in new),
        moved=tuple(move for move in moved if move.before != move.after),
        overlap=round(_jaccard(old.keys(), new.keys()), 6),
        short_by=max(0, k - len(after)),
    )


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """Sum comparisons up."""
    changed = sum(one.changed for one in comparisons)
    return Summary(
        lists=len(comparisons),
        changed=changed,
        share_changed=round(changed / len(comparisons), 6) if comparisons else 0.0,
        mean_overlap=round(fmean(one.overlap for one in comparisons), 6) if comparisons else 1.0,
        coverage_before=len({item_id for one in comparisons for item_id in one.before}),
        coverage_after=len({item_id for one in comparisons for item_id in one.after}),
        newly_short=sum(bool(one.short_by) and len(one.before) >= len(one.after) + one.short_by for one in comparisons),
        newly_empty=sum(bool(one.before) and not one.after for one in comparisons),
    )


def _jaccard(first: AbstractSet[str], second: AbstractSet[str]) -> float:
    return len(first & second) / len(first | second) if first or second else 1.0
