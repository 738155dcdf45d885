"""What waits to be built is built for every tenant."""

from __future__ import annotations

import psycopg

from recsys.db.pool import Database
from recsys.signals.pending import build_pending

EVENTS = """
insert into interaction_events (tenant_id, event_id, occurred_at, event_type, item_id, session_id, seq)
select tenants.id, 'e' || n, now(), 'view', 'item' || n, 's', n from tenants, generate_series(1, 3) n;
insert into signal_days_touched (tenant_id, day) select id, (now() at time zone 'UTC')::date from tenants;
"""


def test_every_active_tenant_is_built_once(database: Database, operator: psycopg.Connection) -> None:
    """Two active tenants get popularity and pairs, a suspended one waits, and a second pass finds nothing to do."""
    operator.execute(
        "insert into tenants (external_id, name, status)"
        " values ('one', 'One', 'active'), ('two', 'Two', 'active'), ('off', 'Off', 'suspended')"
    )
    operator.execute(EVENTS)
    built = build_pending(database)
    assert {tenant: done.events for tenant, done in built.items()} == {"one": 3, "two": 3}
    rows = operator.execute("select count(*), count(distinct tenant_id) from item_popularity_daily").fetchone()
    assert rows == (6, 2)
    assert build_pending(database) == {}
    operator.execute("update tenants set status = 'active'")
    assert list(build_pending(database)) == ["off"]


def test_a_pass_ends_between_tenants_when_it_should(database: Database, operator: psycopg.Connection) -> None:
    """A service that stops does not wait for the builds of tenants that were not begun."""
    operator.execute("insert into tenants (external_id, name) values ('one', 'One')")
    operator.execute(EVENTS)
    assert build_pending(database, stopping=lambda: True) == {}
