"""Which days are built."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from recsys.signals.window import Day, Touched, plan, reach
from recsys.tenancy.config import Config, RequestParams, SignalParams

TODAY = date(2026, 5, 20)
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(("gap", "days"), [(1, 1), (30, 1), (1440, 1), (1441, 2), (10080, 7)])
def test_pairs_reach_a_day_or_as_far_as_a_pause(gap: int, days: int) -> None:
    """Sessions that may pause for a week pair events a week apart."""
    assert reach(SignalParams(session_gap_minutes=gap)) == days


def test_the_day_after_a_touched_day_is_built_first() -> None:
    """A pair over midnight counts on the later day, which settles nothing of what was touched."""
    day = TODAY - timedelta(days=3)
    assert plan([Touched("home", day, [ONE])], Config(), TODAY) == [
        Day("home", day + timedelta(days=1)),
        Day("home", day, (ONE,)),
    ]


def test_days_that_have_not_begun_are_not_built() -> None:
    """Nothing follows today."""
    assert plan([Touched("home", TODAY, [ONE])], Config(), TODAY) == [Day("home", TODAY, (ONE,))]


def test_touches_of_one_day_are_settled_together() -> None:
    """Two surfaces of one namespace make one day of it."""
    config = Config(surfaces={"cart": RequestParams(namespace="home")})
    touched = [Touched("home", TODAY, [ONE]), Touched("cart", TODAY, [TWO])]
    assert plan(touched, config, TODAY) == [Day("home", TODAY, (ONE, TWO))]


def test_neighbouring_days_are_built_once() -> None:
    """A day that is touched and follows a touched one is built once."""
    days = [TODAY - timedelta(days=age) for age in range(3)]
    planned = plan([Touched(None, day, [ONE]) for day in days], Config(), TODAY)
    assert [one.day for one in planned] == days


def test_nothing_touched_nothing_built() -> None:
    """A second build finds nothing."""
    assert plan([], Config(), TODAY) == []
