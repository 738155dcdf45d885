"""Positions that belong to chance: what a list leaves out may show there what it is worth."""

from __future__ import annotations

from collections import Counter

import numpy as np

from recsys.ranking.candidates import BITS, Pool
from recsys.ranking.explain import NOVEL
from recsys.ranking.intent import Intent
from recsys.ranking.loops.greedy import bound
from recsys.ranking.pick import Picked
from recsys.ranking.steer import Steered
from recsys.snapshot.snapshot import Snapshot


def explore(picked: Picked, steered: Steered, pool: Pool, intent: Intent, snapshot: Snapshot, seed: int) -> Picked:
    """Draw the items of the positions that config gives to chance; the same *seed* draws the same.

    Each draw is uniform among items that the list leaves out (its best, trending ones, new ones, as config says), that
    fit under its caps beside all others, and that no rule buries. What would have stood last makes room, and every
    other item keeps its order, so that all but the drawn ones stand where they stand whatever is drawn. A list that is
    not full is left as it is: it shows all that could be drawn.
    """
    exploration, locked = intent.params.exploration, steered.locked
    if exploration is None or len(picked.order) < intent.k:
        return picked
    kept = [place for place in picked.order if place not in locked]
    rest = _left_out(picked, steered, pool, exploration.among)
    room, chance = _Room(picked, intent, snapshot), np.random.default_rng(seed)
    drawn: dict[int, tuple[int, float]] = {}
    for rank in sorted({position - 1 for position in exploration.positions}):
        if rank >= intent.k or rank in steered.locks or not kept:
            continue
        room.leave(int(steered.items.numbers[kept[-1]]))
        fitting = [place for place in rest if room.fits(int(steered.items.numbers[place]))]
        if not fitting:
            break
        kept.pop()
        place = fitting[int(chance.integers(len(fitting)))]
        rest.remove(place)
        room.enter(int(steered.items.numbers[place]))
        drawn[rank] = place, 1 / len(fitting)
    organic = iter(kept)
    order = [
        steered.locks[rank].place if rank in steered.locks else drawn[rank][0] if rank in drawn else next(organic)
        for rank in range(intent.k)
    ]
    return picked._replace(
        items=steered.items.take(np.array(order, dtype=np.intp)),
        order=order,
        drawn={rank: likely for rank, (_, likely) in drawn.items()} or None,
    )


def _left_out(picked: Picked, steered: Steered, pool: Pool, among: int) -> list[int]:
    """Give the places of what the list does not show, best first: the best *among*, and what is novel."""
    shown, buried = set(picked.order), steered.items.score < steered.items.base
    novel = sum(BITS[source] for source in NOVEL)
    fresh = [bool(bits & novel) for bits in pool.bits_of(steered.items.numbers)]
    left = [place for place in picked.standing.tolist() if place not in shown and not buried[place]]
    return [place for rank, place in enumerate(left) if rank < among or fresh[place]]


class _Room:
    """What a list carries of tags that are limited."""

    def __init__(self, picked: Picked, intent: Intent, snapshot: Snapshot) -> None:
        self._limits = intent.limits
        self._tags = snapshot.item_tags
        self._counts: Counter[int] = Counter()
        for number in picked.items.numbers.tolist():
            self.enter(number)

    def enter(self, number: int) -> None:
        self._counts.update(self._limited(number))

    def leave(self, number: int) -> None:
        self._counts.subtract(self._limited(number))

    def fits(self, number: int) -> bool:
        return all(self._counts[tag] < bound(*self._limits, tag) for tag in self._limited(number))

    def _limited(self, number: int) -> list[int]:
        if len(self._limits[0]) == 0:
            return []
        return [tag for tag in self._tags.row(number).tolist() if bound(*self._limits, tag) >= 0]
