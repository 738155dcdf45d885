"""A service that is started again serves what it served before: at once, and without its database too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import OwnPostgres, Running

Eventually = Callable[..., None]
Serve = Callable[..., AbstractContextManager[tuple[str, int]]]

SHOP = """
    with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id),
    popularity as (
        insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select id, 'home', item, current_date, score
        from tenant, (values ('a', 3), ('b', 2), ('c', 1)) as rows (item, score)
    ),
    version as (
        insert into tenant_rule_versions (tenant_id, rules)
        select id, '[{"action": "pin", "target_type": "item", "item_ids": ["c"], "position": 1}]' from tenant
        returning id, tenant_id
    )
    insert into tenant_rules_current (tenant_id, rules_version_id) select tenant_id, id from version
"""


class Shop:
    """One tenant of a service that is started again and again on one data folder."""

    def __init__(self, running: Running, serve: Serve, folder: Path) -> None:
        self._variables = running.variables | {"RECSYS_DATA_DIR": str(folder / "again")}
        self._serve = serve
        self._log = folder / "again.log"
        self.conn = psycopg.connect(running.conninfo, autocommit=True)
        self.key: dict[str, str] = {}

    @contextmanager
    def open(self) -> Iterator[httpx.Client]:
        """Run the service until the block ends."""
        with (
            self._serve(self._variables, self._log) as (host, port),
            httpx.Client(base_url=f"http://{host}:{port}", trust_env=False, timeout=30, headers=self.key) as client,
        ):
            yield client


def listed(client: httpx.Client) -> Any:
    """Ask for the list of the shop; its items, or what went wrong."""
    headers = {} if "X-API-Key" in client.headers else {"X-Org-Id": "shop"}
    answer = client.post("/v1/recommend", json={"surface": "home", "k": 3}, headers=headers)
    return [item["item_id"] for item in answer.json()["items"]] if answer.status_code == 200 else answer.json()


@pytest.fixture
def shop(own_postgres: OwnPostgres, serve_on: Callable[..., Any], serve_with: Serve, tmp_path: Path) -> Iterator[Shop]:
    """Make a database with a shop, whose rules pin its last item."""
    with serve_on(own_postgres.cluster, own_postgres.template, tmp_path) as running:
        shop = Shop(running, serve_with, tmp_path)
        shop.conn.execute(SHOP)
        yield shop
        shop.conn.close()


@pytest.mark.timeout(240)
def test_a_start_without_the_database_serves_the_last_lists(
    shop: Shop, own_postgres: OwnPostgres, eventually: Eventually
) -> None:
    """Snapshot, rules and key are on the host's disk; the database is followed again as soon as it is there."""
    with shop.open() as client:
        made = client.post("/v1/admin/tenants/shop/api-keys", json={"name": "web"}, headers={"X-Dev-Org-Id": "shop"})
        assert made.status_code == 201, made.text
        shop.key = {"X-API-Key": made.json()["key"]}
        client.headers.update(shop.key)
        eventually(lambda: listed(client) == ["c", "a", "b"], 90)
    shop.conn.close()
    own_postgres.stop()
    with shop.open() as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert listed(client) == ["c", "a", "b"]
        assert client.post("/v1/recommend", json={"surface": "home"}, headers={"X-API-Key": "rk_no"}).status_code in {
            401,
            503,
        }
        own_postgres.start()
        eventually(lambda: client.get("/readyz").json()["status"] == "healthy", 90)
        assert listed(client) == ["c", "a", "b"]


@pytest.mark.timeout(240)
def test_rows_that_changed_while_nobody_served_are_served(shop: Shop, eventually: Eventually) -> None:
    """A start with the database there notices what was written since the last one, rules too."""
    with shop.open() as client:
        eventually(lambda: listed(client) == ["c", "a", "b"], 90)
    shop.conn.execute("update item_popularity_daily set score = 9 where item_id = 'b'")
    shop.conn.execute("delete from tenant_rules_current")
    with shop.open() as client:
        eventually(lambda: listed(client) == ["b", "a", "c"], 90)
