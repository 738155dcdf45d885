"""What a list could not do, in words with a stable code: no list is short without a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from recsys.ranking.candidates import BITS, Source
from recsys.ranking.eligibility import survey
from recsys.ranking.explain import Shown
from recsys.ranking.intent import Intent
from recsys.ranking.loops import rating
from recsys.ranking.loops.greedy import BEHIND, NOT_IN_POOL, NOT_THERE
from recsys.ranking.query import Query
from recsys.ranking.shares import chosen
from recsys.ranking.widening import everything
from recsys.rules.live import Pin
from recsys.snapshot.snapshot import Snapshot

_REMOVED: Final = {
    "ITEMS_UNAVAILABLE": "are not available",
    "EXCLUDED_BY_REQUEST": "are named by exclude_ids or as anchors",
    "HISTORY_FILTERED": "are left out because the visitor saw or bought them lately",
    "CONSTRAINTS_FILTERED": "do not meet the constraints on tags",
    "RULES_BLOCKED": "are blocked by rules",
}

_HELD_BACK: Final = {
    rating.UNAVAILABLE: "is not available",
    rating.EXCLUDED: "the request excludes",
    rating.SETTLED: "the visitor saw or bought lately",
    rating.CONSTRAINED: "does not meet the constraints on tags",
    rating.BLOCKED: "another rule blocks",
    NOT_THERE: "the catalogue does not hold",
    NOT_IN_POOL: "include_ids does not name",
}
_PINNED_ONLY: Final = BITS[Source.PINNED]


class SlateWarning(Struct, frozen=True):
    """Something that the caller should know about a list."""

    code: str
    detail: str


def warnings(query: Query, shown: Shown) -> tuple[SlateWarning, ...]:
    """Say what was asked for and could not be done, and for a short list why it is short."""
    found = [
        *about_signals(query, shown.intent, shown.snapshot),
        *about_pins(shown.live.pins, shown.steered.states, query.k),
    ]
    if len(shown.picked.items) < query.k:
        found += [*_about_inclusion(query, shown), *_about_length(query, shown)]
    return tuple(found)


def about_signals(query: Query, intent: Intent, snapshot: Snapshot) -> Iterator[SlateWarning]:
    """Say what the list could not be made from."""
    if len(snapshot.items) == 0:
        yield SlateWarning("NAMESPACE_UNKNOWN", f"The namespace {snapshot.namespace} has no items.")
    if unknown := intent.anchors.unknown:
        detail = f"{unknown} of {len(query.anchors)} anchors are not in the catalogue."
        yield SlateWarning("ANCHOR_UNKNOWN", detail)
    if not snapshot.sessions and chosen(intent.params, query.weights).session > 0:
        detail = "The session signal has a weight, but the namespace has no sessions to compare with."
        yield SlateWarning("SIGNAL_UNAVAILABLE", detail)


def about_pins(pins: Sequence[Pin], states: Sequence[int], k: int) -> Iterator[SlateWarning]:
    """Say which *pins* have no position, and which items only a pin brought; *states* is what `locked` says of each."""
    for pin, state in zip(pins, states, strict=True):
        if state < 0:
            detail = f"Rule {pin.rule_id} pins {pin.item_id}, which {_obstacle(-1 - state, k)}."
            yield SlateWarning("RULE_PIN_UNREACHABLE", detail)
    for pin, state in zip(pins, states, strict=True):
        if state == _PINNED_ONLY:
            detail = f"{pin.item_id} is in the list only because rule {pin.rule_id} pins it."
            yield SlateWarning("RULE_PIN_INJECTED", detail)


def _obstacle(reason: int, k: int) -> str:
    """Say why a pinned item is not where its rule wants it."""
    if reason == BEHIND:
        return f"would stand behind the last of {k} places"
    return _HELD_BACK[reason & -reason]


def _about_inclusion(query: Query, shown: Shown) -> Iterator[SlateWarning]:
    if query.include_ids is None or shown.intent.included is None:
        return
    asked, known, left = len(set(query.include_ids)), len(shown.intent.included), len(shown.steered.items)
    if known == 0:
        detail = f"None of the {asked} include_ids is in the catalogue."
        yield SlateWarning("CANDIDATES_INCLUDE_EMPTY", detail)
    elif left < asked:
        detail = f"Of {asked} include_ids {asked - known} are not in the catalogue and {known - left} can not be shown."
        yield SlateWarning("CANDIDATES_INCLUDE_FILTERED", detail)


def _about_length(query: Query, shown: Shown) -> Iterator[SlateWarning]:
    """Count over all that the request could reach, not only over what was looked at."""
    intent, returned = shown.intent, len(shown.picked.items)
    reachable = everything(intent, shown.snapshot)
    left, removed = survey(reachable, intent, shown.snapshot, shown.live)
    total = len(reachable) if intent.included is not None else len(shown.snapshot.items)
    if untagged := total - len(reachable):  # what carries no required tag is not even looked at
        removed["CONSTRAINTS_FILTERED"] = removed.get("CONSTRAINTS_FILTERED", 0) + untagged
    for code, count in removed.items():
        yield SlateWarning(code, f"{count} of {total} items {_REMOVED[code]}.")
    if returned < len(left):
        yield SlateWarning("CAPS_FILTERED", f"{len(left) - returned} of {total} items are kept out by caps on tags.")
    yield SlateWarning(
        "CATALOG_EXHAUSTED", f"{returned} of the {query.k} items asked for can be shown; there are no more."
    )
