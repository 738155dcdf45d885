"""How much of the time goes into refreshing while changes come without end (pure)."""

from __future__ import annotations

SHARE = 0.5
"""Of the time of one core; serving has the rest."""
BURST_SECONDS = 3.0
"""What may be spent at once after a pause."""
REST_MAX_SECONDS = 1.0
"""A long load is not followed by as long a rest: what changed meanwhile waits already."""


class Pace:
    """Lets the first changes after a pause through at once, and gives those that keep coming a SHARE of the time."""

    def __init__(self) -> None:
        self._left = BURST_SECONDS
        self._ended: float | None = None

    def rest(self, began: float, ended: float) -> float:
        """Return the seconds to rest after work between two moments of one clock."""
        passed = 0.0 if self._ended is None else ended - self._ended
        self._ended = ended
        self._left = min(self._left + passed * SHARE, BURST_SECONDS) - (ended - began)
        rest = min(max(-self._left / SHARE, 0.0), REST_MAX_SECONDS)
        self._left = max(self._left, -REST_MAX_SECONDS * SHARE)
        return rest
