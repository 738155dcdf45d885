"""Lists at the shell: made by the code that serves, recorded nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.settings import Settings, environment

RECSYS = str(Path(sys.executable).with_name("recsys"))
SEED = """
insert into tenants (external_id, name) values ('acme', 'Acme');
insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select id, 'home', 'item' || n, (now() at time zone 'UTC')::date, n from tenants, generate_series(1, 5) n;
insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
    select id, 'home', 'item5', 'item1', (now() at time zone 'UTC')::date, 9 from tenants;
"""


@pytest.fixture
def environ(settings: Settings, operator: psycopg.Connection) -> dict[str, str]:
    """Variables that lead to a database with one tenant and five items."""
    operator.execute(SEED)
    spelled = environment(
        database_url=settings.database_url,
        data_dir=settings.data_dir,
        user_key_secret="these tests",  # noqa: S106  it keeps nothing
    )
    return os.environ | spelled


def recsys(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run([RECSYS, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def ids(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Read the items of a printed JSON list."""
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return [item["item_id"] for item in answer["items"]]


def test_a_list_is_shown_and_not_recorded(environ: dict[str, str], operator: psycopg.Connection) -> None:
    """The most popular come first, with reasons, and exposure_events stays empty."""
    done = recsys(environ, "recommend", "--tenant", "acme", "--json", "-k", "3")
    assert ids(done) == ["item5", "item4", "item3"]
    assert json.loads(done.stdout)["items"][0]["reasons"] == ["recent_popularity"]
    assert operator.execute("select count(*) from exposure_events").fetchone() == (0,)


def test_an_anchor_brings_its_neighbours(environ: dict[str, str]) -> None:
    """What goes with the anchor comes first, though nothing is less popular; `similar` agrees."""
    assert ids(recsys(environ, "recommend", "--tenant", "acme", "--anchor", "item5", "--json"))[0] == "item1"
    assert ids(recsys(environ, "similar", "item5", "--tenant", "acme", "--json"))[0] == "item1"


def test_a_short_list_says_why(environ: dict[str, str]) -> None:
    """A catalogue smaller than the list is named on stderr, with the lines of the list on stdout."""
    done = recsys(environ, "recommend", "--tenant", "acme", "-k", "20")
    assert len(done.stdout.splitlines()) == 5
    assert "CATALOG_EXHAUSTED" in done.stderr


def test_what_can_not_be_listed_is_refused(environ: dict[str, str]) -> None:
    """An unknown tenant and an impossible length end with a sentence and no list."""
    unknown = recsys(environ, "recommend", "--tenant", "nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no such tenant" in unknown.stderr
    assert recsys(environ, "recommend", "--tenant", "acme", "-k", "0").returncode == 2
