"""Importing interactions on a real Postgres."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import DataFileError
from recsys.events.user_key import user_key
from recsys.ingest import interactions
from recsys.ingest.account import Account
from recsys.ingest.interaction_row import Reading
from recsys.ingest.interactions import import_interactions
from recsys.ingest.policy import window
from recsys.ingest.source import DataFile
from recsys.ingest.survey import partitions_needed, shifted_to_now, survey

Write = Callable[..., DataFile]

FILE = """user_id,item_id,event_type,occurred_at,surface
u1,a,click,2026-05-01T10:00:00Z,home
u2,b,click,2026-05-01T10:00:00Z,home
u1,c,purchase,2026-05-02T00:30:00Z,
"""


def rows(operator: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    """Ask as an operator."""
    return operator.execute(query.encode()).fetchall()


def test_rows_are_stored_with_their_keys_and_their_order(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """Every row is one event; equal times keep the order of the file; the raw user id is not stored."""
    done = import_interactions(database, write(FILE), reading)
    assert (done.stored, done.repeated, done.account.refused) == (3, 0, 0)
    stored = rows(
        operator,
        "select item_id, event_type, surface, user_key, occurred_at from interaction_events order by occurred_at, seq",
    )
    key = user_key(b"secret", reading.tenant_id, "u1", None)
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert stored[0] == ("a", "click", "home", key, at)
    assert [row[:3] for row in stored] == [
        ("a", "click", "home"),
        ("b", "click", "home"),
        ("c", "purchase", None),
    ]


def test_importing_twice_stores_once(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """A repeated import, also of a copy under another name, finds every row stored and touches no day."""
    import_interactions(database, write(FILE), reading)
    touched = rows(operator, "select count(*) from signal_days_touched")
    done = import_interactions(database, write(FILE, "copy.csv"), reading)
    assert (done.stored, done.repeated) == (0, 3)
    assert rows(operator, "select count(*) from interaction_events") == [(3,)]
    assert rows(operator, "select count(*) from signal_days_touched") == touched


def test_a_corrected_or_longer_file_adds_only_what_is_new(database: Database, reading: Reading, write: Write) -> None:
    """A refused row that is put right, and a row at the end, are stored; the others are known."""
    broken = FILE.replace("u2,b,click", "u2,b,Click")
    first = import_interactions(database, write(broken), reading)
    assert (first.stored, first.account.refused) == (2, 1)
    second = import_interactions(database, write(FILE + "u3,d,click,2026-05-03T00:00:00Z,home\n"), reading)
    assert (second.stored, second.repeated) == (2, 2)


def test_equal_rows_are_two_events(database: Database, reading: Reading, write: Write) -> None:
    """Somebody who clicks twice in a second has clicked twice."""
    line = FILE.splitlines()[1] + "\n"
    assert import_interactions(database, write(FILE + line), reading).stored == 4


def test_an_event_id_of_the_file_is_kept(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """An id in the file is the event's identity, so the same id at the same time is stored once."""
    text = "event_id,item_id,occurred_at\ne1,a,2026-05-01T00:00:00Z\ne1,a,2026-05-01T00:00:00Z\n"
    assert import_interactions(database, write(text), reading).stored == 1
    assert rows(operator, "select event_id from interaction_events") == [("e1",)]


