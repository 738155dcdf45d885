"""Filling a list up from other namespaces: which, what is still wanted, and the lists as one (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace as with_fields
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from recsys.ranking.query import Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.ranking.shortfall import SlateWarning
from recsys.ranking.slate import Slate
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams

DEFAULT: Final = "default"
"""The namespace that every surface is filled up from last."""

_EXHAUSTED: Final = "CATALOG_EXHAUSTED"

LiveOf = Callable[[Snapshot], Live]
"""The rules that are live for one request, compiled against a snapshot."""


def chain(surface: str, params: RequestParams) -> tuple[str, ...]:
    """List the namespaces that a surface's list is filled from, best first.

    The one that config names, else the surface's own; then config's fallbacks; then `default`.
    """
    return tuple(dict.fromkeys((params.namespace or surface, *params.fallbacks, DEFAULT)))


def shows_anything(snapshot: Snapshot) -> bool:
    """Tell whether any item is available: mostly the most popular one is, and no other is looked at."""
    ranked, available = snapshot.by_popularity, snapshot.available
    return bool(len(ranked) and (available[ranked[0]] or available.any()))


def stand_in(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Choose what answers where no snapshot (at least one) has an item to show: one that can say what it lacks."""
    return next((snapshot for snapshot in snapshots if len(snapshot.items)), snapshots[0])


_NO_TAGS: Final[Counter[str]] = Counter()


class Filling:
    """One list while it is filled from one namespace after the other."""

    def __init__(self, query: Query, visitor: Visitor, params: RequestParams, live_of: LiveOf, now: datetime) -> None:
        self._query = query
        self._visitor = visitor
        self._params = params
        self._settled = params if params.exploration is None else replace(params, exploration=None)
        self._live_of = live_of
        self._now = now
        self._tags = _NO_TAGS
        self._slate: Slate | None = None

    def begin(self, first: Slate, snapshot: Snapshot) -> bool:
        """Begin with the list that *snapshot* gave; say whether it is full."""
        self._query, self._slate = replace(self._query, namespace=snapshot.namespace), first
        return self._is_full_with(first, snapshot)

    def add(self, snapshot: Snapshot) -> bool:
        """Put what *snapshot* has behind what there is; say whether the list is full.

        Pins and chance count in the first namespace only.
        """
        live = self._live_of(snapshot)
        if self._slate is None:
            query = replace(self._query, namespace=snapshot.namespace)
            first = recommend(query, self._visitor, snapshot, self._params, live, now=self._now)
            return self.begin(first, snapshot)
        rest = remainder(self._query, self._params, self._slate, self._tags, snapshot.namespace)
        pinned_once = with_fields(live, pins=())
        added = recommend(rest, self._visitor, snapshot, self._settled, pinned_once, now=self._now)
        self._slate = join(self._query, self._slate, added, snapshot.namespace)
        return self._is_full_with(added, snapshot)

    def _is_full_with(self, added: Slate, snapshot: Snapshot) -> bool:
        if len(self.slate) == self._query.k:
            return True
        self._tags = self._tags + tags_of(added, snapshot)
        return False

    def fill(self, snapshots: Sequence[Snapshot]) -> Slate:
        """Fill the list from *snapshots*, at least one, in their order; those with nothing to show are passed over."""
        for snapshot in [one for one in snapshots if shows_anything(one)] or [stand_in(snapshots)]:
            if self.add(snapshot):
                break
        return self.slate

    @property
    def slate(self) -> Slate:
        """The list as far as it is filled; at least one snapshot must have been added."""
        assert self._slate is not None  # noqa: S101  the chain of a surface is never empty
        return self._slate


def remainder(query: Query, params: RequestParams, shown: Slate, tags: Counter[str], namespace: str) -> Query:
    """Ask *namespace* for what *shown*, which carries *tags*, leaves open: other items, within what the caps leave."""
    return replace(
        query,
        namespace=namespace,
        k=query.k - len(shown),
        exclude_ids=(*query.exclude_ids, *shown.item_ids),
        max_per_tag=_remaining(query.max_per_tag, params.caps, tags),
    )


def tags_of(shown: Slate, snapshot: Snapshot) -> Counter[str]:
    """Count the tags of a list made from *snapshot*."""
    rows = [snapshot.item_tags.row(number).tolist() for number in snapshot.items.known(shown.item_ids).tolist()]
    return Counter(snapshot.tags.ids[tag] for row in rows for tag in row)


def join(query: Query, first: Slate, second: Slate, namespace: str) -> Slate:
    """Put *second*, from *namespace*, behind *first*, and warn of what is still lacking."""
    size = len(first) + len(second)
    return replace(
        first,
        item_ids=first.item_ids + second.item_ids,
        scores=first.scores + second.scores,
        reasons=None if first.reasons is None else first.reasons + (second.reasons or ()),
        items=None,
        explain=None if first.explain is None else first.explain + (second.explain or ()),
        warnings=_warnings(query, first, second, namespace),
        counts={**first.counts, "returned": size, "fallback": first.counts.get("fallback", 0) + len(second)},
    )


def _warnings(query: Query, first: Slate, second: Slate, namespace: str) -> tuple[SlateWarning, ...]:
    found = {warning.code: warning for warning in first.warnings if warning.code != _EXHAUSTED}
    if len(second):
        detail = f"{len(second)} items come from the namespace {namespace}, because {query.namespace} has no more."
        found.setdefault("NAMESPACE_FALLBACK", SlateWarning("NAMESPACE_FALLBACK", detail))
    size = len(first) + len(second)
    if size < query.k:
        detail = f"{size} of the {query.k} items asked for can be shown; there are no more."
        found |= {warning.code: warning for warning in second.warnings if warning.code not in found}
        found[_EXHAUSTED] = SlateWarning(_EXHAUSTED, detail)
    return tuple(found.values())


def _remaining(per_tag: dict[str, int], per_prefix: dict[str, int], shown: Counter[str]) -> dict[str, int]:
    left = {tag: max(0, most - shown[tag]) for tag, most in per_tag.items()}
    for tag, count in shown.items():
        bounds = [most for prefix, most in per_prefix.items() if tag.startswith(prefix)]
        if bounds:
            left[tag] = min(left.get(tag, bounds[0]), max(0, min(bounds) - count))
    return left
