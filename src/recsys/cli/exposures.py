"""`recsys exposures`: what was shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from recsys.cli import exporting
from recsys.cli.exporting import FileFormat, Options, Source
from recsys.events.export import exposures as exposures_of

app = typer.Typer(no_args_is_help=True, help=__doc__)


class Shape(StrEnum):
    """What a line holds."""

    EVAL_V1 = "eval_v1"


@app.callback()
def exposures() -> None:
    """Exposures: every list that was served, with what made it."""


@app.command("export")
def export(
    *,
    tenant: exporting.Tenant,
    shape: Annotated[
        Shape,
        typer.Option(
            "--format", envvar="RECSYS_EXPORT_FORMAT", help="eval_v1: request_id, user_id (hashed), ts, items, context."
        ),
    ] = Shape.EVAL_V1,
    surface: exporting.Surface = None,
    since: exporting.Since = None,
    until: exporting.Until = None,
    to: exporting.To = None,
    form: exporting.As = FileFormat.JSONL,
) -> None:
    """Write every served list, oldest first: JSON lines to stdout, or a file a day with --to, which may be repeated."""
    del shape  # there is one
    source = Source("exposures", "exposure_events", exposures_of)
    exporting.run(source, Options(tenant, surface, since, until), to, form)
