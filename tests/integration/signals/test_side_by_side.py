"""Days that are built at once, each on a connection of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from recsys.signals.build import Progress, build, touch
from recsys.signals.status import pending
from recsys.tenancy.config import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shop

DAYS = 5
LOCK = """
select pg_advisory_xact_lock(hashtextextended('recsys signals ' || %s::text || ' home ' || %s::date::text, 0))
"""


def week(shop: Shop, noon: datetime) -> None:
    """Let visits end on several days, and go on over midnight."""
    for age in range(DAYS):
        shop.visit(*"abc", at=noon - timedelta(days=age))
        shop.visit(*"xyz", at=noon.replace(hour=0) - timedelta(days=age, minutes=1), visitor="bob")


def waiting(shop: Shop) -> set[int]:
    """Return the ages of the days that the next build will build."""
    return {(datetime.now(UTC).date() - row.day).days for row in pending(shop.conn, shop.tenant_id)}


@contextmanager
def broken(shop: Shop, noon: datetime, age: int) -> Iterator[None]:
    """Refuse every row of one day."""
    name, day = "broken", (noon - timedelta(days=age)).date()
    with psycopg.connect(shop.database.owner_url, autocommit=True) as owner:
        owner.execute(
            f"set role {shop.database.roles.owner};"
            f" alter table item_popularity_daily add constraint {name} check (day <> '{day}') not valid".encode()
        )
        try:
            yield
        finally:
            owner.execute(f"alter table item_popularity_daily drop constraint {name}".encode())


def test_days_built_at_once_are_those_built_one_by_one(shop: Shop, noon: datetime) -> None:
    """Rows and totals are the same, and progress counts every day once."""
    week(shop, noon)
    alone = shop.build()
    rows = shop.popularity(), shop.covisitation()
    shop.conn.execute("truncate item_popularity_daily, item_covisit_daily")
    touch(shop.database, shop.tenant_id, noon.date() - timedelta(days=DAYS), noon.date())
    steps: list[Progress] = []
    together = build(
        shop.database, shop.tenant_id, DEFAULTS, jobs=3, now=noon + timedelta(hours=1), progress=steps.append
    )
    assert together == alone
    assert (shop.popularity(), shop.covisitation()) == rows
    assert [step.done for step in steps] == list(range(1, steps[0].total + 1))
    assert len({step.day for step in steps}) == steps[0].total == together.days


def test_a_day_that_waits_holds_up_no_other(shop: Shop, noon: datetime) -> None:
    """While somebody builds the latest day all the others are built; it is built when that lock is free."""
    week(shop, noon)
    others_done = threading.Event()

    def look(step: Progress) -> None:
        if step.done == step.total - 1:
            others_done.set()

    with psycopg.connect(shop.conn.info.dsn, password=shop.conn.info.password) as other:
        other.execute(LOCK, (shop.tenant_id, noon.date()))
        builder = threading.Thread(
            target=build,
            args=(shop.database, shop.tenant_id, DEFAULTS),
            kwargs={"jobs": 2, "now": noon + timedelta(hours=1), "progress": look},
        )
        builder.start()
        assert others_done.wait(60)
        assert waiting(shop) == {0}
    builder.join()
    assert waiting(shop) == set()


@pytest.mark.parametrize("age", range(DAYS))
def test_an_error_of_one_day_ends_the_build_and_loses_nothing(shop: Shop, noon: datetime, age: int) -> None:
    """The build ends with that error, the day still waits, and the next build ends where an undisturbed one does."""
    week(shop, noon)
    shop.build()
    rows = shop.popularity(), shop.covisitation()
    shop.conn.execute("truncate item_popularity_daily, item_covisit_daily")
    touch(shop.database, shop.tenant_id, noon.date() - timedelta(days=DAYS), noon.date())
    with broken(shop, noon, age), pytest.raises(psycopg.errors.CheckViolation):
        shop.build(jobs=2)
    assert age in waiting(shop)
    shop.build(jobs=2)
    assert (shop.popularity(), shop.covisitation()) == rows
    assert waiting(shop) == set()


def test_a_day_that_only_follows_a_touched_one_waits_until_it_is_built(shop: Shop, noon: datetime) -> None:
    """The touched day may be built first: when the build ends there, the day after it is still known to be wrong."""
    shop.visit("a", "b")
    shop.build()
    shop.event("late", at=noon.replace(hour=0) - timedelta(minutes=1))
    shop.event("early", at=noon.replace(hour=0) + timedelta(minutes=1))
    shop.conn.execute("delete from signal_days_touched where day = %s", (noon.date(),))
    with broken(shop, noon, 0), pytest.raises(psycopg.errors.CheckViolation):
        shop.build(jobs=2)
    assert 0 in waiting(shop)
    shop.build(jobs=2)
    assert shop.covisitation()["early", "late", 0] == 1


def test_there_are_never_more_at_once_than_connections(shop: Shop, noon: datetime) -> None:
    """Fifty jobs on a pool of a few do not wait for connections that never come."""
    week(shop, noon)
    assert shop.build(jobs=50).days == DAYS + 1
