"""What trends and what is new, as a snapshot reads it from the tables and follows their changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from recsys.db.pool import Database
from recsys.snapshot.load import load
from recsys.snapshot.reread import renewed
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Seed

PARAMS = SignalParams(trending_half_life=1.0, new_days=7)


def loaded(database: Database, seed: Seed, params: SignalParams = PARAMS) -> Snapshot:
    """Load the namespace, with what a later look at the log of changes takes."""
    with database.reading() as conn:
        return load(conn, seed.tenant_id, "home", params, now=datetime.now(UTC))


def followed(database: Database, snapshot: Snapshot) -> Snapshot:
    """Read what the log of changes names."""
    with database.reading() as conn:
        made = renewed(conn, snapshot, snapshot.params, datetime.now(UTC))
    assert made is not None
    return made


def names(snapshot: Snapshot) -> tuple[str, str]:
    """Return what trends and what is new."""
    trending, newest = (
        "".join(snapshot.items.ids[number] for number in numbers) for numbers in (snapshot.trending, snapshot.newest)
    )
    return trending, newest


@pytest.fixture(autouse=True)
def rows(seed: Seed) -> None:
    """Fill in a, wanted long ago, b yesterday, c today; d and e are new, and f was created a month ago."""
    seed.conn.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
        " select %s, 'home', item_id, (now() at time zone 'UTC')::date - age, score"
        " from (values ('a', 60, 900), ('b', 1, 10), ('c', 0, 9)) as row (item_id, age, score)",
        (seed.tenant_id,),
    )
    seed.conn.execute(
        "insert into item_tags (tenant_id, namespace, item_id, created_at)"
        " select %s, 'home', item_id, now() - make_interval(hours => age)"
        " from (values ('d', 30), ('e', 3), ('f', 800)) as row (item_id, age)",
        (seed.tenant_id,),
    )


def test_the_most_wanted_of_late_and_the_newest_come_first(database: Database, seed: Seed) -> None:
    """Trending decays by its own half-life; new is what was created within the days that config names."""
    assert names(loaded(database, seed)) == ("cba", "ed")
    assert names(loaded(database, seed, SignalParams())) == ("", "")


def test_a_change_is_followed_without_a_load(database: Database, seed: Seed) -> None:
    """A new item, one that is gone, and a score: the amended snapshot is the one that would be loaded."""
    before = loaded(database, seed)
    seed.conn.execute(
        "insert into item_tags (tenant_id, namespace, item_id) values (%s, 'home', 'g')", (seed.tenant_id,)
    )
    seed.conn.execute("update item_tags set available = false where item_id = 'e'")
    seed.conn.execute("update item_popularity_daily set score = 50 where item_id = 'b'")
    after = followed(database, before)
    assert names(after) == ("bca", "gd")
    assert after.version == loaded(database, seed).version
