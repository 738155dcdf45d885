"""The installation as a whole: versions, settings, schema, privileges, partitions, disk, clock, folder, port."""

from __future__ import annotations

import platform
import shutil
import socket
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from recsys import __version__
from recsys.db import isolation
from recsys.db.migrate import status
from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.diagnosis.check import Finding, Verdict, command, fail, note, ok, skipped, statement, warn
from recsys.diagnosis.facts import Asked, Case, Facts
from recsys.diagnosis.gather import Sources, gather
from recsys.diagnosis.surroundings import partitions, spool
from recsys.errors import OperatorError, RecsysError
from recsys.events.folder import refuse_network
from recsys.ranking.slate import ALGO_VERSION
from recsys.settings import Settings
from recsys.tenancy.directory import TenantView

_LOW_DISK = 2**30
_CLOCK = timedelta(seconds=2)
_CONNECT_SECONDS = 0.3
_AWAY = "The database could not be asked."


class _Server(NamedTuple):
    version: str
    now: datetime
    tenants: int


def examine(settings: Settings, database: Database | None, failure: str | None) -> tuple[Finding, ...]:
    """Run every check of the installation. *failure* says why there is no database."""
    facts = gather(Sources(settings=settings, database=database, failure=failure, across_tenants=True), _NOBODY, _never)
    found = {
        "database": _database(facts),
        "versions": _versions(database, facts),
        "settings": _settings(settings),
        "schema": _schema(database, facts),
        "privileges": _privileges(database, facts),
        "owner": _owner(database, facts),
        "triggers": _triggers(facts),
        "partitions": partitions(facts),
        "spool": spool(facts),
        "clock": _clock(database, facts),
        "disk": _disk(settings),
        "data_folder": _data_folder(settings),
        "port": _port(settings),
        "tenants": _tenants(facts),
    }
    return tuple(Finding(name, *verdict) for name, verdict in found.items())


_NOBODY = Asked("", "", "")


def _never(_view: TenantView) -> Case:
    raise AssertionError  # there is no tenant to rank for


def _database(facts: Facts) -> Verdict:
    if facts.failure is None:
        return ok(f"{facts.where[:1].upper()}{facts.where[1:]} answers.")
    return fail(
        f"The database is away ({facts.where}): {facts.failure}",
        command("recsys", "psql", "--", "-c", "select 1"),
        note("Start Postgres, or set DATABASE_URL to the one that runs."),
    )


def _versions(database: Database | None, facts: Facts) -> Verdict:
    evidence = {"recsys": __version__, "algorithm": ALGO_VERSION, "python": platform.python_version()}
    server = _server(database, facts)
    if server is not None:
        evidence["postgres"] = server.version
    return ok(", ".join(f"{name} {version}" for name, version in evidence.items()), **evidence)


def _server(database: Database | None, facts: Facts) -> _Server | None:
    if database is None or facts.failure is not None:
        return None
    with database.system() as conn:
        row = conn.execute(sql("diagnosis.server")).fetchone()
    return None if row is None else _Server(*row)


def _settings(settings: Settings) -> Verdict:
    changed = {}
    for item in fields(settings):
        value, variable = getattr(settings, item.name), item.metadata["variable"]
        if value != item.default:
            changed[variable.name] = "(set, hidden)" if variable.secret else str(value)
    if settings.development:
        remedy = note("Set RECSYS_DEV_MODE=0 where others can reach this service.")
        return warn("Development mode: X-Dev-* headers and X-Org-Id are believed.", remedy, **changed)
    return ok(f"{len(changed)} settings differ from their defaults.", **changed)


def _schema(database: Database | None, facts: Facts) -> Verdict:
    if database is None or facts.failure is not None:
        return skipped(_AWAY)
    with database.system() as conn:
        steps = status(conn)
    wrong = {f"{step.version:04d}_{step.name}": step.state for step in steps if step.state != "applied"}
    if not wrong:
        return ok(f"All {len(steps)} migrations are applied.")
    first, state = next(iter(wrong.items()))
    return fail(f"{len(wrong)} migrations are not as this release has them: {first} is {state}.", _UP, **wrong)


