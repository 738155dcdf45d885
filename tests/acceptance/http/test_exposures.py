"""What is kept of a list that was served: in the log of the database, and in a file as it happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from conftest import Tenant

Eventually = Callable[..., None]
PERSON = "ada@example.org"
ASKED = {
    "surface": "home",
    "k": 2,
    "user": {"user_id": PERSON, "session_id": "s1"},
    "anchors": {"item_ids": ["i05"]},
    "experiment": {"id": "e", "variant": "b"},
}


@pytest.fixture
def row(database: psycopg.Connection, seeded: Tenant, eventually: Eventually) -> Callable[[str], dict[str, Any]]:
    """Find the exposure of a request once it is drained."""

    def find(request_id: str) -> list[dict[str, Any]]:
        with database.cursor(row_factory=dict_row) as cursor:
            query = "select * from exposure_events where tenant_id = %s and request_id = %s"
            return cursor.execute(query, (seeded.id, request_id)).fetchall()

    def row(request_id: str) -> dict[str, Any]:
        eventually(lambda: find(request_id))
        (found,) = find(request_id)
        return found

    return row


def test_a_list_is_kept_with_what_made_it(client: httpx.Client, row: Callable[[str], dict[str, Any]]) -> None:
    """Items, scores, versions, experiment and latency are those of the answer; the person is a hash."""
    answer = client.post("/v1/recommend", json=ASKED, headers={"X-Request-Id": "content"}).json()
    kept = row("content")
    assert kept["item_ids"] == [item["item_id"] for item in answer["items"]]
    assert kept["scores"] == pytest.approx([item["score"] for item in answer["items"]])
    for column, name in {
        "config_etag": "config_version",
        "rules_etag": "rules_version",
        "signals_version": "signals_version",
        "algo_version": "algo_version",
    }.items():
        assert kept[column] == answer["meta"][name]
    assert (kept["experiment_id"], kept["experiment_variant"], kept["session_id"]) == ("e", "b", "s1")
    assert kept["meta"]["endpoint"] == "/v1/recommend"
    assert 0 < kept["meta"]["latency_ms"] <= answer["meta"]["timings_ms"]["total"]
    assert len(kept["user_key"]) == 32
    assert kept["propensities"] is None
    assert PERSON not in str(kept)


def test_what_chance_chose_is_kept_with_how_likely_it_was(
    client: httpx.Client, row: Callable[[str], dict[str, Any]], seeded: Tenant, eventually: Eventually
) -> None:
    """One seed draws one list, made from the request id where none is given; likelihoods and seed are in the log."""
    config = {"exploration": {"positions": [2], "among": 10}}
    assert client.put(f"/v1/admin/tenants/{seeded.external_id}/config", json=config).status_code == 200

    def ask(request_id: str, **options: int) -> list[str]:
        body = {"surface": "home", "k": 3, "options": {"include_reasons": True, **options}}
        items = client.post("/v1/recommend", json=body, headers={"X-Request-Id": request_id}).json()["items"]
        assert [item["item_id"] for item in items if "exploration" not in item["reasons"]] in (
            ["i00", "i01"],
            ["i00", "i01", "i02"],  # the config is not followed yet
        )
        return [item["item_id"] for item in items]

    eventually(lambda: ask("follow", seed=1)[1] != "i01")
    lists = [ask(f"draw-{number}", seed=number) for number in range(8)]
    assert lists == [ask(f"again-{number}", seed=number) for number in range(8)]
    assert len({shown[1] for shown in lists}) > 1
    assert ask("by-its-id") == ask("by-its-id")
    kept = row("draw-5")
    assert kept["propensities"] == pytest.approx([1, 0.1, 1])
    assert kept["meta"]["seed"] == 5
    assert kept["item_ids"] == lists[5]


def test_what_was_asked_is_kept_without_its_user(client: httpx.Client, row: Callable[[str], dict[str, Any]]) -> None:
    """Where the request asks for it; also of /v1/similar."""
    traced = {"options": {"include_trace": True}}
    client.post("/v1/recommend", json=ASKED | traced, headers={"X-Request-Id": "asked"})
    similar = {"surface": "home", "item_id": "i00", **traced}
    client.post("/v1/similar", json=similar, headers={"X-Request-Id": "asked-similar"})
    assert row("asked")["request"] == {name: part for name, part in (ASKED | traced).items() if name != "user"}
    assert row("asked-similar")["request"] == similar
    assert row("asked-similar")["meta"]["endpoint"] == "/v1/similar"


def test_every_list_is_a_line_as_it_happens(
    start: Callable[..., AbstractContextManager[Any]], tmp_path: Path, eventually: Eventually
) -> None:
    """The file has a line for every list, before and after it was rotated, and never a raw id."""
    log, moved = tmp_path / "exposures.jsonl", tmp_path / "exposures.jsonl.1"
    with start(exposure_log_path=log, workers=2) as running, psycopg.connect(running.conninfo) as conn:
        conn.execute(
            "with made as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id) "
            "insert into item_tags (tenant_id, namespace, item_id) select id, 'home', 'i05' from made"
        )
        conn.commit()

        def ask(request_id: str) -> int:
            headers = {"X-Org-Id": "shop", "X-Request-Id": request_id}
            return httpx.post(f"{running.url}/v1/recommend", json=ASKED, headers=headers, trust_env=False).status_code

        eventually(lambda: ask("warm") == 200)
        for number in range(20):
            assert ask(f"r{number}") == 200
            if number == 9:
                eventually(lambda: "r9" in log.read_text())
                log.rename(moved)
    text = moved.read_text() + log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    names = [line["request_id"] for line in lines if line["request_id"] != "warm"]
    assert sorted(names) == sorted(f"r{number}" for number in range(20))
    assert {line["context"]["tenant_id"] for line in lines} == {"shop"}
    assert PERSON not in text + running.log.read_text()
    assert "r19" in log.read_text()
