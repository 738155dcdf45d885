"""`recsys similar`: what is like one item, without a service and without a trace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from recsys.api.questions import params_of, query_of
from recsys.api.similar import likeness
from recsys.api.wire import Options, SimilarRequest
from recsys.cli.listing import make_list, operator_call, show_list
from recsys.db.pool import Database
from recsys.diagnosis.facts import Case
from recsys.ranking.query import NOBODY
from recsys.settings import Settings
from recsys.tenancy.directory import TenantView

app = typer.Typer()


@app.command()
def similar(
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    tenant: Annotated[str, typer.Option(envvar="RECSYS_TENANT", help="Whose catalogue: external id or UUID.")],
    surface: Annotated[str, typer.Option(envvar="RECSYS_SURFACE", help="For which place.")] = "home",
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=200, help="How many items.")] = 10,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what is like one item, with reasons. Nothing is recorded, and no service need run."""
    request = SimilarRequest(surface=surface, item_id=item, k=k, options=Options(include_reasons=True))

    def ask(_settings: Settings, _database: Database, view: TenantView) -> Case:
        call = operator_call("/v1/similar")
        call.view = view
        params = params_of(call, surface)
        query = query_of(call, params, request, (item,), likeness(params.weights))
        return Case(query, params, NOBODY, False, datetime.now(UTC))

    show_list(make_list(tenant, ask), as_json=as_json)
