"""Gather the facts of one case: the only part of the runbook that does I/O."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from recsys.db.migrate import status
from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.diagnosis.alike import alike
from recsys.diagnosis.backlog import look
from recsys.diagnosis.facts import Asked, Case, Days, Documents, Facts, Link, Machinery, Runway
from recsys.diagnosis.replay import Replay, replay
from recsys.errors import NotFound, OperatorError, TenantNotFound, TryLater
from recsys.maintenance.partitions import Policy, plan, read_partitions, read_policies
from recsys.ranking import loops
from recsys.ranking.fill import chain
from recsys.settings import Settings
from recsys.snapshot.load import load
from recsys.snapshot.refresh import State
from recsys.snapshot.reread import renewed
from recsys.snapshot.shelf import Shelf, shelf_of
from recsys.snapshot.snapshot import Key, Snapshot
from recsys.tenancy.config import DEFAULTS, SignalParams
from recsys.tenancy.directory import TenantView, load_view
from recsys.tenancy.store import CONFIG, RULES, Kind, Versions

INTERPRETED_ITEMS = 200_000
"""Up to so many items a list is made sooner than numba is loaded."""

Ask = Callable[[TenantView], Case]
"""Puts the request into ranking's words, once the tenant is known."""

Served = Callable[[UUID, str, SignalParams], Snapshot]
"""Gives the snapshot that a process serves from."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where facts come from."""

    settings: Settings
    database: Database | None
    """None where it can not be opened; *failure* says why."""
    failure: str | None = None
    across_tenants: bool = False
    """Whether the one who asks may hear of other tenants: the operator of the installation, never a caller."""
    view: TenantView | None = None
    """The tenant as a running process knows it; None reads it from the database."""
    served: Served | None = None
    """The snapshots of a running process; None loads them from the database."""
    states: list[State] = field(default_factory=list)


def gather(sources: Sources, asked: Asked, ask: Ask, *, now: datetime | None = None) -> Facts:
    """Gather what can be had. A database that goes away on the way leaves the rest of the facts empty."""
    now = now or datetime.now(UTC)
    facts = Facts(
        asked=asked,
        now=now,
        where=_where(sources.settings),
        embedded=sources.settings.embedded,
        failure=sources.failure,
        view=sources.view,
    )
    if sources.database is None:
        return replace(facts, backlog=look(sources.settings, sources.database))
    for part in (_about_tenant, _about_machinery, _about_case):
        if facts.failure is not None and (part is not _about_case or sources.served is None):
            continue  # each look at a database that is away costs its patience
        try:
            facts = part(sources, sources.database, facts, ask)
        except (OperatorError, TryLater) as error:
            facts = replace(facts, failure=facts.failure or error.message)
    return replace(facts, backlog=look(sources.settings, None if facts.failure else sources.database))


def _where(settings: Settings) -> str:
    if settings.embedded:
        return f"the embedded database in {settings.data_dir.resolve()}"
    parts = psycopg.conninfo.conninfo_to_dict(settings.database_url or "")
    return f"database {parts.get('dbname', '')!r} at {parts.get('host') or 'the local socket'}"


def _about_tenant(sources: Sources, database: Database, facts: Facts, _ask: Ask) -> Facts:
    with database.system() as conn:
        view = _view(conn, facts)
        names: list[str] = []
        if sources.across_tenants:
            names = [name for name, _ in conn.execute(sql("diagnosis.tenants"))]
            facts = replace(facts, tenants=len(names), alike=tuple(alike(facts.asked.tenant, names)))
    if view is None:
        return facts
    with database.service(view.tenant.id) as conn:
        found = conn.execute(sql("diagnosis.namespaces"), {"tenant_id": view.tenant.id}).fetchall()
        documents = Documents(
            *_document(conn, view.tenant.id, CONFIG),
            *_document(conn, view.tenant.id, RULES),
        )
    return replace(facts, view=view, namespaces=tuple(name for (name,) in found), documents=documents)


def _view(conn: psycopg.Connection, facts: Facts) -> TenantView | None:
    if facts.view is not None:
        return facts.view
    try:
        return load_view(conn, facts.asked.tenant)
    except TenantNotFound:
        return None


def _document(conn: psycopg.Connection, tenant_id: UUID, kind: Kind) -> tuple[object, str | None]:
    try:
        version = Versions(conn, tenant_id, kind).current()
    except NotFound:
        return None, None
    return version.document, version.etag


