"""How late the event loop is: what blocks it holds up every request of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from recsys import metrics
from recsys.ticking import ticking

EVERY_SECONDS = 0.05


@contextmanager
def measured_loop() -> Iterator[None]:
    """Note, twenty times a second, how much later than asked for the running loop comes back; until the block ends."""
    loop = asyncio.get_running_loop()

    def note(due: float) -> None:
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))

    with ticking(EVERY_SECONDS, note):
        yield
