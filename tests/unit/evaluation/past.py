"""Small pasts to cut: who did what, in minutes since a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from recsys.evaluation.log import Happened, Log
from recsys.evaluation.protocols import Split

START = datetime(2026, 5, 18, tzinfo=UTC)


def past(*rows: tuple[str, str, int]) -> Log:
    """Make a log of (visitor, item, minute); a visitor with a slash has a session behind it: `ann/1`."""
    return Log.of(
        Happened(item, "view", START + timedelta(minutes=minute), who.partition("/")[0], who.partition("/")[2] or None)
        for who, item, minute in rows
    )


def asked(split: Split) -> list[tuple[str, str]]:
    """Return each case as the items of its history, newest first, and those that are wanted."""
    return [
        ("".join(split.log.event(place).item_id for place in case.history.tolist()), "".join(sorted(case.relevant)))
        for case in split.cases
    ]


def known(split: Split) -> str:
    """Return the items of the past that signals are built from, oldest first."""
    return "".join(split.log.event(place).item_id for place in split.past.tolist())
