"""One row of an items file becomes what is put of the item (pure)."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from recsys.ingest.account import UNREADABLE, Refusal, refusal
from recsys.ingest.fields import Id, Tags
from recsys.ingest.moment import moment

TAG_SEPARATOR = "|"


class ItemRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file may say of an item: an absent field keeps what is stored, null clears it."""

    item_id: Id
    tags: Tags | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    available: bool | UnsetType | None = UNSET
    created_at: Any = None


FIELDS = ItemRow.__struct_fields__


class Item(NamedTuple):
    """What to put of one item; UNSET keeps what is stored, None clears it."""

    item_id: str
    tags: tuple[str, ...] | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    available: bool | UnsetType | None = UNSET
    created_at: datetime | None = None
    """None keeps what is stored, or is now."""


def read_item(row: int, fields: dict[str, Any], zone: tzinfo | None, *, typed: bool) -> Item | Refusal:
    """Turn one row into an item, or say why not.

    `tags` may be one text, separated by ``|``; a time without an offset is taken to be in *zone*.
    """
    if not typed:
        fields = {name: None if cell == "" else cell for name, cell in fields.items()}
    if isinstance(tags := fields.get("tags"), str):
        fields = fields | {"tags": [tag for part in tags.split(TAG_SEPARATOR) if (tag := part.strip())]}
    try:
        given = msgspec.convert(fields, ItemRow, strict=typed)
    except UNREADABLE as error:
        return refusal(row, error)
    if isinstance(given.price, Decimal) and not (given.price.is_finite() and given.price >= 0):
        return Refusal(row, "$.price", "is not a finite number of at least 0")
    try:
        created_at = None if given.created_at is None else moment(given.created_at, zone)
    except ValueError as error:
        return Refusal(row, "$.created_at", str(error))
    tags = tuple(dict.fromkeys(given.tags)) if isinstance(given.tags, list) else given.tags
    return Item(str(given.item_id), tags, given.price, given.available, created_at)
