"""Two hosts with two workers each on one database: what is published on one is live on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Running

PUBLICATIONS = 20
CONNECTIONS = 12
"""Enough that every worker of a host gets some of them."""
FOLLOWS_SECONDS = 30.0
"""A deadline for a busy machine. How soon it really is, benchmarks/propagation.py measures: p99 within a second."""


class Hosts(NamedTuple):
    """Two services on one database, and connections to all of their workers."""

    first: Running
    second: Running
    clients: list[httpx.Client]
    tenant: UUID


@pytest.fixture
def hosts(start: Callable[..., AbstractContextManager[Running]], tmp_path: Path) -> Iterator[Hosts]:
    """Start both, each with a spool of its own, and seed a tenant."""
    with ExitStack() as stack:
        first = stack.enter_context(start(workers=2))
        shared = {
            "database_url": first.variables["DATABASE_URL"],
            "owner_database_url": first.variables["RECSYS_OWNER_DATABASE_URL"],
        }
        second = stack.enter_context(start(workers=2, data_dir=tmp_path / "second", **shared))
        with psycopg.connect(first.conninfo, autocommit=True) as conn:
            row = conn.execute(
                "insert into tenants (external_id, name) values ('shop', 'Shop') returning id"
            ).fetchone()
            assert row is not None
            conn.execute(
                "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
                " select %s, 'default', 'i' || n, current_date, 100 - n from generate_series(1, 20) as n",
                (row[0],),
            )
        clients = [
            stack.enter_context(
                httpx.Client(base_url=host.url, headers={"X-Org-Id": "shop"}, trust_env=False, timeout=30)
            )
            for host in (first, second)
            for _ in range(CONNECTIONS)
        ]
        for client in clients:  # every worker has loaded what it serves
            assert client.post("/v1/recommend", json={"surface": "home"}).status_code == 200
        yield Hosts(first, second, clients, row[0])


def wait_until_all_serve(clients: list[httpx.Client], etag: str) -> None:
    """Ask over every connection until each answer was made by these rules; answers must never go back."""
    began = time.monotonic()
    waiting = list(clients)
    while waiting:
        waiting = [
            client
            for client in waiting
            if client.post("/v1/recommend", json={"surface": "home"}).json()["meta"]["rules_version"] != etag
        ]
        assert time.monotonic() - began < FOLLOWS_SECONDS, "not followed at all"


@pytest.mark.timeout(180)
def test_a_published_rule_is_live_everywhere(hosts: Hosts) -> None:
    """Published on one host over HTTP or moved by plain SQL, rules are live on four workers.

    The version in an answer's meta is the one that ranked it: a blocked item is never in a list that names its block.
    """
    address = "/v1/admin/tenants/shop/rules"
    etags = []
    for number in range(1, PUBLICATIONS + 1):
        rules = [{"id": f"r{number}", "action": "block", "item_ids": [f"i{number}"]}]
        etags.append(hosts.clients[0].put(address, json=rules).json()["rules_version"])
        wait_until_all_serve(hosts.clients, etags[-1])
        for client in hosts.clients:
            answer = client.post("/v1/recommend", json={"surface": "home"}).json()
            assert f"i{number}" not in {item["item_id"] for item in answer["items"]}
    with psycopg.connect(hosts.first.conninfo, autocommit=True) as conn:
        conn.execute(
            "update tenant_rules_current set rules_version_id ="
            " (select id from tenant_rule_versions where tenant_id = %(tenant)s and etag = %(etag)s)"
            " where tenant_id = %(tenant)s",
            {"tenant": hosts.tenant, "etag": etags[0]},
        )
    wait_until_all_serve(hosts.clients, etags[0])
