"""An interaction: something a visitor did. The wire form, what may be said in it, and the record it becomes (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta, Raw, Struct

from recsys.control_characters import CONTROL, may_hold_control
from recsys.errors import InvalidRequest, Problem
from recsys.events.user_key import keyed, tenant_key
from recsys.identifiers import uuid7, uuid7_milliseconds

EVENTS_MAX = 1000
META_BYTES_MAX = 4096
AHEAD = timedelta(minutes=5)
"""How far a client's clock may run ahead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOT_A_NAME = re.compile(r"[/\\]|^\.{1,2}$")
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_Id = Annotated[str, Meta(min_length=1, max_length=128)]
_UserId = Annotated[str, Meta(max_length=256)]


class Interaction(Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One thing a visitor did: the columns of ``interaction_events``, in the order in which the spool stores them.

    Its identity is ``(tenant_id, event_id, occurred_at)``: a retry or a replay changes nothing.
    New fields go to the end and have a default, so that files of older versions stay readable.
    """

    event_id: str
    tenant_id: UUID
    occurred_at: datetime
    """Aware, UTC."""
    received_at: datetime
    seq: int
    """Order of arrival among equal `occurred_at`; 64 bits."""
    event_type: str
    item_id: str
    request_id: str | None = None
    user_key: bytes | None = None
    session_id: str | None = None
    surface: str | None = None
    segment: str | None = None
    position: int | None = None
    value: float | None = None
    meta: bytes | None = None
    """JSON text of an object."""


class Policy(Struct, frozen=True):
    """What ingest accepts, and for whom."""

    tenant_id: UUID
    secret: bytes
    """The secret of the user keys."""
    accept_days: int = 400
    """Older events are rejected: their partition may be gone. `partition_policies` says how many days."""


class Rejection(Struct, frozen=True):
    """Why one event of a batch was not taken; the others were."""

    index: int
    code: str
    detail: str


class SentUser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who did it, in the client's words; the ids are stored as a keyed hash, the session as it is."""

    user_id: _UserId | None = None
    anonymous_id: _UserId | None = None
    session_id: _UserId | None = None


class SentEvent(Struct, frozen=True, forbid_unknown_fields=True):
    """One event as a client sends it; `POST /v1/interactions` is documented with it."""

    event_type: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}(?![\s\S])")]
    item_id: _Id
    event_id: _Id | None = None
    user: SentUser | None = None
    surface: _Id | None = None
    segment: _Id | None = None
    request_id: _Id | None = None
    position: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    value: float | None = None
    occurred_at: Annotated[datetime, Meta(tz=True)] | None = None
    meta: dict[str, Any] | None = None


class _Batch(Struct, frozen=True, forbid_unknown_fields=True):
    events: Annotated[list[Raw], Meta(min_length=1, max_length=EVENTS_MAX)]


class _Arrival(NamedTuple):
    """What all events of a batch are read against."""

    now: datetime
    earliest: datetime
    latest: datetime
    policy: Policy
    key: bytes
    """The tenant's own, for the keys of its users."""


class _RejectedError(Exception):
    """One event can not be taken: a code and a detail."""


_batch = msgspec.json.Decoder(_Batch)
_event = msgspec.json.Decoder(SentEvent)
_encode_json = msgspec.json.Encoder().encode
_NOBODY = SentUser()


def split(body: bytes) -> list[Raw]:
    """Find the 1..1000 ``events`` in the body of ``POST /v1/interactions``; InvalidRequest where there are none."""
    try:
        return _batch.decode(body).events
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest([_problem(error)]) from None
    except RecursionError:
        raise InvalidRequest([Problem("$", "The JSON is nested too deeply.")]) from None


def parse(
    events: list[Raw], now: datetime, policy: Policy, *, first: int = 0, new_id: Callable[[], UUID] = uuid7
) -> tuple[list[Interaction], list[Rejection]]:
    """Read a part of a batch that begins at index *first*: what is taken, in order, and what is not, with the reason.

    Whatever is wrong inside one event rejects that event alone. *now* (aware, UTC) is when the batch arrived.
    """
    accepted: list[Interaction] = []
    rejected: list[Rejection] = []
    seq = (now - _EPOCH) // _MICROSECOND * EVENTS_MAX
    key = tenant_key(policy.secret, policy.tenant_id)
    arrival = _Arrival(now, now - timedelta(days=policy.accept_days), now + AHEAD, policy, key)
    for index, raw in enumerate(events, first):
        try:
            event = _read(raw)
            event_id, occurred_at = _identity(event, now, new_id)
            _check_time(occurred_at, arrival)
            accepted.append(_record(event, event_id, occurred_at, seq + index, arrival))
        except _RejectedError as reason:
            rejected.append(Rejection(index, *reason.args))
    return accepted, rejected


