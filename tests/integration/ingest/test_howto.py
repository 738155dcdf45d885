"""docs/howto/bring-your-data.md says what is true."""

import re
from pathlib import Path

import pytest

from recsys.db.pool import Database
from recsys.ingest import interaction_row, item_row
from recsys.ingest.columns import Columns
from recsys.ingest.interaction_row import Reading
from recsys.ingest.interactions import import_interactions
from recsys.ingest.items import Target, import_items
from recsys.ingest.source import DataFile

PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "bring-your-data.md").read_text(encoding="utf-8")
ITEMS, INTERACTIONS = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)


def test_its_items_can_be_imported(database: Database, reading: Reading, tmp_path: Path) -> None:
    """The example file is taken whole."""
    path = tmp_path / "items.csv"
    path.write_text(ITEMS, encoding="utf-8")
    done = import_items(database, DataFile(path, Columns(item_row.FIELDS)), Target(reading.tenant_id, "shop"))
    assert (done.created, done.account.refused) == (2, 0)


def test_its_interactions_can_be_imported(database: Database, reading: Reading, tmp_path: Path) -> None:
    """The example file is taken whole."""
    path = tmp_path / "events.csv"
    path.write_text(INTERACTIONS, encoding="utf-8")
    done = import_interactions(database, DataFile(path, Columns(interaction_row.FIELDS)), reading)
    assert (done.stored, done.account.refused) == (2, 0)


@pytest.mark.parametrize("field", sorted({*item_row.FIELDS, *interaction_row.FIELDS}))
def test_it_names_every_field(field: str) -> None:
    """No field is left undocumented."""
    assert f"`{field}`" in PAGE
