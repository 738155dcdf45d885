"""Items: what is known of them is put, field by field, and only what differs is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from msgspec import UNSET

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.ingest.account import Account, Refusal
from recsys.ingest.item_row import Item, read_item
from recsys.ingest.source import DataFile, Progress, open_source, rows_of, silent

BATCH_ROWS = 5_000


class Put(NamedTuple):
    """What a put did; the rest of the items were so already."""

    created: int
    changed: int


@dataclass(slots=True)
class Imported:
    """What one import did."""

    account: Account = field(default_factory=Account)
    created: int = 0
    changed: int = 0
    unchanged: int = 0


def put_items(conn: psycopg.Connection, tenant_id: UUID, namespace: str, items: Sequence[Item]) -> Put:
    """Upsert *items*, each id at most once, in the caller's transaction; what does not differ is not written."""
    key = {"tenant_id": tenant_id, "namespace": namespace}
    conn.execute(sql("ingest.lock_items"), key | {"item_ids": [item.item_id for item in items]})
    row = conn.execute(sql("ingest.put_items"), key | {"rows": _encode([_given(item) for item in items]).decode()})
    return Put(*(row.fetchone() or (0, 0)))


_encode = msgspec.json.Encoder(decimal_format="number").encode


def _given(item: Item) -> dict[str, Any]:
    values = item._asdict()
    keeps = [name for name, value in values.items() if value is UNSET]
    return {name: value for name, value in values.items() if value is not UNSET} | {"keeps": keeps}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the items of one file go."""

    tenant_id: UUID
    namespace: str
    zone: tzinfo | None = None
    """Of times without an offset; None refuses them."""


def import_items(
    database: Database, file: DataFile, target: Target, account: Account | None = None, progress: Progress = silent
) -> Imported:
    """Put every item of *file* that can be taken, in batches of one transaction each; a later row of an item wins.

    DataFileError when the file can not be read.
    """
    imported = Imported(account or Account())
    with open_source(file) as source:
        rows = rows_of(source, file)
        read = (row if isinstance(row, Refusal) else read_item(*row, target.zone, typed=source.typed) for row in rows)
        for batch in _batches(read, imported.account):
            with database.service(target.tenant_id) as conn:
                created, changed = put_items(conn, target.tenant_id, target.namespace, batch)
            imported.created += created
            imported.changed += changed
            imported.unchanged += len(batch) - created - changed
            progress(*source.progress())
        progress(*source.progress())
    return imported


def _batches(items: Iterator[Item | Refusal], account: Account) -> Iterator[list[Item]]:
    """Cut into lists of at most BATCH_ROWS, none of which holds an item twice."""
    batch: dict[str, Item] = {}
    for item in items:
        if isinstance(item, Refusal):
            account.refuse(item)
            continue
        if item.item_id in batch or len(batch) == BATCH_ROWS:
            yield list(batch.values())
            batch = {}
        batch[item.item_id] = item
    if batch:
        yield list(batch.values())
