"""What a spool's records are made of: one kind a layout, encoded as msgpack (pure).

A newer version reads what an older one wrote: a kind's number names a layout for good. New optional fields are
added at the end of the record; anything else gets a new number, and the old one keeps its reader here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import msgspec

from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction

Record = Exposure | Interaction


class Kind(IntEnum):
    """The layouts that this version writes and reads."""

    EXPOSURE = 1
    INTERACTION = 2


class Unreadable(Exception):
    """A record that this version can not read: damaged by its writer, or written by a newer version."""


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decoders: dict[int, Callable[[bytes], Record]] = {
    Kind.EXPOSURE: msgspec.msgpack.Decoder(Exposure).decode,
    Kind.INTERACTION: msgspec.msgpack.Decoder(Interaction).decode,
}


def encode(record: Record) -> bytes:
    """Return the payload of a record; its kind is `Kind.EXPOSURE` or `Kind.INTERACTION`."""
    return _encode(record)


def decode(kind: int, payload: bytes) -> Record:
    """Read a record back. Unreadable says why that is not possible."""
    read = _decoders.get(kind)
    if read is None:
        raise Unreadable(f"kind {kind} is not known to this version; replay it after an upgrade")
    try:
        return read(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None


def kind_name(kind: int) -> str:
    """Name a kind for people and for `dead_letters`: exposure, interaction, or kind-N for one from the future."""
    return Kind(kind).name.lower() if kind in _decoders else f"kind-{kind}"


def kind_number(name: str) -> int:
    """Read what *kind_name* wrote, by this version or another."""
    return int(name.removeprefix("kind-")) if name.startswith("kind-") else Kind[name.upper()].value