def test_an_import_that_was_interrupted_goes_on(
    database: Database,
    operator: psycopg.Connection,
    reading: Reading,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped after its first batch and run again, it stores what is missing and doubles nothing."""
    monkeypatch.setattr(interactions, "BATCH_ROWS", 2)
    file = write(FILE)

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_interactions(database, file, reading, progress=stop)
    assert rows(operator, "select count(*) from interaction_events") == [(2,)]
    done = import_interactions(database, file, reading)
    assert (done.stored, done.repeated) == (1, 2)


def test_the_days_and_surfaces_that_gained_events_are_noted(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """Each pair of surface and UTC day is noted once, in the transaction that stores the events."""
    import_interactions(database, write(FILE), reading)
    noted = rows(operator, "select tenant_id, surface, day from signal_days_touched order by day")
    tenant = reading.tenant_id
    assert noted == [(tenant, "home", date(2026, 5, 1)), (tenant, None, date(2026, 5, 2))]


def test_what_is_too_old_or_in_the_future_is_refused_by_row(database: Database, reading: Reading, write: Write) -> None:
    """The policy's accept_days bounds how far back rows may go; the reason names the way around it."""
    text = "item_id,occurred_at\na,2020-01-01T00:00:00Z\nb,2026-05-01T00:00:00Z\nc,2026-05-21T00:00:00Z\n"
    done = import_interactions(database, write(text), reading)
    assert done.stored == 1
    assert [(refusal.row, refusal.path) for refusal in done.account.first] == [
        (2, "$.occurred_at"),
        (4, "$.occurred_at"),
    ]
    assert "only 400 days are accepted: say --since" in done.account.first[0].reason
    assert done.account.first[1].reason == "is in the future"


def test_since_goes_further_back_and_makes_the_partitions(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """With --since old rows are stored in partitions made for them, as many as were announced."""
    file = write("item_id,occurred_at\na,2020-01-15T00:00:00Z\nb,2020-01-31T23:59:59Z\nc,2020-03-01T00:00:00Z\n")
    allowed = window(database, reading.now, datetime(2020, 1, 1, tzinfo=UTC))
    reading = replace(reading, earliest=allowed.earliest)
    announced = partitions_needed(database, survey(file, reading), reading)
    before = rows(operator, "select count(*) from recsys_partitions('interaction_events')")[0][0]
    assert import_interactions(database, file, reading).stored == 3
    after = rows(operator, "select count(*) from recsys_partitions('interaction_events')")[0][0]
    assert after - before == announced == 2


def test_shifting_moves_every_event_by_the_same_amount(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """The last event becomes now, and the distances stay."""
    file = write("user_id,item_id,occurred_at\nu,a,880000000\nu,b,880003600\n")
    shifted = shifted_to_now(database, survey(file, reading), reading)
    assert import_interactions(database, file, shifted).stored == 2
    stored = rows(operator, "select occurred_at from interaction_events order by seq")
    assert [row[0] for row in stored] == [reading.now - timedelta(hours=1), reading.now]


def test_a_shifted_import_that_is_repeated_later_keeps_its_first_shift(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """A second run an hour later does not store every event again at another time, even if a visitor was erased."""
    file = write("user_id,item_id,occurred_at\nu,a,880000000\nv,b,880003600\n")
    import_interactions(database, file, shifted_to_now(database, survey(file, reading), reading))
    operator.execute("delete from interaction_events where item_id = 'a'")
    later = replace(reading, now=reading.now + timedelta(hours=1))
    done = import_interactions(database, file, shifted_to_now(database, survey(file, later), later))
    assert (done.stored, done.repeated) == (1, 1)


def test_a_shift_that_would_lose_the_beginning_is_refused(database: Database, reading: Reading, write: Write) -> None:
    """A file that covers more days than are accepted is refused whole, before anything is stored."""
    file = write("item_id,occurred_at\na,2010-01-01T00:00:00Z\nb,2015-01-01T00:00:00Z\n")
    with pytest.raises(DataFileError, match="covers 1826 days"):
        shifted_to_now(database, survey(file, reading), reading)


def test_erased_people_stay_erased(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """Rows of a visitor that are older than the visitor's erasure are left out and counted."""
    operator.execute(
        "insert into erasures (tenant_id, user_key, erased_at) values (%s, %s, '2026-05-02T00:00:00Z')",
        [reading.tenant_id, user_key(b"secret", reading.tenant_id, "u1", None)],
    )
    done = import_interactions(database, write(FILE), reading)
    assert (done.stored, done.repeated, done.erased) == (2, 0, 1)
    assert rows(operator, "select item_id from interaction_events order by item_id") == [("b",), ("c",)]


def test_tenants_do_not_share_events(
    database: Database, operator: psycopg.Connection, reading: Reading, write: Write
) -> None:
    """The same file imported for two tenants is stored for each, under keys that can not be joined."""
    row = operator.execute("insert into tenants (external_id, name) values ('b', 'B') returning id").fetchone()
    assert row is not None
    other: UUID = row[0]
    import_interactions(database, write(FILE), reading)
    assert import_interactions(database, write(FILE), replace(reading, tenant_id=other)).stored == 3
    assert rows(operator, "select count(distinct user_key) from interaction_events") == [(4,)]
    with database.service(other) as conn:
        assert conn.execute("select count(*) from interaction_events").fetchone() == (3,)


def test_the_account_is_handed_on_as_it_grows(database: Database, reading: Reading, write: Write) -> None:
    """Every refusal reaches the sink, so that memory does not hold them all."""
    seen: list[Any] = []
    account = Account(seen.append)
    bad = "".join(f",{number}\n" for number in range(50))
    import_interactions(database, write("item_id,occurred_at\n" + bad), reading, account)
    assert len(seen) == account.refused == 50
    assert len(account.first) == 20


def test_progress_ends_at_the_whole_file(database: Database, reading: Reading, write: Write) -> None:
    """The last call says that all of the file has been read."""
    told: list[tuple[int, int]] = []
    file = write(FILE)
    import_interactions(database, file, reading, progress=lambda *told_now: told.append(told_now))
    size = file.path.stat().st_size
    assert told[-1] == (size, size)
