"""docs/howto/seed-by-sql.md does what it says, through each of its doors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.db.provision import Urls

PAGE = "howto/seed-by-sql.md"
TEXT = (Path(__file__).parents[3] / "docs" / PAGE).read_text(encoding="utf-8")
DOORS = [line.split("|")[2].strip().strip("`") for line in TEXT.splitlines() if re.match(r"\| .*psql.*`", line)]
SHIM = """#!/bin/sh
# Stands in for a container engine: takes exactly the words of the page and opens psql as the superuser of that name.
[ "$1 $2 $3 $4" = "exec -i recsys-db psql" ] || { echo "unexpected: $*" >&2; exit 64; }
[ "$5 $6 $7 $8" = "-U recsys-db -d recsys-db" ] || { echo "unexpected: $*" >&2; exit 64; }
shift 8
exec psql "$CONTAINER_URL" "$@"
"""


def test_there_are_four_doors() -> None:
    """The page shows recsys, psql as the owner, psql as a superuser, and the container."""
    assert len(DOORS) == 4
    assert DOORS[0] == "recsys psql --"
    assert DOORS[3] == "docker exec -i recsys-db psql -U recsys-db -d recsys-db"


@pytest.mark.parametrize("door", DOORS)
def test_the_page_seeds_a_tenant(
    reader: Any, postgres: Any, urls: Urls, operator: psycopg.Connection, database_name: str, door: str
) -> None:
    """Every command succeeds, seeding may be repeated, what is stored is what the page says, and a visitor sees it."""
    operator.execute(
        'do $$ begin create role "recsys-db" login superuser; exception when duplicate_object then null; end $$'
    )
    reader.install("docker", SHIM)
    reader.environ |= {
        "DATABASE_URL": urls.service,
        "RECSYS_OWNER_DATABASE_URL": urls.owner,
        "SUPERUSER_URL": postgres.conninfo(database_name),
        "CONTAINER_URL": postgres.conninfo(database_name).replace("user=postgres", "user=recsys-db"),
    }
    said = reader.follow(PAGE, door=door)
    reader.run(f"{door} -v ON_ERROR_STOP=1 -f - < seed.sql")
    assert re.search(r"bulb.*lamp", said[1], re.DOTALL)
    scores = operator.execute("select item_id, score from item_popularity_daily where day = '2026-05-01'").fetchall()
    assert dict(scores) == {"lamp": 40, "bulb": 2, "stool": 7}
    hidden = operator.execute("select item_id from item_tags where not available").fetchall()
    assert hidden == [("chair",)]
    assert operator.execute("select count(*) from item_covisit_daily").fetchone() == (2,)
    assert "item_tags" in said[-1]


def test_copy_into_a_signal_table_is_what_the_page_says(owner: psycopg.Connection) -> None:
    """As the owner, who is under row-level security, COPY into the table itself is refused in the words of the page."""
    with (
        pytest.raises(psycopg.errors.FeatureNotSupported) as refused,
        owner.cursor().copy("copy item_popularity_daily from stdin"),
    ):
        pass
    assert str(refused.value.diag.message_primary) in TEXT
