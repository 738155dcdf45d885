"""A row becomes what is put of an item, or the reason why not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from recsys.ingest.account import Refusal
from recsys.ingest.item_row import Item, read_item


def test_what_is_absent_is_kept_and_what_is_null_is_cleared() -> None:
    """The three states of a field survive reading."""
    assert read_item(1, {"item_id": "a", "price": None}, None, typed=True) == Item("a", UNSET, None, UNSET, None)


def test_an_empty_cell_clears() -> None:
    """CSV has no null, so an empty cell is one."""
    fields = {"item_id": "a", "price": "", "tags": "", "available": ""}
    assert read_item(1, fields, None, typed=False) == Item("a", None, None, None, None)


def test_tags_may_be_one_text() -> None:
    """Tags in a cell are separated by |, spaces around them do not count, and each stands once."""
    item = read_item(1, {"item_id": 7, "tags": " genre:War | year:1990||genre:War"}, None, typed=False)
    assert item == Item("7", ("genre:War", "year:1990"), UNSET, UNSET, None)


def test_values_are_exact() -> None:
    """A price keeps its decimals, and a time in a zone becomes UTC."""
    fields = {"item_id": "a", "price": "19.99", "available": "false", "created_at": "2026-01-01"}
    created = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_item(1, fields, UTC, typed=False) == Item("a", UNSET, Decimal("19.99"), False, created)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"item_id": None}, "$.item_id"),
        ({"tags": ["x"] * 65}, "$.tags"),
        ({"tags": ["ok", ""]}, "$.tags[1]"),
        ({"tags": ["ok", None]}, "$.tags[1]"),
        ({"price": -1}, "$.price"),
        ({"price": float("inf")}, "$.price"),
        ({"available": "yes"}, "$.available"),
        ({"created_at": "2026-01-01"}, "$.created_at"),
        ({"colour": "red"}, "$"),
    ],
)
def test_every_field_is_refused_with_its_path(said: dict[str, Any], path: str) -> None:
    """What is wrong is told with where."""
    refusal = read_item(3, {"item_id": "a"} | said, None, typed=True)
    assert isinstance(refusal, Refusal)
    assert (refusal.row, refusal.path) == (3, path)
