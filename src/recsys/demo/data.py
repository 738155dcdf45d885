"""What the demo loads: which commands do it, and whether they have been run."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from recsys.datasets.fetch import Fetched
from recsys.db.pool import Database
from recsys.db.queries import sql

TENANT = "demo"
NAMESPACE = "films"
SURFACE = "home"
VISITOR = "776"
"""Somebody who rated 105 films, the last of them horror, two days before the data ends: a taste that one can see."""


class Step(NamedTuple):
    """One command of the demo, and why it is there."""

    why: str
    arguments: tuple[str, ...]


def steps(data: Fetched) -> list[Step]:
    """List the commands that turn the data set's files into a tenant that can be served."""
    with as_file(files("recsys.demo") / "config.json") as config:
        return [
            Step("a tenant", ("tenants", "create", TENANT, "--name", "The demo")),
            Step("which surface shows which catalogue", ("config", "put", str(config), "--tenant", TENANT)),
            Step(
                "films, their genres and years",
                ("items", "import", str(data.items), "--tenant", TENANT, "--namespace", NAMESPACE),
            ),
            Step(
                "what visitors rated, moved so that the last rating is now",
                (
                    "interactions",
                    "import",
                    str(data.interactions),
                    "--tenant",
                    TENANT,
                    "--surface",
                    SURFACE,
                    "--shift-to-now",
                ),
            ),
            Step("from ratings to signals", ("signals", "build", "--tenant", TENANT)),
        ]


def is_loaded(database: Database) -> bool:
    """Whether the last step has been done in this database."""
    with database.system() as conn:
        return conn.execute(sql("demo.is_loaded"), (TENANT, NAMESPACE)).fetchone() == (True,)


def last_rated(interactions: Path, visitor: str, count: int) -> list[str]:
    """Read which items a visitor rated last, newest first; file order breaks ties, as it does in the database."""
    with interactions.open(encoding="utf-8") as lines:
        rated = [row for row in map(json.loads, lines) if row["user_id"] == visitor]
    return [row["item_id"] for row in sorted(rated, key=lambda row: row["occurred_at"])[-count:][::-1]]
