"""Why an item stands where it stands: reasons in words, and parts that add up to its score."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import COOC, EMB, POP, PROFILE, SESSION, SIGNALS, Source
from recsys.ranking.pick import Picked
from recsys.ranking.scoring import DECIMALS
from recsys.ranking.steer import Steered
from recsys.rules.live import Adjustment, Live
from recsys.snapshot.snapshot import Snapshot

REASONS: Final = {
    POP: "recent_popularity",
    COOC: "co_visitation",
    EMB: "content_similarity",
    SESSION: "session_neighbors",
    PROFILE: "personalization",
}


class RuleEffect(Struct, frozen=True, omit_defaults=True):
    """What one rule did to one item."""

    rule_id: str
    action: Literal["pin", "boost", "bury"]
    amount: float | None = None
    """What was added to the score; None for a pin."""
    position: int | None = None
    """Where a pin put it, from 1; None for the others."""


class Detail(Struct, frozen=True):
    """The full explanation's second half."""

    raw: dict[str, float]
    """The evidence before normalisation: decayed popularity; the others have no other scale."""
    normalized: dict[str, float]
    """Each signal in 0..1, before its weight."""
    weights: dict[str, float]
    """What each signal contributes at most."""
    sources: tuple[str, ...]
    """Who offered the item as a candidate."""
    rank_by_score: int
    """Its rank before pins, diversity and caps moved it, from 1."""


class Explanation(Struct, frozen=True, omit_defaults=True):
    """Where one item's score comes from."""

    signals: dict[str, float]
    """Weighted parts that are not zero; they add up to `base` within 1e-5."""
    base: float
    """The score before rules, in 0..1."""
    rules: tuple[RuleEffect, ...] = ()
    detail: Detail | None = None
    """Only in a full explanation."""


class Shown(Struct, frozen=True, eq=False):
    """A finished list with everything that is needed to say why."""

    picked: Picked
    steered: Steered
    intent: Intent
    snapshot: Snapshot
    live: Live


def reasons(shown: Shown) -> tuple[tuple[str, ...], ...]:
    """Say in words why each item is there: pins first, then signals by what they contribute, then other rules."""
    moved = _diversified(shown)
    return tuple(
        (
            *(_words(effect) for effect in effects if effect.action == "pin"),
            *(REASONS[SIGNALS.index(name)] for name in sorted(parts, key=parts.__getitem__, reverse=True)),
            *(["diversity"] if rank in moved else []),
            *(_words(effect) for effect in effects if effect.action != "pin"),
        )
        for rank, (parts, effects) in enumerate(zip(_parts(shown), _effects(shown), strict=True))
    )


def explanations(shown: Shown, *, full: bool) -> tuple[Explanation, ...]:
    """Explain each item."""
    base = shown.picked.items.base.tolist()
    details = _details(shown) if full else [None] * len(base)
    return tuple(
        Explanation(parts, score, effects, detail)
        for parts, score, effects, detail in zip(_parts(shown), base, _effects(shown), details, strict=True)
    )


def _parts(shown: Shown) -> list[dict[str, float]]:
    weighed = (shown.picked.items.signals.T * shown.intent.shares).round(DECIMALS).tolist()
    return [_named(row) for row in weighed]


def _named(row: list[float]) -> dict[str, float]:
    return {name: value for name, value in zip(SIGNALS, row, strict=True) if value}


def _effects(shown: Shown) -> list[tuple[RuleEffect, ...]]:
    pins = dict(shown.steered.locks.values())
    return [
        (
            *([RuleEffect(pins[place].rule_id, "pin", position=rank + 1)] if place in pins else []),
            *(RuleEffect(one.rule_id, one.action, one.amount) for one in shown.live.adjustments if _hits(one, number)),
        )
        for rank, (place, number) in enumerate(
            zip(shown.picked.order, shown.picked.items.numbers.tolist(), strict=True)
        )
    ]


def _hits(adjustment: Adjustment, number: int) -> bool:
    place = int(adjustment.numbers.searchsorted(number))
    return place < len(adjustment.numbers) and int(adjustment.numbers[place]) == number


def _words(effect: RuleEffect) -> str:
    if effect.action == "pin":
        return f"rule.pin[{effect.rule_id}]"
    return f"rule.{effect.action}:{effect.amount:+.2f}[{effect.rule_id}]"


def _diversified(shown: Shown) -> set[int]:
    """Return the ranks of items that diversity put before better ones which no pin or cap held back."""
    if shown.intent.mmr_lambda is None:
        return set()
    picked, numbers = shown.picked, shown.steered.items.numbers
    capped = set(picked.capped)
    waiting = [place for place in picked.best_first.tolist() if int(numbers[place]) not in capped]
    locked = {place for place, _ in shown.steered.locks.values()}
    ranks = set()
    for rank, place in enumerate(picked.order):
        best = next(other for other in waiting if other == place or other not in locked)
        if place not in locked and place != best:
            ranks.add(rank)
        waiting.remove(place)
    return ranks


def _details(shown: Shown) -> list[Detail]:
    picked = shown.picked
    standing = {place: rank for rank, place in enumerate(picked.best_first.tolist(), start=1)}
    weights = _named(shown.intent.shares.round(DECIMALS).tolist())
    return [
        Detail(
            raw={"pop": float(shown.snapshot.popularity[number])},
            normalized=_named(row),
            weights=weights,
            sources=tuple(str(source.name).lower() for source in Source if source & bits),
            rank_by_score=standing[place],
        )
        for place, number, row, bits in zip(
            picked.order,
            picked.items.numbers.tolist(),
            picked.items.signals.T.round(DECIMALS).tolist(),
            picked.items.sources.tolist(),
            strict=True,
        )
    ]
