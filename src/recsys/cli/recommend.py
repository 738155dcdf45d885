"""`recsys recommend`: the list that a visitor would see, without a service and without a trace."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.api.case import asking
from recsys.api.wire import Anchors, Options, RecommendRequest, User
from recsys.cli.listing import make_list, operator_call, show_list
from recsys.db.pool import Database
from recsys.diagnosis.facts import Asked, Case
from recsys.secret import user_key_secret
from recsys.settings import Settings
from recsys.tenancy.directory import TenantView

app = typer.Typer()


@app.command()
def recommend(
    tenant: Annotated[str, typer.Option(envvar="RECSYS_TENANT", help="Whose list: external id or UUID.")],
    surface: Annotated[str, typer.Option(envvar="RECSYS_SURFACE", help="Which list.")] = "home",
    user: Annotated[str | None, typer.Option(help="Id of the visitor, as the events name it.")] = None,
    anchor: Annotated[list[str] | None, typer.Option(help="An item to start from, most recent first.")] = None,
    segment: Annotated[str | None, typer.Option(help="For which audience.")] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=200, help="How many items.")] = 10,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the list that a visitor would see, with reasons. Nothing is recorded, and no service need run."""
    request = RecommendRequest(
        surface=surface,
        segment=segment,
        k=k,
        user=User(user_id=user) if user else None,
        anchors=Anchors(item_ids=tuple(anchor)) if anchor else None,
        options=Options(include_reasons=True),
    )

    def ask(settings: Settings, database: Database, view: TenantView) -> Case:
        asked = Asked(tenant, surface, segment or "default")
        return asking(operator_call("/v1/recommend"), asked, request, database, user_key_secret(settings))(view)

    show_list(make_list(tenant, ask), as_json=as_json)
