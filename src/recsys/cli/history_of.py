"""What `backtest` and `tune` share: whose past is replayed, and a bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from recsys.cli.console import talk
from recsys.cli.importing import show_refused
from recsys.datasets.fetch import fetch
from recsys.datasets.known import DATA_SETS
from recsys.db.pool import Database
from recsys.errors import DataFileError
from recsys.evaluation.backtest import Progress as Step
from recsys.evaluation.backtest import Watcher
from recsys.evaluation.log import Log
from recsys.evaluation.sources import from_database, from_file
from recsys.ingest.account import Account
from recsys.settings import Settings
from recsys.tenancy.config import DEFAULTS, Config
from recsys.tenancy.directory import load_view

DEFAULT_SURFACE = "home"

Source = Annotated[
    str | None,
    typer.Argument(
        envvar="RECSYS_BACKTEST_SOURCE", help="A data set's name, or a file that `interactions import` reads."
    ),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", envvar="RECSYS_TENANT", help="Replay this tenant's own interactions.")
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", envvar="RECSYS_NAMESPACE", help="Of the tenant. Default: the one the surface reads."),
]
Surface = Annotated[
    str, typer.Option("--surface", envvar="RECSYS_SURFACE", help="Rank as configs say for this surface.")
]
Items = Annotated[
    Path | None,
    typer.Option("--items", envvar="RECSYS_BACKTEST_ITEMS", help="The items of a file of interactions: tags."),
]
Since = Annotated[
    datetime | None,
    typer.Option("--since", envvar="RECSYS_BACKTEST_SINCE", formats=["%Y-%m-%d"], help="Read from this day on (UTC)."),
]
EventType = Annotated[
    str | None,
    typer.Option("--event-type", envvar="RECSYS_EVENT_TYPE", help="Type of a file's rows that name none."),
]


class Whose(NamedTuple):
    """A past, and the config that ranked it."""

    name: str
    log: Log
    current: Config
    """The tenant's; the defaults for files and data sets."""
    current_name: str
    surface: str
    namespace: str


def read(
    source: str | None,
    tenant: str | None,
    *,
    namespace: str | None,
    surface: str,
    items: Path | None,
    since: datetime | None,
    event_type: str | None,
) -> Whose:
    """Read what the options name: exactly one of a source and a tenant."""
    if (source is None) == (tenant is None):
        raise typer.BadParameter("say whose past: a data set, a file, or --tenant", param_hint="SOURCE")
    since = None if since is None else since.replace(tzinfo=UTC)
    if tenant is not None:
        return _tenants(tenant, namespace, surface, since)
    log = _files(str(source), items, event_type)
    return Whose(str(source), log if since is None else log.since(since), DEFAULTS, "defaults", surface, surface)


def _tenants(tenant: str, namespace: str | None, surface: str, since: datetime | None) -> Whose:
    with Database.open(Settings.from_environment()) as database:
        with database.system() as conn:
            view = load_view(conn, tenant)
        config = view.config or DEFAULTS
        name = namespace or config.request(surface).namespace or surface
        with database.reading() as conn:
            log = from_database(conn, view.tenant.id, config, name, since=since)
    current = "current" if view.config else "defaults"
    return Whose(f"{tenant}/{name}", log, config, current, surface, name)


def _files(source: str, items: Path | None, event_type: str | None) -> Log:
    account = Account()
    if source in DATA_SETS:
        data_set = DATA_SETS[source]
        talk.print(f"[bold]Terms:[/] {data_set.terms}")
        fetched = fetch(data_set, Settings.from_environment().dataset_cache)
        if not fetched.interactions.exists():
            raise DataFileError(f"{source} holds no interactions that could be replayed.")
        log = from_file(fetched.interactions, fetched.items if fetched.items.exists() else None, account)
    elif Path(source).exists():
        log = from_file(Path(source), items, account, event_type=event_type)
    else:
        raise DataFileError(f"{source} is neither a file nor a data set. There are: {', '.join(DATA_SETS)}.")
    show_refused(account, None, "replayed")
    return log


@contextmanager
def bar() -> Iterator[Watcher]:
    """Show on stderr which contender is being asked, and how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as progress:
        task = progress.add_task("reading", total=None)

        def watch(step: Step) -> None:
            progress.update(task, description=step.contender, completed=step.done, total=step.total)

        yield watch
