"""`recsys rules preview` and `recsys config preview`: what a draft would change; no service need run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import typer

from recsys.api.admin.preview import LISTS_MAX, PreviewRequest, Sample, wanted
from recsys.api.preview import Preview, namespaces, preview, sides
from recsys.api.wire import RecommendRequest
from recsys.cli.console import out, print_json, talk
from recsys.cli.listing import operator_call
from recsys.db.pool import Database
from recsys.errors import InvalidDocument, Problem
from recsys.ranking.comparison import Comparison
from recsys.secret import user_key_secret
from recsys.settings import Settings
from recsys.snapshot.load import load
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import load_view

Draft = Annotated[
    typer.FileBinaryRead, typer.Option("--file", envvar="RECSYS_DRAFT", help="The draft; - for standard input.")
]
TenantName = Annotated[str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="External id or UUID.")]
Surface = Annotated[str, typer.Option(envvar="RECSYS_SURFACE", help="Whose latest lists to make again.")]
Count = Annotated[int, typer.Option("--sample", min=0, max=LISTS_MAX, help="How many of them; 0 is none.")]
Requests = Annotated[
    typer.FileBinaryRead | None,
    typer.Option("--requests", help="Requests as /v1/recommend takes them, one a line, to be asked too."),
]


def preview_command(kind: Literal["config", "rules"]) -> Callable[..., None]:
    """Make the command for one kind of document."""

    def command(
        file: Draft,
        tenant: TenantName,
        surface: Surface = "home",
        sample: Count = 20,
        requests: Requests = None,
        *,
        as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    ) -> None:
        """Say what a draft would change: which items enter, leave and move, list by list and in sum."""
        asked = PreviewRequest(
            requests=_read(requests), sample=Sample(surface=surface, count=sample) if sample else None
        )
        found = _run(tenant, kind, file.read(), asked)
        if as_json:
            print_json(msgspec.to_builtins(found._asdict()))
        else:
            _show(found)

    return command


def _read(lines: typer.FileBinaryRead | None) -> tuple[RecommendRequest, ...]:
    try:
        return tuple(msgspec.json.decode(line, type=RecommendRequest) for line in lines or () if line.strip())
    except msgspec.DecodeError as error:
        raise InvalidDocument([Problem("--requests", str(error))]) from None


def _run(tenant: str, kind: str, draft: bytes, asked: PreviewRequest) -> Preview:
    settings, now = Settings.from_environment(), datetime.now(UTC)
    with Database.open(settings) as database:
        with database.system() as conn:
            view = load_view(conn, tenant)
        both = sides(view, draft if kind == "config" else None, draft if kind == "rules" else None)
        with database.service(view.tenant.id) as conn:
            asked_by = wanted(user_key_secret(settings), view, asked, conn)
        signals = (view.config or DEFAULTS).signals
        snapshots = {}
        for name in namespaces(both, [one.request for one in asked_by]):
            with database.reading() as conn:
                snapshots[name] = load(conn, view.tenant.id, name, signals(name), now=now)
    return preview(operator_call("/v1/recommend"), both, asked_by, snapshots, now)


def _show(found: Preview) -> None:
    summary = found.summary
    for number, one in enumerate(found.comparisons, start=1):
        if one.changed:
            out.print(f"list {number}: {_described(one)}", markup=False)
    out.print(
        f"{summary.changed} of {summary.lists} lists change, mean overlap {summary.mean_overlap:.2f},"
        f" {summary.coverage_before} items shown before, {summary.coverage_after} after;"
        f" {summary.newly_short} lists become short, {summary.newly_empty} of them empty",
        markup=False,
    )
    if found.newly_blocked:
        out.print(f"newly blocked: {', '.join(found.newly_blocked)}", markup=False)
    if found.signals_differ:
        talk.print("the draft changes signals too; what that does shows when it is live")
    if not summary.lists:
        talk.print("nothing was asked: no list of this surface was served yet; give --surface or --requests")


def _described(one: Comparison) -> str:
    parts = [f"+{item_id}" for item_id in one.entered] + [f"-{item_id}" for item_id in one.left]
    parts += [f"{move.item_id} {move.before}->{move.after}" for move in one.moved]
    return "  ".join(parts)
