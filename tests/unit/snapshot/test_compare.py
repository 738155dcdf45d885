"""Where two snapshots differ is said by part and item."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from recsys.snapshot.columns import Columns
from recsys.snapshot.compare import Difference, differences
from recsys.snapshot.freeze import freeze
from recsys.snapshot.rows import Rows
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

NOW = datetime(2026, 5, 20, 15, tzinfo=UTC)
DAY = NOW.date()


def shop(**rows: Any) -> Snapshot:
    """Freeze a few rows, some of them replaced."""
    told: dict[str, Any] = {
        "popularity": [("a", DAY, 3), ("b", DAY, 2), ("c", DAY, 1)],
        "covisitation": [("a", "b", DAY, 2), ("a", "c", DAY, 1), ("b", "a", DAY, 2)],
        "tags": [("a", ("red",), True), ("b", ("red", "blue"), True)],
    } | rows
    return freeze(Columns.from_rows(**told), SignalParams(), tenant_id=UUID(int=1), namespace="home", now=NOW)


def test_equal_snapshots_do_not_differ() -> None:
    """The same rows differ in nothing, and neither does what is off by less than what decides an order."""
    one = shop()
    assert differences(one, shop()) == []
    assert differences(one, replace(one, popularity=one.popularity * (1 + 1e-9))) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"tags": [("a", ("red",), True), ("b", ("red", "blue"), False)]}, {"available": ("b",)}),
        ({"tags": [("a", ("red",), True), ("b", ("blue",), True)]}, {"item_tags": ("b",)}),
        ({"tags": [("a", ("new",), True), ("b", ("red", "blue"), True)]}, {"tags": ("new",)}),
        ({"popularity": [("a", DAY, 3), ("b", DAY, 2)], "covisitation": []}, {"items": ("c",)}),
    ],
)
def test_the_part_and_its_items_are_named(rows: dict[str, Any], expected: dict[str, tuple[str, ...]]) -> None:
    """What is different is named, and what is not is left out."""
    found = differences(shop(), shop(**rows))
    assert {one.part: one.examples for one in found} == expected


def test_neighbors_differ_by_entry_value_and_number() -> None:
    """A row of neighbours is another one if it is shorter, names another item, or holds another value."""
    one = shop()
    ends, items, values = one.neighbors.vectors
    other_value = replace(one, neighbors=Rows(ends, items, values * np.float32(0.9)))
    assert differences(one, other_value) == [Difference("neighbors", 2, ("a", "b"))]
    other_item = replace(one, neighbors=Rows(ends, np.where(items == 1, 2, items).astype(np.int32), values))
    assert differences(one, other_item) == [Difference("neighbors", 1, ("a",))]
    shorter = replace(one, neighbors=Rows(np.array([0, 1, 2, 2]), items[[0, 2]], values[[0, 2]]))
    assert [found.part for found in differences(one, shorter)] == ["neighbors"]


def test_another_order_is_a_difference() -> None:
    """Two items that stand in each other's place are named."""
    one = shop()
    swapped = replace(one, by_popularity=one.by_popularity[[1, 0, 2]])
    assert differences(one, swapped) == [Difference("by_popularity", 2, ("a", "b"))]
