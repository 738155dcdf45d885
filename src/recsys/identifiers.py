"""Identifiers that sort by time."""

from __future__ import annotations

import time
from random import getrandbits
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)


def uuid7(milliseconds: int | None = None) -> UUID:
    """Make a UUID version 7 (RFC 9562, section 5.7) for a Unix time in milliseconds, by default now."""
    return UUID(int=_number(milliseconds))


def uuid7_text() -> str:
    """Make one of now as text, in a third of the time that `str(uuid7())` takes."""
    digits = f"{_number(None):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _number(milliseconds: int | None) -> int:
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    random = getrandbits(80) & _RANDOM_BITS  # unique, not secret; anew after a fork
    return (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | _VERSION_AND_VARIANT | random


def uuid7_milliseconds(value: UUID) -> int | None:
    """Return the Unix time in milliseconds that a UUID version 7 carries; None for any other version."""
    return value.int >> 80 if value.version == 7 else None  # noqa: PLR2004  the version of RFC 9562
