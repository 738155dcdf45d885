"""What `recsys signals build` would store of a log: the definitions of db/sql/queries/signals.sql, on arrays (pure).

A backtest rebuilds signals from many pasts; in the database each would be minutes of writing. That both give the same
rows is proven by tests/integration/signals/test_definitions.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.evaluation.log import Index, Log, Tagged
from recsys.evaluation.protocols import session_numbers
from recsys.signals.window import reach
from recsys.snapshot.columns import Columns, CovisitationColumns, PopularityColumns, TagColumns
from recsys.snapshot.sessions import ITEMS_MAX, SessionColumns
from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.tenancy.config import SignalParams
from recsys.tenancy.sections import Sessions

Floats = npt.NDArray[np.float64]

_DAY = 86_400_000_000
_MINUTE = 60_000_000
_DECIMALS = 6
"""Scores are stored with six decimals."""


def columns(log: Log, params: SignalParams) -> Columns:
    """Return the rows of the three signal tables that *log* and its items give under *params*."""
    weight = _weights(log, params)
    people = np.flatnonzero(weight > 0)
    people = people[~_bots(log.take(people), params.bot_events_per_day)]
    counted, weight = log.take(people), weight[people]
    touched = (log.items[number] for number in np.unique(counted.item).tolist())
    vocabulary = Vocabulary([*touched, *(one.item_id for one in log.tags)])
    numbers = np.array([-1 if (n := vocabulary.number(name)) is None else n for name in log.items], dtype=np.int32)
    item = numbers[counted.item]
    words = Vocabulary(tag for one in log.tags for tag in one.tags)
    return Columns(
        items=vocabulary,
        tags=words,
        popularity=_popularity(item, counted, weight, len(vocabulary)),
        covisitation=_covisitation(item, counted, weight, len(vocabulary), params),
        tagged=_tagged(log.tags, vocabulary, words),
        unavailable=vocabulary.known(one.item_id for one in log.tags if not one.available),
        sessions=None if params.sessions is None else _sessions(item, counted, params, params.sessions),
    )


def _weights(log: Log, params: SignalParams) -> Floats:
    weights = np.array([params.event_weights.get(kind, 1.0) for kind in log.event_types], dtype=np.float64)
    return weights[log.kind]


def _bots(log: Log, most: int | None) -> npt.NDArray[np.bool_]:
    """Say which events are those of a visit or visitor with more than *most* on the day, shape (m,)."""
    found = np.zeros(len(log), dtype=np.bool_)
    for who in (log.visit, log.visitor) if most is not None else ():
        groups = who * np.int64(1_000_000) + log.at // _DAY
        _, group, events = np.unique(groups, return_inverse=True, return_counts=True)
        found |= (who >= 0) & (events[group] > most)
    return found


def _popularity(item: Numbers, log: Log, weight: Floats, n: int) -> PopularityColumns:
    keys, days, scores = _summed(item.astype(np.int64), log.at // _DAY, weight, n)
    return PopularityColumns(keys.astype(np.int32), days, scores)


class Seats(NamedTuple):
    """Events of known visits, visit by visit, each in order; arrays of shape (m,)."""

    sitting: npt.NDArray[np.int64]
    """Ascending."""
    item: Numbers
    at: npt.NDArray[np.int64]
    weight: Floats

    def ties(self, apart: int, params: SignalParams) -> Index:
        """Return the places of events that make a pair with the one *apart* places before them."""
        same = self.sitting[apart:] == self.sitting[:-apart]
        same &= self.item[apart:] != self.item[:-apart]
        same &= self.at[apart:] - self.at[:-apart] < reach(params) * _DAY
        return np.flatnonzero(same) + apart


def _covisitation(item: Numbers, log: Log, weight: Floats, n: int, params: SignalParams) -> CovisitationColumns:
    seats = _seated(item, log, weight, params)
    keys, days, weights = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for apart in range(1, min(params.pair_window, len(seats.item) - 1) + 1):
        later = seats.ties(apart, params)
        one, other = seats.item[later].astype(np.int64), seats.item[later - apart].astype(np.int64)
        keys.append(np.minimum(one, other) * n + np.maximum(one, other))
        days.append(seats.at[later] // _DAY)
        weights.append(np.sqrt(seats.weight[later] * seats.weight[later - apart]))
    pairs, day, score = _summed(np.concatenate(keys), np.concatenate(days), np.concatenate(weights), n * n)
    left, right = (pairs // max(n, 1)).astype(np.int32), (pairs % max(n, 1)).astype(np.int32)
    return CovisitationColumns(
        np.concatenate([left, right]),
        np.concatenate([right, left]),
        np.tile(day, 2),
        np.tile(score, 2).astype(np.float32),
    )


def _seated(item: Numbers, log: Log, weight: Floats, params: SignalParams) -> Seats:
    """Bring visits together, cap what of a day counts, and cut a visitor's life at long pauses."""
    order = np.argsort(log.visit, kind="stable")
    order = order[log.visit[order] >= 0]
    order = order[_nth(log.visit[order] * np.int64(1_000_000) + log.at[order] // _DAY) < params.session_length]
    visit, at = log.visit[order], log.at[order]
    begins = np.diff(visit, prepend=-1) != 0
    begins[1:] |= log.by_visitor[order][1:] & (np.diff(at) > params.session_gap_minutes * _MINUTE)
    return Seats(np.cumsum(begins), item[order], at, weight[order])


def _nth(groups: npt.NDArray[np.int64]) -> Index:
    """Count within runs of equal *groups*, from 0."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))


def _summed(
    keys: npt.NDArray[np.int64], days: npt.NDArray[np.int64], weights: Floats, bound: int
) -> tuple[npt.NDArray[np.int64], Numbers, Floats]:
    """Sum *weights* by key, below *bound*, and day; round as the tables do, and leave out what is 0."""
    if len(keys) == 0:
        return keys, days.astype(np.int32), weights
    first = int(days.min())
    span = int(days.max()) - first + 1
    dated = keys * span + (days - first) if bound * span < 2**63 else _too_large(bound, span)
    order = np.argsort(dated, kind="stable")
    dated = dated[order]
    starts = np.flatnonzero(np.diff(dated, prepend=-1))
    sums = np.asarray(np.round(np.add.reduceat(weights[order], starts), _DECIMALS), dtype=np.float64)
    dated, sums = dated[starts][sums > 0], sums[sums > 0]
    return dated // span, (dated % span + first).astype(np.int32), sums


def _too_large(bound: int, span: int) -> npt.NDArray[np.int64]:
    raise ValueError(f"{bound} keys on {span} days do not fit into 63 bits: backtest a shorter time")


def _sessions(item: Numbers, log: Log, params: SignalParams, remember: Sessions) -> SessionColumns:
    """Collect the newest sessions with more than one item, each with its newest items first."""
    number = session_numbers(log, params.session_gap_minutes)
    recent = np.flatnonzero((number >= 0) & (log.at >= log.at.max(initial=0) - remember.window_days * _DAY))
    order = recent[np.argsort(number[recent], kind="stable")]
    cuts = np.flatnonzero(np.diff(number[order])) + 1
    lives = sorted((life for life in np.split(order, cuts) if len(life)), key=lambda life: int(life[-1]))
    kept = [one for life in lives if len(one := list(dict.fromkeys(item[life[::-1]].tolist()))[:ITEMS_MAX]) > 1]
    kept = kept[-remember.keep :]
    owner = np.repeat(np.arange(len(kept), dtype=np.int32), [len(one) for one in kept])
    return SessionColumns(owner, np.array([number for one in kept for number in one], dtype=np.int32))


def _tagged(tags: tuple[Tagged, ...], items: Vocabulary, words: Vocabulary) -> TagColumns:
    counts = np.array([len(one.tags) for one in tags], dtype=np.int64)
    numbers = items.known(one.item_id for one in tags)
    return TagColumns(np.repeat(numbers, counts), words.known(tag for one in tags for tag in one.tags))
