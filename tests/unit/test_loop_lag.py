"""What blocks the event loop is measured."""

from __future__ import annotations

import asyncio
import time

from recsys import loop_lag, metrics


def _seen() -> float:
    return metrics.REGISTRY.get_sample_value("recsys_event_loop_lag_seconds_sum") or 0.0


def test_a_blocked_loop_is_noted() -> None:
    """A handler that holds the loop for a fifth of a second shows as that much lag."""

    async def block() -> None:
        with loop_lag.measured_loop():
            await asyncio.sleep(0)
            time.sleep(0.2)  # noqa: ASYNC251  that is what is to be noticed
            await asyncio.sleep(0.02)

    before = _seen()
    asyncio.run(block())
    assert _seen() - before > 0.1
