"""What a namespace's rows say once their days are summed: all that a snapshot is weighed from (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.snapshot.columns import Columns, CreatedColumns, PopularityColumns, TagColumns
from recsys.snapshot.decay import Decay, decayed_sums
from recsys.snapshot.neighbors import met_pairs
from recsys.snapshot.rows import Rows, Scores, indptr
from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.tenancy.config import SignalParams


@dataclass(frozen=True, slots=True)
class Raw:
    """What ranking does not read, and what amending a snapshot takes. n items."""

    pairs: Rows
    """n rows of neighbours, ascending; values are how often the two met, decayed, as float32; 0 for rows of score 0."""
    strangers: npt.NDArray[np.bool_]  # (n,)
    """Items without a row of their own: they are in the catalogue as long as another one's row names them."""
    trending: Scores  # (n,) decayed sums of a short half-life; (0,) where config asks for none
    created: Numbers  # (n,) hours since 1970-01-01, 0 of items that are not new; (0,) where config asks for none
    gone: Vocabulary
    """Deleted items. Rows that name one are in no pairs, so one that comes back can not be amended."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One namespace's rows as of a day. n items, t tags, each of which an item carries."""

    items: Vocabulary
    tags: Vocabulary
    available: npt.NDArray[np.bool_]  # (n,)
    popularity: Scores  # (n,) decayed sums
    item_tags: Rows  # n rows of tag numbers, ascending, without values
    raw: Raw


def summed(columns: Columns, params: SignalParams, today: int) -> Evidence:
    """Sum *columns* over their days as they count on *today*, in days since 1970-01-01."""
    n = len(columns.items)
    available = np.ones(n, dtype=np.bool_)
    available[columns.unavailable] = False
    strangers = np.zeros(n, dtype=np.bool_)
    strangers[columns.strangers] = True
    return Evidence(
        items=columns.items,
        tags=columns.tags,
        available=available,
        popularity=_popularity(columns.popularity, n, popularity_decay(params, today)),
        item_tags=_item_tags(columns.tagged, n, len(columns.tags)),
        raw=Raw(
            pairs=met_pairs(columns.covisitation, n, covisitation_decay(params, today)),
            strangers=strangers,
            trending=_trending(columns.popularity, n, params, today),
            created=_created(columns.created, n, params),
            gone=columns.gone,
        ),
    )


def popularity_decay(params: SignalParams, today: int) -> Decay:
    """Say how days of popularity count."""
    return Decay(today, params.popularity_half_life, params.popularity_window)


def covisitation_decay(params: SignalParams, today: int) -> Decay:
    """Say how days of co-visitation count."""
    return Decay(today, params.covisitation_half_life, params.covisitation_window)


def _popularity(columns: PopularityColumns, n: int, decay: Decay) -> Scores:
    sums = decayed_sums(columns.item.astype(np.int64), columns.day, columns.score, decay)
    popularity = np.zeros(n)
    popularity[sums.keys] = sums.values
    return popularity


def _trending(columns: PopularityColumns, n: int, params: SignalParams, today: int) -> Scores:
    if params.trending_half_life is None:
        return np.empty(0)
    return _popularity(columns, n, Decay(today, params.trending_half_life, params.popularity_window))


def _created(columns: CreatedColumns, n: int, params: SignalParams) -> Numbers:
    if params.new_days is None:
        return np.empty(0, dtype=np.int32)
    created = np.zeros(n, dtype=np.int32)
    created[columns.item] = columns.hour
    return created


def _item_tags(columns: TagColumns, n: int, t: int) -> Rows:
    entries = np.unique(columns.item * np.int64(t) + columns.tag)
    item, tag = (entries // max(t, 1)).astype(np.int32), (entries % max(t, 1)).astype(np.int32)
    return Rows(indptr(item, n), tag)
