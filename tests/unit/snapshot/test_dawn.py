"""Namespaces take turns after midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from recsys.snapshot.columns import Columns
from recsys.snapshot.dawn import SPREAD, Dawn, over
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

EVENING = datetime(2026, 5, 20, 23, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 21, tzinfo=UTC)


def snapshot(namespace: str) -> Snapshot:
    """Make a snapshot of the evening."""
    return freeze(Columns.from_rows(), SignalParams(), tenant_id=UUID(int=1), namespace=namespace, now=EVENING)


def test_a_day_is_over_at_midnight_and_a_turn_later() -> None:
    """Nothing is over before midnight of UTC, everything is once all had their turn."""
    for name in map(str, range(50)):
        one = snapshot(name)
        assert not over(one, MIDNIGHT - timedelta(seconds=1))
        assert over(one, MIDNIGHT + SPREAD)
        assert over(one, MIDNIGHT + timedelta(days=1) + SPREAD)


def test_turns_are_spread() -> None:
    """At no moment more than a tenth of the namespaces begin at once within a twentieth of the time."""
    many = [snapshot(str(number)) for number in range(200)]
    done = [sum(over(one, MIDNIGHT + SPREAD * step / 20) for one in many) for step in range(21)]
    assert done[-1] == len(many)
    assert max(after - before for before, after in pairwise(done)) <= len(many) / 10


def test_a_turn_is_noticed_once() -> None:
    """A namespace whose load takes long is not asked for again; the one that replaces it is, a day later."""
    dawn, one = Dawn(), snapshot("home")
    assert dawn.turns([one], EVENING) == []
    assert dawn.turns([one], MIDNIGHT + SPREAD) == [(UUID(int=1), "home")]
    assert dawn.turns([one], MIDNIGHT + SPREAD * 2) == []
    again = freeze(
        Columns.from_rows(), SignalParams(), tenant_id=UUID(int=1), namespace="home", now=MIDNIGHT + SPREAD * 2
    )
    assert dawn.turns([again], MIDNIGHT + SPREAD * 3) == []
    assert dawn.turns([again], MIDNIGHT + timedelta(days=1) + SPREAD) == [(UUID(int=1), "home")]
