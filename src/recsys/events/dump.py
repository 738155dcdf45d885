"""Spools as JSON lines: for eyes, and for carrying events away without a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from recsys.events.folder import SegmentFile, list_spools
from recsys.events.reader import read
from recsys.events.records import Record, Unreadable, decode, kind_name
from recsys.events.segment import Frame

_AT_ONCE = 1000
_JSON_FIELDS = ("request", "meta")


def lines(root: Path) -> Iterator[bytes]:
    """Yield every record under *root*, drained or not, as one line of JSON, oldest spool first.

    A record is ``{spool, segment, kind, ...its fields}``, user keys in hex; one that can not be read carries
    ``unreadable`` (why) and ``payload`` (base64) instead of fields.
    """
    for spool in list_spools(root):
        for segment in spool.segments:
            where = {"spool": spool.id, "segment": segment.name}
            for frame in _frames(segment):
                yield msgspec.json.encode({**where, **_fields(frame)}) + b"\n"


def _frames(segment: SegmentFile) -> Iterator[Frame]:
    position = -1
    found = read(segment, 0, _AT_ONCE)
    while found.position > position:
        yield from found.frames
        position = found.position
        found = read(segment, position, _AT_ONCE)


def _fields(frame: Frame) -> dict[str, Any]:
    kind = {"kind": kind_name(frame.kind)}
    try:
        return kind | _readable(decode(frame.kind, frame.payload))
    except Unreadable as error:
        return kind | {"unreadable": str(error), "payload": frame.payload}


def _readable(record: Record) -> dict[str, Any]:
    fields = msgspec.structs.asdict(record)
    if fields["user_key"] is not None:
        fields["user_key"] = fields["user_key"].hex()
    for name in _JSON_FIELDS:
        if fields.get(name) is not None:
            fields[name] = msgspec.Raw(fields[name])
    return fields
