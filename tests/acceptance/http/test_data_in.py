"""Interactions and items, sent from outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Tenant

Eventually = Callable[..., None]


def test_what_is_accepted_is_stored_once(
    client: httpx.Client, tenant: Tenant, database: psycopg.Connection, eventually: Eventually
) -> None:
    """A batch is accepted event by event; a retry of the same events is accepted, and stored once."""
    good = {
        "event_id": "e1",
        "event_type": "click",
        "item_id": "a",
        "user": {"user_id": "ada"},
        "occurred_at": database.execute("select to_json(now())").fetchone()[0],  # type: ignore[index]
    }
    batch = {"events": [good, good | {"event_type": "Click!"}, good | {"event_id": "e2", "occurred_at": None}]}
    for _ in range(2):
        answer = client.post("/v1/interactions", json=batch)
        assert answer.status_code == 202
        assert answer.json()["accepted"] == 1
        assert [one["index"] for one in answer.json()["rejected"]] == [1, 2]

    def rows() -> list[Any]:
        return database.execute(
            "select event_id, event_type, item_id, length(user_key) from interaction_events where tenant_id = %s",
            (tenant.id,),
        ).fetchall()

    eventually(rows)
    assert rows() == [("e1", "click", "a", 32)]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"events":[]}', b'{"events":[{}],"x":1}', b"[", b'{"events":1}', b'{"events":[' + b"[" * 100_000]
)
def test_a_body_that_is_no_batch_is_refused(client: httpx.Client, body: bytes) -> None:
    """Without a list of 1 to 1000 events the whole body is a bad request."""
    answer = client.post("/v1/interactions", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "RECSYS_INVALID_REQUEST")


def test_more_than_a_thousand_events_are_refused(client: httpx.Client) -> None:
    """1001 events are a bad request, a thousand are taken."""
    event = {"event_type": "view", "item_id": "a"}
    assert client.post("/v1/interactions", json={"events": [event] * 1001}).status_code == 400
    assert client.post("/v1/interactions", json={"events": [event] * 1000}).json()["accepted"] == 1000


def test_events_older_than_the_policy_are_rejected_one_by_one(client: httpx.Client) -> None:
    """An event of ten years ago is rejected with its index and a code, and does not touch the others."""
    event = {"event_type": "view", "item_id": "a"}
    answer = client.post("/v1/interactions", json={"events": [event | {"occurred_at": "2015-01-01T00:00:00Z"}, event]})
    assert answer.json()["accepted"] == 1
    assert [(one["index"], one["code"]) for one in answer.json()["rejected"]] == [(0, "EVENT_TOO_OLD")]


def test_a_click_shapes_the_next_list(client: httpx.Client, seeded: Tenant, eventually: Eventually) -> None:
    """Somebody who looked at an item sees what is like it, soon after; others do not."""
    del seeded
    user = {"user_id": "grace"}
    weights = {"pop": 0.001, "emb": 1}
    request = {"surface": "home", "k": 2, "user": user, "weights": weights}
    event = {"event_type": "view", "item_id": "i01", "user": user}
    assert client.post("/v1/interactions", json={"events": [event]}).json()["accepted"] == 1

    def shaped() -> bool:
        items = client.post("/v1/recommend", json=request | {"options": {"include_reasons": True}}).json()["items"]
        return "content_similarity" in items[0]["reasons"]

    eventually(shaped)
    other = client.post("/v1/recommend", json=request | {"user": None, "options": {"include_reasons": True}}).json()
    assert "content_similarity" not in other["items"][0]["reasons"]


def test_items_are_put_read_kept_cleared_and_deleted(client: httpx.Client) -> None:
    """What is left out keeps what is stored, null clears it, and a deleted item is away until it is put again."""

    def put(**fields: Any) -> dict[str, Any]:
        answer = client.put("/v1/items", json={"namespace": "shop", "items": [{"item_id": "käse/1"} | fields]})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def read() -> dict[str, Any]:
        answer = client.get("/v1/items", params={"namespace": "shop", "item_id": "käse/1"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert put(tags=["brand:x", "brand:x"], price=19.99, created_at="2026-01-02T03:04:05+01:00")["created"] == 1
    assert read()["tags"] == ["brand:x"]
    assert read()["created_at"] == "2026-01-02T02:04:05Z"
    assert put(tags=["brand:y"])["changed"] == 1
    assert (read()["tags"], read()["price"], read()["available"]) == (["brand:y"], 19.99, True)
    assert put(tags=["brand:y"])["unchanged"] == 1
    assert put(tags=[], price=None, available=False)["changed"] == 1
    assert (read()["tags"], read()["price"], read()["available"]) == ([], None, False)
    deletion = {"namespace": "shop", "item_ids": ["käse/1", "unknown"]}
    assert client.post("/v1/items/delete", json=deletion).json() == {"namespace": "shop", "deleted": 2}
    assert client.post("/v1/items/delete", json=deletion).json()["deleted"] == 0
    assert read()["deleted_at"] is not None
    put(tags=["brand:z"])
    assert (read()["tags"], read()["available"], read()["deleted_at"]) == (["brand:z"], True, None)


def test_a_put_and_a_deletion_are_served(client: httpx.Client, seeded: Tenant, eventually: Eventually) -> None:
    """A deleted item leaves the lists, and comes back when it is put again."""
    del seeded

    def shown() -> list[str]:
        answer = client.post("/v1/recommend", json={"surface": "home", "k": 3}).json()
        return [item["item_id"] for item in answer["items"]]

    assert shown() == ["i00", "i01", "i02"]
    client.post("/v1/items/delete", json={"namespace": "default", "item_ids": ["i00"]})
    eventually(lambda: shown() == ["i01", "i02", "i03"])
    client.put("/v1/items", json={"namespace": "default", "items": [{"item_id": "i00", "tags": []}]})
    eventually(lambda: shown() == ["i00", "i01", "i02"])


@pytest.mark.parametrize(
    "item",
    [
        {"item_id": "a"},
        {"item_id": "", "tags": []},
        {"item_id": "a\n", "tags": []},
        {"item_id": "a", "tags": ["x"] * 65},
        {"item_id": "a", "tags": [None]},
        {"item_id": "a", "tags": [], "price": -1},
        {"item_id": "a", "tags": [], "price": "5"},
        {"item_id": "a", "tags": [], "created_at": "yesterday"},
        {"item_id": "a", "tags": [], "created_at": "0001-01-01T00:00:00+14:00"},
        {"item_id": "a", "tags": [], "color": "red"},
    ],
)
def test_one_wrong_item_refuses_all(client: httpx.Client, item: dict[str, Any]) -> None:
    """A put is all or nothing: the good item beside a wrong one is not stored."""
    body = {"namespace": "shop", "items": [{"item_id": "good", "tags": []}, item]}
    answer = client.put("/v1/items", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "RECSYS_INVALID_REQUEST")
    assert answer.json()["errors"][0]["path"].startswith("$.items[1]")
    found = client.get("/v1/items", params={"namespace": "shop", "item_id": "good"})
    assert (found.status_code, found.json()["code"]) == (404, "RECSYS_NOT_FOUND")


def test_an_item_in_a_list_twice_is_refused(client: httpx.Client) -> None:
    """Which of two would win is nobody's guess."""
    body = {"namespace": "shop", "items": [{"item_id": "a", "tags": []}, {"item_id": "a", "tags": ["x"]}]}
    answer = client.put("/v1/items", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "$.items[1].item_id")


