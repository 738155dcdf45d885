"""What was spooled is in Postgres, once, whatever was killed, copied, restored or refused."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.events import folder
from recsys.events.drain import drain_once
from recsys.events.records import Kind
from recsys.events.spool import Spool
from recsys.identifiers import uuid7

_TENANT = "0190a0b0-0000-7000-8000-000000000001"


def test_every_column_arrives(desk: Any) -> None:
    """A record's fields are the row's columns, arrays, bytes and documents included."""
    moment = datetime(2026, 5, 4, 12, tzinfo=UTC)
    everything = {
        "occurred_at": moment,
        "segment": "vip",
        "user_key": b"\x00\\k",
        "session_id": "s",
        "request_id": "r",
        "experiment_id": "x",
        "experiment_variant": "v",
        "config_etag": "c",
        "rules_etag": "u",
        "signals_version": "g",
        "item_ids": ('a"', "b\\", "{,}", "NULL", ""),
        "scores": (1.0, 0.5, 0.25, 0.0, 1e-6),
        "propensities": (1.0, 0.5, 0.5, 0.5, 0.5),
        "request": b'{"k":5}',
        "meta": b'{"a":"\xc3\xa9"}',
    }
    desk.spool(Kind.EXPOSURE, [desk.exposure(1, **everything)])
    fields = {"position": 3, "value": 2.5, "meta": b"{}", "user_key": b"k", "session_id": "s", "segment": "t"}
    desk.spool(Kind.INTERACTION, [desk.interaction(7, request_id="r", occurred_at=moment, **fields)])
    desk.drain()

    assert desk.rows(
        "select occurred_at, segment, user_key, session_id, request_id, experiment_id, experiment_variant, config_etag,"
        " rules_etag, signals_version, item_ids, scores, propensities, request, meta from exposure_events"
    ) == [
        (
            *(moment, "vip", b"\x00\\k", "s", "r", "x", "v", "c", "u", "g"),
            *(['a"', "b\\", "{,}", "NULL", ""], pytest.approx([1, 0.5, 0.25, 0, 1e-6]), [1, 0.5, 0.5, 0.5, 0.5]),
            *({"k": 5}, {"a": "é"}),
        )
    ]
    assert desk.rows(
        "select tenant_id::text, event_id, occurred_at, seq, request_id, user_key, session_id, surface, segment,"
        " event_type, item_id, position, value, meta from interaction_events"
    ) == [(_TENANT, "e7", moment, 7, "r", b"k", "s", "home", "t", "click", "i7", 3, 2.5, {})]


def test_a_backlog_of_several_spools_and_segments_lands_in_order(desk: Any) -> None:
    """Batches smaller than the backlog carry all of it, the same share of every spool at a time."""
    for spool in range(3):
        desk.spool(Kind.INTERACTION, [desk.interaction(100 * spool + number) for number in range(10)])
    passes = desk.drain(batch_records=6)

    assert [one.records for one in passes] == [6] * 5
    assert len(set(desk.event_ids())) == len(desk.event_ids()) == 30


def test_replays_double_nothing(desk: Any) -> None:
    """A folder restored to before a drain, under its name or another, changes no row."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(20)])
    desk.spool(Kind.EXPOSURE, [desk.exposure(number) for number in range(20)])
    copy = desk.root.parent / "copy"
    shutil.copytree(desk.root, copy)
    desk.drain(keep_seconds=0)
    desk.drain(keep_seconds=0)
    assert folder.list_spools(desk.root) == []

    for number, spool in enumerate(sorted(copy.iterdir())):
        shutil.copytree(spool, desk.root / spool.name)
        shutil.copytree(spool, desk.root / f"renamed-{number}")
    passes = desk.drain()

    assert sum(one.records for one in passes) == 80
    assert sum(one.interactions + one.exposures + one.dead_letters for one in passes) == 0
    assert len(desk.event_ids()) == 20
    assert desk.rows("select count(*) from exposure_events") == [(20,)]


