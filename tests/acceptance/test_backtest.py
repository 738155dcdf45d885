"""`recsys backtest` from outside, on a file: no database is started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def recsys(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing in its environment that names a database."""
    command = [sys.executable, "-m", "recsys", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def walks(tmp_path: Path) -> Path:
    """Sixty visitors who go round in a ring of ten items, and one row that can not be read."""
    file = tmp_path / "walks.jsonl"
    rows = [
        {"user_id": f"v{n}", "item_id": f"i{(n + step) % 10}", "event_type": "view", "occurred_at": 60 * (n * 9 + step)}
        for n in range(60)
        for step in range(4)
    ]
    file.write_text("\n".join(map(json.dumps, [*rows, {"item_id": "x"}])) + "\n")
    return file


def test_a_file_is_replayed(walks: Path, tmp_path: Path) -> None:
    """Figures come as JSON on stdout and as three files, and the row that was left out is named on stderr."""
    done = recsys("backtest", str(walks), "--json", "-k", "3", "--report", str(tmp_path / "out"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [one["name"] for one in report["results"]] == ["popularity", "counts", "defaults"]
    assert report["results"][2]["figures"]["hr@3"]["value"] > 0.5
    assert "1 rows were refused" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "backtest.json",
        "backtest.md",
        "backtest.svg",
    ]
    assert not (tmp_path / ".recsys").exists()


def test_a_floor_that_is_not_reached_ends_with_3(walks: Path, tmp_path: Path) -> None:
    """`--at-least` makes a backtest a check."""
    done = recsys("backtest", str(walks), "--no-baselines", "--at-least", "ndcg@10=1.01", folder=tmp_path)
    assert done.returncode == 3
    assert "ndcg@10 should reach 1.01" in done.stderr


def test_configs_are_compared_side_by_side(walks: Path, tmp_path: Path) -> None:
    """Each `--config` is a row of its own, by the name of its file."""
    (tmp_path / "popular.json").write_text('{"algo": "popularity"}')
    done = recsys("backtest", str(walks), "--config", "popular.json", "--no-baselines", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| defaults |" in done.stdout
    assert "| popular |" in done.stdout


def test_what_is_wrong_is_said(walks: Path, tmp_path: Path) -> None:
    """A protocol or a source that does not exist is named, with those that do."""
    wrong = recsys("backtest", str(walks), "--protocol", "guess", folder=tmp_path)
    assert (wrong.returncode, "leave-last-out" in wrong.stderr) == (2, True)
    missing = recsys("backtest", "nowhere", folder=tmp_path)
    assert (missing.returncode, "movielens-100k" in missing.stderr) == (1, True)


def test_settings_are_searched_and_judged_on_a_file(walks: Path, tmp_path: Path) -> None:
    """`tune` writes a document that a backtest takes, and recommends nothing else than what it began with in noise."""
    output = tmp_path / "better.json"
    done = recsys(
        *(
            "tune",
            str(walks),
            "--protocol",
            "leave-last-out",
            "-k",
            "3",
            "--minutes",
            "0.1",
            "-o",
            str(output),
            "--json",
        ),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["trials"] >= 1
    assert verdict["recommended"] == (verdict["gain"]["low"] > 0)
    document = json.loads(output.read_text())
    assert document == verdict["document"]
    assert verdict["recommended"] or document == {}
    again = recsys("backtest", str(walks), "--config", "better.json", "--no-baselines", folder=tmp_path)
    assert again.returncode == 0, again.stderr


def test_a_figure_that_does_not_exist_is_named(walks: Path, tmp_path: Path) -> None:
    """A wrong option ends with 2 before anything is searched."""
    done = recsys("tune", str(walks), "--figure", "luck", folder=tmp_path)
    assert done.returncode == 2
    assert "luck" in done.stderr
