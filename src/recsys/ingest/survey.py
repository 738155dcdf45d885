"""Looks through a file of interactions before anything is stored: how many rows, from when to when, which days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DataFileError
from recsys.events.interaction import Interaction
from recsys.ingest.account import Account
from recsys.ingest.interaction_row import Reading
from recsys.ingest.interactions import batches
from recsys.ingest.source import DataFile, Progress, silent

PROBES = 100
_ALL_BUT_A_TICK = timedelta(days=1) - timedelta(microseconds=1)
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Survey:
    """What the readable rows of a file cover."""

    account: Account = field(default_factory=Account)
    rows: int = 0
    earliest: datetime = _END
    latest: datetime = _BEGINNING
    days: set[date] = field(default_factory=set)
    """In UTC."""
    probes: dict[bytes | None, Interaction] = field(default_factory=dict)
    """The first row of each of the first visitors: if the file was imported before, some of these are stored."""

    def add(self, records: Iterable[Interaction]) -> None:
        """Take a batch into account."""
        for record in records:
            at = record.occurred_at
            self.rows += 1
            self.earliest = min(self.earliest, at)
            self.latest = max(self.latest, at)
            self.days.add(at.date())
            if len(self.probes) < PROBES:
                self.probes.setdefault(record.user_key, record)


def survey(file: DataFile, reading: Reading, progress: Progress = silent) -> Survey:
    """Read the whole file once and store nothing; rows that are too old or in the future are not refused here."""
    found = Survey()
    for batch in batches(file, replace(reading, earliest=_BEGINNING, latest=_END), found.account, progress):
        found.add(batch)
    return found


def partitions_needed(database: Database, found: Survey, reading: Reading) -> int:
    """Count the partitions that importing would make; with a shift perhaps one too many."""
    days = {moved for day in found.days for moved in _moved(day, reading.shift)}
    taken = [day for day in sorted(days) if reading.earliest.date() <= day <= reading.latest.date()]
    with database.system() as conn:
        row = conn.execute(sql("ingest.partitions_needed"), {"days": taken}).fetchone()
    return 0 if row is None else int(row[0])


def _moved(day: date, shift: timedelta) -> tuple[date, ...]:
    begin = datetime.combine(day, time(), UTC)
    try:
        return (begin + shift).date(), (begin + shift + _ALL_BUT_A_TICK).date()
    except OverflowError:
        return ()  # its rows are refused


def shifted_to_now(database: Database, found: Survey, reading: Reading) -> Reading:
    """Move every time by the same amount, so that the file's last event happens now.

    A file that was imported before keeps the shift that it had then: another one would store every event twice.
    DataFileError when the first events would become older than what is accepted.
    """
    if not found.rows:
        return reading
    shift = _stored_shift(database, found, reading)
    if shift is None:
        shift = reading.now - found.latest
        if found.earliest + shift < reading.earliest:
            raise DataFileError(
                f"The file covers {(found.latest - found.earliest).days} days. Shifted to now it begins on "
                f"{found.earliest + shift:%Y-%m-%d}, before {reading.earliest:%Y-%m-%d}{reading.remedy}."
            )
    return replace(reading, shift=shift)


def _stored_shift(database: Database, found: Survey, reading: Reading) -> timedelta | None:
    by_id = {record.event_id: record.occurred_at for record in found.probes.values()}
    with database.system() as conn:
        stored = conn.execute(sql("ingest.find"), {"tenant_id": reading.tenant_id, "event_ids": list(by_id)}).fetchone()
    return None if stored is None else stored[1] - by_id[stored[0]]
