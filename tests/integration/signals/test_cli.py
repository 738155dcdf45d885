"""`recsys signals`, run as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from recsys.settings import Settings

if TYPE_CHECKING:
    from conftest import Shop

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def signals(settings: Settings) -> Run:
    """Run `recsys signals` against this test's database, for the tenant that the variable names."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")},
        "DATABASE_URL": str(settings.database_url),
        "RECSYS_TENANT": "shop",
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "recsys", "signals", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return run


def test_build_says_what_it_did(signals: Run, shop: Shop) -> None:
    """The account goes to stdout as JSON; a second build has nothing to do."""
    shop.visit("a", "b")
    done = signals("build", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("days") in {1, 2}  # just before midnight the day that follows is built too
    assert said == {
        "namespaces": ["home"],
        "events": 2,
        "beyond_session_length": 0,
        "cut_off": {"visits": 0, "events": 0},
        "popularity": {"written": 2, "removed": 0},
        "covisitation": {"written": 2, "removed": 0},
    }
    again = signals("build")
    assert again.stdout == ""
    assert "nothing to do" in again.stderr


def test_status_shows_tables_and_what_waits(signals: Run, shop: Shop, noon: datetime) -> None:
    """Status counts rows and items of every signal and lists the days to be built."""
    shop.visit("a", "b")
    shop.build()
    shop.event("c", surface=None)
    day = str(noon.date())
    done = signals("status", "--json")
    assert done.returncode == 0, done.stderr
    common = {"namespace": "home", "rows": 2, "items": 2, "first_day": day, "last_day": day}
    assert json.loads(done.stdout) == {
        "signals": [common | {"signal": "covisitation"}, common | {"signal": "popularity"}],
        "cut_off": [],
        "pending": [{"surface": None, "day": day}],
    }
    assert "1 days wait to be built" in signals("status").stderr


def test_bots_are_named_by_build_and_status(signals: Run, shop: Shop) -> None:
    """Both say how many events of how many visitors were left out, and which key decides that."""
    for _ in range(2001):
        shop.event("a", visitor="bot")
    for done in (signals("build"), signals("status")):
        assert "2001 events of 1 visitors or sessions" in " ".join(done.stderr.split())
        assert "bots.events_per_day" in done.stderr


def test_rebuild_takes_a_span_of_days(signals: Run, shop: Shop, noon: datetime) -> None:
    """Days are named in UTC; a span that ends before it begins is refused with its remedy."""
    shop.event("a")
    shop.conn.execute("delete from signal_days_touched")
    day = str(noon.date())
    done = signals("rebuild", "--from", day, "--to", day, "--json")
    assert done.returncode == 0, done.stderr
    assert shop.popularity() == {("a", 0): 1}
    backwards = signals("rebuild", "--from", day, "--to", "2020-01-01")
    assert backwards.returncode == 2
    assert "before --from" in backwards.stderr


def test_an_unknown_tenant_is_a_sentence(signals: Run, shop: Shop) -> None:
    """No traceback: what is wrong and what to do."""
    del shop
    done = signals("build", "--tenant", "nobody")
    assert done.returncode == 1
    assert "recsys tenants create" in done.stderr
