"""Lists that are the same for everybody who asks, kept for as long as nothing that they were made from changes."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary, ref

from recsys.ranking.query import Query, Visitor
from recsys.ranking.slate import Slate
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.directory import TenantView

KEPT = 512
"""Lists of one snapshot; a list of 20 takes about 3 KB."""


class Asked(NamedTuple):
    """What tells one base list from another, beside its snapshot and the documents in force."""

    tenant_id: UUID
    surface: str
    segment: str
    k: int
    include_reasons: bool


class _Kept(NamedTuple):
    view: ref[TenantView]
    """Config and rules: a tenant whose document changes has another view."""
    live: ref[Live]
    """The rules that steered it: another object as soon as a rule's window opens or ends."""
    slate: Slate


class BaseLists:
    """Kept lists by snapshot; they go with it, and keep neither it nor what steered them alive."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Snapshot, dict[Asked, _Kept]] = WeakKeyDictionary()

    def __len__(self) -> int:
        """Count the snapshots that lists are kept for."""
        return len(self._kept)

    def get(self, snapshot: Snapshot, view: TenantView, live: Live, query: Query) -> Slate | None:
        """Return the list that ranking *query* would give; None where it must be ranked."""
        kept = self._kept.get(snapshot, {}).get(_asked(view, query))
        return kept.slate if kept is not None and kept.view() is view and kept.live() is live else None

    def put(self, snapshot: Snapshot, view: TenantView, live: Live, query: Query, slate: Slate) -> None:
        """Keep a list that *snapshot* alone filled."""
        lists = self._kept.setdefault(snapshot, {})
        if len(lists) >= KEPT:
            lists.clear()
        lists[_asked(view, query)] = _Kept(ref(view), ref(live), slate)


def is_base(query: Query, visitor: Visitor) -> bool:
    """Tell whether nothing in a question is of this request alone: no anchor, no history, no constraint, no weight.

    Such a list does not depend on the time either, but through the rules that are live.
    """
    return (
        not (query.anchors or visitor.history) and query.is_open and query.weights is None and query.explain == "none"
    )


def _asked(view: TenantView, query: Query) -> Asked:
    return Asked(view.tenant.id, query.surface, query.segment, query.k, query.include_reasons)
