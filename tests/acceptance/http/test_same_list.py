"""One request, one list: whoever answers, and however the snapshot came to be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Running

Eventually = Callable[..., None]

TIMES = 200
ASKED = {
    "surface": "default",
    "k": 15,
    "anchors": {"item_ids": ["i07", "i21", "i33"]},
    "options": {"include_reasons": True, "explain": "summary"},
}

SHOP = """
    insert into tenants (external_id, name) values ('shop', 'Shop');
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select id, 'default', 'i' || to_char(n, 'FM00'), current_date - n % 5, 1 + n * 7 % 31
        from tenants, generate_series(1, 40) as n where external_id = 'shop';
    insert into item_tags (tenant_id, namespace, item_id, tags)
        select id, 'default', 'i' || to_char(n, 'FM00'), array['brand:' || n % 4, 'colour:' || n % 3]
        from tenants, generate_series(1, 40) as n where external_id = 'shop';
    insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
        select id, 'default', 'i' || to_char(n, 'FM00'), 'i' || to_char(1 + (n * m) % 40, 'FM00'), current_date - m, m
        from tenants, generate_series(1, 40) as n, generate_series(2, 6) as m
        where external_id = 'shop' and n <> 1 + (n * m) % 40
"""
CHANGES = """
    update item_popularity_daily set score = score * 3 where item_id in ('i05', 'i12', 'i39');
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select id, 'default', 'h99', current_date, 17 from tenants where external_id = 'shop';
    update item_tags set tags = array['brand:9', 'colour:1'] where item_id in ('i07', 'i20');
    update item_tags set available = false where item_id = 'i31';
    update item_covisit_daily set score = score + 4 where item_id in ('i07', 'i21');
    delete from item_covisit_daily where item_id = 'i33' and day = current_date - 2
"""


@pytest.mark.timeout(240)
def test_a_refreshed_and_a_fresh_worker_give_one_list(
    start: Callable[..., AbstractContextManager[Running]], tmp_path: Path, eventually: Eventually
) -> None:
    """A host that followed every change and one that has just loaded all of it answer the same, to the last digit."""
    with start() as followed, psycopg.connect(followed.conninfo, autocommit=True) as conn:
        conn.execute(SHOP)
        before = answered(followed)
        for change in CHANGES.split(";"):
            version = answered(followed)["meta"]["signals_version"]
            conn.execute(change)
            eventually(lambda: answered(followed)["meta"]["signals_version"] != version)  # noqa: B023  called at once
        shared = {
            "database_url": followed.variables["DATABASE_URL"],
            "owner_database_url": followed.variables["RECSYS_OWNER_DATABASE_URL"],
        }
        with start(data_dir=tmp_path / "fresh", **shared) as fresh:
            lists = [answered(host)["items"] for _ in range(TIMES // 2) for host in (followed, fresh)]
    assert len(lists) == TIMES
    assert len(lists[0]) == ASKED["k"]
    assert lists[0] != before["items"]
    assert all(one == lists[0] for one in lists)


def answered(host: Running) -> Any:
    """Ask over a connection of its own."""
    answer = httpx.post(
        f"{host.url}/v1/recommend", json=ASKED, headers={"X-Org-Id": "shop"}, trust_env=False, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.json()
