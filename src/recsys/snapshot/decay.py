"""Daily scores become one number: a sum in which every day counts less, the older it is (pure)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.columns import Days

Keys = npt.NDArray[np.int64]


class Decay(NamedTuple):
    """How days count on *today*, both in days since 1970-01-01: ``2 ** (-age / half_life)`` while ``age < window``.

    None is off. Tomorrow, which a writer further east may name already, counts as today; later days do not count yet.
    """

    today: int
    half_life: float | None
    window: int | None

    def within(self, day: Days) -> npt.NDArray[np.bool_]:
        """Say which days the window holds, shape of *day*."""
        begun = day <= self.today + 1
        return begun if self.window is None else begun & (day > self.today - self.window)

    def weights(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the weight of each day from *first* to *last*, shape (last - first + 1,)."""
        age = np.maximum(self.today - np.arange(first, last + 1), 0)
        if self.half_life is None:
            return np.ones(len(age))
        return np.asarray(np.exp2(-age / self.half_life))


class Sums(NamedTuple):
    """One decayed sum for each key that has rows, keys ascending; two arrays of shape (m,)."""

    keys: Keys
    values: npt.NDArray[np.float64]


def decayed_sums(keys: Keys, day: Days, score: npt.NDArray[np.floating], decay: Decay) -> Sums:
    """Sum *score* over the days of each key. Three arrays of shape (rows,), in any order.

    Addition goes by key and day, so the order of the rows does not move the last bit of a sum. Keys of one table
    are primary keys together with the day: none occurs twice on a day. `keys * days` must fit into 63 bits.
    """
    inside = decay.within(day)
    if not inside.all():
        keys, day, score = keys[inside], day[inside], score[inside]
    if len(keys) == 0:
        return Sums(np.empty(0, np.int64), np.empty(0))
    first, last = int(day.min()), int(day.max())
    span = last - first + 1
    dated = keys * span
    del keys  # the caller keeps none: at 20 million rows each array of this length is 160 MB
    dated += day
    dated -= first
    order = np.argsort(dated)
    dated = dated[order]
    values = score[order].astype(np.float64)
    del order
    values *= decay.weights(first, last)[dated % span]
    dated //= span
    starts = np.flatnonzero(np.diff(dated, prepend=-1))
    return Sums(dated[starts], np.add.reduceat(values, starts))
