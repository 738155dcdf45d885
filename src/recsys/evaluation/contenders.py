"""Who takes part in a backtest: simple baselines, the defaults, and configs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

import msgspec
import numpy as np

from recsys.evaluation.log import Log
from recsys.evaluation.protocols import Split
from recsys.evaluation.run import Contender, Lists
from recsys.tenancy.config import (
    Anchors,
    Config,
    Exclusions,
    Personalization,
    RequestParams,
    SignalParams,
    Weights,
    parse_config,
)

REPEAT = "repeat"
"""The baseline that shows visitors what they took most often before; it ranks without signals."""

PAIRS_MAX = 20_000_000
"""The `counts` baseline makes a pair of every two events of a visitor; it is left out above so many."""

_EVER = SignalParams(
    popularity_half_life=None,
    popularity_window=None,
    covisitation_half_life=None,
    covisitation_window=None,
    normalization="count",
    session_gap_minutes=10**9,
    session_length=10**9,
    pair_window=10**9,
    bot_events_per_day=None,
)
_ALWAYS = Exclusions(seen_days=36_500)


def contender(name: str, config: Config, surface: str, namespace: str) -> Contender:
    """Rank as *config* says."""
    return Contender(name, config.request(surface), config.signals(namespace))


def documented(data_set: str, protocol: str) -> Config | None:
    """Return the config that comes with recsys for a public data set and protocol, None if there is none."""
    file = files("recsys.evaluation") / "configs" / data_set / f"{protocol}.json"
    return parse_config(file.read_bytes()) if file.is_file() else None


def baselines(split: Split) -> Iterator[Contender]:
    """Give all-time popularity, and counts of co-visitation over whole lives, the strongest 50, all anchors alike."""
    plain = RequestParams(weights=_weights(pop=1), personalization=Personalization(weight=0))
    ever = msgspec.structs.replace(_EVER, session_length=1, pair_window=1)  # makes no pairs, which would be wasted
    yield Contender("popularity", plain, ever)
    if _pairs(split.log) <= PAIRS_MAX:
        alike = msgspec.structs.replace(plain, weights=_weights(cooc=1), anchors=Anchors(decay=1.0, max_history=10**9))
        yield Contender("counts", alike, _EVER, None)


def without_seen(one: Contender) -> Contender:
    """Leave out everything that a visitor did before, however long ago, as some protocols ask of everybody."""
    return one._replace(request=msgspec.structs.replace(one.request, exclusions=_ALWAYS), history=None)


def repeats(split: Split, k: int) -> Lists:
    """Show each visitor what they took most often before, the latest first among equals."""
    shown = []
    for case in split.cases:
        taken = split.log.item[case.history].tolist()  # newest first, and a stable sort keeps that among equals
        shown.append(tuple(split.log.items[item] for item, _ in Counter(taken).most_common(k)))
    return shown


def _weights(pop: float = 0, cooc: float = 0) -> Weights:
    return Weights(pop=pop, cooc=cooc, emb=0, session=0)


def _pairs(log: Log) -> int:
    events = np.bincount(log.visit[log.visit >= 0])
    return int((events * (events - 1) // 2).sum())
