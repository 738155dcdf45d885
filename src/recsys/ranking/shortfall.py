"""What a list could not do, in words with a stable code: no list is short without a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from recsys.ranking.explain import Shown
from recsys.ranking.itemlist import Source
from recsys.ranking.query import Query

_REMOVED: Final = {
    "ITEMS_UNAVAILABLE": "are not available",
    "EXCLUDED_BY_REQUEST": "are named by exclude_ids or as anchors",
    "HISTORY_FILTERED": "are left out because the visitor saw or bought them lately",
    "CONSTRAINTS_FILTERED": "do not meet the constraints on tags",
    "RULES_BLOCKED": "are blocked by rules",
    "CAPS_FILTERED": "are kept out by caps on tags",
}


class SlateWarning(Struct, frozen=True):
    """Something the caller should know about a list."""

    code: str
    detail: str


def warnings(query: Query, shown: Shown, removed: dict[str, int]) -> tuple[SlateWarning, ...]:
    """Say what was asked for and could not be done, and for a short list why it is short."""
    found = [*_about_request(query, shown), *_about_pins(shown)]
    if len(shown.picked.items) < query.k:
        found += _about_length(query, shown, removed)
    return tuple(found)


def _about_request(query: Query, shown: Shown) -> Iterator[SlateWarning]:
    if len(shown.snapshot.items) == 0:
        yield SlateWarning("NAMESPACE_UNKNOWN", f"The namespace {shown.snapshot.namespace} has no items.")
    if shown.intent.anchors.unknown:
        yield SlateWarning(
            "ANCHOR_UNKNOWN",
            f"{shown.intent.anchors.unknown} of {len(query.anchors)} anchors are not in the catalogue.",
        )
    if shown.intent.sessions_missing:
        yield SlateWarning(
            "SIGNAL_UNAVAILABLE", "The session signal is weighed, but the namespace has no sessions yet."
        )


def _about_pins(shown: Shown) -> Iterator[SlateWarning]:
    for pin in shown.steered.unreachable:
        yield SlateWarning(
            "RULE_PIN_UNREACHABLE", f"Rule {pin.rule_id} pins {pin.item_id}, which can not be shown in this list."
        )
    injected = [
        pin for place, pin in shown.steered.locks.values() if shown.steered.items.sources[place] == Source.PINNED
    ]
    for pin in injected:
        yield SlateWarning("RULE_PIN_INJECTED", f"{pin.item_id} is only there because rule {pin.rule_id} pins it.")


def _about_length(query: Query, shown: Shown, removed: dict[str, int]) -> Iterator[SlateWarning]:
    yield from _about_inclusion(query, shown)
    for code, count in {**removed, "CAPS_FILTERED": len(set(shown.picked.capped))}.items():
        if count:
            yield SlateWarning(code, f"{count} candidates {_REMOVED[code]}.")
    yield SlateWarning(
        "CATALOG_EXHAUSTED",
        f"{len(shown.picked.items)} of the {query.k} items asked for can be shown; there are no more.",
    )


def _about_inclusion(query: Query, shown: Shown) -> Iterator[SlateWarning]:
    if query.include_ids is None or shown.intent.included is None:
        return
    asked, known, left = len(set(query.include_ids)), len(set(shown.intent.included.tolist())), len(shown.steered.items)
    if known == 0:
        yield SlateWarning("CANDIDATES_INCLUDE_EMPTY", f"None of the {asked} include_ids is in the catalogue.")
    elif left < asked:
        yield SlateWarning(
            "CANDIDATES_INCLUDE_FILTERED",
            f"Of {asked} include_ids {asked - known} are not in the catalogue and {known - left} can not be shown.",
        )
