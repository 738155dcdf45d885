"""A snapshot with other rows for a few items: equal to one that is frozen from all rows (pure).

Only the changed items' rows are read. Everything else is taken from the snapshot in service by operations on whole
arrays, and weighed anew: one tag more moves the weights of all tags, one meeting more those of all neighbours. What no
row has changed stays the object that it was, which is how `weighed` knows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.snapshot.changed import Changed
from recsys.snapshot.columns import Columns
from recsys.snapshot.evidence import Evidence, Raw, summed
from recsys.snapshot.freeze import day_of, weighed
from recsys.snapshot.rows import Rows, Scores
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.union import Mask, Union, joined, kept, moved, places, renamed
from recsys.snapshot.vocabulary import Numbers, Vocabulary

Values = npt.NDArray[Any]


def amended(snapshot: Snapshot, changed: Changed, columns: Columns) -> Snapshot | None:
    """Return what freezing all rows would give on the day of `snapshot.as_of`; sessions are left out where ids moved.

    *columns* hold the rows of `changed.items` as they are now, of co-visitation only those of `changed.met`, and say
    which of these items are gone. None where only a load can tell: a deleted item is back, and nobody kept which rows
    name it.
    """
    raw = snapshot.raw
    if raw is None or any(raw.gone.number(one) is not None for one in changed.items.difference(columns.gone.ids)):
        return None
    change = _Change(snapshot, raw, changed, columns)
    evidence = change.evidence()
    neighbors = change.neighbors(evidence)
    keep = _staying(evidence, columns.gone)
    if not keep.all():
        to = places(keep)
        evidence = _without(evidence, keep, to)
        neighbors = None if neighbors is None else renamed(moved(neighbors, to, len(evidence.items)), to)
    made = weighed(
        _without_idle_tags(evidence),
        snapshot.params,
        tenant_id=snapshot.tenant_id,
        namespace=snapshot.namespace,
        as_of=snapshot.as_of,
        neighbors=neighbors,
        before=snapshot,
    )
    return made if snapshot.items is not made.items else _with_the_sessions_of(snapshot, made)


class _Change:
    """What was and what is, in one numbering of items and one of tags."""

    def __init__(self, snapshot: Snapshot, raw: Raw, changed: Changed, columns: Columns) -> None:
        self._snapshot = snapshot
        self._raw = raw
        self._changed = changed
        self._news = summed(columns, snapshot.params, day_of(snapshot.as_of))
        self._items = Union.of(snapshot.items, self._news.items)
        self._tags = Union.of(snapshot.tags, self._news.tags)
        self._n = len(self._items.ids)
        self._replaced = self._items.ids.known(changed.items)
        self._gone = columns.gone

    def evidence(self) -> Evidence:
        """Give everything, items included that nothing names any more."""
        return Evidence(
            items=self._items.ids,
            tags=self._tags.ids,
            available=self._available(),
            popularity=self._summed(self._snapshot.popularity, self._news.popularity),
            item_tags=self._item_tags(),
            raw=Raw(self._pairs(), self._strangers(), self._trending(), self._created(), self._all_gone()),
        )

    def neighbors(self, evidence: Evidence) -> Rows | None:
        """Give the neighbours that were chosen, if every pair is what it was."""
        was, now = self._raw.pairs, evidence.raw.pairs
        if self._news.raw.pairs.indices.size or len(was.indices) != len(now.indices):
            return None
        return self._left(self._snapshot.neighbors)

    def _available(self) -> Mask:
        available = np.ones(self._n, dtype=np.bool_)
        available[self._items.left] = self._snapshot.available
        available[self._replaced] = True
        available[self._items.right] &= self._news.available
        return available

    def _summed(self, was: Values, now: Values) -> Values:
        """Give what is known of each item, shape (n,): *now* holds 0 for those that did not change."""
        values = np.zeros(self._n, dtype=was.dtype)
        values[self._items.left] = was
        values[self._replaced] = 0
        values[self._items.right] += now
        return values

    def _trending(self) -> Scores:
        was, now = self._raw.trending, self._news.raw.trending
        return was if self._snapshot.params.trending_half_life is None else self._summed(was, now)

    def _created(self) -> Numbers:
        was, now = self._raw.created, self._news.raw.created
        return was if self._snapshot.params.new_days is None else self._summed(was, now)

    def _strangers(self) -> Mask:
        strangers = np.ones(self._n, dtype=np.bool_)
        strangers[self._items.left] = self._raw.strangers
        strangers[self._replaced] = True
        strangers[self._items.right] &= self._news.raw.strangers
        return strangers

    def _item_tags(self) -> Rows:
        was, now = self._snapshot.item_tags, self._news.item_tags
        replaced = self._mask(self._changed.items)
        left = renamed(moved(Rows(*was.lists), self._items.left, self._n, replaced), self._tags.left)
        made = joined(left, renamed(moved(now, self._items.right, self._n), self._tags.right))
        same = np.array_equal(made.indptr, was.indptr) and np.array_equal(made.indices, was.indices)
        return was if same else made

    def _pairs(self) -> Rows:
        replaced = self._mask(self._changed.met.union(self._gone.ids))
        now = renamed(moved(self._news.raw.pairs, self._items.right, self._n), self._items.right)
        return joined(self._left(self._raw.pairs, replaced), now)

    def _left(self, rows: Rows, replaced: Mask | None = None) -> Rows:
        """Bring rows of items of the snapshot into the common numbering, without what is gone."""
        to = self._items.left.copy()
        to[self._snapshot.items.known(self._gone.ids)] = -1
        return renamed(moved(rows, self._items.left, self._n, replaced), to)

    def _all_gone(self) -> Vocabulary:
        known = self._raw.gone
        new = [one for one in self._gone.ids if known.number(one) is None]
        return Vocabulary([*known.ids, *new]) if new else known

    def _mask(self, items: Iterable[str]) -> Mask:
        mask = np.zeros(len(self._snapshot.items), dtype=np.bool_)
        mask[self._snapshot.items.known(items)] = True
        return mask


def _staying(evidence: Evidence, gone: Vocabulary) -> Mask:
    """Say which items a row is of, or names; shape (n,)."""
    staying = ~evidence.raw.strangers
    if not staying.all():
        staying |= np.bincount(evidence.raw.pairs.indices, minlength=len(evidence.items)) > 0
    staying[evidence.items.known(gone.ids)] = False
    return staying


def _without(evidence: Evidence, keep: Mask, to: Numbers) -> Evidence:
    """Leave items out; *to* is the number of each that stays, -1 of the others."""
    items = kept(evidence.items, keep)
    raw = evidence.raw
    return Evidence(
        items=items,
        tags=evidence.tags,
        available=evidence.available[keep],
        popularity=evidence.popularity[keep],
        item_tags=moved(evidence.item_tags, to, len(items)),
        raw=Raw(
            pairs=renamed(moved(raw.pairs, to, len(items)), to),
            strangers=raw.strangers[keep],
            trending=raw.trending[keep] if len(raw.trending) else raw.trending,
            created=raw.created[keep] if len(raw.created) else raw.created,
            gone=raw.gone,
        ),
    )


def _without_idle_tags(evidence: Evidence) -> Evidence:
    """Leave out tags that no item carries any more."""
    keep = np.bincount(evidence.item_tags.indices, minlength=len(evidence.tags)) > 0
    if keep.all():
        return evidence
    item_tags = renamed(evidence.item_tags, places(keep))
    return replace(evidence, tags=kept(evidence.tags, keep), item_tags=item_tags)


def _with_the_sessions_of(snapshot: Snapshot, made: Snapshot) -> Snapshot:
    _, separator, sessions = snapshot.version.partition(".")
    return replace(made, sessions=snapshot.sessions, version=made.version + separator + sessions)
