"""The API keys that this process has met, in memory: whom each stands for, followed through the log of changes."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg
import structlog

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DatabaseUnavailable, RecsysError
from recsys.tenancy.kept import Kept
from recsys.tenancy.roles import Role, granted

KNOWN_MAX = 10_000
UNKNOWN_MAX = 4096
USED_EVERY = timedelta(minutes=1)
"""`last_used_at` is written at most so often, in one statement for all keys of this process."""

_log = structlog.get_logger()


class Holder(NamedTuple):
    """Whom a key stands for."""

    key_hash: bytes
    key_id: UUID
    tenant: str
    """The tenant's UUID, as text."""
    roles: frozenset[Role]
    expires_at: datetime | None
    revoked_at: datetime | None

    def objection(self, now: datetime) -> str | None:
        """Say why the key is refused, for the log; None if it is not."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else None


class Keyring:
    """Keys by their hashes. Any thread may call it; `get` does no I/O.

    What was read is good until the log of changes names its tenant. While the database is away the last known holds,
    from disk too where it is *kept*: hashes only.
    """

    def __init__(self, database: Database, kept: Kept | None = None) -> None:
        self._database = database
        self._kept = kept
        self._holders: OrderedDict[bytes, Holder] = OrderedDict()
        self._unknown: OrderedDict[bytes, None] = OrderedDict()
        self._stale: set[bytes] = set()
        self._used: dict[UUID, datetime] = {}
        self._written_at = datetime.now(UTC)
        self._changes = 0
        self._lock = threading.Lock()

    def get(self, key_hash: bytes) -> Holder | None:
        """Return whom a key stands for, None if it was not asked for yet. No I/O."""
        holder = self._holders.get(key_hash)
        # A dictionary compares with the first byte that differs; this decides.
        return holder if holder is not None and hmac.compare_digest(holder.key_hash, key_hash) else None

    def is_unknown(self, key_hash: bytes) -> bool:
        """Tell whether the database has just said that there is no such key. No I/O."""
        return key_hash in self._unknown

    def fetch(self, key_hash: bytes) -> Holder | None:
        """Look a key up in the database and remember the answer."""
        while True:
            changes = self._changes
            try:
                if not self._database.met and (left := self._left(key_hash)):
                    return left
                found = self._read([key_hash])
            except DatabaseUnavailable:
                if left := self._left(key_hash):
                    return left
                raise
            with self._lock:
                if changes == self._changes:  # else it may have been revoked since it was read
                    return self._keep(key_hash, found.get(key_hash))

    def note_use(self, holder: Holder, now: datetime) -> None:
        """Remember that a key was used; `catch_up` writes it down."""
        self._used[holder.key_id] = now

    def forget(self, tenant_id: UUID | None) -> None:
        """Read the keys of a tenant again, because they may have changed; None means every tenant."""
        with self._lock:
            self._changes += 1
            self._unknown.clear()
            tenant = None if tenant_id is None else str(tenant_id)
            self._stale.update(key for key, holder in self._holders.items() if tenant in (None, holder.tenant))

    def catch_up(self) -> None:
        """Read again what has changed, and write down which keys were used, once a minute."""
        if self._stale:
            self._refresh()
        now = datetime.now(UTC)
        if self._used and now - self._written_at >= USED_EVERY:
            self._written_at = now
            self.write_uses()

    def write_uses(self) -> None:
        """Set `last_used_at` of the keys used since the last time; what can not be written is lost, and harmless."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            with self._database.system() as conn:
                conn.execute(sql("keys.used"), {"ids": list(used), "times": list(used.values())})
        except (RecsysError, psycopg.Error) as error:
            _log.warning("use of keys not recorded", error=str(error))

    def _refresh(self) -> None:
        with self._lock:
            stale, changes = list(self._stale), self._changes
        found = self._read(stale)
        with self._lock:
            for key_hash in stale:
                self._holders.pop(key_hash, None)
                if key_hash in found:
                    self._holders[key_hash] = found[key_hash]
                elif self._kept is not None:
                    self._kept.drop(key_hash.hex())
            if changes == self._changes:
                self._stale.difference_update(stale)

    def _read(self, hashes: Iterable[bytes]) -> dict[bytes, Holder]:
        with self._database.system() as conn:
            rows = conn.execute(sql("keys.known"), {"hashes": list(hashes)}).fetchall()
        found = {row[0]: Holder(row[0], row[1], str(row[2]), granted(row[3]), row[4], row[5]) for row in rows}
        if self._kept is not None:
            for key_hash, holder in found.items():
                self._kept.put(key_hash.hex(), holder)
        return found

    def _left(self, key_hash: bytes) -> Holder | None:
        """Return whom a key stood for as it was kept on disk, until it can be read; None where it was not."""
        holder = self._kept.get(key_hash.hex(), Holder) if self._kept is not None else None
        if holder is None or holder.key_hash != key_hash:
            return None
        with self._lock:
            self._stale.add(key_hash)
            return self._keep(key_hash, holder)

    def _keep(self, key_hash: bytes, holder: Holder | None) -> Holder | None:
        if holder is None:
            self._unknown[key_hash] = None
            if len(self._unknown) > UNKNOWN_MAX:
                self._unknown.popitem(last=False)
            return None
        self._holders[key_hash] = holder
        if len(self._holders) > KNOWN_MAX:
            dropped, _ = self._holders.popitem(last=False)
            self._stale.discard(dropped)
        return holder
