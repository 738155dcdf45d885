"""Loops as machine code: loaded late, kept on disk, and the same as what is written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.ranking.compiled import Kernel
from recsys.ranking.loops import gathering, greedy, listing, pool, rating
from recsys.rules.live import BLOCKED, Adjustment, live
from recsys.snapshot.cards import rewritten, written
from recsys.snapshot.rows import Rows

RNG = np.random.default_rng(5)
ROWS = (np.array([0, 2, 2, 5, 9]), np.array([1, 3, 0, 1, 2, 0, 1, 2, 3], dtype=np.int32))
VECTORS = (*ROWS, RNG.random(9, dtype=np.float32))
NUMBERS = np.array([0, 1, 2, 3])
UNSIGNED = np.arange(4, dtype=np.uint32)
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
NOTHING = WEIGHTS[:0].copy()
LIMITS = (np.array([1, 3]), np.array([1, -1]))
NO_LIMITS = (NUMBERS[:0], NUMBERS[:0])
WORDS = written(WEIGHTS, NUMBERS != 2, Rows(*ROWS), np.array([0.5, 0.0, 0.7, 0.9]))
CARDS = (WORDS, *ROWS)
FILTERS = (np.array([-1, 2, 9]), np.array([2, 3]), np.array([0, 3]), np.array([1]))
NO_FILTERS = (NUMBERS[:0],) * 4
RULES = live(4, adjustments=[Adjustment(np.array([1, 3], dtype=np.int32), 0.4, "up", "boost")], blocked=ROWS[1][:1])
STEERING = RULES.steering
PINNED, POSITIONS = np.array([1, 1, -1, 0, 2], dtype=np.int32), np.array([-1, 0, 0, 2, 4])
PINS = (PINNED, POSITIONS, NUMBERS[[0, 0, 1, 1, 2]], np.array([1, 1, -1, 0, -1]))
PLACES, PRODUCTS = rating.blended.loop(VECTORS, WEIGHTS, NUMBERS[:2], WEIGHTS)[2:]
PROFILE = (PLACES, PRODUCTS)
SHARES = np.array([0.2, 0.3, 0.1, 0.3, 0.1])
SIGNALS = (WEIGHTS, WEIGHTS, NOTHING, WEIGHTS, NOTHING)
SOME, MARKS = np.array([3, 0], dtype=np.int32), np.array([512, 1024])
TABLE, FOUND, COUNT = pool.united.loop(SOME, WEIGHTS[:2], SOME, *(SOME[:0],) * 4, MARKS[:0], 0.02)[:3]
OFFERS = (SOME, SOME[:1], np.array([2, -1], dtype=np.int32), SOME[1:], SOME, MARKS)
ASKED = (
    NUMBERS[:2],
    WEIGHTS[:2],
    SHARES,
    PROFILE,
    2,
    3,
    2,
    SOME,
    SOME[:1],
    SOME[1:],
    SOME,
    MARKS,
    SOME[1:],
    WEIGHTS[:1],
)
HELD = (VECTORS, VECTORS, WEIGHTS, ROWS, CARDS, NO_FILTERS, STEERING, 0.02, 10**6)


def test_what_ranks_is_imported_without_numba() -> None:
    """Commands that make no list do not pay for the compiler."""
    program = "import sys, recsys.cli, recsys.api.app; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("one", "arguments"),
    [
        (pool.tied, (VECTORS, NUMBERS, WEIGHTS, 2)),
        (pool.ascending, (np.array([7, 1 << 40, 3, 7, 0, 1 << 33]), 0, 1 << 41)),
        (pool.united, (ROWS[1][:4], WEIGHTS, *OFFERS, 0.02)),
        (pool.slot, (TABLE, FOUND, 0)),
        (pool.slot, (TABLE, FOUND, -1)),
        (pool.entered, (TABLE, FOUND, COUNT, 3)),
        (pool.allowed, (TABLE, FOUND, WEIGHTS[:2], NUMBERS[:2], np.array([-1, 1, 3, 8]))),
        (pool.ordered, (UNSIGNED[::-1].copy(), NUMBERS[:0])),
        (pool.ordered, (UNSIGNED[::-1].copy(), NUMBERS % 2)),
        (pool.keyed, (WEIGHTS, UNSIGNED, NUMBERS % 2, 10**6)),
        (pool.first, (NUMBERS[::-1].copy(), 4, 1)),
        (pool.heads, (ROWS, NUMBERS, 3)),
        (pool.standing, (WEIGHTS, 10**6)),
        (rating.one_of, (ROWS[1], np.array([3]))),
        (rating.carries, (ROWS, NUMBERS, np.array([0, 3]))),
        (rating.blended, (VECTORS, WEIGHTS, NUMBERS, WEIGHTS)),
        (rating.blended, (VECTORS, WEIGHTS, NUMBERS, np.zeros(4))),
        (rating.heaviest, (ROWS[1], RNG.random(9), 5)),
        (rating.felt, (UNSIGNED, STEERING)),
        (rating.judged, (UNSIGNED, UNSIGNED, CARDS, FILTERS)),
        (rating.popularities, (UNSIGNED, CARDS)),
        (rating.affinities, (UNSIGNED, CARDS, *PROFILE)),
        (rating.blend, (SIGNALS, SHARES, 4)),
        (gathering.said, (TABLE, FOUND, SOME, WEIGHTS, COUNT)),
        (gathering.gathered, ((*ASKED, NUMBERS[:0], 0), HELD)),
        (gathering.gathered, ((*ASKED, NUMBERS[1:3], 1), HELD)),
        (listing.listed, ((*ASKED, NUMBERS[:0], 0), HELD, PINS, 3, 0.7, 3, LIMITS)),
        (listing.listed, ((*ASKED, NUMBERS[:0], 0), HELD, PINS, 3, -1.0, 3, NO_LIMITS)),
        (greedy.alike, (ROWS, UNSIGNED, WEIGHTS)),
        (greedy.worths, (ROWS, UNSIGNED, WEIGHTS, WEIGHTS[::-1].copy(), 0.7)),
        (greedy.flattened, (np.array([0, 2]), np.array([4, 3]), np.array([5, 1]))),
        (greedy.choose, (NUMBERS, UNSIGNED, np.array([2]), 2, np.empty((0, 0)), CARDS, LIMITS)),
        (greedy.locked, (PINS, NUMBERS[[1, 1, 3, 0, 2]], NUMBERS[:3] - 1, NUMBERS[:3], 1)),
        (greedy.picked, (NUMBERS, UNSIGNED, WEIGHTS, NUMBERS[2:3], NUMBERS[:1], 3, 0.7, 3, CARDS, WEIGHTS, LIMITS)),
        (greedy.picked, (NUMBERS, UNSIGNED, WEIGHTS, NUMBERS[:0], NUMBERS[:0], 3, -1.0, 3, CARDS, WEIGHTS, NO_LIMITS)),
        (greedy.full, (LIMITS, SOME, SOME)),
        (greedy.woven, (NUMBERS[:2], np.array([0, 5]), NUMBERS[2:], 8)),
        (greedy.choose, (NUMBERS, UNSIGNED, np.array([2]), 2, RNG.random((3, 3)), CARDS, LIMITS)),
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
@pytest.mark.parametrize("spread", [1, 2, 30, 2048, 2049, 1 << 21, 1 << 50])
def test_keys_stand_in_order_and_equal_ones_as_they_stood(size: int, spread: int) -> None:
    """The radix sort agrees with numpy's stable one, and looks at no bit below those it is told of."""
    keys = RNG.integers(0, spread, size) << 8 | RNG.integers(0, 256, size)
    assert pool.ascending(keys, 8, spread).tolist() == keys[(keys >> 8).argsort(kind="stable")].tolist()


