"""`recsys demo`: from nothing to real recommendations, with one command."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from recsys import cli
from recsys.cli.console import Exit, out, talk
from recsys.demo.run import demo as run_demo
from recsys.settings import Settings, environment, variable

app = typer.Typer()


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the first answer instead of serving on.")] = False,
    host: Annotated[str | None, typer.Option(envvar=variable("host"), help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(envvar=variable("port"), help="First port to try.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar=variable("data_dir"), help="Folder of the database, the spool and the data.")
    ] = None,
) -> None:
    """Start a Postgres, load MovieLens-100K, build signals, serve, and show a first real answer.

    Every step is a recsys command that is printed before it runs. A second run finds the data loaded.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the service is stopped too
    os.environ.update(environment(host=host, port=port, data_dir=data_dir))
    run_demo(Settings.from_environment(), _command, once=once, out=out, talk=talk)


def _command(arguments: tuple[str, ...]) -> None:
    """Run one recsys command in this process; its data goes to stderr, so that stdout holds the answer alone."""
    out.file = sys.stderr
    try:
        result = typer.main.get_command(cli.app)(list(arguments), standalone_mode=False)
    finally:
        out.file = sys.stdout
    if isinstance(result, int) and result != Exit.FINE:
        raise typer.Exit(result)
