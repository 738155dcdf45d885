"""Why an item stands where it stands: reasons in words, and parts that add up to its score."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from msgspec import Struct

from recsys.ranking.candidates import Pool, Source
from recsys.ranking.detail import Detail, details, nonzero
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Signal, rounded
from recsys.ranking.pick import Picked
from recsys.ranking.steer import Steered
from recsys.rules.live import Adjustment, Live
from recsys.snapshot.snapshot import Snapshot

REASONS: Final[dict[Signal, str]] = {
    "pop": "recent_popularity",
    "cooc": "co_visitation",
    "emb": "content_similarity",
    "session": "session_neighbors",
    "profile": "personalization",
}


NOVEL: Final = {Source.TRENDING: "trending", Source.NEW: "new_item"}
"""The reasons of an item that chance chose; else `exploration`."""


class RuleEffect(Struct, frozen=True, omit_defaults=True):
    """What one rule did to one item."""

    rule_id: str
    action: Literal["pin", "boost", "bury"]
    amount: float | None = None
    """What was added to the score; None for a pin."""
    position: int | None = None
    """Where a pin put it, from 1; None for the others."""


class Explanation(Struct, frozen=True, omit_defaults=True):
    """Where one item's score comes from."""

    signals: dict[Signal, float]
    """Weighted parts that are not zero; they add up to `base` within 1e-5."""
    base: float
    """The score before rules, in 0..1."""
    rules: tuple[RuleEffect, ...] = ()
    detail: Detail | None = None
    """Only in a full explanation."""


class Shown(Struct, frozen=True, eq=False):
    """A finished list with everything that is needed to say why."""

    pool: Pool
    picked: Picked
    steered: Steered
    intent: Intent
    snapshot: Snapshot
    live: Live


def reasons(shown: Shown) -> tuple[tuple[str, ...], ...]:
    """Say in words why each item is there: pins first, then signals by what they contribute, then other rules."""
    moved, drawn = _diversified(shown), shown.picked.drawn or {}
    return tuple(
        (
            *(_words(effect) for effect in effects if effect.action == "pin"),
            *(_why_drawn(shown, rank) if rank in drawn else ()),
            *(REASONS[name] for name in sorted(parts, key=parts.__getitem__, reverse=True)),
            *(["diversity"] if rank in moved else []),
            *(_words(effect) for effect in effects if effect.action != "pin"),
        )
        for rank, (parts, effects) in enumerate(zip(_parts(shown), _effects(shown), strict=True))
    )


def explanations(shown: Shown, *, full: bool) -> tuple[Explanation, ...]:
    """Explain each item."""
    base = rounded(shown.picked.items.base).tolist()
    figures = details(shown.pool, shown.picked, shown.intent, shown.snapshot) if full else [None] * len(base)
    return tuple(
        Explanation(parts, score, effects, detail)
        for parts, score, effects, detail in zip(_parts(shown), base, _effects(shown), figures, strict=True)
    )


def _parts(shown: Shown) -> list[dict[Signal, float]]:
    return nonzero(shown.picked.items, shown.intent.shares)


def _effects(shown: Shown) -> list[tuple[RuleEffect, ...]]:
    pins = {lock.place: lock.pin for lock in shown.steered.locks.values()}
    return [
        (
            *([RuleEffect(pins[place].rule_id, "pin", position=rank + 1)] if place in pins else []),
            *(RuleEffect(one.rule_id, one.action, one.amount) for one in moved),
        )
        for rank, (place, moved) in enumerate(zip(shown.picked.order, _adjusted(shown), strict=True))
    ]


def _adjusted(shown: Shown) -> list[list[Adjustment]]:
    """List the adjustments of each item, looking all items up in a rule's targets at once."""
    numbers = shown.picked.items.numbers.astype(np.int32)  # as the targets are, which would be converted otherwise
    moved: list[list[Adjustment]] = [[] for _ in numbers]
    for one in shown.live.adjustments:
        if len(one.numbers):
            places = np.minimum(one.numbers.searchsorted(numbers), len(one.numbers) - 1)
            for rank in (one.numbers.take(places) == numbers).nonzero()[0].tolist():
                moved[rank].append(one)
    return moved


def _words(effect: RuleEffect) -> str:
    if effect.action == "pin":
        return f"rule.pin[{effect.rule_id}]"
    return f"rule.{effect.action}:{effect.amount:+.2f}[{effect.rule_id}]"


def _why_drawn(shown: Shown, rank: int) -> list[str]:
    sources = shown.pool.sources(int(shown.picked.items.numbers[rank]))
    return [word for source, word in NOVEL.items() if source in sources] or ["exploration"]


def _diversified(shown: Shown) -> set[int]:
    """Return the ranks of items that diversity put before better ones which no pin or cap held back."""
    if shown.intent.params.mmr_lambda is None:
        return set()
    picked, numbers, locked = shown.picked, shown.steered.items.numbers, shown.steered.locked
    refused = set(picked.refused.tolist())
    placed = locked.union(picked.order[rank] for rank in picked.drawn or ())
    waiting = [
        place for place in picked.standing.tolist() if int(numbers[place]) not in refused and place not in placed
    ]
    ranks = set()
    for rank, place in enumerate(picked.order):
        if place in placed:
            continue
        if place != waiting[0]:
            ranks.add(rank)
        waiting.remove(place)
    return ranks
