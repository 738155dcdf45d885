"""The service while its database is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg import sql

if TYPE_CHECKING:
    from conftest import OwnPostgres, Running, Tenant

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


@pytest.mark.timeout(180)
def test_a_stopped_postgres_is_said_and_not_fatal(
    own_postgres: OwnPostgres,
    serve_on: Callable[..., AbstractContextManager[Running]],
    tmp_path: Path,
    eventually: Eventually,
) -> None:
    """With Postgres stopped /livez is healthy, /readyz 200 and degraded with its reasons, and lists go on."""
    with serve_on(own_postgres.cluster, own_postgres.template, tmp_path) as running:
        with psycopg.connect(running.conninfo, autocommit=True) as conn:
            conn.execute(
                "with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id)"
                " insert into item_tags (tenant_id, namespace, item_id) select id, 'home', 'a' from tenant"
            )
        with httpx.Client(base_url=running.url, headers={"X-Org-Id": "shop"}, trust_env=False, timeout=30) as client:

            def checks() -> dict[str, str]:
                return {check["name"]: check["status"] for check in client.get("/readyz").json()["checks"]}

            def listed() -> list[str]:
                answer = client.post("/v1/recommend", json={"surface": "home", "k": 1})
                return [item["item_id"] for item in answer.json().get("items", ())]

            eventually(lambda: listed() == ["a"])
            eventually(lambda: set(checks().values()) == {"healthy"})  # a busy database may take longer than a look
            eventually(lambda: "recsys_changes_unfollowed 0.0" in client.get("/metrics").text)
            own_postgres.stop()
            eventually(lambda: (checks()["changes"], checks()["database"]) == ("degraded", "degraded"))
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            details = {check["name"]: check.get("detail", "") for check in ready.json()["checks"]}
            assert "does not answer" in details["database"]
            assert "was last read" in details["changes"]
            assert client.get("/livez").json()["status"] == "healthy"
            eventually(lambda: listed() == ["a"])
            eventually(lambda: "recsys_changes_unfollowed 1.0" in client.get("/metrics").text)
            own_postgres.start()
            eventually(lambda: set(checks().values()) == {"healthy"})
            eventually(lambda: "recsys_changes_unfollowed 0.0" in client.get("/metrics").text)
