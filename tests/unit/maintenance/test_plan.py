"""The plan of upkeep: no gap, no overlap, nothing twice, whatever the policy was and becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.maintenance.partitions import Partition, Policy, plan

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

policies = st.builds(
    Policy,
    parent_table=st.just("log"),
    interval=st.sampled_from(["day", "week", "month"]),
    ahead=st.integers(1, 6),
    retain_days=st.none() | st.integers(1, 60),
    accept_days=st.none(),
)
steps = st.lists(
    st.tuples(policies, st.timedeltas(timedelta(0), timedelta(days=50)), st.integers(0, 6)), min_size=1, max_size=8
)


def _carry_out(partitions: list[Partition], policy: Policy, now: datetime) -> list[Partition]:
    planned = plan(policy, partitions, now)
    kept = [partition for partition in partitions if partition not in planned.replace]
    made = [Partition(f"p{bounds.lower:%Y%m%d}", *bounds) for bounds in planned.make]
    return sorted(kept + made, key=lambda partition: partition.lower)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_a_changing_policy_never_leaves_a_gap_or_an_overlap(history: list[tuple[Policy, timedelta, int]]) -> None:
    """After every pass partitions meet without overlapping and cover now and as many intervals more as wanted."""
    partitions: list[Partition] = []
    now = BEGIN
    for policy, passed, place in history:
        now += passed
        before = partitions
        partitions = _carry_out(partitions, policy, now)
        assert all(one.upper <= other.lower for one, other in pairwise(partitions))
        ahead = [partition for partition in partitions if partition.upper > now]
        assert all(one.upper == other.lower for one, other in pairwise(ahead))
        assert ahead[0].lower <= now
        assert len(ahead) >= policy.ahead + 1
        assert [partition for partition in before if not partition.empty and partition not in partitions] == []
        written = ahead[min(place, len(ahead) - 1)]
        partitions = [
            partition._replace(empty=False) if partition == written else partition for partition in partitions
        ]


@settings(max_examples=200, deadline=None)
@given(steps)
def test_a_second_pass_has_nothing_to_do(history: list[tuple[Policy, timedelta, int]]) -> None:
    """Right after a pass the plan is empty but for what is over."""
    partitions: list[Partition] = []
    now = BEGIN
    for policy, passed, _ in history:
        now += passed
        partitions = _carry_out(partitions, policy, now)
        again = plan(policy, partitions, now)
        assert (again.replace, again.make) == ((), ())


@settings(max_examples=200, deadline=None)
@given(policies, st.integers(0, 400))
def test_only_what_no_policy_keeps_is_retired(policy: Policy, days: int) -> None:
    """What goes ended longer ago than retention and grace together; what has rows within them stays."""
    partitions = _carry_out([], policy, BEGIN)
    now = BEGIN + timedelta(days=days)
    for partition in plan(policy, partitions, now).retire:
        assert policy.retain_days is not None
        assert now - partition.upper >= timedelta(days=policy.retain_days + 7)


def test_an_empty_table_gets_the_current_interval_and_the_next_ones() -> None:
    """Nothing there, weeks wanted: the week of now from its Monday, and as many more as the policy says."""
    planned = plan(Policy("log", "week", 2, None, None), [], datetime(2026, 1, 1, 5, tzinfo=UTC))
    assert [f"{bounds.lower:%m-%d} {bounds.upper:%m-%d}" for bounds in planned.make] == [
        "12-29 01-05",
        "01-05 01-12",
        "01-12 01-19",
    ]
    assert planned.runway == timedelta(0)


def test_a_gap_between_used_partitions_is_filled_to_their_edges() -> None:
    """What a late event left between two gaps keeps its place; the intervals around it are cut to fit."""
    used = Partition("late", datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC), empty=False)
    planned = plan(Policy("log", "month", 2, None, None), [used], datetime(2026, 3, 5, tzinfo=UTC))
    assert planned.replace == ()
    assert [f"{bounds.lower:%m-%d} {bounds.upper:%m-%d}" for bounds in planned.make] == ["03-01 03-20", "03-21 04-01"]
