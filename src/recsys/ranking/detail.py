"""The second half of a full explanation: every figure that an item's score was made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from recsys.ranking.candidates import Pool, met
from recsys.ranking.content import Taste, taste
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import DECIMALS, ItemList, Signal, rounded
from recsys.ranking.pick import Picked
from recsys.snapshot.snapshot import Snapshot

_LEADING: Final = 5
"""Tags that are named as shared."""


class Detail(Struct, frozen=True):
    """What an item's score was made of."""

    raw: dict[Signal, float]
    """Before normalisation: `pop` the decayed sum of the daily scores, `cooc` the mean weight over the anchors."""
    normalized: dict[Signal, float]
    """Each signal in 0..1, before its weight."""
    weights: dict[Signal, float]
    """What each signal contributes at most."""
    overlap: dict[Signal, dict[str, float]]
    """At most five tags that the item shares with the anchors (`emb`) or the visitor's profile (`profile`), the most
    telling first, and what each brings to the normalised value."""
    sources: tuple[str, ...]
    """Who offered the item as a candidate."""
    rank_by_score: int
    """Its rank before pins, diversity and caps moved it, from 1."""


def details(pool: Pool, picked: Picked, intent: Intent, snapshot: Snapshot) -> list[Detail]:
    """Give the figures of each item of a finished list."""
    standing = {place: rank for rank, place in enumerate(picked.standing.tolist(), start=1)}
    weights: dict[Signal, float] = {name: round(share, DECIMALS) for name, share in intent.shares.items()}
    tastes = _tastes(intent, snapshot)
    ties = met(intent, snapshot, picked.items.numbers).tolist()
    return [
        Detail(
            raw=_raw(float(snapshot.popularity[number]), tie),
            normalized=row,
            weights=weights,
            overlap={name: _shared(one, number, snapshot) for name, one in tastes.items() if name in row},
            sources=pool.sources(number),
            rank_by_score=standing[place],
        )
        for place, number, tie, row in zip(
            picked.order, picked.items.numbers.tolist(), ties, nonzero(picked.items), strict=True
        )
    ]


def _tastes(intent: Intent, snapshot: Snapshot) -> dict[Signal, Taste]:
    """Give what the anchors' tags (`emb`) and the visitor's own (`profile`) ask for."""
    start = intent.anchors
    asked: dict[Signal, Taste | None] = {"emb": taste(start.numbers, start.weights, snapshot), "profile": intent.taste}
    return {name: one for name, one in asked.items() if one is not None}


def nonzero(items: ItemList, shares: dict[Signal, float] | None = None) -> list[dict[Signal, float]]:
    """Turn signals by name, times their *shares* if these are given, into what is not zero by item."""
    rows: list[dict[Signal, float]] = [{} for _ in range(len(items))]
    for name, values in items.signals.items():
        weighed = values if shares is None else values * shares[name]
        for row, value in zip(rows, rounded(weighed).tolist(), strict=True):
            if value:
                row[name] = value
    return rows


def _raw(popularity: float, tie: float) -> dict[Signal, float]:
    values: dict[Signal, float] = {"pop": popularity, "cooc": tie}
    return {name: round(value, DECIMALS) for name, value in values.items() if value}


def _shared(taste: Taste, number: int, snapshot: Snapshot) -> dict[str, float]:
    ranked = sorted(_products(taste, number, snapshot), key=lambda one: (-one[1], one[0]))
    return {tag: round(product, DECIMALS) for tag, product in ranked[:_LEADING]}


def _products(taste: Taste, number: int, snapshot: Snapshot) -> Iterator[tuple[str, float]]:
    """Give the terms of the cosine of an item with *taste*."""
    mass = dict(zip(taste.tags.tolist(), taste.masses.tolist(), strict=True))
    indptr, tags, values = snapshot.item_tags.vectors
    span = slice(indptr[number], indptr[number + 1])
    for tag, value in zip(tags[span].tolist(), values[span].tolist(), strict=True):
        if tag in mass:
            yield snapshot.tags.ids[tag], value * mass[tag]
