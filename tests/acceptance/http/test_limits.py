"""Rate limits of a service with several workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import httpx
import psycopg

if TYPE_CHECKING:
    from conftest import Running

SEED = """
with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id)
insert into item_tags (tenant_id, namespace, item_id) select id, 'home', 'a' from tenant
"""
BURST = 12


def test_a_tenant_has_its_rate_once_however_many_workers_there_are(
    start: Callable[..., AbstractContextManager[Running]],
) -> None:
    """Over many connections to two workers exactly the burst is answered, and the rest is 429 with Retry-After."""
    slow = {"rate_limit_tenant": BURST / 3600, "rate_burst_seconds": 3600}  # one comes back in five minutes
    with start(workers=2, **slow) as running, psycopg.connect(running.conninfo, autocommit=True) as operator:
        operator.execute(SEED)
        statuses: Counter[int] = Counter()
        for _ in range(2 * BURST):  # a connection each, so that both workers get some
            with httpx.Client(base_url=running.url, headers={"X-Org-Id": "shop"}, trust_env=False) as client:
                answer = client.post("/v1/recommend", json={"surface": "home", "k": 1}, timeout=30)
            statuses[answer.status_code] += 1
        assert statuses == {200: BURST, 429: BURST}
        assert int(answer.headers["retry-after"]) >= 1
