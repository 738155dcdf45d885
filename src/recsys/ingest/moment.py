"""Reads a point in time as files write it: ISO 8601, or a Unix time in seconds, milliseconds or microseconds (pure)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\A-?\d+(\.\d+)?\Z")
_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))
"""Below the first number a Unix time is in seconds (until the year 5138), then milliseconds, then microseconds."""


def moment(value: object, zone: tzinfo | None = None) -> datetime:
    """Return *value* as an aware time in UTC; one without an offset is taken to be in *zone*.

    Raises ValueError with a remedy when it is no time, or has no offset where *zone* is None.
    """
    if isinstance(value, str):
        value = value.strip()
        value = float(value) if _NUMBER.match(value) else _iso(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _unix(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        msg = "is not a time: write 2026-05-01T12:00:00Z or a Unix time"
        raise ValueError(msg)  # noqa: TRY004  every value that can not be read is refused the same way
    if value.tzinfo is None:
        if zone is None:
            msg = "has no UTC offset: write 2026-05-01T12:00:00Z, or say --timezone"
            raise ValueError(msg)
        value = value.replace(tzinfo=zone)
    return _utc(value)


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        msg = "is not a time: write 2026-05-01T12:00:00Z or a Unix time"
        raise ValueError(msg) from None


def _unix(number: float) -> datetime:
    for limit, factor in _UNITS:
        if abs(number) < limit:
            try:
                return _EPOCH + timedelta(microseconds=round(number * factor))
            except OverflowError:
                break
    msg = "is not a Unix time in seconds, milliseconds or microseconds"
    raise ValueError(msg)


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "is before the year 1 or after the year 9999"
        raise ValueError(msg) from None