@pytest.mark.parametrize("size", [0, 1, 5, 300])
@pytest.mark.parametrize("spread", [1, 1000, 1 << 62])
@pytest.mark.parametrize("few", [1, 20, 500])
def test_the_first_of_many_stand_as_all_would(size: int, spread: int, few: int) -> None:
    """As many as are asked for, or all there are, come in order; what may not be shown is not among them."""
    keys = RNG.permutation(np.unique(RNG.integers(-spread, spread, size)))
    keys[::3] = pool.LAST
    shown = np.sort(keys[keys < pool.LAST])
    found = pool.first(keys, len(shown), few)
    assert keys[found].tolist() == shown[: len(found)].tolist()
    assert min(few, len(shown)) <= len(found) <= 2 * few


@pytest.mark.parametrize("step", [1, 4096, 1 << 20])
def test_numbers_are_found_where_they_were_entered(step: int) -> None:
    """Each is there once, in the order in which they came, and no other is; in whatever steps they are numbered."""
    offered = RNG.permutation(np.arange(500, dtype=np.int32)) % 300 * step
    table, found, count, _, _ = pool.united(offered, np.zeros(500), *(offered[:0],) * 5, NUMBERS[:0], 0.02)
    assert found[:count].tolist() == list(dict.fromkeys(offered.tolist()))
    places = [int(table[pool.slot(table, found, number)]) for number in (*found[:count].tolist(), 1 << 30, -1)]
    assert places == [*range(300), 500, 500]


