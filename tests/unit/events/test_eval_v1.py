"""The lines that evaluators read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from recsys.events.eval_v1 import outcome, shown, to_json, to_row, visitor
from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction

_TENANT = UUID(int=7)
_NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
_SHOWN = Exposure(
    id=UUID(int=1),
    tenant_id=_TENANT,
    occurred_at=_NOW,
    request_id="r1",
    surface="home",
    segment="default",
    algo_version="1",
    item_ids=("a", "b"),
    scores=(0.5, 0.25),
    user_key=b"\x01\xff",
    config_etag="c",
    experiment_id="e",
    meta=b'{"endpoint":"/v1/recommend","latency_ms":1.5,"more":1}',
)
_DONE = Interaction(
    event_id="1",
    tenant_id=_TENANT,
    occurred_at=_NOW,
    received_at=_NOW,
    seq=1,
    event_type="purchase",
    item_id="a",
    session_id="s",
    value=9.5,
)


def _line(**changes: Any) -> Any:
    return json.loads(to_json(shown(msgspec.structs.replace(_SHOWN, **changes), "shop")))


def test_a_list_is_one_line() -> None:
    """It says who saw which items at which rank, where, when, how fast, and what made it; no more than there is."""
    assert to_json(shown(_SHOWN, "shop")).count(b"\n") == 1
    assert _line() == {
        "request_id": "r1",
        "user_id": "01ff",
        "ts": "2026-05-04T12:30:00Z",
        "items": [{"item_id": "a", "rank": 1}, {"item_id": "b", "rank": 2}],
        "context": {
            "tenant_id": "shop",
            "surface": "home",
            "segment": "default",
            "algo_version": "1",
            "config_version": "c",
            "rules_version": None,
            "experiment_id": "e",
            "endpoint": "/v1/recommend",
        },
        "latency_ms": 1.5,
    }


def test_propensities_stand_with_their_items() -> None:
    """Where the list was randomised, every item says how likely it was there."""
    assert [item["propensity"] for item in _line(propensities=(0.75, 0.5))["items"]] == [0.75, 0.5]


def test_what_somebody_else_wrote_into_meta_is_left_out() -> None:
    """A row that an operator made by hand is exported too."""
    assert "latency_ms" not in _line(meta=b'{"latency_ms":"quick"}')
    assert "latency_ms" not in _line(meta=None)


def test_an_outcome_is_one_line() -> None:
    """It names the request that it answers."""
    assert json.loads(to_json(outcome(_DONE, "conversion", "r1"))) == {
        "request_id": "r1",
        "user_id": visitor(_TENANT, None, "s", ""),
        "item_id": "a",
        "event_type": "conversion",
        "ts": "2026-05-04T12:30:00Z",
        "value": 9.5,
    }


def test_visitors_are_told_apart_without_being_named() -> None:
    """A list and its outcome name the same visitor, without a raw id; nobody known is somebody else every time."""
    assert visitor(_TENANT, b"\x01", "s", "r") == visitor(_TENANT, b"\x01", None, "q") == "01"
    session = visitor(_TENANT, None, "a session", "r")
    assert session == visitor(_TENANT, None, "a session", "q") != visitor(UUID(int=8), None, "a session", "r")
    assert "a session" not in session
    assert visitor(_TENANT, None, None, "r") != visitor(_TENANT, None, None, "q")


def test_a_row_has_every_field() -> None:
    """A table has the columns that a line leaves out, and times as times."""
    row = to_row(shown(_SHOWN, "shop"))
    assert row["ts"] == _NOW
    assert row["latency_ms"] == 1.5
    assert to_row(outcome(msgspec.structs.replace(_DONE, value=None), "click", "r"))["value"] is None