def test_a_database_restored_to_before_a_drain_gets_the_events_again(desk: Any) -> None:
    """Segments are kept after their drain; where the database's position is behind, they are replayed."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(5)])
    desk.drain()
    desk.operator.execute("delete from interaction_events")
    desk.operator.execute("update spool_positions set position = 8")
    desk.drain()

    assert desk.event_ids() == [f"e{number}" for number in range(5)]


def test_two_drains_on_one_spool(desk: Any) -> None:
    """Drains that run at the same time over the same files lose and double nothing."""
    for spool in range(4):
        desk.spool(Kind.INTERACTION, [desk.interaction(1000 * spool + number) for number in range(500)])

    def drain(_: int) -> None:
        while drain_once(desk.database, desk.root, desk.policy._replace(batch_records=200)).more:
            pass

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(drain, range(3)))
    desk.drain()

    assert len(set(desk.event_ids())) == len(desk.event_ids()) == 2000


def test_a_live_spool_is_drained_while_it_is_written(desk: Any) -> None:
    """The open segment is read as far as it goes, and never removed."""
    with Spool(desk.root, bounds=desk.policy.bounds) as spool:
        for number in range(3):
            spool.append_now(Kind.INTERACTION, [desk.interaction(number)])
            desk.drain(keep_seconds=0)
            assert len(desk.event_ids()) == number + 1
        assert [len(one.segments) for one in folder.list_spools(desk.root)] == [1]


def test_a_torn_tail_is_cut_and_the_rest_lands(desk: Any) -> None:
    """A dead process' last, interrupted write is reported; every record before it is in the database."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(3)])
    (segment,) = desk.root.glob("*/*.seg")
    segment.write_bytes(segment.read_bytes()[:-10])
    (only,) = desk.drain()

    assert (only.interactions, only.damaged_bytes) == (2, 0)
    assert only.torn_bytes > 0
    assert desk.event_ids() == ["e0", "e1"]


def test_a_damaged_segment_is_salvaged_and_kept(desk: Any) -> None:
    """Around damaged bytes every sound record lands, and the segment stays for a person to look at."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(9)])
    (segment,) = desk.root.glob("*/*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(bytes(content))
    passes = desk.drain(keep_seconds=0) + desk.drain(keep_seconds=0)

    assert passes[0].interactions == len(desk.event_ids()) == 8
    assert passes[0].damaged_bytes > 0
    assert folder.list_spools(desk.root) == []
    assert [kept.read_bytes() for kept in folder.list_damaged(desk.root)] == [bytes(content)]


def test_poison_goes_to_dead_letters_and_the_rest_lands(desk: Any) -> None:
    """Records that the database refuses for their values are set aside with the reason, alone."""
    good = [desk.interaction(number) for number in range(100)]
    poison = [
        desk.interaction(1000, item_id="a\0b"),
        desk.interaction(1001, value=float("inf")),
        desk.interaction(1002, seq=2**63),
        desk.interaction(1003, meta=b'{"a":'),
        desk.interaction(1004, meta=b"\xff"),
        b"\xc1",
    ]
    desk.spool(Kind.INTERACTION, good[:50] + poison + good[50:])
    desk.spool(
        Kind.EXPOSURE, [desk.exposure(1), desk.exposure(2, scores=(1.0,)), desk.exposure(3, scores=(1e300, 1.0))]
    )
    desk.spool(77, [b"from the future"])
    passes = desk.drain()

    assert sum(one.dead_letters for one in passes) == 9
    assert desk.event_ids() == [f"e{number}" for number in range(100)]
    assert desk.rows("select request_id from exposure_events") == [("r1",)]
    kinds = desk.rows("select kind, count(*) from dead_letters group by kind order by kind")
    assert kinds == [("exposure", 2), ("interaction", 6), ("kind-77", 1)]
    assert desk.rows("select count(*) from dead_letters where reason = '' or record = ''") == [(0,)]


def test_a_replayed_spool_buries_its_poison_once(desk: Any) -> None:
    """The same bad record read twice is one dead letter."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1, value=float("inf"))])
    desk.drain()
    desk.operator.execute("delete from spool_positions")
    desk.drain()

    assert desk.rows("select count(*) from dead_letters") == [(1,)]


def test_a_missing_partition_is_made(desk: Any) -> None:
    """Events of any time find their partition: it is made, and no record is blamed for it."""
    moments = [datetime(2020, month, 3, tzinfo=UTC) for month in (1, 2, 11)] + [datetime.now(UTC)]
    payloads = [desk.interaction(number, occurred_at=moment) for number, moment in enumerate(moments)]
    desk.spool(Kind.INTERACTION, payloads)
    desk.spool(Kind.EXPOSURE, [desk.exposure(1, occurred_at=datetime(2021, 6, 1, tzinfo=UTC))])
    passes = desk.drain()

    assert sum(one.dead_letters for one in passes) == 0
    assert len(desk.event_ids()) == 4
    assert desk.rows("select request_id from exposure_events") == [("r1",)]


