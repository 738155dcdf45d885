"""The service while its database is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg import sql

if TYPE_CHECKING:
    from conftest import Running, Tenant

Eventually = Callable[..., None]


@contextmanager
def away(postgres: Any, conninfo: str) -> Iterator[None]:
    """Let nobody into the database, and throw the service out, until the block ends."""
    name = psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]
    statement = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute(statement.format(sql.Identifier(str(name)), sql.Literal(False)))
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name = 'recsys'",
            (name,),
        )
        try:
            yield
        finally:
            conn.execute(statement.format(sql.Identifier(str(name)), sql.Literal(True)))


@pytest.mark.timeout(180)
def test_lists_go_on_while_the_database_is_away(
    postgres: Any, running: Running, client: httpx.Client, seeded: Tenant, eventually: Eventually
) -> None:
    """What is loaded is served without histories, with a warning; the rest is 503; no event is lost."""
    asked = {"surface": "home", "k": 2, "user": {"user_id": "ada"}}
    assert client.post("/v1/recommend", json=asked).status_code == 200
    with away(postgres, running.conninfo):
        eventually(lambda: client.get("/readyz").json()["status"] == "degraded")
        assert client.get("/readyz").status_code == 200
        assert client.get("/livez").json()["status"] == "healthy"
        unread = asked | {"user": {"user_id": "grace"}}
        answer = client.post("/v1/recommend", json=unread, headers={"X-Request-Id": "during-the-outage"})
        assert [item["item_id"] for item in answer.json()["items"]] == ["i00", "i01"]
        assert [warning["code"] for warning in answer.json()["warnings"]] == ["SIGNAL_PARTIAL"]
        for number in range(30):  # somebody new each time: none of them is in memory
            stranger = client.post("/v1/recommend", json=asked | {"user": {"user_id": f"stranger-{number}"}})
            assert (stranger.status_code, len(stranger.json()["items"])) == (200, 2)
        events = {"events": [{"event_type": "view", "item_id": "i00"}]}
        assert client.post("/v1/interactions", json=events).json()["accepted"] == 1
        for refused in (
            client.post("/v1/recommend", json=asked, headers={"X-Org-Id": "not-in-memory"}),
            client.put("/v1/items", json={"namespace": "default", "items": [{"item_id": "a", "tags": []}]}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (503, "RECSYS_UNAVAILABLE")
            assert int(refused.headers["retry-after"]) >= 1
    eventually(lambda: client.get("/readyz").json()["status"] == "healthy")
    eventually(lambda: "warnings" not in client.post("/v1/recommend", json=asked).json())  # histories are read again

    def rows(table: str, column: str) -> list[Any]:
        query = sql.SQL("select {} from {} where tenant_id = %s")
        with psycopg.connect(running.conninfo) as conn:
            return conn.execute(query.format(sql.Identifier(column), sql.Identifier(table)), (seeded.id,)).fetchall()

    eventually(lambda: ("during-the-outage",) in rows("exposure_events", "request_id"), 60)
    eventually(lambda: rows("interaction_events", "item_id") == [("i00",)], 60)
