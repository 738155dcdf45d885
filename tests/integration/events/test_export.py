"""What was shown and what came of it, carried out of the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest
from typer.testing import CliRunner, Result

from recsys.cli import app
from recsys.events import export_files
from recsys.events.records import Kind
from recsys.settings import Settings, environment
from recsys.tenancy import tenants

Command = Callable[..., Result]
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
DAYS = [NOON - timedelta(days=back) for back in (3, 2, 1)]


@pytest.fixture
def tenant(desk: Any) -> Any:
    """A tenant with ten lists and as many outcomes on each of three days, and another one's list."""
    with desk.database.system() as conn:
        made = tenants.create(conn, "shop")
        other = tenants.create(conn, "other")
    lists = [
        desk.exposure(number, tenant_id=made.id, occurred_at=DAYS[number // 10] + timedelta(seconds=number))
        for number in range(30)
    ]
    desk.spool(Kind.EXPOSURE, [*lists, desk.exposure(99, tenant_id=other.id, occurred_at=NOON)])
    kinds = ("click", "purchase", "view")
    events = [
        desk.interaction(
            number,
            tenant_id=made.id,
            occurred_at=DAYS[number // 10] + timedelta(seconds=number),
            event_type=kinds[number % 3],
            request_id=None if number == 0 else f"r{number}",
        )
        for number in range(30)
    ]
    desk.spool(Kind.INTERACTION, events)
    desk.drain()
    return made


@pytest.fixture
def run(settings: Settings, tenant: Any) -> Command:
    """Run a command on this test's database."""
    variables = environment(database_url=settings.database_url, data_dir=settings.data_dir, user_key_secret="x")  # noqa: S106  it keeps nothing
    del tenant

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files go."""
    return tmp_path / "export"


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_list_of_the_tenant_is_a_line(run: Command) -> None:
    """To stdout, oldest first, nobody else's."""
    result = run("exposures", "export", "--format", "eval_v1", "--tenant", "shop")
    assert result.exit_code == 0, result.stderr
    assert [line["request_id"] for line in _lines(result.stdout)] == [f"r{number}" for number in range(30)]


def test_times_and_surface_select(run: Command) -> None:
    """The first moment is included, the last is not; a surface that shows nothing has no lines."""
    chosen = ["exposures", "export", "--tenant", "shop"]
    begin, end = DAYS[1].isoformat(), (DAYS[1] + timedelta(seconds=12)).isoformat()
    lines = _lines(run(*chosen, "--since", begin, "--until", end).stdout)
    assert [line["request_id"] for line in lines] == ["r10", "r11"]
    assert run(*chosen, "--surface", "nowhere").stdout == ""


def test_outcomes_are_clicks_and_conversions_that_name_a_request(run: Command) -> None:
    """A view is none unless somebody says so; what names no request is left out."""
    lines = _lines(run("outcomes", "export", "--tenant", "shop").stdout)
    assert {line["event_type"] for line in lines} == {"click", "conversion"}
    assert len(lines) == 19
    lines = _lines(run("outcomes", "export", "--tenant", "shop", "--click", "view").stdout)
    assert [line["event_type"] for line in lines].count("click") == 10
    assert len(lines) == 20


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_folder_gets_a_file_a_day(run: Command, folder: Path, form: str) -> None:
    """Both forms hold the same lines; a second run writes nothing again."""
    command = ["exposures", "export", "--tenant", "shop", "--to", str(folder), "--as", form]
    assert run(*command).exit_code == 0
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"exposures-{day.date()}.{form}" for day in DAYS]
    before = [file.stat().st_mtime_ns for file in files]
    assert "0 lines written" in run(*command).stderr
    assert [file.stat().st_mtime_ns for file in files] == before
    if form == "parquet":
        rows = pq.read_table(files[1]).to_pylist()
        assert [row["request_id"] for row in rows] == [f"r{number}" for number in range(10, 20)]
        assert rows[0]["items"] == [
            {"item_id": "a", "rank": 1, "propensity": None},
            {"item_id": "b", "rank": 2, "propensity": None},
        ]
        assert rows[0]["context"]["tenant_id"] == "shop"
        assert rows[0]["ts"] == DAYS[1] + timedelta(seconds=10)
    else:
        assert len(_lines(files[1].read_text())) == 10


def test_outcomes_go_to_parquet_too(run: Command, folder: Path) -> None:
    """With the value as a number."""
    assert run("outcomes", "export", "--tenant", "shop", "--to", str(folder), "--as", "parquet").exit_code == 0
    rows = pq.read_table(next(iter(sorted(folder.iterdir())))).to_pylist()
    assert {row["event_type"] for row in rows} == {"click", "conversion"}


def test_a_day_that_is_not_over_is_written_again(run: Command, folder: Path) -> None:
    """Its file says that it is unfinished, and gives way to the finished one."""
    command = ["exposures", "export", "--tenant", "shop", "--to", str(folder), "--since", DAYS[1].isoformat()]
    half = (DAYS[1] + timedelta(seconds=12)).isoformat()
    assert run(*command, "--until", half).exit_code == 0
    assert [file.name for file in folder.iterdir()] == [f"exposures-{DAYS[1].date()}.unfinished.jsonl"]
    assert run(*command).exit_code == 0
    names = sorted(file.name for file in folder.iterdir())
    assert names == [f"exposures-{day.date()}.jsonl" for day in DAYS[1:]]


def test_an_interrupted_export_goes_on(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle of the second day, it has written the first; run again, it writes the rest and no more."""
    written = iter(range(15))
    to_json = export_files.to_json

    def fail(line: Any) -> bytes:
        if next(written, None) is None:
            raise KeyboardInterrupt
        return to_json(line)

    command = ["exposures", "export", "--tenant", "shop", "--to", str(folder)]
    with monkeypatch.context() as patch:
        patch.setattr(export_files, "to_json", fail)
        assert run(*command).exit_code != 0
    assert [file.name for file in folder.glob("*.jsonl")] == [f"exposures-{DAYS[0].date()}.jsonl"]
    assert "20 lines written" in run(*command).stderr
    assert sum(len(_lines(file.read_text())) for file in folder.glob("*.jsonl")) == 30


def test_parquet_does_not_go_to_stdout(run: Command) -> None:
    """The remedy is said, as wrong usage."""
    result = run("exposures", "export", "--tenant", "shop", "--as", "parquet")
    assert result.exit_code == 2
    assert "--to" in result.stderr
