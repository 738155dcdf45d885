"""`recsys spool`: events that were acknowledged and wait for the database, and those that it refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.cli.columns import print_columns
from recsys.cli.console import fail, print_json, talk
from recsys.db.pool import Database
from recsys.errors import OperatorError
from recsys.events.backlog import Positions, load_positions, position_of
from recsys.events.dead_letters import Buried, list_buried, replay
from recsys.events.drain import Drained, DrainPolicy, drain_once
from recsys.events.dump import lines
from recsys.events.folder import SpoolFolder, list_damaged, list_spools
from recsys.events.room import Bounds, room
from recsys.settings import Settings

app = typer.Typer(no_args_is_help=True, help=__doc__)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, oldest first.")]


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show every spool of this host: who writes it, what it holds, and how much of that is not in the database yet."""
    settings = Settings.from_environment()
    spools = list_spools(settings.spool_dir)
    positions = _positions(settings, spools)
    if as_json:
        print_json(_as_json(settings, spools, positions))
        return
    print_columns(("spool", "writer", "segments", "bytes", "waiting"), [_columns(spool, positions) for spool in spools])
    if not spools:
        talk.print("nothing is spooled")
    for path in list_damaged(settings.spool_dir):
        talk.print(f"[bold red]damaged[/], its sound records were saved: {path}")


@app.command()
def drain(*, as_json: AsJson = False) -> None:
    """Carry everything that waits into the database now. Harmless beside a running service, and when repeated."""
    settings = Settings.from_environment()
    total: dict[str, int] = {}
    with Database.open(settings) as database, talk.status("draining") as line:
        more = True
        while more:
            drained = drain_once(database, settings.spool_dir, DrainPolicy.of(settings))
            more = drained.more
            _add(total, drained)
            line.update(f"draining: {total['records']:,} records")
    if as_json:
        print_json(total)
    talk.print(
        f"{total['records']:,} records read: {total['exposures']:,} exposures and {total['interactions']:,} "
        f"interactions are new in the database, {total['dead_letters']:,} were set aside in dead_letters"
    )


@app.command()
def export() -> None:
    """Write every record of the spools, drained or not, as JSON lines to stdout. Needs no database."""
    for line in lines(Settings.from_environment().spool_dir):
        sys.stdout.buffer.write(line)


@app.command()
def dead_letters(
    *,
    again: Annotated[
        bool, typer.Option("--replay", help="Try to insert them again, once their cause is gone.")
    ] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the records that the database refused for what they hold, and why; exit code 1 if a replay is refused."""
    with Database.open(Settings.from_environment()) as database:
        if again:
            outcome = replay(database, limit)
            talk.print(f"{outcome.landed} landed, {outcome.refused} refused again")
            if outcome.refused:
                fail("some are still refused; `recsys spool dead-letters` says why")
            return
        with database.system() as conn:
            letters = list_buried(conn, limit)
    if as_json:
        print_json([_letter(letter) for letter in letters])
        return
    print_columns(("since", "tenant", "kind", "sqlstate", "reason"), map(_letter_columns, letters))


def _positions(settings: Settings, spools: list[SpoolFolder]) -> Positions | None:
    """Ask the database how far it is; None when it can not be asked, which is when people look at the spool."""
    if not spools:
        return {}
    try:
        with Database.open(settings) as database:
            return load_positions(database, spools, settings.spool_keep_seconds)
    except OperatorError as error:
        talk.print(f"[bold yellow]warning:[/] {error.message}")
        return None


def _waiting(spool: SpoolFolder, positions: Positions | None) -> int | None:
    if positions is None:
        return None
    return sum(max(0, file.size - position_of(positions, spool, file).bytes) for file in spool.segments)


def _as_json(settings: Settings, spools: list[SpoolFolder], positions: Positions | None) -> dict[str, Any]:
    root: Path = settings.spool_dir
    return {
        "folder": root,
        "room": room(root, Bounds.of(settings)) if root.exists() else None,
        "spools": [
            {
                "id": spool.id,
                "live": spool.live,
                "segments": len(spool.segments),
                "bytes": spool.size,
                "waiting_bytes": _waiting(spool, positions),
            }
            for spool in spools
        ],
        "damaged": list_damaged(root),
    }


def _columns(spool: SpoolFolder, positions: Positions | None) -> tuple[str, ...]:
    waiting = _waiting(spool, positions)
    writer = "running" if spool.live else "ended"
    return (
        spool.id,
        writer,
        str(len(spool.segments)),
        f"{spool.size:,}",
        "not known" if waiting is None else f"{waiting:,}",
    )


def _add(total: dict[str, int], drained: Drained) -> None:
    for name, number in drained._asdict().items():
        if name != "more":
            total[name] = total.get(name, 0) + number


def _letter(letter: Buried) -> dict[str, Any]:
    return {**letter._asdict(), "record": letter.record.hex()}


def _letter_columns(letter: Buried) -> tuple[str, ...]:
    return (
        f"{letter.created_at:%Y-%m-%d %H:%M}",
        str(letter.tenant_id or "not known"),
        letter.kind,
        letter.sqlstate or "",
        letter.reason,
    )
