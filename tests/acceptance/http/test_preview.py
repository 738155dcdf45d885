"""What a draft would change, before it is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Tenant

HOME = {"surface": "home", "k": 5}


def preview(client: httpx.Client, tenant: Tenant, **body: Any) -> httpx.Response:
    """Ask for a preview."""
    return client.post(f"/v1/admin/tenants/{tenant.external_id}/preview", json=body)


def put(client: httpx.Client, tenant: Tenant, kind: str, document: Any) -> None:
    """Publish a document."""
    assert client.put(f"/v1/admin/tenants/{tenant.external_id}/{kind}", json=document).status_code == 200


def served(client: httpx.Client) -> list[str]:
    """List what is served right now."""
    return [item["item_id"] for item in client.post("/v1/recommend", json=HOME).json()["items"]]


def test_a_block_is_seen_before_it_is_live(client: httpx.Client, seeded: Tenant) -> None:
    """The draft's list is the one that is served after it is published; until then nothing has changed."""
    before = served(client)
    rules = [{"action": "block", "item_ids": ["i01", "i03"]}, {"action": "pin", "item_ids": ["i09"]}]
    found = preview(client, seeded, rules=rules, requests=[HOME]).json()
    (one,) = found["lists"]
    assert one["before"] == before == served(client)
    assert (one["entered"], one["left"]) == (["i09", "i05"], ["i01", "i03"])
    assert found["newly_blocked"] == ["i01", "i03"]
    assert (found["summary"]["lists"], found["summary"]["changed"]) == (1, 1)
    put(client, seeded, "rules", rules)
    assert served(client) == one["after"]


def test_nothing_is_stored_and_nothing_is_logged(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Callable[..., None]
) -> None:
    """No version, no audit row and no exposure come of a preview."""
    assert preview(client, seeded, rules=[], config={"algo": "popularity"}, requests=[HOME] * 10).status_code == 200
    for kind in ("config", "rules"):
        assert client.get(f"/v1/admin/tenants/{seeded.external_id}/{kind}").status_code == 404
    served(client)
    query = "select count(*) from {} where tenant_id = %s"

    def rows(table: str) -> int:
        found = database.execute(query.format(table), (seeded.id,)).fetchone()  # type: ignore[arg-type]  # two constants
        assert found is not None
        return int(found[0])

    eventually(lambda: rows("exposure_events"))  # the one that was served, which came after
    assert (rows("exposure_events"), rows("audit_log")) == (1, 0)


def test_a_draft_that_empties_lists_says_so(client: httpx.Client, seeded: Tenant) -> None:
    """Blocking everything shows as lists that would be empty; blocking all but three as lists that would be short."""
    everything = [f"i{number:02}" for number in range(20)]
    for kept, counted in ((0, "newly_empty"), (3, "newly_short")):
        rules = [{"action": "block", "item_ids": everything[kept:]}]
        found = preview(client, seeded, rules=rules, requests=[HOME, HOME | {"k": 2}]).json()
        assert found["summary"][counted] == (2 if kept == 0 else 1)
        assert found["lists"][0]["short_by"] == 5 - kept


def test_lists_that_were_served_are_a_sample(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Callable[..., None]
) -> None:
    """The latest lists of a surface are made again: their number, and as long as they were."""
    for k in (3, 4):
        client.post("/v1/recommend", json={"surface": "home", "k": k})
    client.post("/v1/recommend", json={"surface": "elsewhere", "k": 7})
    query = "select count(*) = 3 from exposure_events where tenant_id = %s"
    eventually(lambda: database.execute(query, (seeded.id,)).fetchone()[0])  # type: ignore[index]  # an aggregate
    rules = [{"action": "block", "item_ids": ["i00"]}]
    found = preview(client, seeded, rules=rules, sample={"surface": "home", "count": 10}).json()
    assert sorted(len(one["before"]) for one in found["lists"]) == [3, 4]
    assert all(one["left"] == ["i00"] for one in found["lists"])


def test_a_change_of_signals_is_said(client: httpx.Client, seeded: Tenant) -> None:
    """A draft that changes half-lives is ranked on the live signals, says so, and leaves those alone."""
    config = {"popularity": {"half_life_days": 1}, "weights": {"pop": 1, "cooc": 0}}
    assert preview(client, seeded, config=config, requests=[HOME]).json()["signals_differ"] is True
    assert preview(client, seeded, config={"algo": "popularity"}, requests=[HOME]).json()["signals_differ"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "RECSYS_UNPROCESSABLE_ENTITY"),
        ({"requests": [{"surface": "a/b"}]}, "RECSYS_UNPROCESSABLE_ENTITY"),
        ({"requests": [HOME] * 101}, "RECSYS_UNPROCESSABLE_ENTITY"),
        ({"requests": [HOME], "config": {"limits": {"max_k": 1}}}, "RECSYS_UNPROCESSABLE_ENTITY"),
        ({"requests": [HOME], "config": {"weigths": {}}}, "RECSYS_INVALID_CONFIG"),
        ({"requests": [HOME], "rules": [{"action": "pin"}]}, "RECSYS_INVALID_RULES"),
        ({"sample": {"surface": "home", "count": 0}}, "RECSYS_UNPROCESSABLE_ENTITY"),
    ],
)
def test_a_wrong_preview_is_refused(client: httpx.Client, seeded: Tenant, body: Any, code: str) -> None:
    """Drafts are checked as when they are published; requests as when they are asked; 422 with the path."""
    answer = preview(client, seeded, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["path"].startswith("$")


def test_a_person_is_erased(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Callable[..., None]
) -> None:
    """DELETE removes what is stored of a person and of nobody else, and answers a receipt."""
    for name in ("ada", "bob"):
        event = {"event_type": "click", "item_id": "i00", "user": {"user_id": name}}
        assert client.post("/v1/interactions", json={"events": [event]}).status_code == 202
    query = "select count(*) from interaction_events where tenant_id = %s"

    def stored() -> int:
        found = database.execute(query, (seeded.id,)).fetchone()
        assert found is not None
        return int(found[0])

    eventually(lambda: stored() == 2)
    receipt = client.delete(f"/v1/admin/tenants/{seeded.external_id}/users/ada")
    assert (receipt.status_code, receipt.json()["interactions"]) == (200, 1)
    assert receipt.json()["not_rewritten"]
    assert stored() == 1
