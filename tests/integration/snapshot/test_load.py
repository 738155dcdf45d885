"""A namespace is loaded out of a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from recsys.db.pool import Database
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.load import load
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Seed

NOW = datetime(2026, 5, 20, 15, tzinfo=UTC)
TODAY = NOW.date()
ODD = "back\\slash \"quote' ,{} é 😀 trailing "


def loaded(database: Database, tenant: UUID, params: SignalParams | None = None, namespace: str = "home") -> Snapshot:
    """Load as serving does."""
    with database.reading() as conn:
        return load(conn, tenant, namespace, params or SignalParams(), now=NOW)


def test_what_is_loaded_equals_what_is_frozen_from_the_same_rows(database: Database, seed: Seed, tenant: UUID) -> None:
    """Loading adds nothing and loses nothing: same rows, same version, for odd ids and numbers too."""
    days = [TODAY - timedelta(days=age) for age in (-1, 0, 1, 30, 89, 90, 400)]
    popularity = [(item, day, 0.25 + age) for item in ("a", "b", ODD) for age, day in enumerate(days)]
    covisitation = [("a", "b", day, 1.5 + age) for age, day in enumerate(days)]
    covisitation += [("b", "a", days[1], 3.25), ("a", ODD, days[2], 2), (ODD, "a", days[2], 2), ("b", "z", days[1], 7)]
    tags = [("a", ("red", ODD), True), ("t", (), False), (ODD, ("red",), False)]
    for item, day, score in popularity:
        seed.popularity(item, score, day)
    for item, neighbor, day, score in covisitation:
        seed.covisitation(item, neighbor, score, day)
    for item, words, available in tags:
        seed.tags(item, *words, available=available)
    columns = Columns.from_rows(popularity, covisitation, tags)
    for params in (
        SignalParams(),
        SignalParams(popularity_window=None, covisitation_window=None),
        SignalParams(neighbors=1),
    ):
        expected = freeze(columns, params, tenant_id=tenant, namespace="home", now=NOW)
        found = loaded(database, tenant, params)
        assert found.items.ids == expected.items.ids == ("a", "b", ODD, "t", "z")
        np.testing.assert_array_equal(found.popularity, expected.popularity)
        np.testing.assert_array_equal(found.neighbors.values, expected.neighbors.values)
        assert found.version == expected.version


def test_a_namespace_without_rows_is_empty(database: Database, tenant: UUID) -> None:
    """Nothing there is an answer, not an error."""
    assert len(loaded(database, tenant).items) == 0


def test_other_tenants_and_namespaces_stay_out(database: Database, seed: Seed, tenant: UUID) -> None:
    """Rows of another namespace or tenant are not in the snapshot."""
    stranger = seed.of(UUID(int=1))
    for writer, namespace, item in ((seed, "home", "mine"), (seed, "other", "theirs"), (stranger, "home", "not mine")):
        writer.popularity(item, 1, TODAY, namespace)
        writer.tags(item, "x", namespace=namespace)
        writer.covisitation(item, item + "'s neighbour", 1, TODAY, namespace)
    assert loaded(database, tenant).items.ids == ("mine", "mine's neighbour")


def test_a_deleted_item_stays_away_until_it_is_put_again(database: Database, seed: Seed, tenant: UUID) -> None:
    """A deleted item is nobody's neighbour and has no popularity, whatever its rows say; put again, it is back."""
    seed.popularity("dead", 9, TODAY)
    for item, neighbor in (("a", "dead"), ("dead", "a"), ("a", "b"), ("b", "a")):
        seed.covisitation(item, neighbor, 5, TODAY)
    seed.tags("dead", available=False)
    seed.conn.execute("update item_tags set deleted_at = now()")
    snapshot = loaded(database, tenant)
    assert snapshot.items.ids == ("a", "b")
    assert snapshot.neighbors.indices.tolist() == [1, 0]
    seed.conn.execute("update item_tags set available = true")
    assert loaded(database, tenant).items.ids == ("a", "b", "dead")


def test_unavailable_items_are_known_but_not_available(database: Database, seed: Seed, tenant: UUID) -> None:
    """An item that is out of stock keeps its signals; only its flag says so."""
    seed.popularity("a", 1, TODAY)
    seed.tags("a", "red", "red", available=False)
    snapshot = loaded(database, tenant)
    assert snapshot.available.tolist() == [False]
    assert snapshot.popularity.tolist() == [1.0]
    assert [snapshot.tags.ids[tag] for tag in snapshot.item_tags.row(0)] == ["red"]


def test_absurd_numbers_do_not_stop_a_load(database: Database, seed: Seed, tenant: UUID) -> None:
    """A score beyond any float and days beyond any calendar are the operator's to write; the others still serve."""
    seed.popularity("a", 1, "infinity")
    seed.popularity("a", 1, "-infinity")
    seed.popularity("b", "1e400", TODAY)
    seed.popularity("c", 2, TODAY)
    seed.covisitation("c", "b", "1e400", TODAY)
    snapshot = loaded(database, tenant, SignalParams(popularity_window=None))
    assert snapshot.popularity.tolist() == [0, 1e15, 2]
    assert snapshot.neighbors.values is not None
    assert np.isfinite(snapshot.neighbors.values).all()


def test_all_tables_are_read_at_one_moment(database: Database, seed: Seed, tenant: UUID) -> None:
    """What is committed while a load runs is in all of it or in none."""
    seed.popularity("a", 1, TODAY)
    with database.reading() as conn:
        conn.execute("select 1 from item_tags")
        seed.popularity("b", 1, TODAY)
        assert load(conn, tenant, "home", SignalParams(), now=NOW).items.ids == ("a",)
    assert loaded(database, tenant).items.ids == ("a", "b")
