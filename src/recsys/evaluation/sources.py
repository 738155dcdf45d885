"""Where a backtest's interactions come from: a tenant's own, a file, or a public data set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from uuid import UUID

import psycopg
from msgspec import UNSET

from recsys.db.queries import sql
from recsys.evaluation.log import Happened, Log, Tagged
from recsys.events.interaction import Interaction
from recsys.ingest import interaction_row, item_row
from recsys.ingest.account import Account, Refusal
from recsys.ingest.columns import Columns
from recsys.ingest.interaction_row import Reading
from recsys.ingest.interactions import batches
from recsys.ingest.item_row import read_item
from recsys.ingest.source import DataFile, open_source, rows_of
from recsys.signals.feeds import feed_of
from recsys.tenancy.config import Config

_FETCH = 10_000


def from_file(interactions: Path, items: Path | None, account: Account, *, event_type: str | None = None) -> Log:
    """Read files as `recsys interactions import` and `items import` do, without storing anything.

    Rows that they would refuse are left out and counted in *account*. DataFileError when a file can not be read.
    """
    reading = Reading(
        tenant_id=UUID(int=0),
        secret=b"backtest",  # keys live as long as this process, and never leave it
        now=datetime.now(UTC),
        earliest=datetime.min.replace(tzinfo=UTC),
        latest=datetime.max.replace(tzinfo=UTC),
        event_type=event_type,
    )
    file = DataFile(interactions, Columns(interaction_row.FIELDS))
    return Log.of(map(_happened, chain.from_iterable(batches(file, reading, account))), _tagged(items, account))


def from_database(
    conn: psycopg.Connection, tenant_id: UUID, config: Config, namespace: str, *, since: datetime | None = None
) -> Log:
    """Read what feeds a namespace's signals, and its items, in the caller's transaction; some 400 bytes an event."""
    feed = feed_of(config, namespace)
    parameters = {
        "tenant_id": tenant_id,
        "namespace": namespace,
        "surfaces": feed.surfaces,
        "unnamed": feed.unnamed,
        "since": since or datetime.min.replace(tzinfo=UTC),
    }
    with conn.cursor(name="happened") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(sql("evaluation.happened"), parameters)
        happened = [Happened(*row) for row in cursor]
    tagged = [
        Tagged(item_id, tuple(tags), available)
        for item_id, tags, available in conn.execute(sql("evaluation.tagged"), parameters)
    ]
    return Log.of(happened, tagged)


def _happened(record: Interaction) -> Happened:
    visitor = None if record.user_key is None else record.user_key.hex()
    return Happened(record.item_id, record.event_type, record.occurred_at, visitor, record.session_id)


def _tagged(items: Path | None, account: Account) -> Iterator[Tagged]:
    if items is None:
        return
    file = DataFile(items, Columns(item_row.FIELDS))
    with open_source(file) as source:
        for row in rows_of(source, file):
            item = row if isinstance(row, Refusal) else read_item(*row, UTC, typed=source.typed)
            if isinstance(item, Refusal):
                account.refuse(item)
            else:
                tags = () if item.tags is UNSET or item.tags is None else item.tags
                yield Tagged(item.item_id, tags, item.available is not False)
