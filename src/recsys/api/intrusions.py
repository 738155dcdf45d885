"""Failed attempts to log in, and refused ones to reach another tenant: in the audit log, but not at any rate."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from uuid import UUID

import structlog

from recsys.api.actors import actor
from recsys.api.call import Call
from recsys.api.credentials import RefusedCredential
from recsys.api.limits import Bucket
from recsys.api.loads import Loads
from recsys.db.pool import Database
from recsys.errors import Overloaded, RecsysError, TenantScopeMismatch
from recsys.settings import Settings
from recsys.tenancy.audit import Actor, Change, record
from recsys.tenancy.directory import Directory

EACH_SECONDS = 10.0
"""One caller's attempts of one kind are written at most so often, with the number of those in between."""
ALL_PER_SECOND = 5.0
ALL_BURST_SECONDS = 10.0

_log = structlog.get_logger()


class Intrusions:
    """Writes refused attempts behind the answer; neither the answer nor the database waits for an attacker."""

    def __init__(self, settings: Settings, database: Database, directory: Directory) -> None:
        self._settings = settings
        self._database = database
        self._directory = directory
        self._writes = Loads("intrusion", threads=1, limit=16)
        self._each = Bucket(1 / EACH_SECONDS, EACH_SECONDS)
        self._all = Bucket(ALL_PER_SECOND, ALL_BURST_SECONDS)
        self._unwritten = 0

    def note(self, call: Call, error: Exception) -> None:
        """Log and audit *error* if it is a refused attempt."""
        if isinstance(error, RefusedCredential):
            self._note(call, "login.refuse", error.reason)
        elif isinstance(error, TenantScopeMismatch):
            self._note(call, "tenant.refuse", ", ".join(call.caller.tenants)[:512] or error.message)

    def _note(self, call: Call, action: str, reason: str) -> None:
        who = actor(call, self._settings)
        if not self._each.take((action, who.ip, who.sub)).allowed or not self._all.take("").allowed:
            self._unwritten += 1
            return
        _log.warning("refused", action=action, reason=reason, ip=who.ip, subject=who.sub, request_id=call.request_id)
        extra = {"reason": reason, "endpoint": call.endpoint, "unwritten_before": self._unwritten}
        self._unwritten = 0
        change = Change(action, "route", call.endpoint, extra=extra)
        with suppress(Overloaded):
            self._writes.start(partial(self._write, self._own_tenant(call), change, who))

    def _own_tenant(self, call: Call) -> UUID | None:
        """Return the tenant that the caller belongs to, as far as it is known without asking."""
        view = self._directory.get(call.caller.tenants[0]) if call.caller.tenants else None
        return None if view is None else view.tenant.id

    def _write(self, tenant_id: UUID | None, change: Change, who: Actor) -> None:
        try:
            with self._database.system() as conn:
                record(conn, tenant_id, change, who)
        except RecsysError as error:
            _log.warning("refused attempt not audited", error=error.message)

    def close(self) -> None:
        """Write no more."""
        self._writes.close()
