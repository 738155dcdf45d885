"""`recsys items import` and `recsys interactions import`, run as a person runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from recsys.settings import Settings

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("tenant_id")


@pytest.fixture
def recsys(settings: Settings, tmp_path: Path) -> Run:
    """Run one command against this test's database, in an empty folder."""
    assert settings.database_url is not None
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")},
        "DATABASE_URL": settings.database_url,
        "RECSYS_OWNER_DATABASE_URL": settings.owner_database_url or "",
        "RECSYS_DATA_DIR": str(tmp_path / "data"),
        "RECSYS_USER_KEY_SECRET": "secret",
        "RECSYS_TENANT": "acme",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "recsys", *arguments]
        return subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_items_are_imported_for_the_tenant_that_the_variable_names(
    recsys: Run, tmp_path: Path, operator: psycopg.Connection, tenant_id: UUID
) -> None:
    """A good file ends with 0, its counts on stdout, its rows under the tenant and the namespace."""
    (tmp_path / "items.csv").write_text("item_id,tags\na,x\nb,y\n", encoding="utf-8")
    done = recsys("items", "import", "items.csv", "--namespace", "shop", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"namespace": "shop", "created": 2, "changed": 0, "unchanged": 0, "refused": 0}
    stored = operator.execute("select tenant_id, namespace, item_id from item_tags order by item_id").fetchall()
    assert stored == [(tenant_id, "shop", "a"), (tenant_id, "shop", "b")]


def test_refused_rows_are_accounted_for_one_by_one(recsys: Run, tmp_path: Path) -> None:
    """The command ends with 3, says how many and why, and writes every refused row to the file asked for."""
    (tmp_path / "events.csv").write_text(
        "who,item_id,event_type,occurred_at\nu,a,view,soon\nu,,view,soon\n", encoding="utf-8"
    )
    done = recsys(
        "interactions", "import", "events.csv", "--column", "user_id=who", "--refused", "refused.jsonl", "--json"
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["refused"] == 2
    assert "2 rows were refused" in done.stderr
    lines = (tmp_path / "refused.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(line["row"], line["path"]) for line in map(json.loads, lines)] == [(2, "$.occurred_at"), (3, "$")]


def test_a_dry_run_stores_nothing(recsys: Run, tmp_path: Path, operator: psycopg.Connection) -> None:
    """It checks every row, says how many partitions the file would make, and leaves the database as it was."""
    (tmp_path / "events.csv").write_text(
        "item_id,occurred_at\na,2019-01-01T00:00:00Z\nb,2019-02-01T00:00:00Z\n", encoding="utf-8"
    )
    partitions = "select count(*) from recsys_partitions('interaction_events')"
    before = operator.execute(partitions).fetchone()
    done = recsys("interactions", "import", "events.csv", "--event-type", "view", "--since", "2019-01-01", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "good 2" in done.stdout
    assert "new partitions: 2" in done.stderr
    assert "Upkeep will drop" in done.stderr
    assert operator.execute(partitions).fetchone() == before
    assert operator.execute("select count(*) from interaction_events").fetchone() == (0,)


def test_old_data_is_shifted_to_now(recsys: Run, tmp_path: Path, operator: psycopg.Connection) -> None:
    """With --shift-to-now a file of 1998 is taken whole, and the command says by how much it moved it."""
    (tmp_path / "events.jsonl").write_text(
        '{"item_id":"a","occurred_at":880000000,"event_type":"rating"}\n', encoding="utf-8"
    )
    done = recsys("interactions", "import", "events.jsonl", "--shift-to-now")
    assert done.returncode == 0, done.stderr
    assert "All times are moved by" in done.stderr
    age = operator.execute("select now() - occurred_at < interval '10 minutes' from interaction_events").fetchall()
    assert age == [(True,)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("events.csv", "--tenant", "nobody"), 1, "recsys tenants create"),
        (("missing.csv",), 1, "No such file"),
        (("events.csv", "--column", "user_id"), 2, "FIELD=COLUMN"),
        (("events.csv", "--timezone", "Mars/Olympus"), 2, "Europe/Berlin"),
        (("events.csv", "--since", "long ago"), 2, "--since"),
        (("events.csv", "--refused", "no/such/folder"), 2, "can not be written"),
    ],
)
def test_mistakes_end_with_a_sentence(
    recsys: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """A wrong option ends with 2, something that is not there with 1, and no traceback is shown."""
    (tmp_path / "events.csv").write_text("item_id,occurred_at\n", encoding="utf-8")
    done = recsys("interactions", "import", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
