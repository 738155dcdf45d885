"""Counts that are summed before they are written."""

import asyncio

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from recsys.tally import Tally


def made() -> tuple[CollectorRegistry, Counter, Histogram]:
    """Make two metrics of their own, without what says when they were made."""
    registry = CollectorRegistry()
    counter = Counter("lists", "Lists.", ("outcome",), registry=registry)
    return registry, counter, Histogram("seconds", "Seconds.", buckets=(0.1, 1.0), registry=registry)


def shown(registry: CollectorRegistry) -> list[str]:
    """Return the exposition's samples."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#") and "_created" not in line]


def test_what_is_written_is_what_counting_at_once_would_have_given() -> None:
    """Sums, buckets and their bounds: a value on a bound belongs to it, one above all of them to none but infinity."""
    values = [0.05, 0.1, 0.5, 1.0, 7.0, 7.0]
    summed, counter, histogram = made()
    plain, directly, observed = made()

    async def work() -> None:
        tally = Tally()
        for value in values:
            tally.count(counter.labels("success"))
            tally.observe(histogram, value)
            directly.labels("success").inc()
            observed.observe(value)
        assert shown(summed) != shown(plain)
        tally.write()

    asyncio.run(work())
    assert shown(summed) == shown(plain)


def test_counts_are_written_by_themselves() -> None:
    """Nobody has to ask for them."""
    registry, counter, _ = made()
    written = asyncio.Event()

    class Watched(Tally):
        def write(self) -> None:
            super().write()
            written.set()

    async def work() -> None:
        Watched().count(counter.labels("success"))
        await asyncio.wait_for(written.wait(), 10)

    asyncio.run(work())
    assert 'lists_total{outcome="success"} 1.0' in shown(registry)


def test_without_an_event_loop_nothing_waits() -> None:
    """A command that counts sees it at once."""
    registry, counter, _ = made()
    Tally().count(counter.labels("success"))
    assert 'lists_total{outcome="success"} 1.0' in shown(registry)
