"""Items over HTTP: put, deleted, looked up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
import psycopg
from msgspec import UNSET, Meta, Struct, UnsetType

from recsys.api.call import Call
from recsys.api.decode import convert, decode
from recsys.api.service import Service
from recsys.api.wire import Body, Id, Name
from recsys.catalogue.items import Evidence, delete_items, find_item
from recsys.errors import InvalidRequest, NotFound, Problem
from recsys.ingest.item_row import Item
from recsys.ingest.items import Put, put_items

T = TypeVar("T")

PATIENCE_SECONDS = 10.0

Tags = Annotated[tuple[Id, ...], Meta(max_length=64)]
Price = Annotated[float, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]


class PutItem(Body, frozen=True):
    """What is known of an item. An optional field that is left out keeps what is stored; null clears it."""

    item_id: Id
    tags: Tags
    price: Price | UnsetType | None = UNSET
    available: bool | UnsetType | None = UNSET
    created_at: Moment | None = None


class ItemKey(Struct, frozen=True):
    """Which item is asked for."""

    namespace: Name
    item_id: Id


class PutItemsRequest(Body, frozen=True):
    """Items to insert or update: all of them, or none if one is refused."""

    namespace: Name
    items: Annotated[tuple[PutItem, ...], Meta(min_length=1, max_length=1000)]


class PutItemsResponse(Struct, frozen=True):
    """What became of the items; the rest were so already."""

    namespace: str
    created: int
    changed: int
    unchanged: int


class DeleteItemsRequest(Body, frozen=True):
    """Items that stay away, from builders too, until they are put again."""

    namespace: Name
    item_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=1000)]


class DeleteItemsResponse(Struct, frozen=True):
    """How many were not away yet."""

    namespace: str
    deleted: int


class PopularityDay(Struct, frozen=True):
    """How much the item was wanted on one day."""

    day: date
    score: float


class NeighborItem(Struct, frozen=True):
    """An item met together with this one."""

    item_id: str
    score: float
    last_day: date


class ItemResponse(Struct, frozen=True):
    """What the signal tables hold of an item."""

    namespace: str
    item_id: str
    tags: tuple[str, ...]
    price: float | None
    available: bool
    created_at: datetime | None
    updated_at: datetime | None
    deleted_at: datetime | None
    popularity: tuple[PopularityDay, ...]
    neighbors: tuple[NeighborItem, ...]


_put = msgspec.json.Decoder(PutItemsRequest)
_delete = msgspec.json.Decoder(DeleteItemsRequest)


async def put(service: Service, call: Call) -> PutItemsResponse:
    """Insert or update up to 1000 items; live within a second."""
    request = decode(call.body, _put)
    items = _items(request)
    done: Put = await _written(service, call, lambda conn, tenant: put_items(conn, tenant, request.namespace, items))
    unchanged = len(items) - done.created - done.changed
    return PutItemsResponse(request.namespace, done.created, done.changed, unchanged)


async def delete(service: Service, call: Call) -> DeleteItemsResponse:
    """Take up to 1000 items away."""
    request = decode(call.body, _delete)
    deleted = await _written(
        service, call, lambda conn, tenant: delete_items(conn, tenant, request.namespace, request.item_ids)
    )
    return DeleteItemsResponse(request.namespace, deleted)


async def find(service: Service, call: Call, namespace: str, item_id: str) -> ItemResponse:
    """Say what is known of an item; NotFound if no signal table knows it."""
    key = convert({"namespace": namespace, "item_id": item_id}, ItemKey)
    tenant_id = call.tenant.tenant.id

    def look() -> Evidence | None:
        with service.serving.database.service(tenant_id) as conn:
            return find_item(conn, tenant_id, key.namespace, key.item_id)

    evidence = await service.writes.run(look, patience=PATIENCE_SECONDS)
    if evidence is None:
        raise NotFound(f"No signal table of namespace {namespace!r} knows this item.")
    return _response(key, evidence)


async def _written(service: Service, call: Call, write: Callable[[psycopg.Connection, UUID], T]) -> T:
    """Run *write* in one transaction of the tenant's."""
    tenant_id = call.tenant.tenant.id

    def work() -> T:
        with service.serving.database.service(tenant_id) as conn:
            return write(conn, tenant_id)

    return await service.writes.run(work, patience=PATIENCE_SECONDS)


def _items(request: PutItemsRequest) -> list[Item]:
    """Turn items into what is put; an id that is there twice is refused, because who wins would be a guess."""
    items: dict[str, Item] = {}
    for index, item in enumerate(request.items):
        if item.item_id in items:
            raise InvalidRequest([Problem(f"$.items[{index}].item_id", "This item is in the list twice.")])
        price = Decimal(repr(item.price)) if isinstance(item.price, float) else item.price
        items[item.item_id] = Item(
            item.item_id, tuple(dict.fromkeys(item.tags)), price, item.available, _utc(item.created_at, index)
        )
    return list(items.values())


def _utc(moment: datetime | None, index: int) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest([Problem(f"$.items[{index}].created_at", "This time is out of range.")]) from None


def _response(key: ItemKey, evidence: Evidence) -> ItemResponse:
    known = evidence.known
    return ItemResponse(
        namespace=key.namespace,
        item_id=key.item_id,
        tags=tuple(known.tags) if known else (),
        price=None if known is None or known.price is None else float(known.price),
        available=known is None or known.available,
        created_at=known.created_at if known else None,
        updated_at=known.updated_at if known else None,
        deleted_at=known.deleted_at if known and not known.available else None,
        popularity=tuple(PopularityDay(day, float(score)) for day, score in evidence.popularity),
        neighbors=tuple(NeighborItem(item, float(score), day) for item, score, day in evidence.neighbors),
    )
