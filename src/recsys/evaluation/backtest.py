"""A backtest: one split, several contenders, every case asked of the real serving path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from recsys.errors import CheckFailed
from recsys.evaluation.contenders import REPEAT, repeats, without_seen
from recsys.evaluation.figures import Measures, Result, results
from recsys.evaluation.log import Log
from recsys.evaluation.protocols import PROTOCOLS, Case, Options, Split
from recsys.evaluation.run import Contender, Lists, lists, snapshot_of
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

FRESH = frozenset(PROTOCOLS) - {"next-basket"}
"""Protocols that only want what is new: what is known of a visitor is removed for every contender."""


class Shape(Struct, frozen=True):
    """What was cut into what."""

    events: int
    past: int
    items: int
    visitors: int
    cases: int
    now: str


class Report(Struct, frozen=True):
    """All figures of one backtest."""

    source: str
    protocol: str
    k: int
    shape: Shape
    results: list[Result]
    ties_shuffled: dict[str, list[float]] = {}
    """NDCG of each contender, once for every random order of equal times."""


class Progress(NamedTuple):
    """How far the lists of one contender are."""

    contender: str
    done: int
    total: int


Watcher = Callable[[Progress], object]


def split_of(log: Log, protocol: str, options: Options, sample: int | None = None) -> Split:
    """Cut *log*; at most *sample* cases are asked, drawn with a fixed seed. CheckFailed if nothing can be asked."""
    split = PROTOCOLS[protocol](log, options) if len(log) else None
    if split is None or not split.cases:
        raise CheckFailed(f"Nothing can be asked: the protocol {protocol} finds no case in {len(log)} interactions.")
    if sample is None or len(split.cases) <= sample:
        return split
    return split._replace(cases=drawn(split.cases, sample))


def drawn(cases: Sequence[Case], count: int) -> list[Case]:
    """Draw *count* cases in their order, the same ones every time."""
    places = np.sort(np.random.default_rng(0).choice(len(cases), count, replace=False))
    return [cases[place] for place in places.tolist()]


def compare(
    split: Split, protocol: str, contenders: Sequence[Contender], k: int, watch: Watcher = lambda _: None
) -> list[Result]:
    """Ask everybody everything and measure; the first contender is who the others are held against."""
    shown = shown_by(split, protocol, contenders, k, watch)
    if protocol not in FRESH:
        shown[REPEAT] = repeats(split, k)
    return results(Measures(split, k), shown)


def shown_by(
    split: Split, protocol: str, contenders: Sequence[Contender], k: int, watch: Watcher = lambda _: None
) -> dict[str, Lists]:
    """Make every contender's lists; those with the same signal parameters share a snapshot."""
    kept: tuple[SignalParams, Snapshot] | None = None
    shown = {}
    for one in contenders:
        ready = without_seen(one) if protocol in FRESH else one
        if kept is None or kept[0] != ready.signals:
            kept = ready.signals, snapshot_of(split, ready.signals)

        def told(done: int, name: str = one.name) -> None:
            watch(Progress(name, done, len(split.cases)))

        shown[one.name] = lists(split, ready, k, snapshot=kept[1], progress=told)
    return shown


def shape(split: Split) -> Shape:
    """Describe a split."""
    past = split.log.take(split.past)
    return Shape(
        len(split.log),
        len(past),
        len(np.unique(past.item)),
        len({case.visitor for case in split.cases}),
        len(split.cases),
        split.now.isoformat(),
    )
