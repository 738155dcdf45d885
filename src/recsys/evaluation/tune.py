"""Search for settings on one part of the visitors, and judge them on the others, who were never looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from recsys.evaluation.backtest import FRESH
from recsys.evaluation.contenders import contender, without_seen
from recsys.evaluation.figures import Figure, Measures, Table, names, resampled
from recsys.evaluation.protocols import Split
from recsys.evaluation.run import lists, snapshot_of
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams, Weights, parse_config

Document = dict[str, Any]

CHOICES: dict[str, tuple[Any, ...]] = {
    "anchors.decay": (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0),
    "weights.pop": (0.0, 0.1, 0.2, 0.3, 0.5, 1.0),
    "weights.cooc": (0.0, 0.1, 0.3, 0.5, 0.7, 1.0),
    "weights.session": (0.0, 0.3, 0.6, 1.0, 2.0),
    "weights.emb": (0.0, 0.1, 0.2, 0.3),
    "personalization.weight": (0.0, 0.1, 0.2, 0.3),
    "anchors.max_history": (5, 10, 20, 50),
    "candidates.neighbors": (20, 50, 100),
    "candidates.popular": (50, 100, 200, 500),
    "candidates.similar": (0, 50, 200),
    "candidates.factor": (2, 5, 10, 20),
    "popularity.half_life_days": (1, 3, 5, 7, 14, 30, 90, None),
    "covisitation.half_life_days": (30, 90, 365, None),
    "covisitation.normalization": ("count", "cosine", "jaccard", "llr", "sqrt_llr"),
    "covisitation.shrinkage": (0, 1, 5, 20),
    "covisitation.pair_window": (3, 5, 10, 20),
}
"""What is tried for each key, in this order: what needs no new snapshot first."""


ROUNDS = 3
"""A key is tried again after the others have moved."""


class Trial(NamedTuple):
    """One document and how it did on the visitors that it was searched on."""

    document: Document
    value: float


class Verdict(Struct, frozen=True):
    """What a search found."""

    figure: str
    trials: int
    changed: dict[str, Any]
    """Key to value, for everything that differs from the document that was begun with."""
    searched: Figure
    """Gain on the visitors that were searched on; too good, because the best of many was chosen."""
    gain: Figure
    """Gain on the visitors that were held back, with its 95 % interval: what to expect."""
    before: float
    """The figure of the document that was begun with, on the visitors that were held back."""
    recommended: bool
    """Whether the whole interval of the gain lies above 0."""
    document: Document
    """The recommended document: the one that was begun with, where the change is within noise."""


class Search:
    """Asks a split with one document after the other."""

    def __init__(self, split: Split, protocol: str, *, surface: str, namespace: str, k: int, figure: str) -> None:
        self._split = split
        self._protocol = protocol
        self._place = surface, namespace
        self._k = k
        self._column = names(k).index(figure)
        self._measures = Measures(split, k)
        self._tables: dict[bytes, Table] = {}
        self._snapshot: tuple[SignalParams, Snapshot] | None = None

    @property
    def trials(self) -> int:
        """How many documents were asked."""
        return len(self._tables)

    def value(self, document: Document) -> float:
        """Return the mean of the figure."""
        return float(self.column(document).mean())

    def column(self, document: Document) -> Table:
        """Return the figure of every case, shape (cases, 1)."""
        key = msgspec.json.encode(document, order="deterministic")
        if key not in self._tables:
            self._tables[key] = self._measures.table(self._lists(key))[:, self._column : self._column + 1]
        return self._tables[key]

    def gain(self, document: Document, before: Document) -> Figure:
        """Return the mean difference with its interval, on the same visitors."""
        difference = self.column(document) - self.column(before)
        low, high = np.percentile(resampled(difference, self._measures.visitors), (2.5, 97.5))
        return Figure(*(round(float(value), 4) for value in (difference.mean(), low, high)))

    def _lists(self, document: bytes) -> list[tuple[str, ...]]:
        one = contender("trial", parse_config(document), *self._place)
        one = without_seen(one) if self._protocol in FRESH else one
        if self._snapshot is None or self._snapshot[0] != one.signals:
            self._snapshot = one.signals, snapshot_of(self._split, one.signals)
        return lists(self._split, one, self._k, snapshot=self._snapshot[1])


def parted(split: Split, seed: int = 0) -> tuple[Split, Split]:
    """Part the visitors of *split* in two halves by chance: to search on, and to judge by."""
    visitors = sorted({case.visitor for case in split.cases})
    chosen = set(np.random.default_rng(seed).permutation(visitors)[: len(visitors) // 2].tolist())
    searched = [case for case in split.cases if case.visitor in chosen]
    held_back = [case for case in split.cases if case.visitor not in chosen]
    return split._replace(cases=searched), split._replace(cases=held_back)


def tune(
    search: Search,
    judge: Search,
    start: Document,
    *,
    figure: str,
    going_on: Callable[[Trial], bool] = lambda _: True,
    choices: Mapping[str, Sequence[Any]] = CHOICES,
) -> Verdict:
    """Move one key at a time to its best value, round after round, until nothing gains or *going_on* says stop.

    *going_on* is told of every trial. Nothing of *judge* is looked at before the search is over.
    """
    best = Trial(start, search.value(start))
    for _ in range(ROUNDS):
        before = best
        for key, values in choices.items():
            for document in _moves(best.document, key, values):
                trial = Trial(document, search.value(document))
                best = trial if trial.value > best.value else best
                if not going_on(trial):
                    return _judged(search, judge, start, best.document, figure)
        if best is before:
            break
    return _judged(search, judge, start, best.document, figure)


def _moves(document: Document, key: str, values: Sequence[Any]) -> Iterator[Document]:
    """Give the documents with *key* at each value, but for those that would leave nothing to rank by."""
    for value in values:
        moved = with_value(document, key, value)
        if any(msgspec.structs.astuple(msgspec.convert(moved.get("weights", {}), Weights))):
            yield moved


def with_value(document: Document, key: str, value: Any) -> Document:
    """Return a copy of *document* with one value set, by its dotted key."""
    copy = deepcopy(document)
    section, name = key.split(".")
    copy.setdefault(section, {})[name] = value
    return copy


def _judged(search: Search, judge: Search, start: Document, found: Document, figure: str) -> Verdict:
    gain = judge.gain(found, start)
    recommended = gain.low is not None and gain.low > 0
    return Verdict(
        figure=figure,
        trials=search.trials,
        changed=differences(start, found),
        searched=search.gain(found, start),
        gain=gain,
        before=round(judge.value(start), 4),
        recommended=recommended,
        document=found if recommended else start,
    )


def differences(start: Document, found: Document) -> dict[str, Any]:
    """Name what *found* sets to something else than *start*, by dotted key."""
    return {
        f"{section}.{name}": value
        for section, values in found.items()
        if isinstance(values, dict)
        for name, value in values.items()
        if (start.get(section) or {}).get(name, _UNSET) != value
    }


_UNSET = object()
