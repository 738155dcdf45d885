"""Erases a person: from both logs, from what waits to get there, and from memory; and says what it can not reach.

First the tombstones, so that nothing of the person lands any more; then everybody who stored events while they were
written; then the rows. Stopped anywhere and begun again, it erases what is left.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import InvalidRequest, Problem, Unavailable
from recsys.events.export import Selection, days, log_begins
from recsys.events.peers import forget_everybody
from recsys.events.records import Unreadable, decode, kind_number
from recsys.events.user_key import user_key
from recsys.tenancy.audit import SYSTEM, Actor, Change, record

BATCH_ROWS = 5000
WAIT_SECONDS = 30
"""How long somebody may be storing a batch of events."""

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Person(NamedTuple):
    """Who is to be erased: every name they had, as clients sent it."""

    user_ids: tuple[str, ...] = ()
    anonymous_ids: tuple[str, ...] = ()
    session_ids: tuple[str, ...] = ()

    def user_keys(self, tenant_id: UUID, secrets: tuple[bytes, ...]) -> list[bytes]:
        """Make every key under which they may be stored."""
        names = [(user_id, None) for user_id in self.user_ids] + [(None, name) for name in self.anonymous_ids]
        keys = (user_key(secret, tenant_id, *name) for secret in secrets for name in names)
        return [key for key in keys if key is not None]


class Left(Struct, frozen=True):
    """Something that an erasure does not rewrite."""

    what: str
    remedy: str


LEFT = (
    Left("archives", "Files of retired partitions in RECSYS_ARCHIVE_DIR hold the hashed key. Rewrite or remove them."),
    Left("exports", "Files made by `recsys exposures export` and `recsys outcomes export`. Make them anew."),
    Left("log files", "RECSYS_EXPOSURE_LOG_PATH and its rotated files hold the hashed key. Let them expire."),
    Left("backups", "After restoring one that is older than this erasure, erase again before serving."),
    Left("spool files", "Segments on every host hold the hashed key until RECSYS_SPOOL_KEEP is over; nothing lands."),
    Left("memory of other hosts", "Histories there are dropped within 5 seconds."),
    Left("rows with only a session id", "Those of sessions that were not given. Give the session ids to erase them."),
    Left("source files", "A file that is imported again brings back only what happened after the erasure."),
)
"""What no erasure reaches; the receipt says so every time."""


class Receipt(Struct, frozen=True, kw_only=True):
    """What an erasure did."""

    erasure_id: UUID
    """Names it in the audit log and in `erasures`."""
    erased_at: datetime
    """Events up to this time are gone, and stay away."""
    user_keys: int
    """Keys that were looked for: one for each name and secret."""
    session_ids: int
    exposures: int
    """Rows removed from exposure_events, detached partitions included."""
    interactions: int
    dead_letters: int
    unreadable_dead_letters: int
    """Records of a newer version, which nobody here can look into."""
    processes_told: int
    """Processes of this host that dropped the histories in their memory."""
    not_rewritten: tuple[Left, ...] = LEFT


class _Scope(NamedTuple):
    """What the statements are told."""

    tenant_id: UUID
    user_keys: list[bytes]
    session_ids: list[str]
    erasure_id: UUID
    erased_at: datetime

    def values(self, **more: Any) -> dict[str, Any]:
        return self._asdict() | more


def erase(
    database: Database,
    tenant_id: UUID,
    person: Person,
    *,
    secrets: tuple[bytes, ...],
    workers: Path,
    actor: Actor = SYSTEM,
) -> Receipt:
    """Remove everything that is stored of *person* and return the receipt, which is also in the audit log.

    *secrets* are all that user keys were ever made with (secret.user_key_secrets); *workers* is the folder in which
    this host's processes can be told (settings.workers_dir). InvalidRequest when nobody is named; Unavailable when
    somebody stores events for too long: then the tombstones are there, and running it again does the rest.
    """
    user_keys = person.user_keys(tenant_id, secrets)
    if not user_keys and not person.session_ids:
        raise InvalidRequest([Problem("$.user_id", "Nobody is named: give a user, an anonymous or a session id.")])
    scope = _entomb(database, tenant_id, user_keys, list(person.session_ids), actor)
    _wait_for_writers(database)
    exposures, interactions = _erase_detached(database, scope)
    exposures += _erase_exposures(database, scope)
    interactions += _erase_interactions(database, scope)
    letters, unreadable = _erase_letters(database, scope)
    receipt = Receipt(
        erasure_id=scope.erasure_id,
        erased_at=scope.erased_at,
        user_keys=len(user_keys),
        session_ids=len(person.session_ids),
        exposures=exposures,
        interactions=interactions,
        dead_letters=letters,
        unreadable_dead_letters=unreadable,
        processes_told=forget_everybody(workers),
    )
    _complete(database, scope, receipt, actor)
    return receipt


def _entomb(
    database: Database, tenant_id: UUID, user_keys: list[bytes], session_ids: list[str], actor: Actor
) -> _Scope:
    values = {"tenant_id": tenant_id, "user_keys": user_keys, "session_ids": session_ids, "sub": actor.sub}
    with database.system() as conn:
        erasure_id, erased_at = conn.execute(sql("erasure.entomb"), values).fetchall()[0]
    return _Scope(tenant_id, user_keys, session_ids, erasure_id, erased_at)


def _wait_for_writers(database: Database) -> None:
    """Return when every transaction that may have looked for tombstones before ours were there has ended."""
    try:
        with database.system() as conn:
            conn.execute(sql("erasure.limit_wait"), {"milliseconds": str(WAIT_SECONDS * 1000)})
            conn.execute(sql("erasure.wait_for_writers"))
    except psycopg.errors.LockNotAvailable:
        message = (
            f"Somebody has been storing events for {WAIT_SECONDS} s. Nothing new of the person lands; run it again."
        )
        raise Unavailable(message, retry_after=WAIT_SECONDS) from None


def _erase_detached(database: Database, scope: _Scope) -> tuple[int, int]:
    with database.system() as conn:
        exposures, interactions = conn.execute(sql("erasure.erase_detached"), scope.values()).fetchall()[0]
    return exposures, interactions


def _erase_exposures(database: Database, scope: _Scope) -> int:
    """Go through the log day by day: it has no index by person, which every served list would pay for."""
    begin = log_begins(database, "exposure_events", scope.erased_at)
    slices = [(_BEFORE_ALL, begin)]  # what a partition without a lower bound may hold
    slices += [(day.begin, day.next) for day in days(Selection(scope.tenant_id, "", begin, scope.erased_at))]
    removed = 0
    for first, end in slices:
        with database.system() as conn:
            removed += _count(conn, "erasure.erase_exposures", scope.values(begin=first, end=end))
    return removed


def _erase_interactions(database: Database, scope: _Scope) -> int:
    removed = 0
    batch = BATCH_ROWS
    while batch == BATCH_ROWS:
        with database.system() as conn:
            batch = _count(conn, "erasure.erase_interactions", scope.values(limit=BATCH_ROWS))
        removed += batch
    return removed


def _count(conn: psycopg.Connection, query: str, values: dict[str, Any]) -> int:
    row = conn.execute(sql(query), values).fetchone()
    return 0 if row is None else int(row[0])


def _erase_letters(database: Database, scope: _Scope) -> tuple[int, int]:
    """Remove what the database once refused of the person; the second number could not be looked into."""
    theirs: list[UUID] = []
    unreadable = 0
    with database.system() as conn:
        for letter_id, kind, payload in conn.execute(sql("erasure.letters"), scope.values()):
            try:
                found = decode(kind_number(kind), payload)
            except Unreadable:
                unreadable += 1
                continue
            if found.tenant_id == scope.tenant_id and (
                found.user_key in scope.user_keys or found.session_id in scope.session_ids
            ):
                theirs.append(letter_id)
        conn.execute(sql("erasure.drop_letters"), {"ids": theirs})
    return len(theirs), unreadable


def _complete(database: Database, scope: _Scope, receipt: Receipt, actor: Actor) -> None:
    counts = {"id": scope.erasure_id, "exposures": receipt.exposures, "interactions": receipt.interactions}
    change = Change("user.erase", "erasure", str(scope.erasure_id), after=msgspec.to_builtins(receipt))
    with database.system() as conn:
        conn.execute(sql("erasure.complete"), scope.values(**counts))
        record(conn, scope.tenant_id, change, actor)
