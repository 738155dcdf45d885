"""What the visitor's own interactions say: a taste in tags, and the items they need not see again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from recsys.ranking.content import Taste, taste
from recsys.ranking.query import Event, Visitor
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import Exclusions, Personalization

PURCHASE = "purchase"
IMPRESSION = "impression"
_DAY = timedelta(days=1)


class Profile(NamedTuple):
    """The visitor's taste, and how much of the score it decides."""

    taste: Taste
    share: float
    """In 0..1; small while little is known of the visitor."""


def profile(visitor: Visitor, snapshot: Snapshot, params: Personalization, now: datetime) -> Profile | None:
    """Blend the tags of the visitor's items by event type and age; None where nothing is known or wanted.

    Each interaction counts ``event weight * 2^(-age / half_life)``, and the share of the score is
    ``weight * h / (h + damping)`` after h interactions with known items.
    """
    if not visitor.history or params.weight <= 0:
        return None
    known = list(_known(visitor.history, snapshot))
    weights = [strength * _freshness(event, params.half_life, now) for _, strength, event in known]
    liked = taste(np.array([number for number, *_ in known], dtype=np.intp), np.array(weights), snapshot)
    if liked is None:
        return None
    return Profile(liked, min(params.weight * len(known) / (len(known) + params.damping), 1.0))


def settled(visitor: Visitor, params: Exclusions, now: datetime) -> list[str]:
    """List what the visitor saw or bought recently enough to be left out, as the policies say."""
    return [
        event.item_id
        for event in visitor.history
        if _within(event, params.seen_days if event.event_type != IMPRESSION else None, now)
        or _within(event, params.purchased_days if event.event_type == PURCHASE else None, now)
    ]


def _known(history: tuple[Event, ...], snapshot: Snapshot) -> Iterator[tuple[int, float, Event]]:
    for event in history:
        number, strength = (
            snapshot.items.number(event.item_id),
            snapshot.params.event_weights.get(event.event_type, 1.0),
        )
        if number is not None and strength > 0:
            yield number, strength, event


def _freshness(event: Event, half_life: float | None, now: datetime) -> float:
    if half_life is None:
        return 1.0
    return float(2.0 ** -(max((now - event.occurred_at) / _DAY, 0.0) / half_life))


def _within(event: Event, days: float | None, now: datetime) -> bool:
    return days is not None and (now - event.occurred_at) / _DAY < days
