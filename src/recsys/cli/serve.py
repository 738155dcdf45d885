"""`recsys serve`: worker processes that answer, and a keeper beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import structlog
import typer

from recsys import logs, metrics
from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable, Unavailable
from recsys.maintenance.partitions import ensure_ahead
from recsys.runtime import keeper
from recsys.secret import user_key_secret
from recsys.server.listening import listen
from recsys.server.workers import Workers
from recsys.settings import Settings, environment, variable

app = typer.Typer()
_log = structlog.get_logger()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(envvar=variable("host"), help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(envvar=variable("port"), help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(envvar=variable("workers"), help="Worker processes.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar=variable("data_dir"), help="Folder of the embedded database and the spool.")
    ] = None,
) -> None:
    """Answer over HTTP until told to stop (Ctrl-C or SIGTERM); what is in flight is finished first.

    SIGHUP replaces the workers one after the other, while the service answers.
    """
    os.environ.update(environment(host=host, port=port, workers=workers, data_dir=data_dir))
    settings = Settings.from_environment()
    logs.configure(settings)
    _warn(settings)
    user_key_secret(settings)
    listening = listen(settings.host, settings.port)
    os.environ[metrics.SHARED_FOLDER] = str(metrics.share_folder(settings.metrics_dir).resolve())
    with Database.open(settings, must_answer=False) as database:
        _make_partitions(database)
        with keeper():
            Workers(
                "recsys.api.app:asgi", listening, settings.workers, settings.heartbeats_dir, settings.stuck_seconds
            ).serve()


def _make_partitions(database: Database) -> None:
    """Make the runway before the first event; what somebody holds locked is left to the keeper, and serving begins."""
    try:
        ensure_ahead(database)
    except (Unavailable, DatabaseUnavailable) as error:
        _log.warning("partitions not made yet, the keeper tries again", error=error.message)


def _warn(settings: Settings) -> None:
    if settings.development:
        _log.warning("development mode: X-Dev-* headers and X-Org-Id are believed", turn_off="RECSYS_DEV_MODE=0")
    if settings.embedded:
        _log.info("embedded database", data_dir=str(settings.data_dir.resolve()))
