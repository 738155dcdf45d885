"""Filling a list up from another namespace: what is still wanted, and the two lists as one (pure)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec.structs import replace

from recsys.ranking.query import Query
from recsys.ranking.shortfall import SlateWarning
from recsys.ranking.slate import Slate
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams

_EXHAUSTED: Final = "CATALOG_EXHAUSTED"


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
