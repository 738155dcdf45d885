"""What is in the database, as an operator asks for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from recsys.db import inspect
from recsys.db.pool import Database
from recsys.errors import NotFound


@pytest.fixture
def seeded(operator: psycopg.Connection) -> None:
    """Two tenants; one has a namespace with two items, three days of popularity and one covisited pair."""
    operator.execute("insert into tenants (external_id, name) values ('acme', 'Acme'), ('bare', 'Bare')")
    operator.execute(
        """
        insert into item_tags (tenant_id, namespace, item_id, tags)
        select id, 'shop', item, '{kind:x}' from tenants, unnest(array['a', 'b']) item where external_id = 'acme'
        """
    )
    operator.execute(
        """
        insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select id, 'shop', 'a', day, 1 from tenants, generate_series('2026-05-01'::date, '2026-05-03', '1 day') day
        where external_id = 'acme'
        """
    )
    operator.execute(
        """
        insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
        select id, 'shop', 'a', 'b', '2026-05-02', 1 from tenants where external_id = 'acme'
        """
    )
    operator.execute(
        """
        insert into interaction_events (tenant_id, event_id, occurred_at, event_type, item_id)
        select id, 'e1', now(), 'view', 'a' from tenants where external_id = 'acme'
        """
    )
    operator.commit()


@pytest.mark.usefixtures("seeded")
def test_coverage_tells_what_each_tenant_can_rank_from(database: Database) -> None:
    """Every tenant is listed, one row a namespace, with items, days and the newest day; a bare one has no namespace."""
    with database.owner() as conn:
        covered = {row.tenant: row for row in inspect.coverage(conn)}
    acme = covered["acme"]
    assert (acme.namespace, acme.items, acme.popular_items, acme.popularity_days) == ("shop", 2, 1, 3)
    assert (acme.newest_popularity, acme.newest_covisit) == (date(2026, 5, 3), date(2026, 5, 2))
    assert (acme.covisited_items, acme.covisit_days) == (1, 1)
    assert covered["bare"].namespace is None


@pytest.mark.usefixtures("seeded")
def test_coverage_keeps_namespaces_and_tenants_apart(database: Database, operator: psycopg.Connection) -> None:
    """Where tenants and namespaces share items and days, each counts its own."""
    operator.execute(
        """
        insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select id, namespace, item, day, 1
        from tenants, unnest(array['news', 'shop']) namespace, unnest(array['a', 'b', 'c']) item,
            generate_series('2026-05-01'::date, '2026-05-02', '1 day') day
        where external_id = 'bare' or namespace = 'news'
        """
    )
    with database.owner() as conn:
        covered = {
            (row.tenant, row.namespace): (row.popular_items, row.popularity_days) for row in inspect.coverage(conn)
        }
    assert covered == {
        ("acme", "news"): (3, 2),
        ("acme", "shop"): (1, 3),
        ("bare", "news"): (3, 2),
        ("bare", "shop"): (3, 2),
    }


@pytest.mark.usefixtures("seeded")
def test_last_writes_are_found_in_partitions_too(database: Database) -> None:
    """A table that was written just now says so, whether it is partitioned or not; one that never was says nothing."""
    with database.owner() as conn:
        written = inspect.last_writes(conn)
    for table in ("tenants", "item_tags", "item_popularity_daily", "interaction_events"):
        stamp = written[table]
        assert stamp is not None, table
        assert datetime.now(UTC) - stamp < timedelta(minutes=2), table
    assert written["exposure_events"] is None


@pytest.mark.usefixtures("seeded")
def test_what_can_not_be_known_is_not_called_never(database: Database, operator: psycopg.Connection) -> None:
    """A signal that changed before the change log begins, and partitions that a role may not read, are left out."""
    operator.execute("delete from signal_changes")
    with database.owner() as conn:
        assert "item_popularity_daily" not in inspect.last_writes(conn)
    with database.system() as conn:
        written = inspect.last_writes(conn)
    assert "interaction_events" not in written
    assert written["item_tags"] is not None


def test_partitions_count_for_their_parent(database: Database) -> None:
    """The list names parents and no partition, says how many there are, and explains every table."""
    with database.owner() as conn:
        tables = {table.name: table for table in inspect.tables(conn)}
    assert tables["exposure_events"].partitions == 4
    assert tables["tenants"].partitions is None
    assert not [name for name in tables if name.startswith("exposure_events_2")]
    assert all(table.purpose for table in tables.values())


def test_every_column_has_its_meaning(database: Database) -> None:
    """The comments of the schema explain each column of each table."""
    with database.owner() as conn:
        unexplained = [
            f"{table.name}.{column.name}"
            for table in inspect.tables(conn)
            for column in inspect.columns(conn, table.name)
            if not column.meaning
        ]
    assert unexplained == []


@pytest.mark.parametrize("name", ["no_such_table", 'a"b c', "x.y.z", "pg_class"])
def test_an_unknown_table_is_refused_with_the_remedy(database: Database, name: str) -> None:
    """What is no table of recsys, or no name at all, is answered with where the names are."""
    with database.owner() as conn, pytest.raises(NotFound, match="recsys inspect"):
        inspect.table(conn, name)
