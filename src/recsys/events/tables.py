"""How a record becomes a row of the COPY that carries it into its table (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction


class Table(NamedTuple):
    """Where one kind of record goes: the names of its queries, and how a record becomes a row of its COPY."""

    name: str
    begin: str
    copy: str
    insert: str
    empty: str
    row: Callable[[Any], tuple[Any, ...]]


def _exposure_row(record: Exposure) -> tuple[Any, ...]:
    return (
        record.id,
        record.tenant_id,
        record.occurred_at,
        record.request_id,
        record.surface,
        record.segment,
        record.user_key,
        record.session_id,
        record.experiment_id,
        record.experiment_variant,
        record.algo_version,
        record.config_etag,
        record.rules_etag,
        record.signals_version,
        _text_array(record.item_ids),
        _real_array(record.scores),
        None if record.propensities is None else _real_array(record.propensities),
        _text(record.request),
        _text(record.meta),
    )


def _interaction_row(record: Interaction) -> tuple[Any, ...]:
    return (
        record.event_id,
        record.tenant_id,
        record.occurred_at,
        record.received_at,
        record.seq,
        record.request_id,
        record.user_key,
        record.session_id,
        record.surface,
        record.segment,
        record.event_type,
        record.item_id,
        record.position,
        record.value,
        _text(record.meta),
    )


def _text(json: bytes | None) -> str | None:
    return None if json is None else json.decode()


def _text_array(values: tuple[str, ...]) -> str:
    """Spell a text[] literal; psycopg's own adaptation of lists takes many times as long."""
    plain = "".join(values)
    if "\\" in plain or '"' in plain:
        values = tuple(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(values) + '"}' if values else "{}"


def _real_array(values: tuple[float, ...]) -> str:
    return "{" + ",".join(map(repr, values)) + "}"


EXPOSURES = Table(
    "exposure_events",
    begin="events.exposure_batch",
    copy="events.copy_exposures",
    insert="events.insert_exposures",
    empty="events.empty_exposure_batch",
    row=_exposure_row,
)
INTERACTIONS = Table(
    "interaction_events",
    begin="events.interaction_batch",
    copy="events.copy_interactions",
    insert="events.insert_interactions",
    empty="events.empty_interaction_batch",
    row=_interaction_row,
)
