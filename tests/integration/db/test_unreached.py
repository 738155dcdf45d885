"""A database that is away at the start is checked before the first transaction on it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable, IsolationError
from recsys.settings import Settings


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let the check find no database while this holds something."""
    gone, check = [True], Database.require_isolation

    def require_isolation(self: Database) -> None:
        if gone:
            raise DatabaseUnavailable
        check(self)

    monkeypatch.setattr(Database, "require_isolation", require_isolation)
    return gone


def test_a_start_that_must_be_answered_ends(settings: Settings, away: list[bool]) -> None:
    """Commands say at once that the database is away."""
    assert away
    with pytest.raises(DatabaseUnavailable):
        Database.open(settings)


def test_what_was_away_is_used_once_it_was_checked(settings: Settings, away: list[bool]) -> None:
    """Until then every transaction says that it is away; afterwards all is as if it had been there."""
    with Database.open(settings, must_answer=False) as database:
        assert not database.met
        with pytest.raises(DatabaseUnavailable), database.system():
            pass
        away.clear()
        with database.system() as conn:
            assert conn.execute("select 1").fetchone() == (1,)
        assert database.met


def test_what_was_away_and_is_open_to_all_is_refused(
    settings: Settings, owner: psycopg.Connection, away: list[bool]
) -> None:
    """A table without its policy stops every way to a transaction, not only the start."""
    owner.execute("alter table item_tags disable row level security")
    with Database.open(settings, must_answer=False) as database:
        away.clear()
        with pytest.raises(IsolationError), database.service(uuid4()):
            pass
        with pytest.raises(IsolationError):
            database.ask(uuid4(), "select 1", {})
        assert not database.met
