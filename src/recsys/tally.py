"""Counting what happens thousands of times a second: summed in memory, and written to the metrics turn by turn.

Where several processes count together each step of a metric is a write to shared memory, 8 to 15 us for a request with
all it counts; a sum costs as much as a single step. It is written when the turn of the event loop ends in which it was
made, so that what a killed worker has answered is counted.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter as Sums

from prometheus_client import Counter, Histogram


class Tally:
    """What was counted in one process since it was last written; used by the thread of its event loop."""

    def __init__(self) -> None:
        self._counts: Sums[Counter] = Sums()
        self._observed: dict[Histogram, list[float]] = {}
        self._due = False

    def count(self, counter: Counter) -> None:
        """Count one more."""
        self._counts[counter] += 1
        if not self._due:
            self._schedule()

    def observe(self, histogram: Histogram, value: float) -> None:
        """Note one more value."""
        values = self._observed.get(histogram)
        if values is None:
            values = self._observed[histogram] = []
        values.append(value)
        if not self._due:
            self._schedule()

    def write(self) -> None:
        """Write everything that was counted."""
        counts, self._counts = self._counts, Sums()
        observed, self._observed = self._observed, {}
        for counter, number in counts.items():
            counter.inc(number)
        for histogram, values in observed.items():
            _add(histogram, values)

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # nobody would write it later
            self.write()
        else:
            self._due = True
            loop.call_soon(self._write_later)

    def _write_later(self) -> None:
        self._due = False
        self.write()


def _add(histogram: Histogram, values: list[float]) -> None:
    """Add many values at once, as `Histogram.observe` adds one; the library has no call for it."""
    bounds = histogram._upper_bounds  # noqa: SLF001  see above
    for place, number in Sums(bisect_left(bounds, value) for value in values).items():
        histogram._buckets[place].inc(number)  # noqa: SLF001
    histogram._sum.inc(sum(values))  # noqa: SLF001
