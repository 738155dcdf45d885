"""A snapshot that was written to a file is the same snapshot when it is mapped, or is refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from recsys.snapshot import filed
from recsys.snapshot.columns import Columns
from recsys.snapshot.filed import Unusable
from recsys.snapshot.freeze import freeze
from recsys.snapshot.origin import Origin
from recsys.snapshot.sessions import SessionColumns
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import SignalParams

DAY = date(2026, 7, 1)
ORIGIN = Origin("system/1", "10:20:11,14")
IDS = ["Z", "a", "b", "é", "日本", "😀"]


def frozen(*, ids: list[str] = IDS) -> Snapshot:
    """Freeze a catalogue with every signal."""
    pairs = [(one, other, DAY, 2.0) for one in ids for other in ids if one != other]
    columns = Columns.from_rows(
        popularity=[(one, DAY, place + 1.0) for place, one in enumerate(ids)],
        covisitation=pairs,
        tags=[(one, ("brand:é", f"n:{place}"), place != 1) for place, one in enumerate(ids)],
    )
    sessions = SessionColumns.of([ids, ids[:2]], columns.items)
    params = SignalParams(event_weights={"view": 1.0, "wish": 0.5}, feeds=(("home", "shop"),))
    now = datetime(2026, 7, 1, 12, 30, 1, 123456, tzinfo=UTC)
    columns = replace(columns, sessions=sessions)
    snapshot = freeze(columns, params, tenant_id=UUID(int=7), namespace="a shop/é", now=now)
    return replace(snapshot, origin=ORIGIN)


def assert_same(one: Any, other: Any) -> None:
    """Compare two values field by field, arrays by type and content."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
        assert not other.flags.writeable or other.size == 0
    elif isinstance(one, Vocabulary):
        assert tuple(one.ids) == tuple(other.ids)
    elif isinstance(one, tuple):
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other


def written(path: Path, snapshot: Snapshot) -> Path:
    """Write a snapshot to *path*."""
    with path.open("wb") as file:
        filed.write(file, snapshot)
    return path


@pytest.mark.parametrize("ids", [IDS, ["only"], []])
def test_every_field_comes_back(tmp_path: Path, ids: list[str]) -> None:
    """Whatever a snapshot holds is in the file: arrays and parameters, ids in any script, an empty catalogue too."""
    snapshot = frozen(ids=ids)
    found = filed.read(written(tmp_path / "s", snapshot))
    assert (found.origin, found.as_of, found.params) == (ORIGIN, snapshot.as_of, snapshot.params)
    assert_same(snapshot, found)


def test_ids_are_found_where_they_lie(tmp_path: Path) -> None:
    """A mapped vocabulary answers as the one it was made of: numbers, unknown ids, slices, a place beyond its end."""
    ids = sorted({f"item-{number * 7919 % 10007}" for number in range(3000)} | set(IDS))
    plain = frozen(ids=ids[:300]).items
    mapped = filed.read(written(tmp_path / "s", frozen(ids=ids[:300]))).items
    asked = [*plain.ids, "", "nobody", "item-", "\ud800"]
    assert mapped.numbers(asked) == plain.numbers(asked)
    assert mapped.numbers(asked) == plain.numbers(asked), "asked again"
    assert mapped.known(asked).tolist() == plain.known(asked).tolist()
    assert len(mapped) == len(plain)
    assert mapped.ids[3:6] == plain.ids[3:6]
    assert (mapped.ids[-1], mapped.ids[np.int32(5)]) == (plain.ids[-1], plain.ids[5])
    with pytest.raises(IndexError):
        mapped.ids[len(mapped)]


def test_arrays_lie_where_processors_like_them(tmp_path: Path) -> None:
    """No array is copied: each is a view of the file, at a multiple of 64 bytes."""
    snapshot = filed.read(written(tmp_path / "s", frozen()))
    for array in (snapshot.popularity, snapshot.neighbors.indices, snapshot.by_popularity, snapshot.tag_weight):
        assert not array.flags.owndata
        assert array.ctypes.data % 64 == 0


def test_a_file_is_replaced_under_those_who_map_it(tmp_path: Path) -> None:
    """A snapshot stays whole when its file is gone."""
    path = written(tmp_path / "s", frozen())
    snapshot = filed.read(path)
    path.unlink()
    assert_same(frozen(), snapshot)


@pytest.mark.parametrize("damage", ["torn", "flipped", "header", "empty", "other", "longer"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    """Every byte is accounted for: a cut, a flipped bit, another file under the name."""
    snapshot = frozen()
    path = written(tmp_path / "s", snapshot)
    whole = path.read_bytes()
    at = whole.index(snapshot.popularity.tobytes())
    changed = {
        "torn": whole[:-64],
        "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        "header": whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
        "empty": b"",
        "other": b"a text" * 100,
        "longer": whole + b"x",
    }
    path.write_bytes(changed[damage])
    with pytest.raises(Unusable):
        filed.read(path)


def test_another_release_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another release made of the rows may differ from what this one would, so it is made anew."""
    path = written(tmp_path / "s", frozen())
    monkeypatch.setattr(filed, "__version__", "99.0")
    with pytest.raises(Unusable, match="release"):
        filed.read(path)
