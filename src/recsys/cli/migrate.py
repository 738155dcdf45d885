"""`recsys migrate`: the schema of the database, looked at, brought up to date, taken back."""

from __future__ import annotations

from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict

from recsys.cli.columns import print_columns
from recsys.cli.console import Exit, fail, out, print_json, talk
from recsys.db.migrate import Step, migrate_down, migrate_up, pending, status
from recsys.db.migrations import Migration, shipped
from recsys.db.preflight import Check, preflight
from recsys.db.provision import provision, roles_sql
from recsys.db.roles import Roles
from recsys.db.session import owner_session
from recsys.db.urls import resolve
from recsys.settings import Settings, variable

app = typer.Typer(no_args_is_help=True, help=__doc__)

OwnerUrl = Annotated[
    str | None,
    typer.Option("--owner-url", envvar=variable("owner_database_url"), help="Login that may act as the owner."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("preflight")
def preflight_command(owner_url: OwnerUrl = None, *, as_json: AsJson = False) -> None:
    """Look at everything that could make `up` fail or hurt, change nothing; exit code 3 if it should not proceed."""
    settings = _settings(owner_url)
    disk = settings.data_dir if settings.embedded else None
    checks = preflight(resolve(settings).owner, settings.db_role_prefix, disk=disk)
    if as_json:
        print_json([check._asdict() for check in checks])
    else:
        print_columns(("check", "verdict", "detail"), _lines(checks))
    if any(check.verdict == "stop" for check in checks):
        raise typer.Exit(Exit.CHECK_FAILED)


@app.command()
def up(
    owner_url: OwnerUrl = None,
    *,
    to: Annotated[int | None, typer.Option(help="Last version to apply.")] = None,
    pre: Annotated[
        bool, typer.Option("--pre", help="Leave out what the released code can not work with, for later.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, apply nothing.")] = False,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to try for a lock.")] = 300.0,
) -> None:
    """Apply what is pending. Safe beside a running service, and beside another `up`."""
    settings = _settings(owner_url)
    conninfo = resolve(settings).owner
    if dry_run:
        with owner_session(conninfo, Roles.of(settings.db_role_prefix)) as conn:
            todo = pending(conn, to=to, pre=pre)
    else:
        todo = migrate_up(conninfo, settings.db_role_prefix, to=to, pre=pre, patience=patience, say=talk.print)
    verb = "would be applied" if dry_run else "applied"
    for migration in todo:
        out.print(f"{migration.file} {verb}")
    talk.print("the schema is up to date" if not todo else f"{len(todo)} {verb}")


@app.command("status")
def status_command(owner_url: OwnerUrl = None, *, as_json: AsJson = False) -> None:
    """Say of every migration whether it is applied, pending, interrupted, changed or unknown here."""
    settings = _settings(owner_url)
    with owner_session(resolve(settings).owner, Roles.of(settings.db_role_prefix)) as conn:
        steps = status(conn)
    if as_json:
        print_json([step._asdict() for step in steps])
    else:
        print_columns(("version", "name", "state", "applied at", "took"), map(_step_columns, steps))


@app.command("sql")
def sql_command(
    first: Annotated[int, typer.Option("--from", help="First version to print.")] = 1,
    last: Annotated[int | None, typer.Option("--to", help="Last version to print.")] = None,
) -> None:
    """Print what would run, for people with a tool of their own. Needs no database."""
    roles = Roles.of(_settings(None).db_role_prefix)
    for migration in shipped():
        if first <= migration.version <= (last or migration.version):
            print_plain(_spelled(migration, roles))


@app.command()
def down(
    owner_url: OwnerUrl = None,
    *,
    allow_down: Annotated[bool, typer.Option("--allow-down", help="Yes, take the newest migration back.")] = False,
    lose: Annotated[str | None, typer.Option(help="Name the data that goes with it, as the refusal does.")] = None,
) -> None:
    """Take the newest migration back: one step at a time, and never by accident."""
    if not allow_down:
        fail("this takes the newest migration back. If that is meant, say --allow-down.", Exit.USAGE)
    settings = _settings(owner_url)
    back = migrate_down(resolve(settings).owner, settings.db_role_prefix, lose=lose, say=talk.print)
    out.print(f"{back.file} taken back")


@app.command()
def roles(
    superuser_url: Annotated[
        str | None,
        typer.Option(
            envvar=variable("superuser_database_url"),
            help="A login that may create roles. Without it the SQL is printed, for one who may.",
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Name of the database. Default: that of DATABASE_URL, else recsys.")
    ] = None,
) -> None:
    """Make the roles, the two logins and the database, or print the SQL that does.

    The logins get the passwords that DATABASE_URL and RECSYS_OWNER_DATABASE_URL hold, where they name these logins.
    """
    settings = _settings(None)
    made = Roles.of(settings.db_role_prefix)
    urls = [conninfo_to_dict(url) for url in (settings.database_url, settings.owner_database_url) if url]
    name = database or str((urls[0].get("dbname") if urls else None) or "recsys")
    if superuser_url is None:
        print_plain(roles_sql(settings.db_role_prefix, database=name))
        return
    logins = {str(url.get("user")): str(url["password"]) for url in urls if url.get("password")}
    passwords = {login: password for login, password in logins.items() if login in {made.app, made.admin}}
    provision(superuser_url, database=name, prefix=settings.db_role_prefix, passwords=passwords)
    for login, setting in ((made.app, "database_url"), (made.admin, "owner_database_url")):
        out.print(f"{login} is what {variable(setting)} should name; {_password(login, passwords)}")


def _password(login: str, passwords: dict[str, str]) -> str:
    return "its password is set" if login in passwords else "give it a password (\\password in psql)"


def print_plain(text: str) -> None:
    """Write SQL as it is: no wrapping, no markup."""
    typer.echo(text)


def _settings(owner_url: str | None) -> Settings:
    return Settings.from_environment(owner_database_url=owner_url)


def _spelled(migration: Migration, roles: Roles) -> str:
    text = f"-- {migration.file}\n{roles.fill(migration.text)}"
    return f"begin;\n{text}commit;\n" if migration.transactional else text


def _lines(checks: list[Check]) -> list[tuple[str, str, str]]:
    """One line for each line of a detail."""
    return [(check.name, check.verdict, line) for check in checks for line in check.detail.splitlines()]


def _step_columns(step: Step) -> tuple[object, ...]:
    applied = step.applied_at.isoformat(timespec="seconds") if step.applied_at else None
    return step.version, step.name, step.state, applied, step.duration
