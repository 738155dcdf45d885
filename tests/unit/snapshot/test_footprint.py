"""What a snapshot is said to take is what it takes."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from recsys.snapshot.columns import Columns
from recsys.snapshot.footprint import footprint
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

DAY = date(2026, 7, 1)


def frozen(items: int) -> Snapshot:
    """Freeze a catalogue of *items* with two neighbours each."""
    ids = [f"item-{number:07}" for number in range(items)]
    columns = Columns.from_rows(
        popularity=[(one, DAY, 1.0) for one in ids],
        covisitation=[(one, ids[(place + step) % items], DAY, 1.0) for place, one in enumerate(ids) for step in (1, 2)],
        tags=[(one, ("brand:a", f"color:{place % 7}"), True) for place, one in enumerate(ids)],
    )
    now = datetime(2026, 7, 1, tzinfo=UTC)
    return freeze(columns, SignalParams(), tenant_id=UUID(int=1), namespace="home", now=now)


@pytest.mark.parametrize("items", [0, 5000])
def test_arrays_and_ids_are_counted(items: int) -> None:
    """The figure is within a tenth, and the few KB of a snapshot's own objects, of what the allocator counts."""
    frozen(10)  # imports, caches
    tracemalloc.start()
    snapshot = frozen(items)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert footprint(snapshot) == pytest.approx(taken, rel=0.1, abs=8192)
