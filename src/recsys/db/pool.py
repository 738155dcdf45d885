"""Connections: which role a transaction has, and which tenant it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import RLock
from types import TracebackType
from typing import Any, LiteralString, Self
from uuid import UUID

import psycopg
from psycopg import IsolationLevel
from psycopg_pool import ConnectionPool

from recsys.db import isolation
from recsys.db.migrate import migrate_up
from recsys.db.migrations import required
from recsys.db.queries import sql as query
from recsys.db.roles import Roles, assume, choose
from recsys.db.urls import resolve
from recsys.errors import DatabaseUnavailable, MigrationError
from recsys.settings import Settings

_LOST = ("08", "57P")  # connection exceptions, and a server that stops or starts
_PATIENCE = 5.0
"""Seconds to wait for a connection. After as long a lost one is given up, and who needs one next tries at once.

psycopg's own way, to wait twice as long after every attempt for five minutes, leaves a service without a database that
has long been back.
"""
_UNREACHABLE = "The database can not be reached ({}). Check DATABASE_URL and that Postgres is running."


class Database:
    """A pool of connections on which every transaction picks its role and its tenant. A context manager."""

    def __init__(self, service_url: str, owner_url: str, *, prefix: str, pooler: str = "none", size: int = 4) -> None:
        self.prefix = prefix
        self.roles = Roles.of(prefix)
        self.service_url = service_url
        self.owner_url = owner_url
        self._unchecked: Settings | None = None
        self._checking = RLock()
        self._within_check = False
        self._pool = ConnectionPool(
            service_url,
            min_size=0,
            max_size=size,
            timeout=_PATIENCE,
            reconnect_timeout=_PATIENCE,
            open=False,
            kwargs={
                "application_name": "recsys",
                # Behind a transaction pooler the next transaction may be on another backend, without the statement.
                "prepare_threshold": None if pooler == "transaction" else 5,
            },
        )

    @classmethod
    def open(cls, settings: Settings, *, must_answer: bool = True) -> Self:
        """Open the database that the settings name; the embedded one is started, made and migrated first.

        DatabaseUnavailable, EmbeddedServerError, MigrationError and IsolationError say what to do. Unless it
        *must_answer*, one that is away is opened all the same, and checked before the first transaction on it.
        """
        service_url, owner_url = resolve(settings)
        if settings.embedded:
            migrate_up(owner_url, settings.db_role_prefix)
        database = cls(
            service_url,
            owner_url,
            prefix=settings.db_role_prefix,
            pooler=settings.db_pooler,
            size=settings.db_pool_size,
        )
        database._unchecked = settings
        database._pool.open()
        try:
            database._check()
        except DatabaseUnavailable:
            if must_answer:
                database.close()
                raise
        except BaseException:
            database.close()
            raise
        return database

    @property
    def met(self) -> bool:
        """Whether this process has reached the database, and found that it may be used."""
        return self._unchecked is None

    def _check(self) -> None:
        """Refuse a database that would not keep tenants apart, or is older than this release; others wait for that."""
        with self._checking:
            settings = self._unchecked
            if settings is None or self._within_check:
                return
            self._within_check = True
            try:
                if settings.require_rls:
                    self.require_isolation()
                self._make_ready(embedded=settings.embedded)
                self._unchecked = None
            finally:
                self._within_check = False

    def require_isolation(self) -> None:
        """Raise IsolationError, with the fix, when this login or these tables would let tenants see each other."""
        with _translated(), psycopg.connect(self.service_url, application_name="recsys") as conn:
            isolation.require(conn, self.roles)

    def _make_ready(self, *, embedded: bool) -> None:
        with self.system() as conn:
            row = conn.execute(query("migrate.newest")).fetchone()
        if row is None or (row[0] or 0) < required():
            raise MigrationError(
                f"The schema is at version {row and row[0]}, this release needs {required()}. Run `recsys migrate up`."
            )
        if embedded:
            with suppress(psycopg.errors.LockNotAvailable), self.system() as conn:  # somebody else is making them
                conn.execute(query("partitions.ensure_runway"))

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every connection. Idempotent."""
        self._pool.close()

    @property
    def size(self) -> int:
        """How many connections this pool may have."""
        return self._pool.max_size

    def connections(self) -> dict[str, int]:
        """Count this pool's connections and those who wait for one: open, idle, waiting."""
        stats = self._pool.get_stats()
        names = {"open": "pool_size", "idle": "pool_available", "waiting": "requests_waiting"}
        return {state: stats.get(name, 0) for state, name in names.items()}

    @contextmanager
    def service(self, tenant_id: UUID) -> Iterator[psycopg.Connection]:
        """One transaction that sees one tenant's rows and no other's; committed at the end, undone by an exception."""
        with self._transaction(self.roles.service, tenant_id) as conn:
            yield conn

    def ask(
        self, tenant_id: UUID, statement: LiteralString, values: Mapping[str, object], *, patience: float = _PATIENCE
    ) -> list[tuple[Any, ...]]:
        """Answer one query with one tenant's rows, in one round trip: role, tenant and query travel together.

        DatabaseUnavailable when there is no connection within *patience* seconds.

        What is sent up to one Sync is one transaction, so role and tenant end with the query.
        """
        with _translated():
            if self._unchecked is not None:
                self._check()
            for _ in range(self._pool.max_size):
                conn = self._pool.getconn(patience)
                try:
                    conn.autocommit = True  # psycopg would wait for its BEGIN and its COMMIT
                    with conn.pipeline():
                        choose(conn, self.roles.service, tenant_id)
                        answer = conn.execute(statement, values)
                    return answer.fetchall()
                except psycopg.OperationalError as error:
                    if not _is_lost(error):
                        raise
                finally:
                    self._pool.putconn(conn)
        raise DatabaseUnavailable(_UNREACHABLE.format("every connection was lost"))

    @contextmanager
    def system(self) -> Iterator[psycopg.Connection]:
        """One transaction across tenants: drain, snapshots, builders, look-ups before a tenant is known."""
        with self._transaction(self.roles.system) as conn:
            yield conn

    @contextmanager
    def reading(self) -> Iterator[psycopg.Connection]:
        """One transaction across tenants in which every statement sees the rows of one moment (REPEATABLE READ)."""
        with self._transaction(self.roles.system, level=IsolationLevel.REPEATABLE_READ) as conn:
            yield conn

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection]:
        """One transaction as the owner of everything, on a connection of its own."""
        with _translated(), psycopg.connect(self.owner_url, application_name="recsys") as conn:
            assume(conn, self.roles.owner)
            yield conn

    @contextmanager
    def _transaction(
        self, role: str, tenant_id: UUID | None = None, *, level: IsolationLevel | None = None
    ) -> Iterator[psycopg.Connection]:
        with _translated():
            conn = self._begin(role, tenant_id, level)
            try:
                with conn:  # commits or rolls back; the pool keeps it open
                    yield conn
            finally:
                self._pool.putconn(conn)

    def _begin(self, role: str, tenant_id: UUID | None, level: IsolationLevel | None) -> psycopg.Connection:
        """Begin on a connection that lives: those that a restart of the server left behind are thrown away."""
        if self._unchecked is not None:
            self._check()
        for _ in range(self._pool.max_size):
            conn = self._pool.getconn()
            try:
                conn.autocommit = False
                if conn.isolation_level is not level:
                    conn.isolation_level = level
                assume(conn, role, tenant_id)
            except BaseException as error:
                self._pool.putconn(conn)
                if not _is_lost(error):
                    raise
            else:
                return conn
        raise DatabaseUnavailable(_UNREACHABLE.format("every connection was lost"))


@contextmanager
def _translated() -> Iterator[None]:
    """Tell a database that is away from one that refuses: the first becomes DatabaseUnavailable."""
    try:
        yield
    except psycopg.OperationalError as error:
        if _is_lost(error):
            raise DatabaseUnavailable(_UNREACHABLE.format(str(error).strip())) from error
        raise


def _is_lost(error: BaseException) -> bool:
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_LOST)
