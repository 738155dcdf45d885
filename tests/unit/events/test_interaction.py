"""POST /v1/interactions: what is taken, what is rejected, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from recsys.errors import InvalidRequest
from recsys.events.interaction import Interaction, Policy, Rejection, parse, split
from recsys.events.user_key import user_key
from recsys.identifiers import uuid7

_NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
_TENANT = UUID(int=1)
_POLICY = Policy(_TENANT, b"secret", accept_days=30)
_CLICK = {"event_type": "click", "item_id": "a"}


def _parse(*events: object) -> tuple[list[Interaction], list[Rejection]]:
    return parse(split(json.dumps({"events": events}).encode()), _NOW, _POLICY)


def _code(**changes: object) -> str:
    accepted, rejected = _parse(_CLICK | changes)
    return rejected[0].code if rejected else f"taken {len(accepted)}"


def test_a_full_event_becomes_a_record() -> None:
    """Every field a client may send arrives in the record; the user's id only as its key."""
    sent = {
        **_CLICK,
        "event_id": "e",
        "user": {"user_id": "u", "anonymous_id": "x", "session_id": "s"},
        "surface": "home",
        "segment": "vip",
        "request_id": "r",
        "position": 3,
        "value": 9.5,
        "occurred_at": "2026-05-04T13:00:00+02:00",
        "meta": {"a": [1, None]},
    }
    accepted, rejected = _parse(sent)

    assert rejected == []
    assert accepted == [
        Interaction(
            event_id="e",
            tenant_id=_TENANT,
            occurred_at=datetime(2026, 5, 4, 11, tzinfo=UTC),
            received_at=_NOW,
            seq=accepted[0].seq,
            event_type="click",
            item_id="a",
            request_id="r",
            user_key=user_key(b"secret", _TENANT, "u", None),
            session_id="s",
            surface="home",
            segment="vip",
            position=3,
            value=9.5,
            meta=b'{"a":[1,null]}',
        )
    ]


def test_null_is_absent() -> None:
    """An optional field that is null is the same as one that is not sent."""
    names = ("event_id", "user", "surface", "segment", "request_id", "position", "value", "occurred_at", "meta")

    assert _code(**dict.fromkeys(names)) == "taken 1"


def test_one_bad_event_does_not_cost_the_others() -> None:
    """Of a thousand events with one bad among them 999 are taken and the one is named by its index."""
    events: list[dict[str, Any]] = [dict(_CLICK) for _ in range(1000)]
    events[500]["event_type"] = "Click"
    accepted, rejected = _parse(*events)

    assert len(accepted) == 999
    assert [(one.index, one.code) for one in rejected] == [(500, "EVENT_INVALID")]


def test_arrival_orders_events_of_one_moment() -> None:
    """Events of a batch, and batches of later microseconds, have growing sequence numbers within 64 bits."""
    first, _ = _parse(*[_CLICK] * 1000)
    second, _ = parse(split(json.dumps({"events": [_CLICK]}).encode()), _NOW + timedelta(microseconds=1), _POLICY)
    order = [event.seq for event in (*first, *second)]

    assert order == sorted(set(order))
    assert order[-1] < 2**63


@pytest.mark.parametrize(
    "changes",
    [
        {"item_id": ""},
        {"item_id": "x" * 129},
        {"item_id": "a\u0000b"},
        {"item_id": 7},
        {"event_type": "9lives"},
        {"event_type": "a" * 33},
        {"event_type": "click\n"},
        {"surface": ".."},
        {"segment": "a/b"},
        {"surface": "a\\b"},
        {"user": {"user_id": "u" * 257}},
        {"user": {"name": "u"}},
        {"user": {"session_id": "a\nb"}},
        {"position": -1},
        {"position": 2**31},
        {"position": 1.5},
        {"value": "1"},
        {"occurred_at": "2026-05-04T12:00:00"},
        {"occurred_at": "yesterday"},
        {"meta": []},
        {"meta": {"a": "x" * 4096}},
        {"meta": {"a": "\u0000"}},
        {"unknown": 1},
    ],
)
def test_what_an_event_may_not_say(changes: dict[str, object]) -> None:
    """Wrong types, lengths, names and unknown fields reject the event with one code and a path."""
    assert _code(**changes) == "EVENT_INVALID"


