"""Everything the checks look at, gathered once (pure). A part that could not be gathered is None."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from recsys.diagnosis.backlog import Backlog
from recsys.diagnosis.replay import Replay
from recsys.ranking.query import Query, Visitor
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams
from recsys.tenancy.directory import TenantView


class Asked(NamedTuple):
    """What the list in question is called."""

    tenant: str
    surface: str
    segment: str


class Case(NamedTuple):
    """The request whose list is looked at, in ranking's words."""

    query: Query
    params: RequestParams
    visitor: Visitor
    identified: bool
    """Whether the request says who looks."""
    rules_at: datetime


class Days(NamedTuple):
    """Which days of a namespace have signals. Columns of diagnosis.sql."""

    popularity_first: date | None
    popularity_last: date | None
    covisitation_first: date | None
    covisitation_last: date | None
    popularity_ahead: int
    """Rows of days that have not begun anywhere, counted up to 1,000."""
    deleted: int
    """Items that were deleted through the API, counted up to 1,000."""


class Link(NamedTuple):
    """One namespace that the surface is filled from."""

    snapshot: Snapshot
    days: Days | None
    stored_version: str | None = None
    """What a load from the database would be now; None where nobody compared."""
    stale_since: datetime | None = None
    failure: str | None = None
    """Why its last refresh failed."""


class Documents(NamedTuple):
    """What the tenant published, as JSON, and whether it is in force."""

    config: Any
    config_etag: str | None
    rules: Any
    rules_etag: str | None


class Runway(NamedTuple):
    """How long every insert into one table finds its partition."""

    table: str
    left: timedelta
    missing: int
    """Partitions that the table's policy wants ahead and that are not there."""


class Machinery(NamedTuple):
    """What serving stands on."""

    disabled_triggers: list[tuple[str, str]]
    """Table and trigger."""
    runways: list[Runway]
    dead_letters: int
    last_exposure: datetime | None
    pending_migrations: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One case with its surroundings."""

    asked: Asked
    now: datetime
    where: str
    """Which database is in use, in words."""
    embedded: bool
    failure: str | None = None
    """Why the database could not be asked."""
    tenants: int | None = None
    """How many there are, counted up to 10,000; None over HTTP, where a caller sees one tenant."""
    alike: tuple[str, ...] = ()
    """Tenants whose names a person would read as the one asked for."""
    view: TenantView | None = None
    documents: Documents | None = None
    namespaces: tuple[str, ...] | None = None
    """Every namespace of the tenant that has rows."""
    case: Case | None = None
    links: tuple[Link, ...] = ()
    """In the order in which the list is filled."""
    replay: Replay | None = None
    machinery: Machinery | None = None
    backlog: Backlog | None = None

    @property
    def tenant(self) -> str:
        """The tenant's external id, else what was asked for."""
        return self.asked.tenant if self.view is None else self.view.tenant.external_id
