"""More than there is room for: a full spool costs interactions and no lists, a rush costs lists and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import psycopg

SEED = """
with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id)
insert into item_tags (tenant_id, namespace, item_id) select id, 'home', 'a' from tenant
"""
BATCH = {"events": [{"event_type": "view", "item_id": "a", "meta": {"padding": "x" * 400}}] * 500}
LIST = {"surface": "home", "k": 1}


def test_a_full_spool_costs_the_log_and_not_the_lists(
    start: Callable[..., AbstractContextManager[Any]], eventually: Callable[..., None]
) -> None:
    """503 with Retry-After for interactions; 200 with a warning and a counter for lists; what was taken lands."""
    with start(spool_max_mib=1) as running, psycopg.connect(running.conninfo, autocommit=True) as operator:
        operator.execute(SEED)
        headers = {"X-Org-Id": "shop"}
        with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=30) as client:
            eventually(lambda: client.post("/v1/recommend", json=LIST).status_code == 200)
            with operator.transaction():
                operator.execute("lock table spool_positions")  # no drain gets on
                accepted = 0
                while (answer := client.post("/v1/interactions", json=BATCH)).status_code == 202:
                    accepted += answer.json()["accepted"]
                assert (answer.status_code, answer.json()["code"]) == (503, "RECSYS_OVERLOADED")
                assert int(answer.headers["retry-after"]) >= 1
                shown: list[Any] = []
                while not shown or "warnings" not in shown[-1]:  # a list is small, and may still fit
                    shown.append(client.post("/v1/recommend", json=LIST).raise_for_status().json())
                assert [item["item_id"] for item in shown[-1]["items"]] == ["a"]
                assert [warning["code"] for warning in shown[-1]["warnings"]] == ["EXPOSURE_NOT_LOGGED"]
                assert "recsys_exposures_not_logged_total 1.0" in client.get("/metrics").text
            eventually(lambda: client.post("/v1/interactions", json=BATCH).status_code == 202)
            query = "select count(*) from interaction_events"
            eventually(lambda: operator.execute(query).fetchone() == (accepted + 500,))


def test_a_rush_is_answered_with_lists_and_refusals(
    start: Callable[..., AbstractContextManager[Any]], eventually: Callable[..., None]
) -> None:
    """Of three hundred requests at once some get their list, the others 503 at once: none is left alone."""
    asked = b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Org-Id: shop\r\n"
    asked += b'X-Request-Id: mine\r\nContent-Length: 26\r\n\r\n{"surface": "home", "k":1}'

    async def rush(port: int) -> list[tuple[bytes, bytes]]:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        for _, writer in opened:
            writer.write(asked)
        answers = []
        for reader, writer in opened:
            head = await reader.readuntil(b"\r\n\r\n")
            answers.append((head, await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))))
            writer.close()
            await writer.wait_closed()
        return answers

    with start(lists_at_once=4) as running, psycopg.connect(running.conninfo, autocommit=True) as operator:
        operator.execute(SEED)
        with httpx.Client(base_url=running.url, headers={"X-Org-Id": "shop"}, trust_env=False, timeout=30) as client:
            eventually(lambda: client.post("/v1/recommend", json=LIST).status_code == 200)
            answers = asyncio.run(rush(running.port))
            refused = [(head, json.loads(body)) for head, body in answers if not head.startswith(b"HTTP/1.1 200 OK")]
            assert 0 < len(refused) < 300
            for head, problem in refused:
                assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert b"retry-after: 1\r\n" in head
                assert b"x-request-id: mine\r\n" in head
                assert (problem["code"], problem["request_id"]) == ("RECSYS_OVERLOADED", "mine")
            line = f'recsys_http_requests_total{{endpoint="/v1/recommend",status="503"}} {len(refused)}.0'
            assert line in client.get("/metrics").text
            assert client.post("/v1/recommend", json=LIST).status_code == 200
