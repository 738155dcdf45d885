"""What a visitor does shapes that visitor's next list, whichever worker answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

SEED = """
with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id)
insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
select id, 'home', item, current_date, score
from tenant, (values ('a', 100), ('b', 50), ('c', 1)) as given (item, score);
insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
select id, 'home', item, neighbor, current_date, 50
from tenants, (values ('b', 'c'), ('c', 'b')) as given (item, neighbor);
"""
CONNECTIONS = 16
"""So many that each of two workers surely has some."""


@contextmanager
def connections(url: str) -> Iterator[list[httpx.Client]]:
    """Open connections that stay with the worker that took them."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(httpx.Client(base_url=url, headers={"X-Org-Id": "shop"}, trust_env=False, timeout=30))
            for _ in range(CONNECTIONS)
        ]


def scores(client: httpx.Client, user: str) -> dict[str, float]:
    """Ask for a visitor's list, and return its scores."""
    answer = client.post("/v1/recommend", json={"surface": "home", "user": {"user_id": user}}).json()
    assert "SIGNAL_PARTIAL" not in {warning["code"] for warning in answer.get("warnings", [])}
    return {item["item_id"]: item["score"] for item in answer["items"]}


def test_a_click_shapes_the_next_list_on_every_worker(
    start: Callable[..., AbstractContextManager[Any]], eventually: Callable[..., None]
) -> None:
    """Every worker has the visitor's history in memory; after a click all have the new one within a second."""
    with start(workers=2) as running, psycopg.connect(running.conninfo, autocommit=True) as operator:
        operator.execute(SEED)
        with connections(running.url) as clients:
            for client in clients:
                eventually(lambda client=client: "c" in scores(client, "ada"))
            for visitor in ("ada", "bob", "eve"):
                before = [scores(client, visitor)["c"] for client in clients]
                assert set(before) == {before[0]}
                event = {"event_type": "click", "item_id": "b", "user": {"user_id": visitor}}
                answer = clients[0].post("/v1/interactions", json={"events": [event]})
                assert answer.status_code == 202, answer.text
                clicked = time.monotonic()
                for client in clients:
                    eventually(lambda client=client: scores(client, visitor)["c"] > before[0], 10)  # noqa: B023
                assert time.monotonic() - clicked < 1


def test_a_click_shapes_the_next_list_on_another_host(
    start: Callable[..., AbstractContextManager[Any]], eventually: Callable[..., None], tmp_path: Path
) -> None:
    """A second host, with a spool of its own, has the visitor's history in memory; it learns of a click elsewhere."""
    with start(workers=1) as first, psycopg.connect(first.conninfo, autocommit=True) as operator:
        operator.execute(SEED)
        shared = {
            "database_url": first.variables["DATABASE_URL"],
            "owner_database_url": first.variables["RECSYS_OWNER_DATABASE_URL"],
        }
        with (
            start(workers=1, data_dir=tmp_path / "second", **shared) as second,
            connections(first.url) as here,
            connections(second.url) as there,
        ):
            for client in (here[0], there[0]):
                eventually(lambda client=client: "c" in scores(client, "ada"))
            before = scores(there[0], "ada")["c"]
            event = {"event_type": "click", "item_id": "b", "user": {"user_id": "ada"}}
            assert here[0].post("/v1/interactions", json={"events": [event]}).status_code == 202
            eventually(lambda: scores(there[0], "ada")["c"] > before)
