"""The rules that are live for one request, compiled against one snapshot: what ranking reads of them (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.vocabulary import Numbers


class Pin(NamedTuple):
    """One item that a rule puts at the top, or at an exact position (counted from 1)."""

    number: int | None
    """None where the snapshot does not know the item."""
    item_id: str
    position: int | None
    rule_id: str
    limit: int | None = None
    """At most this many pins of the rule are placed; those that can not be placed do not count."""


class Adjustment(NamedTuple):
    """What one boost or bury rule adds to the scores of its items."""

    numbers: Numbers
    """Ascending, each once."""
    amount: float
    """Signed: a bury of 0.5 is -0.5."""
    rule_id: str
    action: Literal["boost", "bury"]


Steering = tuple[Numbers, int, npt.NDArray[np.float64]]
"""What rules do to n items: by item, in 2^width bits of words of 32, its effect: 0 none, 1 blocked, others a change of
its score; the width; and what each effect adds to a score. Items feel few different effects, so that those of a pool
are read from few places of memory. Without rules there are no words."""

BLOCKED: Final = 1
"""The effect that keeps an item out."""


Pinning = tuple[Numbers, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Shape (pins,) each: item numbers, -1 for an unknown one; positions from 0, -1 for the top; which rule, from 0; how
many pins of the rule are placed, -1 for all."""


def _pinning(pins: Sequence[Pin]) -> Pinning:
    rules = list(dict.fromkeys(pin.rule_id for pin in pins))
    return (
        np.array([-1 if pin.number is None else pin.number for pin in pins], dtype=np.int32),
        np.array([-1 if pin.position is None else pin.position - 1 for pin in pins], dtype=np.int64),
        np.array([rules.index(pin.rule_id) for pin in pins], dtype=np.int64),
        np.array([-1 if pin.limit is None else pin.limit for pin in pins], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Live:
    """Every live rule's effect, rules in order of precedence. n is the number of items of the snapshot.

    Made by `live`, once per set of live rules and snapshot, and shared by all requests that both serve.
    """

    pins: tuple[Pin, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    blocked: npt.NDArray[np.bool_] | None = None
    """Shape (n,); None where nothing is blocked."""
    promoted: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """The most popular items of boosted targets, which join every pool."""
    pinning: Pinning = field(init=False)
    """`pins` as the loops of ranking read them: made of them, so that whoever leaves them out leaves these out too."""
    steering: Steering = (np.empty(0, dtype=np.int32), 0, np.zeros(1))
    """`blocked` and the sums of all adjustments, as the loops of ranking read them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pinning", _pinning(self.pins))


NO_RULES = Live()


def live(
    n_items: int,
    *,
    pins: Sequence[Pin] = (),
    adjustments: Sequence[Adjustment] = (),
    blocked: Numbers | None = None,
    promoted: Numbers | None = None,
) -> Live:
    """Compile rule effects for a snapshot of *n_items* items; O(n_items + targets), so not once a request."""
    mask = _mask(n_items, blocked)
    return Live(
        pins=tuple(pins),
        adjustments=tuple(adjustments),
        blocked=mask,
        promoted=NO_RULES.promoted if promoted is None else np.unique(promoted).astype(np.int32),
        steering=_steering(n_items, adjustments, mask),
    )


def _mask(n_items: int, numbers: Numbers | None) -> npt.NDArray[np.bool_] | None:
    if numbers is None or len(numbers) == 0:
        return None
    mask = np.zeros(n_items, dtype=np.bool_)
    mask[numbers] = True
    return mask


def _steering(n_items: int, adjustments: Sequence[Adjustment], blocked: npt.NDArray[np.bool_] | None) -> Steering:
    """Return effects for the sums of adjustments, which are added up in their order."""
    if blocked is None and not adjustments:
        return NO_RULES.steering
    effects, sums, known = np.zeros(n_items, dtype=np.uint32), [0.0] * (BLOCKED + 1), {0.0: 0}
    for adjustment in adjustments:
        before = effects[adjustment.numbers]
        after = np.zeros(len(sums), dtype=np.uint32)
        for effect in np.flatnonzero(np.bincount(before)).tolist():
            total = sums[effect] + adjustment.amount
            after[effect] = known.setdefault(total, len(sums))
            sums += [total] * (known[total] == len(sums))
        effects[adjustment.numbers] = after[before]
    if blocked is not None:
        effects[blocked] = BLOCKED
    width = ((len(sums) - 1).bit_length() - 1).bit_length()
    return _packed(effects, width), width, np.array(sums)


def _packed(values: npt.NDArray[np.uint32], width: int) -> Numbers:
    """Write values of 2^width bits side by side, the first one lowest, into words of 32 bits."""
    each = 32 >> width
    words = np.zeros(-(-len(values) // each), dtype=np.uint32)
    for place in range(each):
        some = values[place::each]
        words[: len(some)] |= some << np.uint32(place << width)
    return words.view(np.int32)
