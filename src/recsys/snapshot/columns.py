"""The rows of the three signal tables as columns of numbers: what a snapshot is frozen from (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.sessions import SessionColumns
from recsys.snapshot.vocabulary import Numbers, Vocabulary

Days = npt.NDArray[np.int32]
"""Days since 1970-01-01."""

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to *day*."""
    return day.toordinal() - _EPOCH


class PopularityRow(NamedTuple):
    """One row of item_popularity_daily."""

    item_id: str
    day: date
    score: float


class CovisitationRow(NamedTuple):
    """One row of item_covisit_daily."""

    item_id: str
    neighbor_id: str
    day: date
    score: float


class TagsRow(NamedTuple):
    """One row of item_tags."""

    item_id: str
    tags: tuple[str, ...] = ()
    available: bool = True
    created: int = 0
    """Hours since 1970-01-01 if the item is new, else 0."""


def _numbers() -> Numbers:
    return np.empty(0, np.int32)


def _scores() -> npt.NDArray[np.floating]:
    return np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class PopularityColumns:
    """Rows of item_popularity_daily, in any order; three arrays of shape (rows,)."""

    item: Numbers = field(default_factory=_numbers)
    day: Days = field(default_factory=_numbers)
    score: npt.NDArray[np.floating] = field(default_factory=_scores)


@dataclass(frozen=True, slots=True)
class CovisitationColumns:
    """Rows of item_covisit_daily, in any order; four arrays of shape (rows,)."""

    item: Numbers = field(default_factory=_numbers)
    neighbor: Numbers = field(default_factory=_numbers)
    day: Days = field(default_factory=_numbers)
    score: npt.NDArray[np.floating] = field(default_factory=_scores)


@dataclass(frozen=True, slots=True)
class TagColumns:
    """The entries of item_tags.tags, one row for each item and tag, in any order; two arrays of shape (rows,)."""

    item: Numbers = field(default_factory=_numbers)
    tag: Numbers = field(default_factory=_numbers)


@dataclass(frozen=True, slots=True)
class CreatedColumns:
    """When new items were created, in any order; two arrays of shape (rows,)."""

    item: Numbers = field(default_factory=_numbers)
    hour: Numbers = field(default_factory=_numbers)  # since 1970-01-01


@dataclass(frozen=True, slots=True)
class Columns:
    """One namespace's rows. Numbers of items are places in `items`, numbers of tags are places in `tags`."""

    items: Vocabulary
    tags: Vocabulary
    popularity: PopularityColumns
    covisitation: CovisitationColumns
    tagged: TagColumns
    unavailable: Numbers  # (u,) items that must not be shown
    sessions: SessionColumns | None = None  # None where no config weighs them
    created: CreatedColumns = field(default_factory=CreatedColumns)
    strangers: Numbers = field(default_factory=_numbers)  # items that have no row of their own, only another one's
    gone: Vocabulary = field(default_factory=lambda: Vocabulary(()))  # deleted items; they are not in `items`

    @classmethod
    def from_rows(
        cls,
        popularity: Iterable[tuple[str, date, float]] = (),
        covisitation: Iterable[tuple[str, str, date, float]] = (),
        tags: Iterable[tuple[str, tuple[str, ...], bool] | tuple[str, tuple[str, ...], bool, int]] = (),
        owners: Iterable[str] = (),
        gone: Iterable[str] = (),
    ) -> Columns:
        """Make columns from rows of Python values, few of them: a namespace is loaded in columns.

        *owners* may name items whose rows do not count, such as those of a day long ago. No row is of or names a *gone*
        item.
        """
        popular = [PopularityRow(*row) for row in popularity]
        together = [CovisitationRow(*row) for row in covisitation]
        tagged = [TagsRow(*row) for row in tags]
        owned = {*owners, *_owners(popular), *_owners(together), *_owners(tagged)}
        items = Vocabulary([*owned, *(row.neighbor_id for row in together)])
        words = Vocabulary(tag for row in tagged for tag in row.tags)
        return cls(
            items=items,
            tags=words,
            popularity=PopularityColumns(
                items.known(row.item_id for row in popular), _days(popular), _score_column(popular)
            ),
            covisitation=CovisitationColumns(
                items.known(row.item_id for row in together),
                items.known(row.neighbor_id for row in together),
                _days(together),
                _score_column(together),
            ),
            tagged=TagColumns(
                items.known(row.item_id for row in tagged for _ in row.tags),
                words.known(tag for row in tagged for tag in row.tags),
            ),
            unavailable=items.known(row.item_id for row in tagged if not row.available),
            created=CreatedColumns(
                items.known(row.item_id for row in tagged if row.created),
                np.array([row.created for row in tagged if row.created], dtype=np.int32),
            ),
            strangers=items.known(set(items.ids) - owned),
            gone=Vocabulary(gone),
        )


def _owners(rows: Iterable[PopularityRow | CovisitationRow | TagsRow]) -> Iterator[str]:
    return (row.item_id for row in rows)


def _days(rows: list[PopularityRow] | list[CovisitationRow]) -> Days:
    return np.array([day_number(row.day) for row in rows], dtype=np.int32)


def _score_column(rows: list[PopularityRow] | list[CovisitationRow]) -> npt.NDArray[np.float64]:
    return np.array([row.score for row in rows], dtype=np.float64)
