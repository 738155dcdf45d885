"""What an operator wrote by hand stays beside what builds make."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg

from recsys.signals.build import touch

if TYPE_CHECKING:
    from conftest import Shop


def seed(shop: Shop, noon: datetime) -> None:
    """Write two rows into each table, as the page on seeding does: one that events give, too, and one not."""
    for item_id in ("a", "seeded"):
        shop.conn.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'home', %s, %s, 40)",
            (shop.tenant_id, item_id, noon.date()),
        )
        shop.conn.execute(
            "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)"
            " values (%s, 'home', %s, 'b', %s, 40)",
            (shop.tenant_id, item_id, noon.date()),
        )


def rebuild(shop: Shop, noon: datetime) -> None:
    """Build the day again, whether its events have changed or not."""
    touch(shop.database, shop.tenant_id, noon.date(), noon.date())
    shop.build()


def test_a_build_leaves_rows_alone_that_it_did_not_write(shop: Shop, noon: datetime) -> None:
    """On a day with events a seeded row stays; where events give the same key a score, theirs replaces it."""
    seed(shop, noon)
    shop.visit("a", "b")
    shop.build()
    assert shop.popularity() == {("a", 0): 1, ("b", 0): 1, ("seeded", 0): 40}
    assert shop.covisitation() == {("a", "b", 0): 1, ("b", "a", 0): 1, ("seeded", "b", 0): 40}


def test_a_row_that_events_gave_goes_with_them(shop: Shop, noon: datetime) -> None:
    """A build removes what builds wrote, seeded or not before, and nothing else."""
    seed(shop, noon)
    shop.visit("a", "b")
    shop.build()
    shop.conn.execute("delete from interaction_events")
    rebuild(shop, noon)
    assert shop.popularity() == {("seeded", 0): 40}
    assert shop.covisitation() == {("seeded", "b", 0): 40}


def test_an_equal_score_makes_a_row_the_builds(shop: Shop, noon: datetime) -> None:
    """A seeded row that says what the events say is claimed once, which is no change to whoever serves."""
    shop.conn.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score) values (%s, 'home', 'a', %s, 1)",
        (shop.tenant_id, noon.date()),
    )
    shop.event("a")
    shop.conn.execute("delete from signal_changes")
    assert shop.build().popularity.written == 1
    assert shop.conn.execute("select signal from signal_changes where signal = 'popularity'").fetchall() == []
    shop.conn.execute("delete from interaction_events")
    rebuild(shop, noon)
    assert shop.popularity() == {}


def test_a_row_that_is_seeded_while_its_day_is_built_for_the_first_time(shop: Shop, noon: datetime) -> None:
    """A build that finds the day empty waits for the operator's transaction, and writes the events' score over it."""
    shop.visit("a", "b")
    done = threading.Event()

    def run() -> None:
        shop.build()
        done.set()

    with psycopg.connect(shop.conn.info.dsn, password=shop.conn.info.password) as other:
        other.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'home', 'b', %s, 40), (%s, 'home', 'seeded', %s, 40)",
            (shop.tenant_id, noon.date(), shop.tenant_id, noon.date()),
        )
        builder = threading.Thread(target=run)
        builder.start()
        _until_somebody_waits(shop.conn)
        other.commit()
    builder.join()
    assert done.is_set()
    assert shop.popularity() == {("a", 0): 1, ("b", 0): 1, ("seeded", 0): 40}


def _until_somebody_waits(conn: psycopg.Connection) -> None:
    """Wait until a statement on the table waits for another transaction, at most a minute."""
    end = time.monotonic() + 60
    waiting = (
        "select exists (select from pg_stat_activity"
        " where wait_event = 'transactionid' and datname = current_database())"
    )
    while conn.execute(waiting).fetchone() != (True,):
        assert time.monotonic() < end, "the build did not wait for the operator"
        time.sleep(0.01)


def test_rows_from_before_that_was_noted_count_as_built(shop: Shop, noon: datetime) -> None:
    """A row whose writer nobody knows is removed when its day is built, and not written again when it is right."""
    shop.visit("a", "b")
    shop.build()
    shop.conn.execute("update item_popularity_daily set built = null")
    shop.conn.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score, built)"
        " values (%s, 'home', 'old', %s, 1, null)",
        (shop.tenant_id, noon.date()),
    )
    touch(shop.database, shop.tenant_id, noon.date(), noon.date())
    built = shop.build()
    assert (built.popularity.written, built.popularity.removed) == (0, 1)
    assert shop.popularity() == {("a", 0): 1, ("b", 0): 1}
