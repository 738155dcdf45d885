"""Identifiers that sort by time."""

from __future__ import annotations

import time
from random import getrandbits
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)


def uuid7(milliseconds: int | None = None) -> UUID:
    """Make a UUID version 7 (RFC 9562, section 5.7) for a Unix time in milliseconds, by default now."""
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    random = getrandbits(80) & _RANDOM_BITS  # unique, not secret; anew after a fork
    return UUID(int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | _VERSION_AND_VARIANT | random)


def uuid7_milliseconds(value: UUID) -> int | None:
    """Return the Unix time in milliseconds that a UUID version 7 carries; None for any other version."""
    return value.int >> 80 if value.version == 7 else None  # noqa: PLR2004  the version of RFC 9562
