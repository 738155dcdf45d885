"""Imports interactions: batches of rows, each stored whole or not at all, in any number of attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DatabaseUnavailable
from recsys.events.interaction import Interaction
from recsys.ingest.account import Account, Refusal
from recsys.ingest.interaction_row import Reading, read_interaction
from recsys.ingest.source import DataFile, Progress, Source, open_source, rows_of, silent

BATCH_ROWS = 10_000

_Batch = list[Interaction]
_Counts = tuple[int, int, int]
"""How many rows of a batch were stored, were stored before, and belong to people who were erased."""


@dataclass(slots=True)
class Imported:
    """What one import did."""

    account: Account = field(default_factory=Account)
    stored: int = 0
    repeated: int = 0
    """Rows that were stored before."""
    erased: int = 0
    """Rows of people whose events were erased after they happened."""


def batches(file: DataFile, reading: Reading, account: Account, progress: Progress = silent) -> Iterator[_Batch]:
    """Read *file* as lists of at most BATCH_ROWS records; what is refused goes to *account*."""
    with open_source(file) as source:
        batch: _Batch = []
        for record in _records(source, file, reading):
            if isinstance(record, Refusal):
                account.refuse(record)
                continue
            batch.append(record)
            if len(batch) == BATCH_ROWS:
                yield batch
                batch = []
                progress(*source.progress())
        if batch:
            yield batch
        progress(*source.progress())


def _records(source: Source, file: DataFile, reading: Reading) -> Iterator[Interaction | Refusal]:
    for row in rows_of(source, file):
        yield row if isinstance(row, Refusal) else read_interaction(*row, reading, typed=source.typed)


def import_interactions(
    database: Database, file: DataFile, reading: Reading, account: Account | None = None, progress: Progress = silent
) -> Imported:
    """Store every row of *file* that can be taken, making the partitions that it needs.

    Every batch is one transaction. Stopped anywhere and begun again, it stores what is missing and doubles nothing.
    DataFileError when the file can not be read.
    """
    imported = Imported(account or Account())
    ready: set[date] = set()
    """Days whose partition is there."""

    def store(batch: _Batch) -> _Counts:
        _ensure_partitions(database, batch, ready)
        stored, kept = _store(database, batch)
        return stored, kept - stored, len(batch) - kept

    for stored, repeated, erased in _beside(store, batches(file, reading, imported.account, progress)):
        imported.stored += stored
        imported.repeated += repeated
        imported.erased += erased
    return imported


def _beside(store: Callable[[_Batch], _Counts], made: Iterable[_Batch]) -> Iterator[_Counts]:
    """Store each batch while the next one is read: the database and this process work at the same time."""
    with ThreadPoolExecutor(1, "import") as worker:
        waiting: Future[_Counts] | None = None
        for batch in made:
            if waiting is not None:
                yield waiting.result()
            waiting = worker.submit(store, batch)
        if waiting is not None:
            yield waiting.result()


def _ensure_partitions(database: Database, batch: _Batch, ready: set[date]) -> None:
    missing = {record.occurred_at.date() for record in batch} - ready
    if missing:
        try:
            with database.system() as conn:
                conn.execute(sql("ingest.ensure_partitions"), {"days": sorted(missing)})
        except psycopg.errors.LockNotAvailable:
            raise DatabaseUnavailable(
                "A partition could not be made because upkeep holds the table just now. Run the same command again: "
                "what is stored already is passed over."
            ) from None
        ready |= missing


_staged = attrgetter(
    "event_id",
    "occurred_at",
    "seq",
    "event_type",
    "item_id",
    "request_id",
    "user_key",
    "session_id",
    "surface",
    "segment",
    "position",
    "value",
    "meta",
)
"""The columns of the query `ingest.copy`, in its order."""


def _store(database: Database, batch: _Batch) -> tuple[int, int]:
    """Store one batch in one transaction; returns how many rows are new, and how many belong to nobody erased."""
    with database.system() as conn:
        conn.execute(sql("ingest.stage"))
        with conn.cursor().copy(sql("ingest.copy")) as copy:
            for record in batch:
                copy.write_row(_staged(record))
        conn.execute(sql("erasure.heed"))
        row = conn.execute(sql("ingest.store"), {"tenant_id": batch[0].tenant_id}).fetchone()
    stored, kept = row or (0, 0)
    return stored, kept
