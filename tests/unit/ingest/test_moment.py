"""Times as files write them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from recsys.ingest.moment import moment

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-01T12:00:00Z",
        "2026-05-01 12:00:00+00:00",
        "2026-05-01T14:00:00+02:00",
        " 1777636800 ",
        1_777_636_800,
        1_777_636_800.0,
        1_777_636_800_000,
        1_777_636_800_000_000,
        NOON,
        NOON.astimezone(timezone(timedelta(hours=-7))),
    ],
)
def test_one_moment_has_many_spellings(value: object) -> None:
    """ISO 8601 with any offset, Unix times in three units, and datetimes mean the same moment."""
    assert moment(value) == NOON
    assert moment(value).tzinfo is UTC


def test_microseconds_survive() -> None:
    """A Unix time in microseconds is exact."""
    assert moment(1_777_636_800_000_001) == NOON + timedelta(microseconds=1)


def test_a_time_without_offset_needs_a_zone() -> None:
    """It is refused with the remedy, and read in the zone when there is one, summer time included."""
    with pytest.raises(ValueError, match="--timezone"):
        moment("2026-05-01T12:00:00")
    assert moment("2026-05-01T12:00:00", ZoneInfo("Europe/Berlin")) == NOON - timedelta(hours=2)
    assert moment("2026-01-01T12:00:00", ZoneInfo("Europe/Berlin")).hour == 11
    assert moment(date(2026, 5, 1), UTC) == NOON - timedelta(hours=12)


@pytest.mark.parametrize("value", ["yesterday", "", "12:00", True, None, [], 1e18, float("nan"), float("inf"), -9e16])
def test_what_is_no_time_is_refused(value: object) -> None:
    """Everything else raises ValueError, whatever its type."""
    with pytest.raises(ValueError, match="is not a"):
        moment(value)


def test_the_end_of_the_calendar_is_refused() -> None:
    """A time that has no equal in UTC is refused."""
    with pytest.raises(ValueError, match="year 9999"):
        moment("9999-12-31T23:59:59-05:00")