_UP = command("recsys", "migrate", "up")


def _privileges(database: Database | None, facts: Facts) -> Verdict:
    if database is None or facts.failure is not None:
        return skipped(_AWAY)
    try:
        with psycopg.connect(database.service_url, application_name="recsys") as conn:
            found = isolation.problems(conn, database.roles)
    except (psycopg.Error, RecsysError) as error:
        return fail(f"The login of DATABASE_URL could not be looked at: {error}")
    if not found:
        return ok("The database keeps tenants apart with this login.")
    return fail("The database would not keep tenants apart.", *map(note, found), problems=found)


def _owner(database: Database | None, facts: Facts) -> Verdict:
    if database is None or facts.failure is not None:
        return skipped(_AWAY)
    try:
        with database.owner() as conn:
            conn.execute("select 1")
    except (psycopg.Error, RecsysError) as error:
        return warn(
            f"No login may act as {database.roles.owner}: migrations and retirement of partitions need one.",
            note("Set RECSYS_OWNER_DATABASE_URL to a login that is a member of it."),
            reason=str(error).strip(),
        )
    return ok(f"A login may act as {database.roles.owner}.")


def _triggers(facts: Facts) -> Verdict:
    if facts.machinery is None:
        return skipped(_AWAY)
    disabled = [f"{table}.{name}" for table, name in facts.machinery.disabled_triggers]
    if not disabled:
        return ok("Every change of signals and documents is followed.")
    tables = dict.fromkeys(table for table, _ in facts.machinery.disabled_triggers)
    remedies = [statement(f"alter table {table} enable trigger user;") for table in tables]
    return fail(f"{len(disabled)} triggers are disabled: changes are not followed.", *remedies, triggers=disabled)


def _clock(database: Database | None, facts: Facts) -> Verdict:
    server = _server(database, facts)
    if server is None:
        return skipped(_AWAY)
    apart = abs(datetime.now(UTC) - server.now)
    evidence = {"seconds": round(apart.total_seconds(), 3)}
    if apart > _CLOCK:
        remedy = note("Let both hosts follow NTP: days, windows of rules and ages hang on it.")
        return warn(
            f"The clocks of this host and the database are {apart.total_seconds():.0f} s apart.", remedy, **evidence
        )
    return ok("The clocks of this host and the database agree.", **evidence)


def _disk(settings: Settings) -> Verdict:
    place = next(
        path for path in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(place).free
    summary = f"{free / 2**30:.1f} GiB are free for {settings.data_dir}."
    if free < settings.spool_min_free_mib * 2**20:
        return fail(f"{summary} The spool takes no event any more.", note("Free some disk."), free=free)
    return warn(summary, note("Free some disk."), free=free) if free < _LOW_DISK else ok(summary, free=free)


def _data_folder(settings: Settings) -> Verdict:
    folder = settings.data_dir
    if not folder.exists():
        return ok(f"{folder} is not there yet; the first start makes it.")
    try:
        refuse_network(folder)
        (probe := folder / ".doctor").touch()
        probe.unlink()
    except OperatorError as error:
        return fail(error.message)
    except OSError as error:
        return fail(
            f"{folder} can not be written ({error.strerror}).", note("Set RECSYS_DATA_DIR to a folder of yours.")
        )
    return ok(f"{folder} can be written and lies on a local disk.")


def _port(settings: Settings) -> Verdict:
    with socket.socket() as probe:
        probe.settimeout(_CONNECT_SECONDS)
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    what = f"{settings.host}:{settings.port}"
    return ok(f"Something listens on {what}." if taken else f"Nothing listens on {what}.", listening=taken)


def _tenants(facts: Facts) -> Verdict:
    if facts.tenants is None:
        return skipped(_AWAY)
    if facts.tenants:
        return ok(f"There are {facts.tenants} tenants.", tenants=facts.tenants)
    remedy = command("recsys", "tenants", "create", "my-shop")
    return warn("There is no tenant yet, or another database was meant.", remedy, tenants=0)
