"""Records survive their encoding, also across versions."""

from __future__ import annotations

import msgspec
import pytest

from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction
from recsys.events.records import Kind, Unreadable, decode, encode, kind_name, kind_number


def test_a_record_is_read_as_it_was_written(exposure: Exposure, interaction: Interaction) -> None:
    """Every field of both kinds comes back equal, types included."""
    assert decode(Kind.EXPOSURE, encode(exposure)) == exposure
    assert decode(Kind.INTERACTION, encode(interaction)) == interaction


def test_a_record_without_the_newest_fields_is_read(interaction: Interaction) -> None:
    """A file of an older version, whose records end earlier, gets the defaults for what it could not know."""
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(encode(interaction))[:-2])

    assert decode(Kind.INTERACTION, older) == msgspec.structs.replace(interaction, value=None, meta=None)


def test_the_layout_of_kind_1_and_2_never_changes() -> None:
    """Fields that files on disk hold keep their places; new ones may only follow."""
    assert Exposure.__struct_fields__[:9] == (
        *("id", "tenant_id", "occurred_at", "request_id", "surface", "segment", "algo_version", "item_ids", "scores"),
    )
    assert Exposure.__struct_fields__[9:19] == (
        *("user_key", "session_id", "experiment_id", "experiment_variant", "config_etag", "rules_etag"),
        *("signals_version", "propensities", "request", "meta"),
    )
    assert Interaction.__struct_fields__[:15] == (
        *("event_id", "tenant_id", "occurred_at", "received_at", "seq", "event_type", "item_id", "request_id"),
        *("user_key", "session_id", "surface", "segment", "position", "value", "meta"),
    )


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x91\x01", b"\x92\xa1\xff\x01"])
def test_what_is_no_record_is_unreadable(payload: bytes) -> None:
    """Bytes that pass the checksum but hold no record are named, not raised as something else."""
    with pytest.raises(Unreadable):
        decode(Kind.EXPOSURE, payload)


def test_a_kind_from_the_future_is_unreadable_and_keeps_its_number() -> None:
    """A record of a newer version says so, and its kind survives being written down."""
    with pytest.raises(Unreadable, match="upgrade"):
        decode(200, b"")
    assert [kind_number(kind_name(kind)) for kind in (1, 2, 200)] == [1, 2, 200]