def _about_machinery(_sources: Sources, database: Database, facts: Facts, _ask: Ask) -> Facts:
    with database.system() as conn:
        triggers = conn.execute(sql("diagnosis.disabled_triggers")).fetchall()
        runways = [_runway(conn, policy, facts.now) for policy in read_policies(conn)]
        (letters,) = conn.execute(sql("diagnosis.dead_letters")).fetchone() or (0,)
        behind = [step for step in status(conn) if step.state in {"pending", "interrupted"}]
        last = None
        if facts.view is not None:
            values = {"tenant_id": facts.view.tenant.id, "surface": facts.asked.surface}
            (last,) = conn.execute(sql("diagnosis.last_exposure"), values).fetchone() or (None,)
    pending = [f"{step.version:04d}_{step.name}" for step in behind]
    return replace(facts, machinery=Machinery(triggers, runways, letters, last, pending))


def _runway(conn: psycopg.Connection, policy: Policy, now: datetime) -> Runway:
    planned = plan(policy, read_partitions(conn, policy.parent_table), now)
    return Runway(policy.parent_table, planned.runway, len(planned.make))


def _about_case(sources: Sources, database: Database, facts: Facts, ask: Ask) -> Facts:
    view = facts.view
    if view is None or view.tenant.status != "active":
        return facts
    case = ask(view)
    unfollowed = facts.machinery is None or facts.machinery.disabled_triggers
    shelf = None if unfollowed or sources.served is not None else shelf_of(sources.settings)
    links, made = _made(sources, database, facts, view, case, shelf)
    if made.short and shelf is not None:  # what is on disk may lack what nobody logged
        links, made = _made(sources, database, facts, view, case, None)
    if sources.served is not None and facts.failure is None and (made.short or unfollowed):
        links = tuple(link._replace(stored_version=_stored(database, link.snapshot, facts.now)) for link in links)
    return replace(facts, case=case, links=links, replay=made)


def _made(
    sources: Sources, database: Database, facts: Facts, view: TenantView, case: Case, shelf: Shelf | None
) -> tuple[tuple[Link, ...], Replay]:
    """Make the list again; a process that does so once need not load what makes it fast."""
    names = chain(case.query.surface, case.params)
    links = tuple(_link(sources, database, facts, view, name, shelf) for name in names)
    snapshots = [link.snapshot for link in links]
    small = sum(len(snapshot.items) for snapshot in snapshots) <= INTERPRETED_ITEMS
    with loops.interpreted() if small and sources.served is None else nullcontext():
        return links, replay(case.query, case.visitor, snapshots, case.params, view, case.rules_at, facts.now)


def _link(
    sources: Sources, database: Database, facts: Facts, view: TenantView, namespace: str, shelf: Shelf | None
) -> Link:
    params = (view.config or DEFAULTS).signals(namespace)
    tenant_id = view.tenant.id
    if sources.served is not None:
        snapshot = sources.served(tenant_id, namespace, params)
    else:
        with database.reading() as conn:
            snapshot = _kept(conn, shelf, (tenant_id, namespace), params, facts.now) or load(
                conn, tenant_id, namespace, params, now=facts.now
            )
    state = next((state for state in sources.states if state.snapshot is snapshot), None)
    days = None if facts.failure else _days(database, tenant_id, namespace, facts.now)
    if state is None:
        return Link(snapshot, days)
    return Link(snapshot, days, stale_since=state.stale_since, failure=state.failure)


def _kept(
    conn: psycopg.Connection, shelf: Shelf | None, key: Key, params: SignalParams, now: datetime
) -> Snapshot | None:
    """Take what a service of this host keeps on disk, as the log of changes says it is now; nothing is written."""
    kept = None if shelf is None else shelf.get(key)
    return None if kept is None else renewed(conn, kept, params, now)


def _days(database: Database, tenant_id: UUID, namespace: str, now: datetime) -> Days | None:
    values = {
        "tenant_id": tenant_id,
        "namespace": namespace,
        "tomorrow": now.astimezone(UTC).date() + timedelta(days=1),
    }
    with database.service(tenant_id) as conn, conn.cursor(row_factory=class_row(Days)) as cursor:
        return cursor.execute(sql("diagnosis.days"), values).fetchone()


def _stored(database: Database, snapshot: Snapshot, now: datetime) -> str:
    with database.reading() as conn:
        return load(conn, snapshot.tenant_id, snapshot.namespace, snapshot.params, now=now).version
