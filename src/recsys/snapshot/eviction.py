"""Which snapshots a process lets go when they take more memory than they may (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from recsys.snapshot.snapshot import Key

EMPTY_MAX = 1000
"""Namespaces known to be empty that are remembered: clients invent names of surfaces, each a namespace without rows."""

REST = 0.9
"""Share of a bound that is left after it was passed, so that the next load does not evict again."""


class Held(NamedTuple):
    """One snapshot that may be let go."""

    key: Key
    bytes: int
    used: float
    """When it was last asked for; any clock that only goes forward."""
    empty: bool
    """Whether it holds no item."""


def surplus(held: Iterable[Held], budget: int) -> set[Key]:
    """Choose what to let go, least recently used first: none while *budget* bytes and EMPTY_MAX are kept to.

    Once a bound is passed, enough goes to come down to REST of it. The one used last always stays, however large.
    """
    ranked = sorted(held, key=lambda one: one.used)
    if not ranked:
        return set()
    *older, newest = ranked
    empty = [one for one in older if one.empty]
    gone = set(_first(empty, [1] * len(empty), len(empty) + newest.empty, EMPTY_MAX))
    rest = [one for one in older if one.key not in gone]
    sizes = [one.bytes for one in rest]
    return gone | set(_first(rest, sizes, sum(sizes) + newest.bytes, budget))


def _first(held: list[Held], sizes: list[int], total: int, bound: int) -> Iterator[Key]:
    """Give the first keys of *held*, until what is left of *total* is down to REST of *bound*."""
    if total <= bound:
        return
    for one, size in zip(held, sizes, strict=True):
        if total <= bound * REST:
            return
        total -= size
        yield one.key
