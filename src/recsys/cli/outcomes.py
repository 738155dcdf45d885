"""`recsys outcomes`: what came of what was shown."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from recsys.cli import exporting
from recsys.cli.exporting import FileFormat, Options, Source
from recsys.events.eval_v1 import Outcome
from recsys.events.export import OUTCOMES
from recsys.events.export import outcomes as outcomes_of

app = typer.Typer(no_args_is_help=True, help=__doc__)

Click = Annotated[
    list[str] | None,
    typer.Option("--click", envvar="RECSYS_OUTCOME_CLICK", help="Event type that is a click; may be repeated."),
]
Conversion = Annotated[
    list[str] | None,
    typer.Option(
        "--conversion", envvar="RECSYS_OUTCOME_CONVERSION", help="Event type that is a conversion; may be repeated."
    ),
]


@app.callback()
def outcomes() -> None:
    """Outcomes: interactions that name the request they answer."""


@app.command("export")
def export(  # noqa: PLR0913  each is an option of the command line
    *,
    tenant: exporting.Tenant,
    click: Click = None,
    conversion: Conversion = None,
    surface: exporting.Surface = None,
    since: exporting.Since = None,
    until: exporting.Until = None,
    to: exporting.To = None,
    form: exporting.As = FileFormat.JSONL,
) -> None:
    """Write every click and purchase that names a request, oldest first: request_id, user_id (hashed), item_id, ...

    JSON lines to stdout, or a file a day with --to, which may be repeated.
    """
    source = Source("outcomes", "interaction_events", partial(outcomes_of, types=_types(click, conversion)))
    exporting.run(source, Options(tenant, surface, since, until), to, form)


def _types(click: list[str] | None, conversion: list[str] | None) -> dict[str, Outcome]:
    kinds: dict[Outcome, list[str] | None] = {"click": click, "conversion": conversion}
    given = {name: kind for kind, names in kinds.items() for name in names or ()}
    kept = {name: kind for name, kind in OUTCOMES.items() if not kinds[kind]}
    return kept | given
