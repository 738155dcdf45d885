"""`recsys doctor` as an operator meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from recsys.db.pool import Database
from recsys.diagnosis import gather
from recsys.diagnosis.check import Diagnosis, Finding
from recsys.diagnosis.installation import examine
from recsys.ranking.loops import rating
from recsys.snapshot.shelf import shelf_of
from recsys.snapshot.snapshots import Snapshots
from recsys.tenancy.config import DEFAULTS

if TYPE_CHECKING:
    from conftest import Shop

Found = Callable[[Diagnosis, str], Finding]


def test_a_healthy_surface_ends_with_0(shop: Shop) -> None:
    """No failing check, exit code 0, and the first line says that the list is full."""
    done = shop.shell("recsys doctor --tenant acme --surface home")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "The list is full: 20 items."


def test_a_failing_check_ends_with_3_and_prints_what_to_paste(shop: Shop) -> None:
    """The first line is the answer, the remedy stands on lines of its own, and pasted it mends the list."""
    shop.run("update item_tags set available = false")
    done = shop.shell("recsys doctor --tenant acme --surface home")
    assert done.returncode == 3
    assert done.stdout.splitlines()[0] == "30 of 30 items are not available."
    (remedy,) = [line for line in done.stdout.splitlines() if line.startswith("update item_tags")]
    shop.operator.execute(remedy)  # type: ignore[arg-type]
    assert shop.shell("recsys doctor --tenant acme --surface home").returncode == 0


def test_a_request_is_explained_from_a_file_and_as_json(shop: Shop) -> None:
    """--request - reads a body of /v1/recommend; --json is the HTTP route's answer."""
    body = '{"surface": "home", "k": 3, "candidates": {"include_ids": ["nothing"]}}'
    done = shop.shell(f"echo '{body}' | recsys doctor --tenant acme --request - --json")
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)
    assert found["because"] == "Of 1 include_ids the catalogue holds 0. No other item may be shown."
    assert next(step for step in found["checks"] if step["status"] == "fail")["name"] == "allow_list"


def test_a_surface_without_a_tenant_is_wrong_usage(shop: Shop) -> None:
    """Exit code 2, with the option that is missing."""
    done = shop.shell("env -u RECSYS_TENANT recsys doctor --surface home")
    assert done.returncode == 2
    assert "--tenant" in done.stderr


@pytest.mark.parametrize("options", ["", "--tenant acme --surface home"])
def test_while_the_database_is_away_the_first_line_says_so(postgres: object, shop: Shop, options: str) -> None:
    """Exit code 3 within seconds; what needs no database is told all the same."""
    name = sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(shop.settings.database_url or "")["dbname"]))
    statement = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:  # type: ignore[attr-defined]
        conn.execute(statement.format(name, sql.Literal(False)))
        try:
            done = shop.shell(f"recsys doctor {options}")
        finally:
            conn.execute(statement.format(name, sql.Literal(True)))
    assert done.returncode == 3, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(("The database is away", "Database 'test_"))
    assert "can not be reached" in first
    assert any(line.strip().startswith("ok") for line in rest)


