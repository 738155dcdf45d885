"""One row of an interactions file becomes the record that is stored (pure)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from recsys.events.interaction import Interaction
from recsys.events.user_key import user_key
from recsys.ingest.account import UNREADABLE, Refusal, refusal
from recsys.ingest.fields import EventType, Id, Name, PersonId, meta_json, text
from recsys.ingest.moment import moment


class User(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Who it was, in the nested form of ``POST /v1/interactions``."""

    user_id: PersonId | None = None
    anonymous_id: PersonId | None = None
    session_id: PersonId | None = None


class InteractionRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What a row may say. The ids of `user` may also be columns of their own."""

    item_id: Id
    occurred_at: Any
    event_type: EventType | None = None
    user_id: PersonId | None = None
    anonymous_id: PersonId | None = None
    session_id: PersonId | None = None
    user: User | None = None
    surface: Name | None = None
    segment: Name | None = None
    event_id: Id | None = None
    request_id: Id | None = None
    position: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    value: float | None = None
    meta: dict[str, Any] | None = None


FIELDS = InteractionRow.__struct_fields__


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the rows of one file are understood."""

    tenant_id: UUID
    secret: bytes
    """The secret of the user keys."""
    now: datetime
    earliest: datetime
    """Older rows are refused, with `remedy`."""
    latest: datetime
    remedy: str = ""
    event_type: str | None = None
    """Of rows that have none."""
    surface: str | None = None
    """Of rows that have none."""
    zone: tzinfo | None = None
    """Of times without an offset; None refuses them."""
    shift: timedelta = timedelta()
    """Added to every time."""


def read_interaction(row: int, fields: dict[str, Any], reading: Reading, *, typed: bool) -> Interaction | Refusal:
    """Turn one row into a record, or say why not.

    A row without an `event_id` gets one made from what it says and its number, and not from its file's name, nor
    from `reading.shift`: the same row in the same place is the same event, however often it is imported.
    """
    try:
        given = msgspec.convert(_prepared(fields, typed=typed), InteractionRow, strict=typed)
        occurred_at = _at("occurred_at", moment, given.occurred_at, reading.zone)
        record = _record(row, given, occurred_at, reading)
    except UNREADABLE as error:
        return refusal(row, error)
    except _FieldError as error:
        return Refusal(row, *error.args)
    except OverflowError:  # the shift leaves the calendar
        return Refusal(row, "$.occurred_at", "is before the year 1 or after the year 9999")
    if not reading.earliest <= record.occurred_at <= reading.latest:
        early = record.occurred_at < reading.earliest
        reason = f"is before {reading.earliest:%Y-%m-%d}{reading.remedy}" if early else "is in the future"
        return Refusal(row, "$.occurred_at", reason)
    return record


class _FieldError(Exception):
    """One field can not be taken: a path and a reason."""


def _prepared(fields: dict[str, Any], *, typed: bool) -> dict[str, Any]:
    """Read what text can not say: an empty cell is an absent field, and `meta` is JSON."""
    if not typed:
        fields = {name: cell for name, cell in fields.items() if cell != ""}
    meta = fields.get("meta")
    if isinstance(meta, str):
        fields = fields | {"meta": _at("meta", msgspec.json.decode, meta)}
    return fields


def _at(name: str, read: Any, *args: Any) -> Any:
    """Read one field; what it raises is told with the field's path."""
    try:
        return read(*args)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise _FieldError(f"$.{name}", str(error)) from None


def _record(row: int, given: InteractionRow, occurred_at: datetime, reading: Reading) -> Interaction:
    user = given.user or _NOBODY
    user_id, anonymous_id = text(given.user_id, user.user_id), text(given.anonymous_id, user.anonymous_id)
    event_type = given.event_type or reading.event_type
    if event_type is None:
        raise _FieldError("$.event_type", "is missing: add the column, or say --event-type")
    if given.value is not None and not math.isfinite(given.value):
        raise _FieldError("$.value", "is not a finite number")
    said = {
        "item_id": str(given.item_id),
        "event_type": event_type,
        "user_key": user_key(reading.secret, reading.tenant_id, user_id, anonymous_id),
        "session_id": text(given.session_id, user.session_id),
        "surface": given.surface or reading.surface,
        "segment": given.segment,
        "request_id": text(given.request_id),
        "position": given.position,
        "value": given.value,
        "meta": _at("meta", meta_json, given.meta),
    }
    return Interaction(
        event_id=text(given.event_id) or _made_id(row, occurred_at, said),
        tenant_id=reading.tenant_id,
        occurred_at=occurred_at + reading.shift,
        received_at=reading.now,
        seq=row,
        **said,
    )


_NOBODY = User()
_encode = msgspec.json.Encoder().encode


def _made_id(row: int, occurred_at: datetime, said: dict[str, Any]) -> str:
    return "row-" + hashlib.blake2b(_encode((row, occurred_at, *said.values())), digest_size=16).hexdigest()
