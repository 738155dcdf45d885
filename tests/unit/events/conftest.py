"""Records to write and to read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction

_TENANT = UUID("0190a0b0-0000-7000-8000-000000000001")
_NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def exposure() -> Exposure:
    """A slate of two items, with every field set."""
    return Exposure(
        id=UUID("0190a0b0-0000-7000-8000-00000000000a"),
        tenant_id=_TENANT,
        occurred_at=_NOON,
        request_id="request-1",
        surface="home",
        segment="default",
        algo_version="1",
        item_ids=("a", 'b"\\'),
        scores=(0.75, 0.5),
        user_key=b"\x00\xff" * 16,
        session_id="s",
        experiment_id="e",
        experiment_variant="v",
        config_etag="c" * 64,
        rules_etag="r" * 64,
        signals_version="abc",
        propensities=(1.0, 0.25),
        request=b'{"surface":"home"}',
        meta=b'{"latency_ms":1.5}',
    )


@pytest.fixture
def interaction() -> Interaction:
    """A click, with every field set."""
    return Interaction(
        event_id="event-1",
        tenant_id=_TENANT,
        occurred_at=_NOON,
        received_at=_NOON,
        seq=7,
        event_type="click",
        item_id="a",
        request_id="request-1",
        user_key=b"k" * 32,
        session_id="s",
        surface="home",
        segment="default",
        position=1,
        value=9.5,
        meta=b'{"a":1}',
    )
