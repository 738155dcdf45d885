"""The tenants that this process serves, in memory: who they are, and the config and rules that are live."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypedDict, TypeVar, cast
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import dict_row

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DatabaseUnavailable, InvalidInput, TenantNotFound
from recsys.rules.compile import Compiler
from recsys.rules.live import NO_RULES, Live
from recsys.rules.parse import parse_rules
from recsys.rules.rule import Rules
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS, Config, parse_config
from recsys.tenancy.kept import Kept
from recsys.tenancy.tenants import Status, Tenant, either

_log = structlog.get_logger()
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class TenantView:
    """One tenant as it is served; never changed, only replaced. The etags are those of the documents in force."""

    tenant: Tenant
    config: Config | None = None
    """None where the tenant has none: then the defaults are in force."""
    config_etag: str | None = None
    rules: Rules | None = None
    rules_etag: str | None = None

    def live(self, snapshot: Snapshot, surface: str, segment: str, now: datetime) -> Live:
        """Return the rules that steer a request on *surface*; none where its config turns them off."""
        if self.rules is None or not (self.config or DEFAULTS).request(surface).enable_rules:
            return NO_RULES
        return self._compiler.against(snapshot).live(surface, segment, now)

    @cached_property
    def _compiler(self) -> Compiler:
        return Compiler(self.rules or Rules())


def load_view(conn: psycopg.Connection, name: str | UUID, last: TenantView | None = None) -> TenantView:
    """Read the tenant with this external id or UUID and its live documents; raises TenantNotFound.

    What has the etag of *last* is taken from there. A document that was written around the checks, with SQL, and
    does not hold them is not put in force: what *last* has stays, or the defaults.
    """
    return _view(_read(conn, name), last)


class _Row(TypedDict):
    id: UUID
    external_id: str
    name: str
    status: Status
    created_at: datetime
    updated_at: datetime
    config_etag: str | None
    config: bytes | None
    rules_etag: str | None
    rules: bytes | None


def _read(conn: psycopg.Connection, name: str | UUID) -> _Row:
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(sql("tenants.view"), either(name)).fetchone()
    if row is None:
        raise TenantNotFound
    return cast("_Row", row)


def _names(row: _Row) -> tuple[str, str]:
    """Give the names that a tenant is kept by: its UUID may also be asked for in capitals."""
    return str(row["id"]), row["external_id"]


def _view(row: _Row, last: TenantView | None) -> TenantView:
    tenant = Tenant(row["id"], row["external_id"], row["name"], row["status"], row["created_at"], row["updated_at"])
    last = last or TenantView(tenant)
    config = _in_force(
        row, "config", (row["config"], row["config_etag"]), parse_config, (last.config, last.config_etag)
    )
    rules = _in_force(row, "rules", (row["rules"], row["rules_etag"]), parse_rules, (last.rules, last.rules_etag))
    if rules[0] is last.rules and config[0] is last.config and tenant == last.tenant:
        return last
    return TenantView(tenant, *config, *rules)


def _in_force(
    row: _Row,
    kind: str,
    live: tuple[bytes | None, str | None],
    parse: Callable[[bytes], _T],
    last: tuple[_T | None, str | None],
) -> tuple[_T | None, str | None]:
    text, etag = live
    if text is None or etag == last[1]:
        return (None, None) if text is None else last
    try:
        return parse(text), etag
    except InvalidInput as error:
        _log.error(
            "a stored document can not be used; the one before it stays in force",
            kind=kind,
            tenant=row["external_id"],
            etag=etag,
            problem=error.message,
        )
        return last


class Directory:
    """The views that this process has read, by the names they were asked for. Any thread may call it.

    What is *kept* on disk serves where the database is away, until it can be read.
    """

    def __init__(self, database: Database, kept: Kept | None = None) -> None:
        self._database = database
        self._kept = kept
        self._views: dict[UUID, TenantView] = {}
        self._ids: dict[str, UUID] = {}
        self._stale: set[UUID] = set()
        self._changes = 0
        self._keeping = threading.Lock()
        self._refreshing = threading.Lock()

    def get(self, name: str) -> TenantView | None:
        """Return the view of the tenant with this external id or UUID; None if it was not asked for yet. No I/O."""
        tenant_id = self._ids.get(name)
        return None if tenant_id is None else self._views.get(tenant_id)

    def views(self) -> list[TenantView]:
        """List the tenants that this process knows."""
        with self._keeping:
            return list(self._views.values())

    def fetch(self, name: str) -> TenantView:
        """Read a tenant from the database and keep it. Raises TenantNotFound, which is not kept."""
        while True:
            changes = self._changes
            try:
                if not self._database.met and (left := self._left(name)):
                    return left
                view = self._read(name)
            except DatabaseUnavailable:
                if left := self._left(name):
                    return left
                raise
            with self._keeping:
                if changes == self._changes:  # else it may have changed since it was read
                    self._keep(view)
                    return view

    def forget(self, tenant_id: UUID | None) -> None:
        """Read a tenant that is known here again, because it has changed; None means every tenant.

        The view that is known serves until then, and longer where the database can not be reached: see `catch_up`.
        """
        with self._keeping:
            self._changes += 1
            self._stale.update(self._views if tenant_id is None else self._views.keys() & {tenant_id})
        self.catch_up()

    def catch_up(self) -> None:
        """Read again what has changed and could not be read when it did; gives up while the database is away."""
        with self._refreshing:
            for tenant_id in tuple(self._stale):
                try:
                    self._refresh(tenant_id)
                except DatabaseUnavailable:
                    return

    def _refresh(self, tenant_id: UUID) -> None:
        changes = self._changes
        try:
            view = self._read(tenant_id, self._views.get(tenant_id))
        except TenantNotFound:
            with self._keeping:
                self._drop(tenant_id)
            return
        with self._keeping:
            self._keep(view)
            if changes == self._changes:
                self._stale.discard(tenant_id)

    def _read(self, name: str | UUID, last: TenantView | None = None) -> TenantView:
        with self._database.system() as conn:
            row = _read(conn, name)
        if self._kept is not None:
            for known in _names(row):
                self._kept.put(known, row)
        return _view(row, last)

    def _left(self, name: str) -> TenantView | None:
        """Serve a tenant as it was kept on disk, until it can be read; None where it was not."""
        row = self._kept.get(name, _Row) if self._kept is not None else None
        if row is None or name not in _names(row):
            return None
        view = _view(row, None)
        with self._keeping:
            self._keep(view)
            self._stale.add(view.tenant.id)
        return view

    def _keep(self, view: TenantView) -> None:
        last = self._views.get(view.tenant.id)
        if last is not None and last.tenant.external_id != view.tenant.external_id:
            self._drop(view.tenant.id)
        self._views[view.tenant.id] = view
        self._ids |= {str(view.tenant.id): view.tenant.id, view.tenant.external_id: view.tenant.id}

    def _drop(self, tenant_id: UUID) -> None:
        gone = self._views.pop(tenant_id, None)
        if gone is not None and self._kept is not None:
            for name in (str(tenant_id), gone.tenant.external_id):
                self._kept.drop(name)
        self._stale.discard(tenant_id)
        for name in [name for name, known in self._ids.items() if known == tenant_id]:
            del self._ids[name]
