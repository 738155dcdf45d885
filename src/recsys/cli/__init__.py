"""The command line: one file per command, imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from recsys import __version__
from recsys.errors import CheckFailed, InvalidInput, RecsysError

COMMANDS = {
    "demo": "from nothing to real recommendations",
    "serve": "answer over HTTP",
    "recommend": "the list that a visitor would see",
    "similar": "what is like one item",
    "migrate": "the schema: what has run, what would, run it",
    "partitions": "where events go: what is there, and make more ahead",
    "tenants": "organisations that are kept apart",
    "keys": "API keys: made, listed, revoked",
    "audit": "who changed what, and who was refused",
    "config": "a tenant's config and its versions",
    "rules": "a tenant's rules and their versions",
    "items": "items in",
    "interactions": "interactions in",
    "signals": "from interactions to what ranking reads",
    "backtest": "how good the lists would have been",
    "tune": "let the past choose the settings",
    "exposures": "what was shown, out",
    "outcomes": "what came of it, out",
    "users": "what is kept of a person, erased",
    "spool": "events that are not in the database yet",
    "data": "public data sets to try it with",
    "doctor": "why a list is empty, and whether all is well",
    "inspect": "what is in the database",
    "psql": "a shell on the database in use",
    "settings": "every variable",
}
"""Every command in the order of the help page; each is a module of this package with a Typer named `app`."""

_COMPLETION = {"install_completion", "show_completion"}  # typer adds them to everything that looks like a root

SHARED = "Every command reads DATABASE_URL and RECSYS_DATA_DIR; `recsys settings` lists all variables."


class Commands(TyperGroup):
    """The commands, each imported only when it is needed: `recsys psql` should not wait for the server's imports."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the signature of the base class
        """Name every command in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the signature of the base class
        """Import one command, None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"recsys.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        command.params = [option for option in command.params if option.name not in _COMPLETION]
        for one in [command, *getattr(command, "commands", {}).values()]:
            one.epilog = one.epilog or SHARED
        return command


app = typer.Typer(
    cls=Commands,
    help="Recommendations over HTTP for many tenants, out of one Postgres database.",
    epilog="Begin with `recsys demo`. " + SHARED,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"recsys {__version__}\n")
        raise typer.Exit


@app.callback()
def recsys(
    *, version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")
) -> None:
    """Recommendations over HTTP for many tenants, out of one Postgres database."""


def main() -> None:
    """Run one command; what recsys raises on purpose becomes a sentence on stderr and an exit code."""
    from recsys.cli.console import Exit, talk  # noqa: PLC0415  rich is not needed for --version

    try:
        app()
    except RecsysError as error:
        talk.print("[bold red]error:[/] ", end="")
        talk.print(error.message, markup=False)
        for problem in error.problems if isinstance(error, InvalidInput) else ():
            talk.print(f"  {problem.path}: {problem.message}", markup=False)
        sys.exit(Exit.CHECK_FAILED if isinstance(error, CheckFailed) else Exit.FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
