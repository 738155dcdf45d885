"""An exposure: the record that a slate was served, with everything needed to judge it later (pure)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Exposure(Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One served slate: the columns of ``exposure_events``, in the order in which the spool stores them.

    Its identity, ``(tenant_id, id, occurred_at)``, is made once, when the slate is made: a replay changes nothing.
    New fields go to the end and have a default, so that files of older versions stay readable.
    """

    id: UUID
    """Version 7, of the same moment as `occurred_at`."""
    tenant_id: UUID
    occurred_at: datetime
    """Aware, UTC."""
    request_id: str
    surface: str
    segment: str
    algo_version: str
    item_ids: tuple[str, ...]
    """In the order shown, k of them."""
    scores: tuple[float, ...]
    """As many as `item_ids`."""
    user_key: bytes | None = None
    """What events/user_key.py makes of the visitor's ids."""
    session_id: str | None = None
    experiment_id: str | None = None
    experiment_variant: str | None = None
    config_etag: str | None = None
    rules_etag: str | None = None
    signals_version: str | None = None
    propensities: tuple[float, ...] | None = None
    """As many as `item_ids`, only where the slate was randomised."""
    request: bytes | None = None
    """The request's JSON text without its ``user``; only where sampled or asked for."""
    meta: bytes | None = None
    """JSON text of an object: ``latency_ms``, ``endpoint`` and what else explains the slate."""
