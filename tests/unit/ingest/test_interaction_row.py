"""A row becomes the record that is stored, or the reason why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from recsys.events.interaction import Interaction
from recsys.events.user_key import user_key
from recsys.ingest.account import Refusal
from recsys.ingest.interaction_row import Reading, read_interaction

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
READING = Reading(
    tenant_id=UUID(int=1),
    secret=b"secret",
    now=NOW,
    earliest=NOW - timedelta(days=400),
    latest=NOW + timedelta(minutes=5),
    remedy=", and here is the remedy",
    event_type="view",
)
ROW = {"item_id": "a", "occurred_at": "2026-05-01T00:00:00Z"}


def read(fields: dict[str, Any], reading: Reading = READING, *, row: int = 7, typed: bool = True) -> Interaction:
    """Read a row that can be taken."""
    record = read_interaction(row, fields, reading, typed=typed)
    assert isinstance(record, Interaction), record
    return record


def refused(fields: dict[str, Any], reading: Reading = READING, *, typed: bool = True) -> Refusal:
    """Read a row that can not be taken."""
    record = read_interaction(7, fields, reading, typed=typed)
    assert isinstance(record, Refusal), record
    assert record.row == 7
    return record


def test_the_visitor_may_be_nested_or_flat() -> None:
    """`user.user_id` and `user_id` are the same visitor, and a number is its text."""
    key = user_key(b"secret", UUID(int=1), "42", None)
    for said in ({"user": {"user_id": "42"}}, {"user_id": "42"}, {"user_id": 42}):
        assert read(ROW | said).user_key == key
    assert read(ROW | {"user_id": 0}).user_key == user_key(b"secret", UUID(int=1), "0", None)
    assert read(ROW | {"anonymous_id": "42"}).user_key == user_key(b"secret", UUID(int=1), None, "42")
    assert read(ROW).user_key is None


def test_defaults_fill_what_a_row_does_not_say() -> None:
    """The event type and the surface of the command apply where the row has none."""
    reading = replace(READING, event_type="rating", surface="home")
    assert (read(ROW, reading).event_type, read(ROW, reading).surface) == ("rating", "home")
    said = read(ROW | {"event_type": "click", "surface": "search"}, reading)
    assert (said.event_type, said.surface) == ("click", "search")
    assert "--event-type" in refused(ROW, replace(READING, event_type=None)).reason


def test_text_is_read_as_what_it_means() -> None:
    """In CSV an empty cell is absent, numbers are text, and meta is JSON."""
    record = read(
        ROW | {"position": "3", "value": "9.5", "surface": "", "user_id": "", "meta": '{"a": 1}'}, typed=False
    )
    assert (record.position, record.value, record.surface, record.user_key) == (3, 9.5, None, None)
    assert record.meta == b'{"a":1}'


def test_the_row_number_orders_equal_times() -> None:
    """The sequence is the place in the file."""
    assert read(ROW, row=123).seq == 123


def test_a_made_id_depends_on_the_row_and_its_number_alone() -> None:
    """The same row in the same place has the same id, shifted or not; anything said differently is another event."""
    made = read(ROW).event_id
    assert read(dict(ROW)).event_id == made
    assert read(ROW, replace(READING, shift=timedelta(days=1), now=NOW + timedelta(days=1))).event_id == made
    others = [
        read(ROW, row=8),
        read(ROW | {"item_id": "b"}),
        read(ROW | {"user_id": "u"}),
        read(ROW | {"occurred_at": "2026-05-01T00:00:01Z"}),
        read(ROW | {"value": 1.0}),
        read(ROW | {"event_type": "click"}),
        read(ROW | {"segment": "s"}),
    ]
    assert len({made, *(record.event_id for record in others)}) == 1 + len(others)


def test_a_made_id_can_not_be_tried_out_for_visitors() -> None:
    """The id is made from the keyed hash of the visitor: without the secret nobody can guess who it was."""
    one, other = READING, replace(READING, secret=b"another")
    said = ROW | {"user_id": "u"}
    assert read(said, one).event_id != read(said, other).event_id
    assert read(ROW, one).event_id == read(ROW, other).event_id


def test_a_shift_moves_the_time_before_it_is_judged() -> None:
    """What is years old is taken when it is shifted into the window."""
    old = ROW | {"occurred_at": 880_000_000}
    assert refused(old).path == "$.occurred_at"
    shift = NOW - datetime.fromtimestamp(880_000_000, UTC)
    assert read(old, replace(READING, shift=shift)).occurred_at == NOW


def test_a_shift_out_of_the_calendar_refuses_the_row() -> None:
    """A row of the year 9999 is refused, and does not end the import."""
    late = ROW | {"occurred_at": "9999-12-31T00:00:00Z"}
    assert refused(late, replace(READING, shift=timedelta(days=9000))).path == "$.occurred_at"


def test_the_window_includes_both_ends() -> None:
    """The oldest and the newest time that are allowed are taken, a tick beyond is not."""
    tick = timedelta(microseconds=1)
    assert read(ROW | {"occurred_at": READING.earliest}).occurred_at == READING.earliest
    assert read(ROW | {"occurred_at": READING.latest}).occurred_at == READING.latest
    assert "here is the remedy" in refused(ROW | {"occurred_at": READING.earliest - tick}).reason
    assert refused(ROW | {"occurred_at": READING.latest + tick}).reason == "is in the future"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"item_id": ""}, "$.item_id"),
        ({"item_id": "x" * 129}, "$.item_id"),
        ({"item_id": "a\n"}, "$.item_id"),
        ({"item_id": "a\x00"}, "$.item_id"),
        ({"item_id": "\udcff"}, "$.item_id"),
        ({"item_id": None}, "$.item_id"),
        ({"item_id": True}, "$.item_id"),
        ({"event_type": "Click"}, "$.event_type"),
        ({"surface": "a/b"}, "$.surface"),
        ({"surface": ".."}, "$.surface"),
        ({"user_id": "x" * 257}, "$.user_id"),
        ({"user": {"name": "x"}}, "$.user"),
        ({"position": -1}, "$.position"),
        ({"position": 2**31}, "$.position"),
        ({"value": float("nan")}, "$.value"),
        ({"value": "high"}, "$.value"),
        ({"occurred_at": "soon"}, "$.occurred_at"),
        ({"occurred_at": None}, "$.occurred_at"),
        ({"meta": {"a": "x" * 5000}}, "$.meta"),
        ({"meta": {"a": "\x00"}}, "$.meta"),
        ({"meta": "{"}, "$.meta"),
        ({"meta": [1]}, "$.meta"),
        ({"colour": "red"}, "$"),
    ],
)
def test_every_field_is_refused_with_its_path(said: dict[str, Any], path: str) -> None:
    """What is wrong is told with where, and in words."""
    refusal = refused(ROW | said)
    assert refusal.path == path
    assert "regex" not in refusal.reason


def test_a_backslash_before_u0000_is_no_nul() -> None:
    """Text that merely looks like an escaped U+0000 is taken."""
    assert read(ROW | {"meta": {"a": "\\u0000"}}).meta == b'{"a":"\\\\u0000"}'