def test_the_environment_sets_nothing_aside(desk: Any) -> None:
    """While a table can not be written at all the pass fails, and afterwards everything lands."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(3)])
    desk.operator.execute("revoke insert on interaction_events from recsys_system")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.drain()
    assert desk.rows("select count(*) from spool_positions") == [(0,)]

    desk.operator.execute("grant insert on interaction_events to recsys_system")
    desk.drain()
    assert len(desk.event_ids()) == 3
    assert desk.rows("select count(*) from dead_letters") == [(0,)]


def test_days_are_marked_for_the_builders(desk: Any) -> None:
    """Every day (UTC) and surface that gained events is named in the same transaction, and a replay names none."""
    late = datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    moments = [(late, "home"), (late + timedelta(seconds=1), "home"), (late, None), (late, "home")]
    payloads = [
        desk.interaction(number, occurred_at=moment, surface=surface)
        for number, (moment, surface) in enumerate(moments)
    ]
    desk.spool(Kind.INTERACTION, payloads)
    desk.drain()
    desk.operator.execute("delete from spool_positions")
    desk.drain()

    marked = desk.rows("select surface, day::text from signal_days_touched order by surface, day")
    assert marked == [("home", "2026-05-04"), ("home", "2026-05-05"), (None, "2026-05-04")]


def test_an_erased_person_does_not_come_back_from_a_spool(desk: Any) -> None:
    """Records from before the erasure are dropped, by key and by session; later ones and other people's land."""
    now = datetime.now(UTC)
    before, after = now - timedelta(minutes=2), now + timedelta(minutes=2)
    desk.operator.execute(
        "insert into erasures (tenant_id, user_key, session_id, erased_at) values (%s, %s, 'gone', %s)",
        (_TENANT, b"erased", now),
    )
    desk.spool(
        Kind.INTERACTION,
        [
            desk.interaction(1, user_key=b"erased", occurred_at=before, received_at=before),
            desk.interaction(2, session_id="gone", occurred_at=before, received_at=before),
            desk.interaction(3, user_key=b"erased", occurred_at=before, received_at=after),
            desk.interaction(4, user_key=b"erased", occurred_at=after, received_at=before),
            desk.interaction(5, user_key=b"erased", occurred_at=after, received_at=after),
            desk.interaction(6, user_key=b"other", occurred_at=before, received_at=before),
        ],
    )
    keys = [desk.exposure(1, user_key=b"erased", occurred_at=before), desk.exposure(2, user_key=b"other")]
    desk.spool(Kind.EXPOSURE, keys)
    desk.drain()

    assert desk.event_ids() == ["e5", "e6"]
    assert desk.rows("select request_id from exposure_events") == [("r2",)]


def test_a_removed_tenant_does_not_come_back_from_a_spool(desk: Any) -> None:
    """Records of a tenant that was removed meanwhile are dropped; another tenant's in the same batch land."""
    desk.operator.execute("insert into tenant_removals (tenant_id, external_id_hash) values (%s, 'x')", (_TENANT,))
    other = uuid7()
    desk.spool(Kind.INTERACTION, [desk.interaction(1), desk.interaction(2, tenant_id=other)])
    desk.spool(Kind.EXPOSURE, [desk.exposure(1), desk.exposure(2, tenant_id=other)])
    desk.drain()
    assert desk.event_ids() == ["e2"]
    assert desk.rows("select request_id from exposure_events") == [("r2",)]


def test_drained_segments_are_kept_and_then_removed(desk: Any) -> None:
    """Within RECSYS_SPOOL_KEEP the files stay; after it they, their position and their dead spool are gone."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1)])
    desk.drain()
    desk.drain()
    assert len(list(desk.root.glob("*/*.seg"))) == 1

    desk.operator.execute("update spool_positions set updated_at = now() - interval '2 hours'")
    desk.drain()
    assert list(desk.root.iterdir()) == []
    assert desk.rows("select count(*) from spool_positions") == [(0,)]


def test_a_tight_disk_gives_up_kept_segments(desk: Any) -> None:
    """What is kept only for comfort goes as soon as the bound comes near."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1)])
    tight = desk.policy.bounds._replace(max_bytes=64)
    desk.drain(bounds=tight)
    desk.drain(bounds=tight)

    assert folder.list_spools(desk.root) == []
    assert desk.event_ids() == ["e1"]


def test_without_a_spool_there_is_nothing_to_do(desk: Any, tmp_path: Path) -> None:
    """A host that never logged anything drains nothing and makes nothing."""
    assert drain_once(desk.database, tmp_path / "absent") == (0,) * 8 + (False,)
    assert not (tmp_path / "absent").exists()
