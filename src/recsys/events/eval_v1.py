"""The lines that evaluators of recommendations read, `eval_v1`: what was shown, and what came of it (pure)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction

Outcome = Literal["click", "conversion"]


class Item(Struct, frozen=True, omit_defaults=True):
    """One item of a list."""

    item_id: str
    rank: int
    propensity: float | None = None
    """How likely it was to be shown at its rank, where that was random."""


class Context(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a list was shown, and what made it."""

    tenant_id: str
    surface: str
    segment: str
    algo_version: str
    config_version: str | None
    rules_version: str | None
    signals_version: str | None = None
    experiment_id: str | None = None
    experiment_variant: str | None = None
    endpoint: str | None = None


class ShownLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One served list."""

    request_id: str
    user_id: str
    ts: datetime
    items: tuple[Item, ...]
    context: Context
    latency_ms: float | None = None


class OutcomeLine(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that came of a list."""

    request_id: str
    user_id: str
    item_id: str
    event_type: Outcome
    ts: datetime
    value: float | None = None


class _Meta(Struct, frozen=True):
    endpoint: str | None = None
    latency_ms: float | None = None


_read_meta = msgspec.json.Decoder(_Meta).decode
_encode = msgspec.json.Encoder().encode
_NO_META = _Meta()


def shown(record: Exposure, tenant: str) -> ShownLine:
    """Say what *record* says; *tenant* is the external id."""
    meta = _meta(record.meta)
    propensities: Collection[float | None] = record.propensities or (None,) * len(record.item_ids)
    return ShownLine(
        request_id=record.request_id,
        user_id=visitor(record.tenant_id, record.user_key, record.session_id, record.request_id),
        ts=record.occurred_at,
        items=tuple(
            Item(item_id, rank, propensity)
            for rank, (item_id, propensity) in enumerate(zip(record.item_ids, propensities, strict=True), 1)
        ),
        context=Context(
            tenant_id=tenant,
            surface=record.surface,
            segment=record.segment,
            algo_version=record.algo_version,
            config_version=record.config_etag,
            rules_version=record.rules_etag,
            signals_version=record.signals_version,
            experiment_id=record.experiment_id,
            experiment_variant=record.experiment_variant,
            endpoint=meta.endpoint,
        ),
        latency_ms=meta.latency_ms,
    )


def _meta(text: bytes | None) -> _Meta:
    """Read what the service wrote; what somebody else wrote there is left out."""
    try:
        return _NO_META if text is None else _read_meta(text)
    except msgspec.ValidationError:
        return _NO_META


def outcome(record: Interaction, kind: Outcome, request_id: str) -> OutcomeLine:
    """Say what *record*, an answer to the request of this id, says."""
    return OutcomeLine(
        request_id=request_id,
        user_id=visitor(record.tenant_id, record.user_key, record.session_id, request_id),
        item_id=record.item_id,
        event_type=kind,
        ts=record.occurred_at,
        value=record.value,
    )


def visitor(tenant_id: UUID, user_key: bytes | None, session_id: str | None, request_id: str) -> str:
    """Name a visitor without naming the person: the user key in hex, else a hash of the session, else the request.

    Somebody who gives no id is another visitor in every request; one name for all of them would be one busy visitor.
    """
    if user_key is not None:
        return user_key.hex()
    if session_id is not None:
        return "session:" + sha256(tenant_id.bytes + session_id.encode()).hexdigest()[:32]
    return f"request:{request_id}"


def to_json(line: ShownLine | OutcomeLine) -> bytes:
    """Write one line, with its end."""
    return _encode(line) + b"\n"


def to_row(line: ShownLine | OutcomeLine) -> dict[str, Any]:
    """Give a line as a row of a table, every field present."""
    row: dict[str, Any] = msgspec.to_builtins(line, builtin_types=(datetime,))
    return {name: row.get(name) for name in line.__struct_fields__}
