"""What is let go when snapshots take more memory than they may."""

from __future__ import annotations

from uuid import UUID

from recsys.snapshot.eviction import EMPTY_MAX, Held, surplus
from recsys.snapshot.snapshot import Key

TENANT = UUID(int=1)


def key(number: int) -> Key:
    """Name a namespace."""
    return TENANT, f"n{number}"


def held(number: int, size: int, *, empty: bool = False) -> Held:
    """Hold a namespace that was used at the time of its number."""
    return Held(key(number), size, number, empty)


def test_nothing_goes_while_the_budget_is_kept_to() -> None:
    """As many bytes as are allowed may stay."""
    assert surplus([held(n, 10) for n in range(10)], 100) == set()
    assert surplus([], 0) == set()


def test_the_least_recently_used_go_first_and_some_room_is_made() -> None:
    """One byte too many makes room for a tenth of the budget, so that the next load does not evict again."""
    snapshots = [held(n, 10) for n in reversed(range(11))]
    assert surplus(snapshots, 100) == {key(0), key(1)}
    assert surplus([one for one in snapshots if one.key not in {key(0), key(1)}], 100) == set()


def test_the_one_used_last_stays_however_large_it_is() -> None:
    """A namespace larger than the whole budget is served, alone."""
    assert surplus([held(1, 10), held(2, 10), held(3, 1000)], 100) == {key(1), key(2)}
    assert surplus([held(3, 1000)], 100) == set()


def test_namespaces_without_rows_are_bounded_by_number_and_push_nothing_else_out() -> None:
    """Invented names cost each other's place, not that of a catalogue that was used long ago."""
    invented = [held(n, 1, empty=True) for n in range(1, EMPTY_MAX + 2)]
    gone = surplus([held(0, 50), *invented], 10 * EMPTY_MAX)
    assert gone == {one.key for one in invented[: EMPTY_MAX // 10 + 1]}
