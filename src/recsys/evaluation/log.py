"""Interactions in the order in which they happened, as arrays: what a backtest cuts into past and future (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.ranking.query import Event
from recsys.snapshot.vocabulary import Numbers

Index = npt.NDArray[np.intp]
Micros = npt.NDArray[np.int64]
"""Microseconds since 1970-01-01 in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Happened(NamedTuple):
    """One interaction. Who it was: a visitor, a session, both, or nobody known."""

    item_id: str
    event_type: str
    occurred_at: datetime
    visitor: str | None = None
    session: str | None = None


class Tagged(NamedTuple):
    """What is known of one item."""

    item_id: str
    tags: tuple[str, ...] = ()
    available: bool = True


@dataclass(frozen=True, slots=True)
class Log:
    """m interactions, oldest first; equal times stand in the order of their arrival."""

    items: tuple[str, ...]
    event_types: tuple[str, ...]
    item: Numbers  # (m,) places in `items`
    kind: Numbers  # (m,) places in `event_types`
    visitor: Numbers  # (m,) who it was: the visitor, else the session; -1 is nobody
    visit: Numbers  # (m,) the session, else the visitor; -1 is nobody
    by_visitor: npt.NDArray[np.bool_]  # (m,) the visit is a visitor's whole life, which pauses cut into sittings
    at: Micros  # (m,)
    tags: tuple[Tagged, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.item)

    @classmethod
    def of(cls, happened: Iterable[Happened], tags: Iterable[Tagged] = ()) -> Log:
        """Make a log of interactions in the order of their arrival."""
        rows = list(happened)
        item, items = _numbered([row.item_id for row in rows])
        kind, event_types = _numbered([row.event_type for row in rows])
        visitor, _ = _numbered([_name("u", row.visitor) or _name("s", row.session) for row in rows])
        visit, _ = _numbered([_name("s", row.session) or _name("u", row.visitor) for row in rows])
        at = np.array([(row.occurred_at - _EPOCH) // _MICROSECOND for row in rows], dtype=np.int64)
        by_visitor = np.array([row.session is None for row in rows], dtype=np.bool_)
        log = cls(items, event_types, item, kind, visitor, visit, by_visitor, at, tuple(tags))
        return log.take(np.argsort(at, kind="stable"))

    def take(self, places: Index) -> Log:
        """Return the interactions at *places*, in that order, with the same numbers for items and visitors."""
        columns = {name: getattr(self, name)[places] for name in _COLUMNS}
        return replace(self, **columns)

    def since(self, moment: datetime) -> Log:
        """Return the interactions from *moment* (aware) on."""
        return self.take(np.flatnonzero(self.at >= (moment - _EPOCH) // _MICROSECOND))

    def event(self, place: int) -> Event:
        """Return one interaction as ranking sees it."""
        return Event(self.items[self.item[place]], self.event_types[self.kind[place]], moment(int(self.at[place])))

    def ties_shuffled(self, seed: int) -> Log:
        """Put interactions of equal time into a random order, to see how much of a figure their order decides."""
        chance = np.random.default_rng(seed).permutation(len(self))
        return self.take(np.lexsort((chance, self.at)))


_COLUMNS = ("item", "kind", "visitor", "visit", "by_visitor", "at")


def moment(micros: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def _name(kind: str, name: str | None) -> str | None:
    return None if name is None else kind + name


def _numbered(names: Sequence[str | None]) -> tuple[Numbers, tuple[str, ...]]:
    """Give names numbers by first appearance; None is -1."""
    numbers: dict[str, int] = {}
    column = [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names]
    return np.array(column, dtype=np.int32), tuple(numbers)
