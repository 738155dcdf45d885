"""`recsys doctor`: why a list is empty or short, and whether the installation is well."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from recsys.api.call import Call
from recsys.api.case import asking
from recsys.api.decode import decode
from recsys.api.identity import Caller
from recsys.api.questions import SEGMENT
from recsys.api.wire import RecommendRequest
from recsys.cli.console import Exit, out
from recsys.db.pool import Database
from recsys.diagnosis.check import Diagnosis, Finding, Remedy, Status
from recsys.diagnosis.facts import Asked
from recsys.diagnosis.gather import Sources, gather
from recsys.diagnosis.installation import examine
from recsys.diagnosis.runbook import diagnose
from recsys.errors import OperatorError
from recsys.secret import user_key_secret
from recsys.settings import Settings
from recsys.tenancy.roles import ALL_ROLES

app = typer.Typer()

_MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "bold red"),
    "skipped": ("-", "dim"),
}
_decoder = msgspec.json.Decoder(RecommendRequest)


@app.command()
def doctor(
    tenant: Annotated[
        str | None, typer.Option(envvar="RECSYS_TENANT", help="Whose list: external id or UUID, to the letter.")
    ] = None,
    surface: Annotated[str | None, typer.Option(help="Which list; without it the installation is looked at.")] = None,
    segment: Annotated[str, typer.Option(help="For which audience.")] = SEGMENT,
    request: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(metavar="FILE", help="A body of /v1/recommend to explain; - for standard input."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say why a list is empty or short, with evidence and a remedy to paste; without --surface, check the installation.

    Ends with 3 when a check fails. Works while the database is away, and then tells what it can.
    """
    body = None if request is None else decode(request.read(), _decoder)
    named = surface if surface is not None or body is None else body.surface
    if named is None:
        _report_installation(as_json=as_json)
        return
    if tenant is None:
        raise typer.BadParameter("name the tenant whose list it is", param_hint="--tenant")
    if body is not None and body.segment is not None:
        segment = body.segment
    found = _diagnose(Asked(tenant, named, segment), body)
    if as_json:
        _print_json(found)
    else:
        _print(found.because, found.checks, healthy=found.healthy)
    _end(found.checks)


def _diagnose(asked: Asked, body: RecommendRequest | None) -> Diagnosis:
    settings = Settings.from_environment()
    began = time.perf_counter()
    with _opened(settings) as (database, failure):
        sources = Sources(settings=settings, database=database, failure=failure, across_tenants=True)
        call = Call("POST", "/v1/recommend", {}, "doctor", caller=Caller("doctor", ALL_ROLES))
        facts = gather(sources, asked, asking(call, asked, body, database, _secret(settings)))
    return diagnose(facts, milliseconds=round((time.perf_counter() - began) * 1000, 3))


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Database | None, str | None]]:
    try:
        database = Database.open(settings)
    except OperatorError as error:
        yield None, error.message
        return
    with database:
        yield database, None


def _secret(settings: Settings) -> bytes | None:
    try:
        return user_key_secret(settings)
    except OperatorError:
        return None


def _report_installation(*, as_json: bool) -> None:
    settings = Settings.from_environment()
    with _opened(settings) as (database, failure):
        checks = examine(settings, database, failure)
    failing = next((check for check in checks if check.status == "fail"), None)
    if as_json:
        _print_json({"healthy": failing is None, "checks": checks})
    else:
        because = failing.summary if failing else "This installation is well."
        _print(because, checks, healthy=failing is None)
    _end(checks)


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _print(because: str, checks: Iterable[Finding], *, healthy: bool) -> None:
    out.print(Text(because, style="bold green" if healthy else "bold red"))
    for check in checks:
        mark, style = _MARKS[check.status]
        line = Text(f"{mark:>4}  ", style=style)
        line.append(f"{check.name}: ", style="bold")
        line.append(check.summary, style="" if check.status != "skipped" else "dim")
        out.print(line)
        for remedy in check.remedies:
            _print_remedy(remedy)


def _print_remedy(remedy: Remedy) -> None:
    """Write a remedy as it is pasted: nothing stands on its lines but itself."""
    titles = {"command": "run:", "sql": "run in recsys psql:", "request": "change the request by:", "note": ""}
    if remedy.kind == "note":
        out.print(Text(f"      {remedy.text}"))
        return
    out.print(Text(f"      {titles[remedy.kind]}", style="dim"))
    out.print(Text(remedy.text, style="cyan"))


def _end(checks: Iterable[Finding]) -> None:
    if any(check.status == "fail" for check in checks):
        raise typer.Exit(Exit.CHECK_FAILED)
