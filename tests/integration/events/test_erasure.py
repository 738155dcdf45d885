"""A person is erased: from both logs, from what waits, from what is detached; nobody else is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from recsys.cli import app
from recsys.db.pool import Database
from recsys.errors import InvalidRequest, Unavailable
from recsys.events import erasure
from recsys.events.drain import drain_once
from recsys.events.erasure import Person, Receipt, erase
from recsys.events.landing import Spooled, land
from recsys.events.records import Kind
from recsys.events.spool import Spool
from recsys.events.user_key import user_key
from recsys.settings import Settings, environment
from recsys.tenancy import tenants
from recsys.tenancy.tenants import Tenant

SECRETS = (b"the secret in use", b"the one before it")
HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
ADA = "ada@example.org"


@pytest.fixture
def tenant(database: Database) -> Tenant:
    """Whose visitor Ada is."""
    with database.system() as conn:
        return tenants.create(conn, "shop")


@pytest.fixture
def key(tenant: Tenant) -> bytes:
    """What Ada is stored as."""
    found = user_key(SECRETS[0], tenant.id, ADA, None)
    assert found is not None
    return found


@pytest.fixture
def erase_ada(database: Database, tenant: Tenant, tmp_path: Path) -> Callable[..., Receipt]:
    """Erase Ada, and what else is named."""

    def run(**more: Any) -> Receipt:
        return erase(database, tenant.id, Person((ADA,), **more), secrets=SECRETS, workers=tmp_path / "workers")

    return run


def events(desk: Any, tenant: Tenant, first: int, count: int, **changes: Any) -> None:
    """Spool as many interactions and exposures of one visitor, of an hour ago."""
    fields = {"tenant_id": tenant.id, "occurred_at": HOUR_AGO, **changes}
    numbers = range(first, first + count)
    desk.spool(Kind.INTERACTION, [desk.interaction(n, received_at=HOUR_AGO, surface="home", **fields) for n in numbers])
    desk.spool(Kind.EXPOSURE, [desk.exposure(n, **fields) for n in numbers])


def left(desk: Any) -> dict[str, int]:
    """Count what is in each log."""
    query = "select (select count(*) from exposure_events), (select count(*) from interaction_events)"
    exposures, interactions = desk.rows(query)[0]
    return {"exposure_events": exposures, "interaction_events": interactions}


def test_nothing_of_the_person_is_left_and_nobody_else_is_touched(
    desk: Any, tenant: Tenant, key: bytes, erase_ada: Callable[..., Receipt]
) -> None:
    """Both logs lose exactly the person's rows; the receipt counts them; builders are told the days."""
    events(desk, tenant, 0, 5, user_key=key, session_id="s1")
    events(desk, tenant, 10, 3, user_key=b"bob", session_id="s2")
    desk.drain()
    desk.operator.execute("truncate signal_days_touched")
    receipt = erase_ada()
    assert (receipt.exposures, receipt.interactions) == (5, 5)
    assert left(desk) == {"exposure_events": 3, "interaction_events": 3}
    assert desk.rows("select surface, day from signal_days_touched") == [("home", HOUR_AGO.date())]


