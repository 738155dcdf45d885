"""When a partition appears or goes: a pure plan, and the pass that carries out its first half.

Going is the second half, and slower: see retirement.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import Unavailable

GRACE = timedelta(days=7)
"""How long a partition outlives its retention: no event that still lies in a spool can want it then."""


class Policy(NamedTuple):
    """A row of partition_policies."""

    parent_table: str
    interval: str
    ahead: int
    retain_days: int | None
    accept_days: int | None


class Bounds(NamedTuple):
    """Half-open, in UTC."""

    lower: datetime
    upper: datetime

    def __contains__(self, at: object) -> bool:
        """Whether a time lies within."""
        return isinstance(at, datetime) and self.lower <= at < self.upper


class Partition(NamedTuple):
    """One partition as it is. *rows* is the planner's estimate, -1 when it has none yet."""

    partition_name: str
    lower: datetime
    upper: datetime
    detaching: bool = False
    empty: bool = True
    rows: int = -1
    bytes: int = 0

    @property
    def bounds(self) -> Bounds:
        """From when to when."""
        return Bounds(self.lower, self.upper)


class Plan(NamedTuple):
    """What upkeep would do to one table, in this order."""

    replace: tuple[Partition, ...]
    """Empty ones of the future that the policy would cut otherwise."""
    make: tuple[Bounds, ...]
    retire: tuple[Partition, ...]
    runway: timedelta
    """How far from now on every insert would find its partition, as things are."""


def plan(policy: Policy, partitions: Iterable[Partition], now: datetime) -> Plan:
    """Decide what to do to a table, from what is there: new intervals begin where used ones end."""
    partitions = sorted(partitions, key=lambda partition: partition.lower)
    used, unused = _split(partitions, now)
    fitting = [partition for partition in unused if _fits(policy, partition, used)]
    kept = [partition.bounds for partition in (*used, *fitting)]
    return Plan(
        replace=tuple(partition for partition in unused if partition not in fitting),
        make=tuple(_missing(policy, kept, now)),
        retire=tuple(partition for partition in partitions if is_over(policy, partition.upper, now)),
        runway=_covered_until([partition.bounds for partition in partitions], now) - now,
    )


def interval_of(interval: str, at: datetime) -> Bounds:
    """Return the calendar interval (day, week from Monday, month; UTC) that holds a time."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "day":
        return Bounds(day, day + timedelta(days=1))
    if interval == "week":
        monday = day - timedelta(days=day.weekday())
        return Bounds(monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Bounds(first, (first + timedelta(days=32)).replace(day=1))


def is_over(policy: Policy, upper: datetime, now: datetime) -> bool:
    """Whether everything before *upper* may go: it is older than the retention, and than the grace that follows it."""
    return policy.retain_days is not None and upper <= now - timedelta(days=policy.retain_days) - GRACE


def ensure_ahead(database: Database, now: datetime | None = None) -> list[str]:
    """Make what the policies want from *now* on; answer the names of the new partitions.

    Each table by itself, in one transaction, under a lock that others who do this wait for. Unavailable, once every
    table was tried, names those that could not be done and why; what is there stays.
    """
    now = now or datetime.now(UTC)
    with database.system() as conn:
        policies = read_policies(conn)
    made: list[str] = []
    problems: list[str] = []
    for policy in policies:
        try:
            made += _ensure_table_ahead(database, policy, now)
        except psycopg.errors.LockNotAvailable:
            problems.append(f"{policy.parent_table} is locked by somebody; the next pass tries again.")
        except psycopg.Error as error:
            problems.append(f"{policy.parent_table}: {error.diag.message_primary or error}.")
    if problems:
        raise Unavailable(" ".join(problems))
    return made


def read_policies(conn: psycopg.Connection) -> list[Policy]:
    """Read every policy."""
    return conn.cursor(row_factory=class_row(Policy)).execute(sql("partitions.policies")).fetchall()


def read_partitions(conn: psycopg.Connection, parent: str) -> list[Partition]:
    """Read the partitions of one table, oldest first."""
    return conn.cursor(row_factory=class_row(Partition)).execute(sql("partitions.report"), (parent,)).fetchall()


def _ensure_table_ahead(database: Database, policy: Policy, now: datetime) -> list[str]:
    with database.system() as conn:
        conn.execute(sql("partitions.limit"))
        conn.execute(sql("partitions.lock"))
        return _carry_out(conn, policy, plan(policy, read_partitions(conn, policy.parent_table), now))


def _carry_out(conn: psycopg.Connection, policy: Policy, planned: Plan) -> list[str]:
    for partition in planned.replace:
        names = {"parent": policy.parent_table, "partition": partition.partition_name}
        conn.execute(sql("partitions.drop_future"), names)
    made = []
    for bounds in planned.make:
        row = conn.execute(sql("partitions.ensure"), {"parent": policy.parent_table, "at": bounds.lower}).fetchone()
        made += [name for name in row or () if name is not None]
    return made


def _split(partitions: list[Partition], now: datetime) -> tuple[list[Partition], list[Partition]]:
    """Tell those up to the last one that has begun or holds rows from the empty ones of the future behind it."""
    last = max((place for place, partition in enumerate(partitions, 1) if _is_used(partition, now)), default=0)
    return partitions[:last], partitions[last:]


def _is_used(partition: Partition, now: datetime) -> bool:
    return partition.lower <= now or not partition.empty or partition.detaching


def _fits(policy: Policy, partition: Partition, used: list[Partition]) -> bool:
    return _free_interval(policy, [other.bounds for other in used], partition.lower) == partition.bounds


def _free_interval(policy: Policy, taken: list[Bounds], at: datetime) -> Bounds:
    """Cut the policy's interval around *at* to what the intervals beside it leave free."""
    lower, upper = interval_of(policy.interval, at)
    return Bounds(
        max([lower, *(other.upper for other in taken if other.upper <= at)]),
        min([upper, *(other.lower for other in taken if other.lower > at)]),
    )


def _missing(policy: Policy, kept: list[Bounds], now: datetime) -> Iterable[Bounds]:
    taken = list(kept)
    at = now
    for _ in range(policy.ahead + 1):
        found = next((bounds for bounds in taken if at in bounds), None)
        if found is None:
            found = _free_interval(policy, taken, at)
            taken.append(found)
            yield found
        at = found.upper


def _covered_until(partitions: list[Bounds], now: datetime) -> datetime:
    """Follow the partitions from *now* on to the first gap; they are in order."""
    until = now
    for bounds in partitions:
        if until in bounds:
            until = bounds.upper
    return until
