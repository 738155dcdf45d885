"""`recsys tune`: let the past choose the settings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from recsys.cli import history_of
from recsys.cli.backtest import Length, ProtocolName, Share
from recsys.cli.console import out, print_json, talk
from recsys.db.pool import Database
from recsys.errors import ConfigNotFound
from recsys.evaluation.backtest import Progress, split_of
from recsys.evaluation.figures import names
from recsys.evaluation.protocols import PROTOCOLS, Options
from recsys.evaluation.tune import CHOICES, Search, Trial, Verdict, parted
from recsys.evaluation.tune import tune as search_settings
from recsys.settings import Settings
from recsys.tenancy import tenants
from recsys.tenancy.config import parse_config
from recsys.tenancy.store import CONFIG, Versions

app = typer.Typer()

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", envvar="RECSYS_TUNE_OUTPUT", help="Write the recommended document here."),
]
Minutes = Annotated[
    float, typer.Option(min=0.01, envvar="RECSYS_TUNE_MINUTES", help="Stop searching after so many minutes.")
]
FigureName = Annotated[
    str, typer.Option("--figure", envvar="RECSYS_TUNE_FIGURE", help="What to improve: ndcg, hr, recall, mrr or map.")
]
Start = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="RECSYS_TUNE_CONFIG",
        exists=True,
        dir_okay=False,
        help="The document to begin with. Default: the tenant's own, or nothing but defaults.",
    ),
]


@app.command(no_args_is_help=True)
def tune(  # noqa: PLR0913  each is an option of the command line
    source: history_of.Source = None,
    *,
    tenant: history_of.Tenant = None,
    namespace: history_of.Namespace = None,
    surface: history_of.Surface = history_of.DEFAULT_SURFACE,
    items: history_of.Items = None,
    since: history_of.Since = None,
    event_type: history_of.EventType = None,
    protocol: ProtocolName = "temporal",
    config: Start = None,
    figure: FigureName = "ndcg",
    k: Length = 10,
    share: Share = 0.2,
    sample: Annotated[
        int | None, typer.Option(min=10, envvar="RECSYS_BACKTEST_SAMPLE", help="Ask at most so many cases.")
    ] = 4000,
    minutes: Minutes = 8.0,
    output: Output = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Search for better settings on half of the visitors, and say what they gain on the other half.

    Prints a config document to preview and publish. Where the gain is within noise it keeps what there was, and says
    so.
    """
    wanted = f"{figure}@{k}"
    if protocol not in PROTOCOLS or wanted not in names(k):
        raise typer.BadParameter(f"{protocol!r} or {figure!r} does not exist; see --help", param_hint="--protocol")
    given = history_of.read(
        source, tenant, namespace=namespace, surface=surface, items=items, since=since, event_type=event_type
    )
    halves = parted(split_of(given.log, protocol, Options(share), sample))
    search, judge = (
        Search(half, protocol, surface=given.surface, namespace=given.namespace, k=k, figure=wanted) for half in halves
    )
    end = time.monotonic() + minutes * 60
    with history_of.bar() as watch:

        def going_on(trial: Trial) -> bool:
            watch(Progress(f"{wanted} {trial.value:.4f}", search.trials, sum(map(len, CHOICES.values()))))
            return time.monotonic() < end

        verdict = search_settings(search, judge, _start(config, tenant), figure=wanted, going_on=going_on)
    _show(verdict, output, as_json=as_json)


def _start(config: Path | None, tenant: str | None) -> dict[str, Any]:
    if config is not None:
        parse_config(config.read_bytes())
        return msgspec.json.decode(config.read_bytes(), type=dict[str, Any])
    if tenant is None:
        return {}
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        versions = Versions(conn, tenants.find(conn, tenant).id, CONFIG)
        try:
            document: dict[str, Any] = versions.current().document
        except ConfigNotFound:
            return {}
        return document


def _show(verdict: Verdict, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(verdict.document), indent=2) + b"\n")
    if as_json:
        print_json(msgspec.to_builtins(verdict))
        return
    gain, searched = verdict.gain, verdict.searched
    talk.print(
        f"{verdict.trials} documents tried. {verdict.figure} of visitors who were held back: {verdict.before:.4f}, "
        f"and {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) with the best; "
        f"it gained {searched.value:+.4f} where it was searched.",
        markup=False,
    )
    if verdict.recommended:
        talk.print("[bold]Better:[/] preview this document, then publish it with `recsys config put`.")
    else:
        talk.print("[bold]Within noise:[/] no change is recommended; the document is the one that was begun with.")
        talk.print(f"the best that was found: {verdict.changed}", markup=False)
    out.print(msgspec.json.format(msgspec.json.encode(verdict.document), indent=2).decode(), markup=False)
