"""The log of changes is followed without losing anything."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.snapshot.changes import ChangeLog, Changes

if TYPE_CHECKING:
    from conftest import Clock, Seed

TODAY = date(2026, 5, 20)


class Looker:
    """Looks at the log as a host does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.log = ChangeLog()

    def look(self) -> Changes:
        """Look once."""
        with self.database.system() as conn:
            return self.log.look(conn, self.clock())


@pytest.fixture
def looker(database: Database, clock: Clock, tenant: UUID) -> Looker:
    """Have looked once, after the tenant was made, so that only what comes is new."""
    del tenant
    looker = Looker(database, clock)
    assert looker.look().everything
    return looker


def test_each_signal_names_its_namespace(looker: Looker, seed: Seed, tenant: UUID) -> None:
    """Any of the three tables tells which catalogue changed, once."""
    seed.popularity("a", 1, TODAY, "one")
    seed.covisitation("a", "b", 1, TODAY, "two")
    seed.tags("a", namespace="three")
    seed.tags("b", namespace="three")
    assert looker.look().namespaces == {(tenant, "one"), (tenant, "two"), (tenant, "three")}
    assert looker.look() == Changes()


def test_writing_the_same_again_changes_nothing(looker: Looker, seed: Seed) -> None:
    """An upsert that leaves every row as it was is not a change."""
    seed.popularity("a", 1, TODAY)
    looker.look()
    seed.popularity("a", 1, TODAY)
    assert looker.look() == Changes()


def test_a_slow_transaction_is_not_lost(looker: Looker, seed: Seed, operator: psycopg.Connection, tenant: UUID) -> None:
    """What began before and commits after a look is in the next one, and nothing is told twice."""
    with psycopg.connect(operator.info.dsn) as slow:
        slow_seed = type(seed)(slow, tenant)
        slow_seed.popularity("a", 1, TODAY, "slow")
        seed.popularity("a", 1, TODAY, "fast")
        assert looker.look().namespaces == {(tenant, "fast")}
        assert looker.look() == Changes()
        slow.commit()
    assert looker.look().namespaces == {(tenant, "slow")}
    assert looker.look() == Changes()


def test_what_was_rolled_back_did_not_happen(looker: Looker, seed: Seed, operator: psycopg.Connection) -> None:
    """A change that is undone is never told."""
    with operator.transaction(force_rollback=True):
        seed.popularity("a", 1, TODAY)
    assert looker.look() == Changes()


def test_tenants_documents_and_keys_are_followed(looker: Looker, operator: psycopg.Connection, tenant: UUID) -> None:
    """A change of a tenant's row names the tenant, not a namespace."""
    operator.execute("update tenants set name = 'Other' where id = %s", (tenant,))
    assert looker.look() == Changes(tenants={tenant})


def test_truncate_concerns_everybody(looker: Looker, operator: psycopg.Connection) -> None:
    """Whose rows a TRUNCATE removed nobody can say, so it names no tenant: all of them."""
    operator.execute("truncate item_tags")
    assert looker.look().namespaces == {(None, None)}


def test_after_a_long_pause_everything_may_have_changed(looker: Looker, clock: Clock) -> None:
    """The log is kept for a day; whoever slept through it can not trust it."""
    clock.advance(hours=21)
    assert looker.look().everything
    assert looker.look() == Changes()


def test_another_history_is_noticed(looker: Looker) -> None:
    """Transaction ids that run backwards mean a restored database: nothing read before can be trusted."""
    looker.log._horizon = 2**40
    looker.log._looked = looker.clock() - timedelta(seconds=1)
    assert looker.look().everything