def test_an_item_shows_its_evidence(client: httpx.Client, seeded: Tenant, database: psycopg.Connection) -> None:
    """Popularity by day and neighbours by strength are shown, of this tenant's own rows only."""
    database.execute(
        "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)"
        " values (%s, 'default', 'i00', 'i05', current_date, 2), (%s, 'default', 'i00', 'i05', current_date - 1, 3),"
        " (%s, 'default', 'i00', 'i06', current_date, 4)",
        (seeded.id, seeded.id, seeded.id),
    )
    item = client.get("/v1/items", params={"namespace": "default", "item_id": "i00"}).json()
    assert [day["score"] for day in item["popularity"]] == [100.0]
    assert [(one["item_id"], one["score"]) for one in item["neighbors"]] == [("i05", 5.0), ("i06", 4.0)]


@pytest.mark.parametrize(
    "query", ["", "namespace=default", "item_id=a", "namespace=default&item_id=%00", "namespace=a%2Fb&item_id=a"]
)
def test_a_wrong_address_of_an_item_is_a_bad_request(client: httpx.Client, query: str) -> None:
    """A missing or wrong parameter is named."""
    answer = client.get(f"/v1/items?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "RECSYS_INVALID_REQUEST")
    assert answer.json()["errors"][0]["path"] in {"$.namespace", "$.item_id"}
