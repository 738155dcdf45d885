"""`recsys partitions`: what the logs are made of, and what upkeep does about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from recsys.cli.columns import print_columns
from recsys.cli.console import Exit, out, print_json, talk
from recsys.db.pool import Database
from recsys.maintenance.archive import archive_of
from recsys.maintenance.partitions import Partition, Plan, Policy, plan, read_partitions, read_policies
from recsys.maintenance.retirement import Waiting, read_waiting
from recsys.maintenance.upkeep import upkeep_once
from recsys.settings import Settings

app = typer.Typer(no_args_is_help=True, help=__doc__)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show each log's policy, its partitions, how far they reach, and what upkeep would do next."""
    now = datetime.now(UTC)
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        logs = [(policy, read_partitions(conn, policy.parent_table)) for policy in read_policies(conn)]
        waiting = read_waiting(conn)
    if as_json:
        print_json(
            [_as_json(policy, partitions, plan(policy, partitions, now), waiting) for policy, partitions in logs]
        )
        return
    for policy, partitions in logs:
        _print(policy, partitions, plan(policy, partitions, now))
    _print_waiting(waiting)


@app.command()
def run() -> None:
    """Do the upkeep now: make what the policies want, retire what is over. Harmless beside a running service."""
    settings = Settings.from_environment()
    with Database.open(settings) as database:
        done = upkeep_once(database, archive_of(settings))
        with database.system() as conn:
            waiting = read_waiting(conn)
    for name in done.made:
        out.print(f"{name} made")
    for name in done.dropped:
        out.print(f"{name} dropped")
    for problem in done.problems:
        talk.print(f"[yellow]not done:[/] {problem}")
    if done.problems:
        raise typer.Exit(Exit.FAILED)
    _print_waiting(waiting)
    if not done.made and not done.dropped and not waiting:
        talk.print("nothing to do")


def _as_json(policy: Policy, partitions: list[Partition], planned: Plan, waiting: list[Waiting]) -> dict[str, Any]:
    return {
        "table": policy.parent_table,
        "policy": {key: value for key, value in policy._asdict().items() if key != "parent_table"},
        "partitions": [partition._asdict() for partition in partitions],
        "runway_days": round(planned.runway.total_seconds() / 86400, 2),
        "next": {
            "replace": [partition.partition_name for partition in planned.replace],
            "make": [bounds._asdict() for bounds in planned.make],
            "retire": [partition.partition_name for partition in planned.retire],
        },
        "retiring": [left._asdict() for left in waiting if left.parent_table == policy.parent_table],
    }


def _print(policy: Policy, partitions: list[Partition], planned: Plan) -> None:
    kept = "for good" if policy.retain_days is None else f"{policy.retain_days} days"
    out.print(f"[bold]{policy.parent_table}[/]: by {policy.interval}, {policy.ahead} ahead, kept {kept}")
    print_columns(("partition", "from", "to", "rows, about", "bytes"), map(_columns, partitions))
    out.print(f"every insert of the next {planned.runway.days} days finds its partition; {_next(planned)}\n")


def _print_waiting(waiting: list[Waiting]) -> None:
    for left in waiting:
        why = left.last_error or "not begun"
        talk.print(f"[yellow]left to a later pass:[/] {left.partition_name}, {left.state}: {why}")


def _columns(partition: Partition) -> tuple[str, ...]:
    rows = "not known yet" if partition.rows < 0 else f"{partition.rows:,}"
    lower, upper = (f"{bound:%Y-%m-%d}" for bound in partition.bounds)
    return partition.partition_name, lower, upper, "none" if partition.empty else rows, f"{partition.bytes:,}"


def _next(planned: Plan) -> str:
    todo = [f"replace {partition.partition_name}" for partition in planned.replace]
    todo += [f"make {bounds.lower:%Y-%m-%d} to {bounds.upper:%Y-%m-%d}" for bounds in planned.make]
    todo += [f"retire {partition.partition_name}" for partition in planned.retire]
    return "upkeep would " + ", ".join(todo) if todo else "upkeep has nothing to do"
