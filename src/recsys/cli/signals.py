"""`recsys signals`: from interactions to what ranking reads."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recsys.cli.columns import print_columns
from recsys.cli.console import print_json, talk
from recsys.cli.verifying import Verdict, verdicts
from recsys.db.pool import Database
from recsys.errors import CheckFailed
from recsys.settings import Settings, variable
from recsys.signals import status as state
from recsys.signals.build import Built, touch
from recsys.signals.build import Progress as Step
from recsys.signals.build import build as build_signals
from recsys.tenancy import tenants
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import TenantView, load_view

app = typer.Typer(no_args_is_help=True, help="Build popularity and co-visitation from interactions, and look at them.")

Tenant = Annotated[
    str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="Whose signals: external id or UUID of the tenant.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        envvar="RECSYS_SIGNALS_VERIFY",
        help="Compare what the processes of this host serve with a full load; exit code 3 on a difference.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        envvar=variable("signals_jobs"),
        min=1,
        max=64,
        help="Days that are built at once, each on a connection of its own.",
    ),
]
_DAY = ["%Y-%m-%d"]
First = Annotated[
    datetime, typer.Option("--from", envvar="RECSYS_SIGNALS_FROM", formats=_DAY, help="First day in UTC: 2026-05-20.")
]
Last = Annotated[datetime, typer.Option("--to", envvar="RECSYS_SIGNALS_TO", formats=_DAY, help="Last day in UTC.")]


@app.command()
def build(tenant: Tenant, *, jobs: Jobs = None, as_json: AsJson = False) -> None:
    """Build the days whose events have changed since they were built.

    Run again, it finds nothing to do. Rows that a build made and whose events are gone are removed; rows that you
    wrote stay, unless events give the same item and day a score.
    """
    settings = _settings(jobs)
    with Database.open(settings) as database:
        _build(database, _view(database, tenant), settings.signals_jobs, as_json=as_json)


@app.command()
def rebuild(
    tenant: Tenant,
    first: First,
    last: Last,
    *,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Build all days of a span, whether their events have changed or not.

    For events that were written with SQL, and after a change of the config's event weights, sessions or namespaces.
    """
    if last < first:
        raise typer.BadParameter("is before --from", param_hint="--to")
    settings = _settings(jobs)
    with Database.open(settings) as database:
        view = _view(database, tenant)
        touch(database, view.tenant.id, first.date(), last.date())
        _build(database, view, settings.signals_jobs, as_json=as_json)


@app.command()
def status(tenant: Tenant, *, verify: Verify = False, as_json: AsJson = False) -> None:
    """Show what the signal tables hold, and which days wait to be built; or whether it is what this host serves."""
    if verify:
        _verify(tenant, as_json=as_json)
        return
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        tenant_id = tenants.find(conn, tenant).id
        tables, pending = state.tables(conn, tenant_id), state.pending(conn, tenant_id)
        bots = state.bots(conn, tenant_id)
    if as_json:
        found = (("signals", tables), ("cut_off", bots), ("pending", pending))
        print_json({name: [row._asdict() for row in rows] for name, rows in found})
        return
    print_columns(state.Table._fields, tables)
    for row in bots:
        left_out = f"{row.events} events of {row.visits} visitors or sessions on {row.days} days, last {row.last_day}"
        talk.print(f"{row.namespace}: {left_out}, were left out (bots.events_per_day)", markup=False)
    if pending:
        days = f"{pending[0].day} to {pending[-1].day}"
        talk.print(f"{len({row.day for row in pending})} days wait to be built ({days}): `recsys signals build`")
    else:
        talk.print("no day waits to be built")


def _verify(tenant: str, *, as_json: bool) -> None:
    settings = Settings.from_environment()
    with Database.open(settings) as database:
        found = verdicts(database, _view(database, tenant), settings.served_dir)
    if as_json:
        print_json([one._asdict() for one in found])
    else:
        print_columns(Verdict._fields, found)
    other = ", ".join(one.namespace for one in found if not one.same)
    if other:
        raise CheckFailed(
            f"What is served is not what the database holds: {other}. The log of the service names what differs at its "
            "next comparison; `insert into signal_changes (tenant_id, signal)` with 'tags' makes it load at once."
        )


def _settings(jobs: int | None) -> Settings:
    """Read the settings, with a connection for each day that is built at once."""
    settings = Settings.from_environment(signals_jobs=jobs)
    return replace(settings, db_pool_size=max(settings.db_pool_size, settings.signals_jobs))


def _view(database: Database, tenant: str) -> TenantView:
    with database.system() as conn:
        return load_view(conn, tenant)


def _build(database: Database, view: TenantView, jobs: int, *, as_json: bool) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=talk, transient=True) as bar:
        task = bar.add_task("looking for touched days", total=None)

        def advance(step: Step) -> None:
            description = f"{step.day.namespace} {step.day.day}"
            bar.update(task, completed=step.done, total=step.total, description=description)

        built = build_signals(database, view.tenant.id, view.config or DEFAULTS, jobs=jobs, progress=advance)
    _show(built, as_json=as_json)


def _show(built: Built, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(built) | {"namespaces": sorted(built.namespaces)})
        return
    if not built.days:
        talk.print("nothing to do: no day was touched since the last build")
        return
    rows = [
        ("popularity", built.popularity.written, built.popularity.removed),
        ("covisitation", built.covisitation.written, built.covisitation.removed),
    ]
    print_columns(("signal", "written", "removed"), rows)
    talk.print(f"{built.days} days from {built.events} events in {', '.join(sorted(built.namespaces))}", markup=False)
    if built.cut_off.visits:
        left_out = f"{built.cut_off.events} events of {built.cut_off.visits} visitors or sessions"
        talk.print(f"{left_out} were left out: more than bots.events_per_day on one day")
    if built.beyond_session_length:
        talk.print(f"{built.beyond_session_length} events made no pairs: their visits were longer than session_length")