def _problem(error: Exception) -> Problem:
    message, _, path = str(error).partition(" - at ")
    return Problem(path.strip("`") or "$", message)


def _read(raw: Raw) -> SentEvent:
    try:
        event = _event.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        path, message = _problem(error)
        raise _RejectedError("EVENT_INVALID", f"{path}: {message}") from None
    except RecursionError:
        raise _RejectedError("EVENT_INVALID", "$: The JSON is nested too deeply.") from None
    if may_hold_control(bytes(raw)):
        _refuse_control(event)
    if event.surface is not None:
        _refuse_path("surface", event.surface)
    if event.segment is not None:
        _refuse_path("segment", event.segment)
    return event


def _refuse_control(event: SentEvent) -> None:
    for path, text in _texts(event):
        if CONTROL.search(text):
            raise _RejectedError("EVENT_INVALID", f"$.{path}: Control characters are not allowed.")


def _refuse_path(path: str, name: str) -> None:
    if _NOT_A_NAME.search(name):
        raise _RejectedError("EVENT_INVALID", f"$.{path}: A name holds no / and no \\, and is neither . nor ..")


def _meta(event: SentEvent) -> bytes | None:
    """Return the event's meta as JSON text that jsonb stores unchanged."""
    if event.meta is None:
        return None
    text = _encode_json(event.meta)
    if len(text) > META_BYTES_MAX:
        raise _RejectedError("EVENT_INVALID", f"$.meta: At most {META_BYTES_MAX} bytes of JSON, this is {len(text)}.")
    if _ESCAPED_NUL.search(text):
        raise _RejectedError("EVENT_INVALID", "$.meta: The character U+0000 is not allowed.")
    return text


def _texts(event: SentEvent) -> Iterator[tuple[str, str]]:
    user = event.user or _NOBODY
    for path, text in (
        ("item_id", event.item_id),
        ("event_id", event.event_id),
        ("surface", event.surface),
        ("segment", event.segment),
        ("request_id", event.request_id),
        ("user.user_id", user.user_id),
        ("user.anonymous_id", user.anonymous_id),
        ("user.session_id", user.session_id),
    ):
        if text is not None:
            yield path, text


def _identity(event: SentEvent, now: datetime, new_id: Callable[[], UUID]) -> tuple[str, datetime]:
    """Give the event's id and time, both fixed by the client or both made now, so that a retry finds the same row."""
    if event.event_id is None:
        return str(new_id()), event.occurred_at or now
    if event.occurred_at is not None:
        return event.event_id, event.occurred_at
    milliseconds = _uuid_time(event.event_id)
    if milliseconds is None:
        raise _RejectedError(
            "EVENT_TIME_MISSING",
            "An event_id needs a fixed time, or a retry would be a new event: "
            "send occurred_at too, or make the event_id a UUID version 7.",
        )
    return event.event_id, _EPOCH + timedelta(milliseconds=milliseconds)


def _uuid_time(event_id: str) -> int | None:
    try:
        return uuid7_milliseconds(UUID(event_id))
    except ValueError:
        return None


def _check_time(occurred_at: datetime, arrival: _Arrival) -> None:
    if occurred_at > arrival.latest:
        raise _RejectedError("EVENT_IN_FUTURE", "The time is more than 5 minutes ahead of the server's clock.")
    if occurred_at < arrival.earliest:
        raise _RejectedError(
            "EVENT_TOO_OLD",
            f"Events older than {arrival.policy.accept_days} days are not accepted here; "
            "`recsys interactions import --since` loads history.",
        )


def _record(event: SentEvent, event_id: str, occurred_at: datetime, seq: int, arrival: _Arrival) -> Interaction:
    user = event.user or _NOBODY
    return Interaction(
        event_id=event_id,
        tenant_id=arrival.policy.tenant_id,
        occurred_at=occurred_at.astimezone(UTC),
        received_at=arrival.now,
        seq=seq,
        event_type=event.event_type,
        item_id=event.item_id,
        request_id=event.request_id,
        user_key=keyed(arrival.key, user.user_id, user.anonymous_id),
        session_id=user.session_id or None,
        surface=event.surface,
        segment=event.segment,
        position=event.position,
        value=event.value,
        meta=_meta(event),
    )