def test_a_control_character_is_refused_however_it_is_written() -> None:
    """Escaped or as it is, in every text; its neighbours, and quotes that must be escaped, are ordinary text."""
    names = ("item_id", "event_id", "surface", "segment", "request_id", "user_id", "anonymous_id", "session_id")
    fixed = {"occurred_at": _NOW.isoformat()}
    for escaped in (True, False):
        for character in ["\x7f", "\x80", "\x9f"] + ["\x01", "\n", "\x1f"] * escaped:
            for name in names:
                changes = {"user": {name: character}} if name in names[5:] else {name: character, **fixed}
                body = json.dumps({"events": [_CLICK | changes]}, ensure_ascii=escaped).encode()
                assert [one.code for one in parse(split(body), _NOW, _POLICY)[1]] == ["EVENT_INVALID"]
        for text in ("\xa0", "\xc2", "~", '"', "\\", "é"):
            body = json.dumps({"events": [_CLICK | {"item_id": text}]}, ensure_ascii=escaped).encode()
            assert [one.item_id for one in parse(split(body), _NOW, _POLICY)[0]] == [text]


def test_a_backslash_before_u0000_is_plain_text() -> None:
    """Six characters that look like an escape are kept; only the character U+0000 itself is refused."""
    assert _code(meta={"a": "\\u0000"}) == "taken 1"
    assert _code(meta={"a": "\\\u0000"}) == "EVENT_INVALID"


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [(300, "taken 1"), (301, "EVENT_IN_FUTURE"), (-30 * 86400, "taken 1"), (-30 * 86400 - 1, "EVENT_TOO_OLD")],
)
def test_times_have_bounds(seconds: int, outcome: str) -> None:
    """Five minutes ahead and accept_days back are taken, a second more is not."""
    assert _code(occurred_at=(_NOW + timedelta(seconds=seconds)).isoformat()) == outcome


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar_are_out_of_bounds(moment: str) -> None:
    """A time that no arithmetic can move is rejected like any other outside the bounds."""
    assert _code(occurred_at=moment) in {"EVENT_TOO_OLD", "EVENT_IN_FUTURE"}


def test_an_event_id_fixes_the_time_or_is_rejected() -> None:
    """A UUIDv7 carries its time; any other id needs occurred_at, or a retry would be another row."""
    moment = _NOW - timedelta(days=1)
    event_id = str(uuid7(int(moment.timestamp() * 1000)))
    accepted, _ = _parse(_CLICK | {"event_id": event_id})

    assert (accepted[0].event_id, accepted[0].occurred_at) == (event_id, moment)
    assert _code(event_id="order-1") == "EVENT_TIME_MISSING"
    assert _code(event_id="6f2d3c1e-7a51-4f4e-9d4b-2f0f5d3c8a10") == "EVENT_TIME_MISSING"
    assert _code(event_id="order-1", occurred_at=moment.isoformat()) == "taken 1"


def test_events_without_an_id_are_new_each_time() -> None:
    """The same event sent twice without an id is two events."""
    accepted, _ = _parse(_CLICK, _CLICK)

    assert accepted[0].event_id != accepted[1].event_id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"events":[]}',
        b'{"events":{}}',
        b'{"events":[{}],"more":1}',
        b'{"events":[{}]} x',
        b'{"events":["\xff"]}x',
        b'{"events":' + b"[" * 100_000,
        b'{"events":[' + b",".join([b"{}"] * 1001) + b"]}",
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes) -> None:
    """What is not an object with 1..1000 events is an invalid request, however broken it is."""
    with pytest.raises(InvalidRequest) as caught:
        split(body)
    assert caught.value.problems


@pytest.mark.parametrize("event", [b'{"item_id":"\xff"}', b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"1", b'"\\ud800"'])
def test_broken_text_inside_an_event_never_escapes(event: bytes) -> None:
    """Bad UTF-8, lone surrogates and bottomless nesting are answers, not failures."""
    try:
        _, rejected = parse(split(b'{"events":[' + event + b"]}"), _NOW, _POLICY)
    except InvalidRequest:
        return
    assert [one.code for one in rejected] == ["EVENT_INVALID"]
