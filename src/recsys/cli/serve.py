"""`recsys serve`: worker processes that answer, and a keeper beside them."""

from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path
from typing import Annotated

import structlog
import typer
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from recsys import logs, metrics
from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable, InvalidSetting, OperatorError, Unavailable
from recsys.maintenance.partitions import ensure_ahead
from recsys.runtime import keeper
from recsys.secret import user_key_secret
from recsys.settings import Settings, environment, variable
from recsys.workers import Workers

app = typer.Typer()
_log = structlog.get_logger()

DRAIN_SECONDS = 10
"""How long a worker may take to finish what it has begun when it is told to stop."""


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
    _refuse_taken_port(settings)
    os.environ[metrics.SHARED_FOLDER] = str(metrics.share_folder(settings.metrics_dir).resolve())
    with Database.open(settings, must_answer=False) as database:
        _make_partitions(database)
        server = _server(settings)
        with keeper(), server.watched(settings.stuck_seconds):
            server.serve()


def _make_partitions(database: Database) -> None:
    """Make the runway before the first event; what somebody holds locked is left to the keeper, and serving begins."""
    try:
        ensure_ahead(database)
    except (Unavailable, DatabaseUnavailable) as error:
        _log.warning("partitions not made yet, the keeper tries again", error=error.message)


def _server(settings: Settings) -> Workers:
    multiprocessing.set_start_method("spawn")  # a worker inherits no thread, no lock and no connection
    return Workers(
        "recsys.api.app:asgi",
        heartbeats=settings.heartbeats_dir,
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        backlog=2048,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=DRAIN_SECONDS,
        websockets=False,
        log_level=LogLevels.warning,
    )


def _warn(settings: Settings) -> None:
    if settings.development:
        _log.warning("development mode: X-Dev-* headers and X-Org-Id are believed", turn_off="RECSYS_DEV_MODE=0")
    if settings.embedded:
        _log.info("embedded database", data_dir=str(settings.data_dir.resolve()))


def _refuse_taken_port(settings: Settings) -> None:
    """Say so before anything starts; granian would only end with a traceback."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror:
        raise InvalidSetting(f"{variable('host')}: {settings.host!r} is not an address of this machine.") from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            msg = f"{settings.host}:{settings.port} can not be used ({error.strerror}). Choose another --port."
            raise OperatorError(msg) from None