def test_the_installation_is_looked_at_whole(shop: Shop) -> None:
    """Versions, settings without secrets, schema, privileges, partitions, disk, clock, folder, port: none fails."""
    done = shop.shell("recsys doctor --json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {step["name"]: step for step in json.loads(done.stdout)["checks"]}
    assert found.keys() >= {"versions", "settings", "schema", "privileges", "partitions", "disk", "clock", "port"}
    assert found["settings"]["evidence"]["DATABASE_URL"] == "(set, hidden)"
    assert str(shop.settings.database_url) not in done.stdout


def test_partitions_that_are_gone_fail_and_the_remedy_makes_them(shop: Shop) -> None:
    """Without a partition for now the installation is not well; the command that is printed makes it."""
    for (name,) in shop.operator.execute(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'exposure_events'::regclass"
    ).fetchall():
        shop.operator.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
    with Database.open(shop.settings) as database:
        step = next(one for one in examine(shop.settings, database, None) if one.name == "partitions")
    assert step.status == "fail"
    shop.apply(step.remedies[0], {})
    assert shop.diagnose({"surface": "home"}).healthy


def test_fewer_partitions_than_the_policy_wants_warn(shop: Shop) -> None:
    """A policy that wants more ahead than there is warns with the number, until the printed command has made them."""
    shop.run("update partition_policies set ahead = ahead + 2 where parent_table = 'exposure_events'")
    with Database.open(shop.settings) as database:
        step = next(one for one in examine(shop.settings, database, None) if one.name == "partitions")
        assert step.status == "warn"
        assert "exposure_events lacks 2" in step.summary
        shop.apply(step.remedies[0], {})
        assert next(one for one in examine(shop.settings, database, None) if one.name == "partitions").status == "ok"


def test_warnings_tell_what_makes_lists_poor(shop: Shop, found: Found) -> None:
    """Old, absent and future evidence warns with its dates, and the list stays healthy."""
    shop.run("update item_popularity_daily set day = (now() at time zone 'UTC')::date - 40")
    shop.run("delete from item_covisit_daily")
    diagnosis = shop.diagnose({"surface": "home", "user": {"user_id": "ada"}})
    assert diagnosis.healthy
    assert found(diagnosis, "popularity").summary.startswith("The newest popularity is 40 days old, 6 half-lives")
    assert "There is no co-visitation" in found(diagnosis, "covisitation").summary
    assert "No interaction of this visitor" in found(diagnosis, "personalisation").summary
    shop.run("update item_popularity_daily set day = (now() at time zone 'UTC')::date - 100")
    assert "outside the window of 90" in found(shop.diagnose({"surface": "home"}), "popularity").summary
    shop.run("update item_popularity_daily set day = (now() at time zone 'UTC')::date + 100")
    assert "lie in the future" in found(shop.diagnose({"surface": "home"}), "popularity").summary


def test_a_document_that_was_written_around_the_checks_is_told(shop: Shop, found: Found) -> None:
    """Weights that are all zero, written with SQL, are not in force, and the doctor says so."""
    shop.run(
        "with version as (insert into tenant_config_versions (id, tenant_id, config) values"
        ' (gen_random_uuid(), {tenant}, \'{"weights": {"pop": 0, "cooc": 0, "emb": 0}}\') returning id, tenant_id)'
        " insert into tenant_configs_current (tenant_id, config_version_id) select tenant_id, id from version"
    )
    step = found(shop.diagnose({"surface": "home"}), "config")
    assert (step.status, "are not in force" in step.summary) == ("warn", True)


def test_rules_outside_their_window_are_told(shop: Shop, found: Found) -> None:
    """A rule that waits for its time is named with its window."""
    rule = {"id": "sale", "action": "pin", "item_ids": ["i05"], "valid_from": "2090-01-01"}
    shop.publish("rules", [rule])
    assert "1 rules are outside their window, 'sale'" in found(shop.diagnose({"surface": "home"}), "pins").summary


def test_what_a_service_keeps_on_disk_is_not_loaded_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A healthy surface is told from the files of this host, with what the log says has changed since."""
    snapshots = Snapshots(shop.database, shelf_of(shop.settings))
    for namespace in ("home", "default"):
        snapshots.load_once(shop.id, namespace, DEFAULTS.signals(namespace))
    shop.run("update item_tags set available = false where item_id = 'i01'")
    with monkeypatch.context() as patched:
        patched.setattr(gather, "load", None)  # a call would fail
        diagnosis = shop.diagnose({"surface": "home"})
    assert diagnosis.healthy
    summaries = {check.name: check.summary for check in diagnosis.checks}
    assert summaries["availability"] == "1 of 30 items are not available."


def test_a_short_list_is_told_from_the_database(shop: Shop, found: Found) -> None:
    """Files of this host may lack what nobody logged; before a list is called short, the rows themselves are read."""
    for namespace in ("home", "default"):
        Snapshots(shop.database, shelf_of(shop.settings)).load_once(shop.id, namespace, DEFAULTS.signals(namespace))
    shop.run("alter table item_tags disable trigger user")
    shop.run("update item_tags set available = false where item_id > 'i10'")
    shop.run("alter table item_tags enable trigger user")
    diagnosis = shop.diagnose({"surface": "home", "k": 30, "candidates": {"exclude_ids": ["i30"]}})
    assert "20 of 30" in found(diagnosis, "availability").summary


def test_a_loop_runs_as_machine_code_again_afterwards(shop: Shop) -> None:
    """What is run as it is written for one diagnosis is so for that one only."""
    assert shop.diagnose({"surface": "home"}).healthy
    assert rating.judged.load() is not rating.judged.loop
