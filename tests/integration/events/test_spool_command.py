"""`recsys spool`: what an operator sees and does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.spool import app
from recsys.events.records import Kind
from recsys.settings import Settings, environment


@pytest.fixture
def recsys_spool(settings: Settings, desk: Any) -> Any:
    """Run the command on this test's database and spool folder."""
    desk.root = settings.spool_dir
    variables = environment(
        database_url=settings.database_url, owner_database_url=settings.owner_database_url, data_dir=settings.data_dir
    )

    def run(*arguments: str, **changed: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables | {"RECSYS_SPOOL_MIN_FREE_MIB": "0"} | changed)

    return run


def test_status_says_what_waits(desk: Any, recsys_spool: Any) -> None:
    """Before a drain the records wait, after it nothing does, and the files are still there."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(3)])
    (before,) = json.loads(recsys_spool("status", "--json").stdout)["spools"]
    assert recsys_spool("drain").exit_code == 0
    (after,) = json.loads(recsys_spool("status", "--json").stdout)["spools"]

    assert before["waiting_bytes"] == before["bytes"] == after["bytes"]
    assert (after["waiting_bytes"], after["live"], after["segments"]) == (0, False, 1)


def test_status_works_while_the_database_is_away(desk: Any, recsys_spool: Any) -> None:
    """What lies on disk is shown although nobody can say how much of it has landed."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1)])
    shown = recsys_spool("status", DATABASE_URL="host=/nonexistent dbname=x")

    assert shown.exit_code == 0
    assert "not known" in shown.stdout
    assert "can not be reached" in shown.stderr


def test_drain_carries_everything(desk: Any, recsys_spool: Any) -> None:
    """One command empties the backlog, and repeated it finds nothing."""
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(30)])
    desk.spool(Kind.EXPOSURE, [desk.exposure(1)])
    first = json.loads(recsys_spool("drain", "--json").stdout)
    second = json.loads(recsys_spool("drain", "--json").stdout)

    assert (first["interactions"], first["exposures"], first["dead_letters"]) == (30, 1, 0)
    assert second["records"] == 0


def test_export_needs_no_database(desk: Any, recsys_spool: Any) -> None:
    """Every record is a line of JSON with its fields, also those that this version can not read."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1, user_key=b"\xff\x00", meta=b'{"a":[1]}')])
    desk.spool(Kind.EXPOSURE, [desk.exposure(2)])
    desk.spool(77, [b"?"])
    result = recsys_spool("export", DATABASE_URL="host=/nonexistent dbname=x")
    first, second, third = map(json.loads, result.stdout.splitlines())

    assert (first["kind"], first["event_id"], first["user_key"], first["meta"]) == (
        *("interaction", "e1", "ff00", {"a": [1]}),
    )
    assert (second["kind"], second["request_id"], second["item_ids"]) == ("exposure", "r2", ["a", "b"])
    assert (third["kind"], third["payload"]) == ("kind-77", "Pw==")


def test_dead_letters_are_listed_and_replayed(desk: Any, recsys_spool: Any) -> None:
    """The list says why; a replay that is refused again ends with 1, one that lands with 0."""
    desk.operator.execute("alter table interaction_events add constraint for_a_while check (event_type <> 'click')")
    desk.spool(Kind.INTERACTION, [desk.interaction(1)])
    desk.drain()
    (letter,) = json.loads(recsys_spool("dead-letters", "--json").stdout)
    assert "for_a_while" in letter["reason"]
    assert recsys_spool("dead-letters").stdout.count("for_a_while") == 1
    assert recsys_spool("dead-letters", "--replay").exit_code == 1

    desk.operator.execute("alter table interaction_events drop constraint for_a_while")
    assert recsys_spool("dead-letters", "--replay").exit_code == 0
    assert desk.event_ids() == ["e1"]
    assert json.loads(recsys_spool("dead-letters", "--json").stdout) == []