@pytest.mark.parametrize("different", [0, 1, 2, 3, 14, 15, 300, 70_000])
def test_what_rules_do_to_an_item_is_read_from_few_bits(different: int) -> None:
    """However many sums of adjustments there are, each item feels its own; what is blocked feels that alone."""
    numbers, blocked = RNG.permutation(80_000).astype(np.int32), np.array([7, 70_001], dtype=np.int32)
    halves = [np.flatnonzero(np.arange(different + 1) >> bit & 1) for bit in range(different.bit_length())]
    each = [Adjustment(np.sort(numbers[half]), 2.0**bit, "up", "boost") for bit, half in enumerate(halves)]
    lifted = live(80_000, adjustments=each, blocked=blocked)
    effects = rating.felt(np.arange(80_000, dtype=np.uint32), lifted.steering)
    assert np.flatnonzero(effects == BLOCKED).tolist() == blocked.tolist()
    others = effects != BLOCKED
    expected = np.zeros(80_000)
    for one in each:
        expected[one.numbers] += one.amount
    assert (lifted.steering[2][effects] == expected)[others].all()


def test_items_with_more_tags_than_a_card_holds_are_read_from_the_rows() -> None:
    """The first tags come from the card, the others from the rows: the product is that of all."""
    rows = Rows(np.array([0, 30, 32]), np.array([*range(30), 3, 29], dtype=np.int32))
    weight, norms = RNG.random(30), np.array([2.0, 1.0])
    words = written(np.zeros(2), np.array([True, True]), rows, norms)
    places, products = np.arange(1, 31, dtype=np.uint16), np.concatenate([[0.0], weight / 10])
    found = rating.affinities(UNSIGNED[:2], (words, *rows.lists), places, products)
    assert found.tolist() == pytest.approx([products.sum() / 2, products[4] + products[30]])


def test_cards_begin_where_lines_of_the_cache_begin() -> None:
    """One read from memory brings all of a card, also where cards are written anew for the same items."""
    made = written(np.zeros(3), np.ones(3, dtype=bool), Rows(np.zeros(4, dtype=np.int64), SOME[:0]), np.zeros(3))
    again = rewritten(made, np.ones(3), np.zeros(3, dtype=bool))
    assert (made.ctypes.data % 64, again.ctypes.data % 64) == (0, 0)
