"""A full spool: interactions are refused, lists go on, and everything is as before when there is room again."""

from __future__ import annotations

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
