"""`recsys backtest`: how good the lists would have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from recsys.cli import history_of
from recsys.cli.console import print_json
from recsys.errors import CheckFailed
from recsys.evaluation.backtest import Report, Watcher, compare, shape, shown_by, split_of
from recsys.evaluation.contenders import baselines, contender, documented
from recsys.evaluation.figures import Measures
from recsys.evaluation.protocols import PROTOCOLS, Options, Split
from recsys.evaluation.report import markdown, plot
from recsys.evaluation.run import Contender
from recsys.tenancy.config import parse_config

app = typer.Typer()

Configs = Annotated[
    list[Path] | None,
    typer.Option("--config", help="A config document to compare. May be said again.", exists=True, dir_okay=False),
]
ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol", envvar="RECSYS_BACKTEST_PROTOCOL", help=f"How past and future are cut: {', '.join(PROTOCOLS)}."
    ),
]
Length = Annotated[int, typer.Option("--k", "-k", min=1, max=200, envvar="RECSYS_BACKTEST_K", help="Items of a list.")]
Share = Annotated[
    float,
    typer.Option(
        min=0.01, max=0.9, envvar="RECSYS_BACKTEST_SHARE", help="Part of the events that is the future, by time."
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(min=1, envvar="RECSYS_BACKTEST_SAMPLE", help="Ask at most so many cases, always the same ones."),
]
Shuffles = Annotated[
    int,
    typer.Option(
        "--shuffle-ties",
        min=0,
        max=20,
        envvar="RECSYS_BACKTEST_SHUFFLE_TIES",
        help="Also measure with events of equal time in so many random orders: how much does their order decide?",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--report", envvar="RECSYS_BACKTEST_REPORT", help="Write backtest.json, .md and .svg into this folder."
    ),
]
AtLeast = Annotated[
    list[str] | None,
    typer.Option("--at-least", help="FIGURE=VALUE, such as ndcg@10=0.11: end with 3 if the best config is below."),
]


@app.command(no_args_is_help=True)
def backtest(  # noqa: PLR0913  each is an option of the command line
    source: history_of.Source = None,
    *,
    tenant: history_of.Tenant = None,
    namespace: history_of.Namespace = None,
    surface: history_of.Surface = history_of.DEFAULT_SURFACE,
    items: history_of.Items = None,
    since: history_of.Since = None,
    event_type: history_of.EventType = None,
    protocol: ProtocolName = "leave-last-out",
    config: Configs = None,
    k: Length = 10,
    share: Share = 0.2,
    sample: Sample = None,
    with_baselines: Annotated[
        bool,
        typer.Option(
            "--baselines/--no-baselines", envvar="RECSYS_BACKTEST_BASELINES", help="Also popularity and plain counts."
        ),
    ] = True,
    shuffle_ties: Shuffles = 0,
    at_least: AtLeast = None,
    report: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Replay the past: compare what visitors would have been shown with what they took.

    Takes a data set (see `recsys data list`), a file of interactions, or with --tenant the tenant's own. Every list is
    made by the code that serves, with the clock stopped at the cut.
    """
    if protocol not in PROTOCOLS:
        raise typer.BadParameter(f"{protocol!r} is none of {', '.join(PROTOCOLS)}", param_hint="--protocol")
    floors = dict(map(_floor, at_least or ()))
    given = history_of.read(
        source, tenant, namespace=namespace, surface=surface, items=items, since=since, event_type=event_type
    )
    split = split_of(given.log, protocol, Options(share), sample)
    configured = list(_configured(given, protocol, config or []))
    contenders = [*(baselines(split) if with_baselines else ()), *configured]
    with history_of.bar() as watch:
        results = compare(split, protocol, contenders, k, watch)
        shuffled: dict[str, list[float]] = {one.name: [] for one in configured} if shuffle_ties else {}
        for seed in range(shuffle_ties):
            again = split_of(given.log.ties_shuffled(seed), protocol, Options(share), sample)
            for name, value in _ndcg(again, protocol, configured, k, watch).items():
                shuffled[name].append(value)
    made = Report(given.name, protocol, k, shape(split), results, shuffled)
    if report is not None:
        _write(made, report)
    if as_json:
        print_json(msgspec.to_builtins(made))
    else:
        typer.echo(markdown(made), nl=False)
    _hold(made, {one.name for one in configured}, floors)


def _configured(given: history_of.Whose, protocol: str, configs: Sequence[Path]) -> Iterator[Contender]:
    """Give the config in force, the one that is documented for a data set, and those that were named."""
    yield contender(given.current_name, given.current, given.surface, given.namespace)
    for path in configs:
        yield contender(path.stem, parse_config(path.read_bytes()), given.surface, given.namespace)
    known = documented(given.name, protocol)
    if known is not None and not configs:
        yield contender("documented", known, given.surface, given.namespace)


def _ndcg(split: Split, protocol: str, contenders: Sequence[Contender], k: int, watch: Watcher) -> dict[str, float]:
    measures = Measures(split, k)
    shown = shown_by(split, protocol, contenders, k, watch)
    return {name: round(float(measures.table(lists)[:, 0].mean()), 4) for name, lists in shown.items()}


def _floor(said: str) -> tuple[str, float]:
    name, _, value = said.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise typer.BadParameter(
            f"{said!r} is not FIGURE=VALUE, such as ndcg@10=0.11", param_hint="--at-least"
        ) from None


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode(report), indent=1)
    for ending, text in (("json", content.decode() + "\n"), ("md", markdown(report)), ("svg", plot(report))):
        (folder / f"backtest.{ending}").write_text(text, encoding="utf-8")


def _hold(report: Report, configured: set[str], floors: dict[str, float]) -> None:
    """Raise CheckFailed where no config reaches a floor."""
    for name, floor in floors.items():
        reached = [one.figures[name].value for one in report.results if one.name in configured and name in one.figures]
        if not reached:
            raise typer.BadParameter(
                f"{name!r} is none of {', '.join(report.results[0].figures)}", param_hint="--at-least"
            )
        if max(reached) < floor:
            raise CheckFailed(f"{name} should reach {floor}, and the best config reaches {max(reached)}.")
