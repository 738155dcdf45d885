"""How a log is cut into what was known and what was to be guessed (pure).

Each protocol gives the past that signals are built from, the time at which everything is asked, and the cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from recsys.evaluation.log import Index, Log, moment
from recsys.snapshot.vocabulary import Numbers

_MINUTE = 60_000_000
_AFTER = timedelta(seconds=1)


class Case(NamedTuple):
    """One question: what a visitor did before, and what they turned out to want."""

    visitor: int
    history: Index
    """Places in the whole log of what the visitor is known to have done, newest first."""
    relevant: frozenset[str]


class Split(NamedTuple):
    """A past, a moment, and the questions that are asked then."""

    log: Log
    past: Index
    """Places in `log`, ascending: what signals are built from."""
    now: datetime
    cases: list[Case]


class Options(NamedTuple):
    """What protocols may be told."""

    share: float = 0.2
    """How much of the log, by number of events, lies in the future of `temporal`, `sessions` and `baskets`."""
    gap_minutes: int = 30
    """A longer pause ends the session of a visitor without session ids."""


Protocol = Callable[[Log, Options], Split]


def leave_last_out(log: Log, _options: Options) -> Split:
    """Hold out each visitor's last interaction; the rest of everybody's is known, `now` is a second after the end.

    A visitor with one interaction is not asked for. Ties in time are broken by the order of arrival.
    """
    lives = [life for life in _lives(log.visitor) if len(life) > 1]
    cases = [Case(int(log.visitor[life[-1]]), life[-2::-1], _ids(log, life[-1:])) for life in lives]
    past = np.setdiff1d(np.arange(len(log)), [life[-1] for life in lives])
    return Split(log, past, moment(int(log.at.max())) + _AFTER, cases)


def leave_last_session_out(log: Log, options: Options) -> Split:
    """Hold out each visitor's last session, all of whose items are wanted: the next basket.

    A visitor with one session is not asked for; `now` is a second after the end.
    """
    cases, held = [], [np.empty(0, dtype=np.intp)]
    sessions = session_numbers(log, options.gap_minutes)
    for life in _lives(log.visitor):
        last = life[sessions[life] == sessions[life[-1]]]
        if len(last) < len(life):
            before = np.setdiff1d(life, last)
            cases.append(Case(int(log.visitor[life[-1]]), before[::-1], _ids(log, last)))
            held.append(last)
    past = np.setdiff1d(np.arange(len(log)), np.concatenate(held))
    return Split(log, past, moment(int(log.at.max())) + _AFTER, cases)


def temporal(log: Log, options: Options) -> Split:
    """Cut the whole log at one moment: visitors with a past, whose later new items that the past knows are wanted."""
    cut = _cut(log, options)
    known = np.zeros(len(log.items), dtype=np.bool_)
    known[log.item[:cut]] = True
    cases = []
    for life in _lives(log.visitor):
        before, after = life[life < cut], life[life >= cut]
        wanted = _ids(log, after[known[log.item[after]]]) - _ids(log, before)
        if len(before) and wanted:
            cases.append(Case(int(log.visitor[life[0]]), before[::-1], wanted))
    return Split(log, np.arange(cut), moment(int(log.at[cut])), cases)


def next_items(log: Log, options: Options) -> Split:
    """Guess each next item of the sessions that begin after one moment, from what came before it in the session.

    An item that the session holds already is not asked for.
    """
    cut = _cut(log, options)
    cases = [
        Case(int(log.visitor[life[0]]), life[place - 1 :: -1], _ids(log, life[place : place + 1]))
        for life in _later_sessions(log, cut, options)
        for place in range(1, len(life))
        if log.item[life[place]] not in log.item[life[:place]]
    ]
    return Split(log, np.arange(cut), moment(int(log.at[cut])), cases)


def baskets(log: Log, options: Options) -> Split:
    """Guess the second half of each session that begins after one moment from its first half (the larger one)."""
    cut = _cut(log, options)
    cases = []
    for life in _later_sessions(log, cut, options):
        half = -(-len(life) // 2)
        if wanted := _ids(log, life[half:]) - _ids(log, life[:half]):
            cases.append(Case(int(log.visitor[life[0]]), life[half - 1 :: -1], wanted))
    return Split(log, np.arange(cut), moment(int(log.at[cut])), cases)


PROTOCOLS: dict[str, Protocol] = {
    "leave-last-out": leave_last_out,
    "temporal": temporal,
    "sessions": next_items,
    "baskets": baskets,
    "next-basket": leave_last_session_out,
}


def session_numbers(log: Log, gap_minutes: int) -> Index:
    """Give sessions numbers (ids, else a visitor's events without a long pause), shape (m,); -1 is nobody's."""
    order = np.argsort(log.visit, kind="stable")
    begins = np.diff(log.visit[order], prepend=-2) != 0
    begins[1:] |= log.by_visitor[order][1:] & (np.diff(log.at[order]) > gap_minutes * _MINUTE)
    numbers = np.empty(len(log), dtype=np.intp)
    numbers[order] = np.cumsum(begins) - 1
    numbers[log.visit < 0] = -1
    return numbers


def _later_sessions(log: Log, cut: int, options: Options) -> Iterator[Index]:
    for session in _lives(session_numbers(log, options.gap_minutes)):
        if session[0] >= cut and len(session) > 1:
            yield session


def _cut(log: Log, options: Options) -> int:
    """Return the place of the first event of the future; equal times are not torn apart."""
    place = min(int(len(log) * (1 - options.share)), len(log) - 1)
    return int(np.searchsorted(log.at, log.at[place]))


def _lives(owners: Index | Numbers) -> Iterator[Index]:
    """Give the places of each owner's events, ascending; what belongs to nobody (-1) is left out."""
    order = np.argsort(owners, kind="stable")
    order = order[owners[order] >= 0]
    yield from np.split(order, np.flatnonzero(np.diff(owners[order])) + 1) if len(order) else ()


def _ids(log: Log, places: Index) -> frozenset[str]:
    return frozenset(log.items[number] for number in log.item[places].tolist())
