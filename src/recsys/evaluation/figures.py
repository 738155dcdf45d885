"""Lists become figures with intervals: means over cases, resampled by visitor (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from recsys.evaluation import metrics
from recsys.evaluation.protocols import Split
from recsys.evaluation.run import Lists
from recsys.snapshot.vocabulary import Vocabulary

Table = npt.NDArray[np.float64]

RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)
_POPULAR = 0.1
"""The most popular tenth of the items is what "popular" means below."""

ACCURACY: dict[str, Callable[[tuple[str, ...], AbstractSet[str], int], float]] = {
    "ndcg": metrics.ndcg,
    "hr": metrics.hit,
    "recall": metrics.recall,
    "mrr": metrics.reciprocal_rank,
    "map": metrics.average_precision,
}
CHARACTER = ("novelty", "diversity", "popular", "short")
"""Of a list, whoever it is for: novelty in bits, diversity by tags, share of popular items, whether it is short."""

GROUPS = {"cold": (0, 5), "light": (5, 50), "heavy": (50, None)}
"""Visitors by how many interactions are known of them: from, up to but not including."""


class Figure(Struct, frozen=True):
    """A mean and its 95 % interval (bootstrap over visitors); without one where there is none to give."""

    value: float
    low: float | None = None
    high: float | None = None


class Group(Struct, frozen=True):
    """The figures of the visitors with a history of some length."""

    cases: int
    figures: dict[str, Figure]


class Result(Struct, frozen=True):
    """How one contender did."""

    name: str
    figures: dict[str, Figure]
    groups: dict[str, Group]
    against: dict[str, Figure]
    """Difference from the first contender on the same visitors; empty for the first."""


class Measures:
    """What lists of one split are measured with."""

    def __init__(self, split: Split, k: int) -> None:
        self.split = split
        self.k = k
        past = split.log.take(split.past)
        touched = np.unique(np.stack([past.visitor, past.item]), axis=1)[1]
        visitors = max(len(np.unique(past.visitor)), 1)
        ids = past.items
        self.share: Mapping[str, float] = {
            ids[item]: count / visitors for item, count in Counter(touched.tolist()).items()
        }
        counts = Counter(past.item.tolist()).most_common(max(1, round(_POPULAR * len(self.share))))
        self.popular = {ids[item] for item, _ in counts}
        self.tags = {one.item_id: frozenset(one.tags) for one in past.tags}
        self.catalogue: Collection[str] = Vocabulary([*self.share, *self.tags]).ids
        self.visitors = np.unique([case.visitor for case in split.cases], return_inverse=True)[1]
        self.known = np.array([len(case.history) for case in split.cases])

    def table(self, shown: Lists) -> Table:
        """Measure every list: one row a case, one column a name of `ACCURACY` and `CHARACTER`."""
        rows = [self._row(ranked, case.relevant) for ranked, case in zip(shown, self.split.cases, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(ACCURACY) + len(CHARACTER))

    def _row(self, ranked: tuple[str, ...], relevant: AbstractSet[str]) -> list[float]:
        return [
            *(metric(ranked, relevant, self.k) for metric in ACCURACY.values()),
            metrics.novelty(ranked, self.share),
            metrics.intra_list_diversity(ranked, self.tags),
            len(self.popular.intersection(ranked)) / len(ranked) if ranked else 0.0,
            float(len(ranked) < self.k),
        ]


def names(k: int) -> list[str]:
    """Name the columns of a table; `short` is the share of lists shorter than k."""
    return [*(f"{name}@{k}" for name in ACCURACY), *CHARACTER]


def results(measures: Measures, shown: Mapping[str, Lists]) -> list[Result]:
    """Measure every contender on the same cases, with the same resampled visitors."""
    tables = {name: measures.table(one) for name, one in shown.items()}
    base = next(iter(tables.values()))
    return [
        Result(
            name,
            _means(table, measures.visitors, measures.k)
            | {"coverage": Figure(round(metrics.coverage(shown[name], measures.catalogue), 4))},
            _grouped(table, measures),
            {} if table is base else _means(table - base, measures.visitors, measures.k),
        )
        for name, table in tables.items()
    ]


def _grouped(table: Table, measures: Measures) -> dict[str, Group]:
    groups = {}
    for name, (first, end) in GROUPS.items():
        inside = (measures.known >= first) & (measures.known < (end or np.inf))
        if inside.any():
            figures = _means(table[inside], measures.visitors[inside], measures.k)
            groups[name] = Group(int(inside.sum()), figures)
    return groups


def _means(table: Table, visitors: npt.NDArray[np.intp], k: int) -> dict[str, Figure]:
    columns = [table.mean(axis=0)]
    if len(np.unique(visitors)) > 1:
        columns += [*np.percentile(resampled(table, visitors), _INTERVAL, axis=0)]
    return {
        name: Figure(*(round(float(number), 4) for number in column))
        for name, *column in zip(names(k), *columns, strict=True)
    }


def resampled(table: Table, visitors: npt.NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 0) -> Table:
    """Return the means of each column over *resamples* draws of as many visitors, shape (resamples, columns).

    A visitor's cases are drawn together: they are not independent of each other (a cluster bootstrap; Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
    """
    _, owner = np.unique(visitors, return_inverse=True)
    count = int(owner.max()) + 1
    sums = np.stack([np.bincount(owner, column, count) for column in table.T], axis=1)
    cases = np.bincount(owner, minlength=count)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, table.shape[1]))
    for draw in means:
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        draw[:] = times @ sums / (times @ cases)
    return means
