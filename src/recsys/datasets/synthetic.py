"""Synthetic interactions for tests of scale: the marginals of a shop, and no meaning. Never judge quality by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_DAY_MICROS = 86_400_000_000
_BLOCK = 100_000
"""Sessions made at a time, which bounds memory."""
_KINDS = ("view", "click", "add_to_cart", "purchase")
_KIND_SHARES = (0.80, 0.12, 0.05, 0.03)
_RETURNING = 0.6
"""How steeply visitors come back: a few often, most once or twice."""
_PAUSE_SECONDS = 40.0
_DRIFT = 30.0
"""How far, in ranks, one item of a session lies from the one before."""


class Size(NamedTuple):
    """How much to make."""

    events: int
    items: int = 100_000
    visitors: int = 500_000
    days: int = 30
    session_length: float = 4.0
    """Events of a session on average."""


class Made(NamedTuple):
    """m events of some sessions, session by session; arrays of shape (m,)."""

    visitor: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    """Microseconds since 1970-01-01."""


def make(size: Size, *, seed: int = 0, until: datetime) -> Iterator[Made]:
    """Make sessions in blocks, the same for the same *seed*, up to *until* (aware); exactly `size.events` in all.

    Items are Zipf-like, and those of a session lie near each other, so that pairs repeat; session lengths are
    geometric; visitors follow a power law; hours follow a day with a quiet night.
    """
    rng, left, first = np.random.default_rng(seed), size.events, 0
    midnight = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = int((midnight - timedelta(days=size.days - 1)).timestamp()) * 1_000_000
    end = int(until.timestamp() * 1_000_000)
    while left > 0:
        made = _block(rng, size, first, min(_BLOCK, left), start, end)
        made = Made(*(column[:left] for column in made))
        yield made
        left -= len(made.item)
        first = int(made.session[-1]) + 1


def rows(made: Made) -> Iterator[dict[str, Any]]:
    """Give events as rows that `recsys interactions import` reads; every id says what it is."""
    columns = zip(*(column.tolist() for column in made), strict=True)
    for visitor, session, item, kind, at in columns:
        yield {
            "user_id": f"synthetic-{visitor}",
            "session_id": f"synthetic-{session}",
            "item_id": f"synthetic-{item:07d}",
            "event_type": _KINDS[kind],
            "occurred_at": at / 1_000_000,
        }


def _block(rng: np.random.Generator, size: Size, first: int, sessions: int, start: int, end: int) -> Made:
    lengths = rng.geometric(1 / size.session_length, sessions)
    owner = np.repeat(np.arange(sessions), lengths)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    steps = rng.laplace(0.0, _DRIFT, len(owner)) * (nth > 0)
    home = np.exp(rng.random(sessions) * np.log(size.items)) - 1  # ranks drawn like 1 / rank
    ranks = np.abs(home[owner] + _running(steps, lengths)).astype(np.int64) % size.items
    visitor = (rng.random(sessions) ** (1 / _RETURNING) * size.visitors).astype(np.int64)
    began = (
        start
        + rng.integers(size.days, size=sessions) * _DAY_MICROS
        + (_hours(rng, sessions) * 3_600e6).astype(np.int64)
    )
    pauses = (rng.exponential(_PAUSE_SECONDS, len(owner)) * 1e6 * (nth > 0)).astype(np.int64)
    at = np.minimum(began[owner] + _running(pauses, lengths), end)
    kind = rng.choice(len(_KINDS), len(owner), p=_KIND_SHARES)
    return Made(visitor[owner], first + owner, ranks, kind, at)


def _running(steps: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Sum *steps* up to each place within runs of these lengths."""
    total = np.cumsum(steps)
    starts = np.cumsum(lengths) - lengths
    return np.asarray(total - np.repeat(total[starts] - steps[starts], lengths))


def _hours(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Draw hours of a day, most in the evening, few at night."""
    return rng.normal(17.0, 5.0, count) % 24