def test_batches_add_up(
    desk: Any, tenant: Tenant, key: bytes, erase_ada: Callable[..., Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person with more interactions than one transaction takes is erased whole."""
    monkeypatch.setattr(erasure, "BATCH_ROWS", 2)
    events(desk, tenant, 0, 5, user_key=key)
    desk.drain()
    assert erase_ada().interactions == 5
    assert left(desk)["interaction_events"] == 0


def test_every_name_and_every_secret_counts(desk: Any, tenant: Tenant, erase_ada: Callable[..., Receipt]) -> None:
    """What was stored under an earlier secret, an anonymous id or a session goes too, where it is named."""
    before = user_key(SECRETS[1], tenant.id, ADA, None)
    anonymous = user_key(SECRETS[0], tenant.id, None, "cookie")
    events(desk, tenant, 0, 1, user_key=before)
    events(desk, tenant, 10, 1, user_key=anonymous)
    events(desk, tenant, 20, 1, session_id="s1")
    desk.drain()
    assert erase_ada().interactions == 1
    receipt = erase_ada(anonymous_ids=("cookie",), session_ids=("s1",))
    assert (receipt.interactions, receipt.user_keys, receipt.session_ids) == (2, 4, 1)
    assert left(desk) == {"exposure_events": 0, "interaction_events": 0}


def test_a_spool_of_another_host_brings_nothing_back(
    desk: Any, tenant: Tenant, key: bytes, erase_ada: Callable[..., Receipt], tmp_path: Path
) -> None:
    """What lay in a spool before the erasure is dropped by whoever drains it; what the person does afterwards lands."""
    elsewhere = tmp_path / "other-host"
    fields = {"tenant_id": tenant.id, "user_key": key}
    with Spool(elsewhere, bounds=desk.policy.bounds) as spool:
        old = {**fields, "occurred_at": HOUR_AGO, "received_at": HOUR_AGO}
        spool.append_now(Kind.INTERACTION, [desk.interaction(1, **old)])
        spool.append_now(Kind.EXPOSURE, [desk.exposure(1, **fields, occurred_at=HOUR_AGO)])
    erase_ada()
    later = datetime.now(UTC) + timedelta(seconds=1)
    with Spool(elsewhere, bounds=desk.policy.bounds) as spool:
        new = {**fields, "occurred_at": later, "received_at": later}
        spool.append_now(Kind.INTERACTION, [desk.interaction(2, **new)])
    drain_once(desk.database, elsewhere, desk.policy)
    assert desk.event_ids() == ["e2"]
    assert left(desk)["exposure_events"] == 0


def test_a_drain_that_was_at_it_is_waited_for(
    desk: Any, tenant: Tenant, key: bytes, erase_ada: Callable[..., Receipt]
) -> None:
    """Rows that a drain inserted before the tombstone was there, and commits after it, are erased too."""
    payload = desk.interaction(1, tenant_id=tenant.id, user_key=key, occurred_at=HOUR_AGO, received_at=HOUR_AGO)
    receipts: list[Receipt] = []
    erasing = threading.Thread(target=lambda: receipts.append(erase_ada()))
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with desk.database.system() as conn:
        assert land(conn, [Spooled(Kind.INTERACTION, payload)]).interactions == 1
        erasing.start()
        while erasing.is_alive() and desk.rows(waiting) == [(0,)]:
            pass
        assert erasing.is_alive()
    erasing.join(30)
    assert receipts[0].interactions == 1
    assert desk.event_ids() == []


def test_who_never_ends_is_not_waited_for_for_ever(
    desk: Any, erase_ada: Callable[..., Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time is over the remedy is said, and the tombstone stands."""
    monkeypatch.setattr(erasure, "WAIT_SECONDS", 0.05)
    with desk.database.system() as conn:
        land(conn, [])
        with pytest.raises(Unavailable, match="run it again"):
            erase_ada()
    assert desk.rows("select count(*) from erasures where completed_at is null") == [(len(SECRETS),)]
    monkeypatch.setattr(erasure, "WAIT_SECONDS", 30)
    erase_ada()
    assert desk.rows("select count(*) from erasures where completed_at is null") == [(0,)]


def test_detached_partitions_are_reached(
    desk: Any, tenant: Tenant, key: bytes, owner: Any, erase_ada: Callable[..., Receipt]
) -> None:
    """What upkeep has detached and not dropped yet is still erased from, and counted."""
    events(desk, tenant, 0, 2, user_key=key)
    events(desk, tenant, 10, 1, user_key=b"bob")
    desk.drain()
    for table in ("exposure_events", "interaction_events"):
        (name,) = owner.execute(
            "select partition_name from recsys_partitions(%s) where lower_bound <= %s and %s < upper_bound",
            (table, HOUR_AGO, HOUR_AGO),
        ).fetchone()
        owner.execute(f"alter table {table} detach partition {name}")
        owner.execute(f"alter table {name} rename to detached_{table}")
    receipt = erase_ada()
    assert (receipt.exposures, receipt.interactions) == (2, 2)
    assert desk.rows("select user_key from detached_interaction_events") == [(b"bob",)]
    assert desk.rows("select count(*) from detached_exposure_events") == [(1,)]


def test_dead_letters_go_too(desk: Any, tenant: Tenant, key: bytes, erase_ada: Callable[..., Receipt]) -> None:
    """What the database refused of the person is removed; what nobody can look into is counted."""
    desk.operator.execute("alter table interaction_events add constraint for_a_while check (event_type <> 'click')")
    fields = {"tenant_id": tenant.id, "event_type": "click"}
    desk.spool(Kind.INTERACTION, [desk.interaction(1, user_key=key, **fields), desk.interaction(2, **fields)])
    desk.spool(77, [b"from the future"])
    desk.drain()
    receipt = erase_ada()
    assert (receipt.dead_letters, receipt.unreadable_dead_letters) == (1, 1)
    assert len(desk.rows("select id from dead_letters")) == 2


def test_the_receipt_is_in_the_audit_log(desk: Any, erase_ada: Callable[..., Receipt]) -> None:
    """With its counts and what is not rewritten; neither holds the person's id."""
    receipt = erase_ada()
    ((entity, after),) = desk.rows("select entity_id, after_state from audit_log where action = 'user.erase'")
    assert entity == str(receipt.erasure_id)
    assert {left["what"] for left in after["not_rewritten"]} >= {"archives", "exports", "log files", "backups"}
    assert ADA not in str(after)


def test_somebody_must_be_named(database: Database, tenant: Tenant, tmp_path: Path) -> None:
    """An empty request erases nothing and is refused."""
    with pytest.raises(InvalidRequest):
        erase(database, tenant.id, Person(("",)), secrets=SECRETS, workers=tmp_path)


def test_the_command_prints_the_receipt(desk: Any, tenant: Tenant, key: bytes, settings: Settings) -> None:
    """For programs the whole of it, for people counts and what is left; the id is in neither."""
    events(desk, tenant, 0, 2, user_key=key)
    desk.drain()
    variables = environment(
        database_url=settings.database_url, data_dir=settings.data_dir, user_key_secret=SECRETS[0].decode()
    )
    command = ["users", "erase", ADA, "--tenant", "shop"]
    first = CliRunner().invoke(app, [*command, "--json"], env=variables)
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["interactions"] == 2
    second = CliRunner().invoke(app, command, env=variables)
    assert "0 exposures, 0 interactions" in second.stderr
    assert "backups" in second.stderr
    assert ADA not in first.output + second.output
