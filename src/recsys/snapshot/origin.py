"""What a snapshot was read from (pure)."""

from __future__ import annotations

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """What a database held when a snapshot was read out of it."""

    cluster: str
    """Which server it was, and the how manieth life of it: a restored or promoted one begins another."""
    seen: str
    """`pg_current_snapshot()`: which transactions were in it."""
