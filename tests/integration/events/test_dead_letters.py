"""Dead letters: listed, and replayed once their cause is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from recsys.events.dead_letters import list_buried, replay
from recsys.events.records import Kind


def _bury_one(desk: Any) -> None:
    """Let the database refuse, for a while, what it would take otherwise."""
    desk.operator.execute("alter table interaction_events add constraint for_a_while check (event_type <> 'click')")
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    desk.operator.execute("select recsys_ensure_partitions('interaction_events', %s)", (moment,))
    desk.spool(Kind.INTERACTION, [desk.interaction(1, occurred_at=moment)])
    desk.drain()


def test_a_dead_letter_says_what_and_why(desk: Any) -> None:
    """The list names tenant, kind, reason and SQLSTATE, and holds the record as it was."""
    _bury_one(desk)
    with desk.database.system() as conn:
        (buried,) = list_buried(conn, 10)

    assert (buried.kind, buried.sqlstate) == ("interaction", "23514")
    assert "for_a_while" in buried.reason
    assert str(buried.tenant_id) == "0190a0b0-0000-7000-8000-000000000001"


def test_a_replay_lands_what_can_land_now(desk: Any) -> None:
    """While the cause stands the letter stays; when it is gone the record lands, in a new partition if need be."""
    _bury_one(desk)
    assert replay(desk.database, 10) == (0, 1)

    desk.operator.execute("alter table interaction_events drop constraint for_a_while")
    desk.operator.execute("drop table interaction_events_20200101_20200201")
    assert replay(desk.database, 10) == (1, 0)
    assert desk.event_ids() == ["e1"]
    assert replay(desk.database, 10) == (0, 0)
