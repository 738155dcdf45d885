"""Putting items on a real Postgres."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.ingest import items
from recsys.ingest.columns import Columns
from recsys.ingest.item_row import FIELDS, Item
from recsys.ingest.items import Imported, Put, Target, import_items, put_items
from recsys.ingest.source import DataFile

CREATED = datetime(2026, 1, 1, tzinfo=UTC)

Import = Callable[..., Imported]


@pytest.fixture
def import_text(database: Database, tenant_id: UUID, tmp_path: Path) -> Import:
    """Import a text into the namespace `shop`."""

    def import_text(text: str, name: str = "items.csv") -> Imported:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return import_items(database, DataFile(path, Columns(FIELDS)), Target(tenant_id, "shop"))

    return import_text


def stored(operator: psycopg.Connection) -> dict[str, tuple[Any, ...]]:
    """Read what is known of every item."""
    query = "select item_id, tags, price, available, namespace from item_tags"
    return {row[0]: tuple(row[1:]) for row in operator.execute(query)}


def put(database: Database, tenant_id: UUID, *some: Item) -> Put:
    """Put items as the API does."""
    with database.service(tenant_id) as conn:
        return put_items(conn, tenant_id, "shop", some)


def test_items_are_created_with_defaults(import_text: Import, operator: psycopg.Connection) -> None:
    """A new item without price and availability is available and has no price; equal tags are one tag."""
    done = import_text("item_id,tags\na,genre:Drama|year:1995|genre:Drama\nb,\n")
    assert (done.created, done.changed, done.unchanged) == (2, 0, 0)
    assert stored(operator) == {
        "a": (["genre:Drama", "year:1995"], None, True, "shop"),
        "b": ([], None, True, "shop"),
    }


def test_only_what_differs_is_written(import_text: Import, operator: psycopg.Connection) -> None:
    """Importing again writes nothing, says nothing to the change log, and one new price is one changed item."""
    import_text("item_id,tags,price\na,x,1.50\nb,y,2\n")
    operator.execute("delete from signal_changes")
    done = import_text("item_id,tags,price\na,x,1.5\nb,y,2\n")
    assert (done.created, done.changed, done.unchanged) == (0, 0, 2)
    assert operator.execute("select count(*) from signal_changes").fetchone() == (0,)
    done = import_text("item_id,tags,price\na,x,1.5\nb,y,3\n")
    assert (done.created, done.changed, done.unchanged) == (0, 1, 1)
    assert operator.execute("select item_ids from signal_changes").fetchall() == [(["b"],)]


def test_absent_columns_keep_and_empty_cells_clear(import_text: Import, operator: psycopg.Connection) -> None:
    """A file without a column leaves it as it is; an empty cell empties it."""
    import_text("item_id,tags,price,available\na,x|y,5,false\n")
    import_text("item_id,available\na,true\n")
    assert stored(operator)["a"] == (["x", "y"], Decimal(5), True, "shop")
    import_text("item_id,price,tags\na,,\n")
    assert stored(operator)["a"] == ([], None, True, "shop")


def test_a_later_row_of_an_item_wins(import_text: Import, operator: psycopg.Connection) -> None:
    """An item that stands in the file twice ends as its last row says."""
    import_text("item_id,price\na,1\na,2\n")
    assert stored(operator)["a"][1] == Decimal(2)


def test_two_rows_of_an_item_add_up(import_text: Import, operator: psycopg.Connection) -> None:
    """What only the earlier row says is kept, as if the rows had come in two files."""
    import_text('{"item_id":"a","tags":["x"]}\n{"item_id":"a","price":2}\n', "items.jsonl")
    assert stored(operator)["a"] == (["x"], Decimal(2), True, "shop")


def test_a_deleted_item_begins_anew(database: Database, tenant_id: UUID, operator: psycopg.Connection) -> None:
    """Put again, an item that was deleted is available, and what it had before is not kept."""
    put(database, tenant_id, Item("a", ("x",), Decimal(5), created_at=CREATED))
    operator.execute("update item_tags set available = false, deleted_at = now(), price = null, tags = '{}'")
    assert put(database, tenant_id, Item("a")) == Put(created=0, changed=1)
    row = operator.execute("select tags, price, available, deleted_at, created_at > %s from item_tags", [CREATED])
    assert row.fetchone() == ([], None, True, None, True)


def test_an_item_that_is_only_unavailable_stays_so(
    database: Database, tenant_id: UUID, operator: psycopg.Connection
) -> None:
    """Sold out is not deleted: putting tags does not bring it back."""
    put(database, tenant_id, Item("a", ("x",), available=False))
    put(database, tenant_id, Item("a", ("y",)))
    assert stored(operator)["a"] == (["y"], None, False, "shop")


def test_created_at_is_kept_unless_it_is_given(
    database: Database, tenant_id: UUID, operator: psycopg.Connection
) -> None:
    """Since when there is an item is not changed by putting its price."""
    put(database, tenant_id, Item("a", created_at=CREATED))
    put(database, tenant_id, Item("a", price=Decimal(3)))
    assert operator.execute("select created_at from item_tags").fetchone() == (CREATED,)


def test_refused_rows_leave_the_others_alone(import_text: Import, operator: psycopg.Connection) -> None:
    """Each refused row is told with its line, its path and the reason; the rest is stored."""
    done = import_text("item_id,price\n,1\nb,-1\nc,NaN\nd,cheap\ne,4\n")
    assert set(stored(operator)) == {"e"}
    assert [(refusal.row, refusal.path) for refusal in done.account.first] == [
        (2, "$.item_id"),
        (3, "$.price"),
        (4, "$.price"),
        (5, "$.price"),
    ]


def test_large_files_are_put_in_batches(
    import_text: Import, operator: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than a batch holds all arrive, each once."""
    monkeypatch.setattr(items, "BATCH_ROWS", 10)
    done = import_text("item_id\n" + "".join(f"{number}\n" for number in range(25)))
    assert done.created == len(stored(operator)) == 25
