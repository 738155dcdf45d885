"""Loops as machine code: loaded late, kept on disk, and the same as what is written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.ranking.compiled import Kernel
from recsys.ranking.loops import greedy, pool, tags

RNG = np.random.default_rng(5)
ROWS = (np.array([0, 2, 2, 5, 9]), np.array([1, 3, 0, 1, 2, 0, 1, 2, 3], dtype=np.int32))
VECTORS = (*ROWS, RNG.random(9, dtype=np.float32))
NUMBERS = np.array([0, 1, 2, 3])
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
LIMITS = (np.array([1, 3]), np.array([1, -1]))


def test_what_ranks_is_imported_without_numba() -> None:
    """Commands that make no list do not pay for the compiler."""
    program = "import sys, recsys.cli, recsys.api.app; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("one", "arguments"),
    [
        (pool.tied, (VECTORS, NUMBERS, WEIGHTS, 2)),
        (pool.ascending, (np.array([7, 1 << 40, -3, 7, 0, -(1 << 33)]),)),
        (pool.united, (ROWS[1], WEIGHTS, 0.02)),
        (pool.sifted, (np.array([0, 1, 6, 0, 16, 24]),)),
        (pool.at, (WEIGHTS, np.array([3, 0, 3]))),
        (pool.numbers_at, (NUMBERS, np.array([3, 0, 3]))),
        (pool.lifted, (WEIGHTS, RNG.random(9), np.array([8, 0, 3, 3]))),
        (pool.plus, (WEIGHTS, WEIGHTS[::-1].copy(), 0.3)),
        (pool.heads, (ROWS, NUMBERS, 3)),
        (pool.judged, (NUMBERS, NUMBERS > 0, np.array([-1, 2, 9]), np.array([2, 3]), NUMBERS == 1)),
        (pool.places_of, (NUMBERS, np.array([3, -1, 7], dtype=np.int32))),
        (pool.holds, (ROWS[1], np.array([3, 9], dtype=np.int32))),
        (pool.standing, (WEIGHTS, 10**6)),
        (tags.carries, (ROWS, NUMBERS, np.array([0, 3]))),
        (tags.blended, (VECTORS, NUMBERS, WEIGHTS)),
        (tags.heaviest, (ROWS[1], RNG.random(9), 5)),
        (tags.affinities, (ROWS, WEIGHTS, NUMBERS, tags.blended(VECTORS, NUMBERS, WEIGHTS)[2:])),
        (greedy.alike, (ROWS, NUMBERS, WEIGHTS)),
        (greedy.flattened, (np.array([0, 2]), np.array([4, 3]), np.array([5, 1]))),
        (greedy.choose, (NUMBERS, NUMBERS, np.array([2]), 2, np.empty((0, 0)), ROWS, LIMITS)),
        (greedy.choose, (NUMBERS, NUMBERS, np.array([2]), 2, RNG.random((3, 3)), ROWS, LIMITS)),
    ],
)
def test_machine_code_does_what_is_written(one: Kernel[..., Any], arguments: tuple[Any, ...]) -> None:
    """A loop gives the same as Python and as machine code."""
    compiled, written = one(*arguments), one.loop(*arguments)
    if not isinstance(compiled, tuple):
        compiled, written = (compiled,), (written,)
    assert [np.asarray(value).tolist() for value in compiled] == [np.asarray(value).tolist() for value in written]


def test_machine_code_is_kept_where_something_can_be_written(tmp_path: Path) -> None:
    """Without a writable package and a writable home, the folder that the caller names keeps it."""
    (tmp_path / "__pycache__").touch()
    kept = tmp_path / "kept"
    (tmp_path / "counting.py").write_text(
        "from __future__ import annotations\n"
        "from recsys.ranking.compiled import Index, kernel\n"
        "@kernel\n"
        "def double(number: int) -> int:\n"
        "    return 2 * number\n"
        "@kernel\n"
        "def quadruple(number: int) -> int:\n"
        "    return double(double(number))\n"
    )
    program = f"import pathlib, counting; print(counting.quadruple.load(pathlib.Path({str(kept)!r}))(3))"
    nowhere = str(tmp_path / "__pycache__" / "nowhere")
    environ = {**os.environ, "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-B", "-c", program]
    assert subprocess.run(command, env=environ, check=True, capture_output=True).stdout == b"12\n"
    assert list(kept.rglob("*.nbc"))


@pytest.mark.parametrize("size", [0, 1, 2, 900])
@pytest.mark.parametrize("spread", [1, 30, 1 << 21, 1 << 50])
def test_places_stand_in_the_order_of_their_keys_and_ties_as_they_stood(size: int, spread: int) -> None:
    """The radix sort agrees with numpy's stable one, for keys below 0 and far apart too."""
    keys = RNG.integers(-spread, spread, size)
    assert pool.ascending(keys).tolist() == keys.argsort(kind="stable").tolist()
