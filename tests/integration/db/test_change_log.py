"""What triggers say about changes: enough to re-read just that, and nothing when nothing changed."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

TENANT = UUID("018f0000-0000-7000-8000-000000000001")

POPULARITY = """
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select %(tenant)s, namespace, 'item-' || number, '2026-05-01', %(score)s
    from unnest(%(namespaces)s::text[]) as namespace, generate_series(1, %(items)s) as number
    on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score
"""


def _changes(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    """Read what the log holds, and empty it."""
    rows = conn.execute(
        "with gone as (delete from signal_changes returning *) "
        "select tenant_id, namespace, signal, item_ids from gone order by signal, namespace"
    ).fetchall()
    return [(*row[:3], sorted(row[3]) if row[3] else row[3]) for row in rows]


def _seed(conn: psycopg.Connection, *, items: int, score: float = 1, namespaces: tuple[str, ...] = ("home",)) -> None:
    conn.execute(POPULARITY, {"tenant": TENANT, "items": items, "score": score, "namespaces": list(namespaces)})


def test_an_insert_names_its_items_per_namespace(operator: psycopg.Connection) -> None:
    """One statement over two namespaces writes one row for each, with the items."""
    _seed(operator, items=2, namespaces=("home", "shop"))
    assert _changes(operator) == [
        (TENANT, "home", "popularity", ["item-1", "item-2"]),
        (TENANT, "shop", "popularity", ["item-1", "item-2"]),
    ]


@pytest.mark.parametrize(("items", "named"), [(1000, True), (1001, False), (20_000, False)])
def test_up_to_a_thousand_items_are_named(operator: psycopg.Connection, items: int, named: bool) -> None:
    """A statement over more than 1,000 items, or over very many rows, says that any item may have changed."""
    _seed(operator, items=items)
    [(_, namespace, _, item_ids)] = _changes(operator)
    assert namespace == "home"
    assert (item_ids is not None) == named


def test_an_upsert_of_the_same_says_nothing(operator: psycopg.Connection) -> None:
    """Writing what is there already leaves no trace in the log, whatever updated_at says."""
    _seed(operator, items=3)
    operator.execute("insert into item_tags (tenant_id, namespace, item_id) values (%s, 'home', 'x')", (TENANT,))
    _changes(operator)
    _seed(operator, items=3)
    operator.execute("update item_tags set updated_at = now() + interval '1 day'")
    assert _changes(operator) == []


def test_an_update_names_only_what_differs(operator: psycopg.Connection) -> None:
    """Of a hundred rows that one statement writes, only the item whose score moved is named."""
    _seed(operator, items=100)
    _changes(operator)
    operator.execute("update item_popularity_daily set score = case item_id when 'item-7' then 2 else 1 end")
    assert _changes(operator) == [(TENANT, "home", "popularity", ["item-7"])]


def test_a_key_that_changes_names_the_old_item_and_the_new(operator: psycopg.Connection) -> None:
    """Renaming an item says both names: the old one has to go."""
    operator.execute("insert into item_tags (tenant_id, namespace, item_id) values (%s, 'home', 'old')", (TENANT,))
    _changes(operator)
    operator.execute("update item_tags set item_id = 'new'")
    assert _changes(operator) == [(TENANT, "home", "tags", ["new", "old"])]


def test_a_delete_names_its_items(operator: psycopg.Connection) -> None:
    """Deleted co-visitation rows name the item that was looked from."""
    operator.execute(
        "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score) "
        "values (%s, 'home', 'a', 'b', '2026-05-01', 1)",
        (TENANT,),
    )
    _changes(operator)
    operator.execute("delete from item_covisit_daily")
    assert _changes(operator) == [(TENANT, "home", "covisitation", ["a"])]


@pytest.mark.parametrize(
    ("table", "signal"),
    [("item_tags", "tags"), ("item_popularity_daily", "popularity"), ("item_covisit_daily", "covisitation")],
)
def test_truncate_concerns_everybody(operator: psycopg.Connection, table: str, signal: str) -> None:
    """TRUNCATE names neither tenant nor namespace: all of them read the signal anew."""
    operator.execute(f"truncate {table}")
    assert _changes(operator) == [(None, None, signal, None)]


def test_a_statement_that_touches_no_row_says_nothing(operator: psycopg.Connection) -> None:
    """Statement triggers fire for nothing too; the log stays empty."""
    operator.execute("delete from item_tags")
    operator.execute("update item_popularity_daily set score = 1")
    assert _changes(operator) == []


def test_documents_tenants_and_keys_are_followed(operator: psycopg.Connection) -> None:
    """An operator's SQL on pointers, status and keys is in the log like an API call; last_used_at is not."""
    operator.execute("insert into tenants (id, external_id, name) values (%s, 'a', 'A')", (TENANT,))
    assert _changes(operator) == [(TENANT, None, "tenant", None)]
    operator.execute(
        "with version as ("
        "insert into tenant_config_versions (tenant_id, config) values (%s, '{}') returning tenant_id, id) "
        "insert into tenant_configs_current (tenant_id, config_version_id) select * from version",
        (TENANT,),
    )
    operator.execute(
        "with version as ("
        "insert into tenant_rule_versions (tenant_id, rules) values (%s, '[]') returning tenant_id, id) "
        "insert into tenant_rules_current (tenant_id, rules_version_id) select * from version",
        (TENANT,),
    )
    operator.execute(
        "insert into tenant_api_keys (tenant_id, name, key_prefix, key_hash) values (%s, 'k', 'p', sha256('x'))",
        (TENANT,),
    )
    assert _changes(operator) == [(TENANT, None, signal, None) for signal in ("config", "keys", "rules")]
    operator.execute("update tenant_api_keys set last_used_at = now()")
    assert _changes(operator) == []
    operator.execute("update tenant_api_keys set revoked_at = now()")
    operator.execute("update tenants set status = 'suspended'")
    assert _changes(operator) == [(TENANT, None, signal, None) for signal in ("keys", "tenant")]


def test_who_writes_signals_needs_no_right_on_the_log(operator: psycopg.Connection) -> None:
    """The service role, which may not touch the log, is followed as well."""
    with operator.transaction():
        operator.execute("set local role recsys_service")
        operator.execute("select set_config('app.tenant_id', %s, true)", (str(TENANT),))
        operator.execute("insert into item_tags (tenant_id, namespace, item_id) values (%s, 'home', 'x')", (TENANT,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), operator.transaction():
            operator.execute("select from signal_changes")
    assert _changes(operator) == [(TENANT, "home", "tags", ["x"])]


def test_the_transaction_id_is_the_one_that_commits(operator: psycopg.Connection) -> None:
    """The xid is the writing transaction's, so that a reader knows what it can not have seen yet."""
    with operator.transaction():
        operator.execute("insert into tenants (id, external_id, name) values (%s, 'b', 'B')", (uuid4(),))
        same = "select xid = pg_current_xact_id() from signal_changes"
        assert operator.execute(same).fetchone() == (True,)
