"""A build is incremental, repeatable, and may be interrupted."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from recsys.signals.build import build, touch
from recsys.signals.pending import build_pending
from recsys.tenancy.config import DEFAULTS

if TYPE_CHECKING:
    from conftest import Shop

WEIGHTS = {"view": 1, "add_to_cart": 3, "impression": 0}


def versions(shop: Shop) -> dict[tuple[str, ...], str]:
    """Return which transaction wrote each row of both tables."""
    rows = shop.conn.execute(
        "select 'p', item_id, '', day::text, xmin::text from item_popularity_daily"
        " union all select 'c', item_id, neighbor_id, day::text, xmin::text from item_covisit_daily"
    )
    return {tuple(row[:4]): row[4] for row in rows}


def test_running_again_does_nothing(shop: Shop) -> None:
    """What was built is not touched any more."""
    shop.visit("a", "b")
    first = shop.build()
    assert (first.popularity.written, first.covisitation.written) == (2, 2)
    assert shop.build().days == 0


def test_a_rebuild_writes_nothing_that_is_right_already(shop: Shop, noon: datetime) -> None:
    """Built from scratch, every row is the same row as before, not an equal one."""
    shop.visit("a", "b", "c")
    shop.build()
    before = versions(shop)
    touch(shop.database, shop.tenant_id, noon.date(), noon.date())
    built = shop.build()
    assert built.days == 1
    assert built.popularity.written == built.covisitation.written == 0
    assert versions(shop) == before


def test_a_late_event_changes_the_days_it_touches(shop: Shop, noon: datetime) -> None:
    """An event of last week changes its day's rows, and no row of another day is written."""
    shop.visit("a", "b", at=noon - timedelta(days=7))
    shop.visit("a", "b")
    shop.build()
    before = versions(shop)
    shop.event("c", at=noon - timedelta(days=7, minutes=5))
    built = shop.build()
    changed = {row for row, version in versions(shop).items() if before.get(row) != version}
    week_ago = str(noon.date() - timedelta(days=7))
    assert {row[3] for row in changed} == {week_ago}
    assert (built.popularity.written, built.covisitation.written) == (1, 4)


def test_a_scheduled_run_writes_only_rows_whose_score_changed(shop: Shop, noon: datetime) -> None:
    """One event more on a day of many rows: its item is written, and its pairs, and no other row is."""
    shop.visit(*"abcdefgh", visitor="ann")
    shop.visit("a", "b", visitor="bob")
    shop.build()
    before = versions(shop)
    shop.event("c", at=noon + timedelta(minutes=5), visitor="bob")
    (built,) = build_pending(shop.database).values()
    assert (built.popularity.written, built.covisitation.written) == (1, 4)
    changed = {row[:3] for row, version in versions(shop).items() if before[row] != version}
    assert changed == {("p", "c", ""), *(("c", *pair) for pair in ("ac", "ca", "bc", "cb"))}


def test_rows_whose_events_are_gone_are_removed(shop: Shop) -> None:
    """After an erasure the day is built from what is left."""
    shop.visit("a", "b")
    shop.event("b", visitor="bob")
    shop.build()
    shop.conn.execute("delete from interaction_events where user_key = 'ann'")
    shop.conn.execute(
        "insert into signal_days_touched (tenant_id, surface, day)"
        " select tenant_id, 'home', day from item_popularity_daily"
    )
    built = shop.build()
    assert shop.popularity() == {("b", 0): 1}
    assert shop.covisitation() == {}
    assert (built.popularity.removed, built.covisitation.removed) == (1, 2)


def test_events_written_with_sql_are_found_by_a_rebuild(shop: Shop, noon: datetime) -> None:
    """`touch` marks the days that have events or rows, in any namespace."""
    shop.event("a")
    shop.conn.execute("delete from signal_days_touched")
    shop.conn.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score, built)"
        " values (%s, 'old', 'x', %s, 1, true)",
        (shop.tenant_id, noon.date()),
    )
    assert shop.build().days == 0
    touch(shop.database, shop.tenant_id, noon.date() - timedelta(days=1), noon.date())
    shop.build()
    assert shop.popularity() == {("a", 0): 1}
    assert shop.popularity("old") == {}


def test_an_interrupted_build_goes_on(shop: Shop, noon: datetime) -> None:
    """Stopped after any number of days and run again, a build ends where an undisturbed one does."""
    for age in range(3):
        shop.visit("a", "b", "c", at=noon - timedelta(days=age))
    midnight = noon.replace(hour=0)
    shop.event("y", at=midnight)
    shop.build()
    shop.event("x", at=midnight - timedelta(minutes=1))  # late, and its pair belongs to a day that is not touched

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(shop.database, shop.tenant_id, DEFAULTS, now=noon, progress=stop)
    shop.build()
    found = shop.popularity(), shop.covisitation()
    for table in ("item_popularity_daily", "item_covisit_daily"):
        shop.conn.execute(f"truncate {table}")  # type: ignore[arg-type]
    touch(shop.database, shop.tenant_id, noon.date() - timedelta(days=9), noon.date())
    shop.build()
    assert (shop.popularity(), shop.covisitation()) == found
    assert found[1]["x", "y", 0] == 1


def test_events_that_arrive_during_a_build_are_not_forgotten(shop: Shop, noon: datetime) -> None:
    """A day that is touched again while it is being built is built again."""
    shop.event("a", at=noon - timedelta(days=1))
    build(
        shop.database,
        shop.tenant_id,
        DEFAULTS,
        now=noon,
        progress=lambda step: step.done == 1 and shop.event("b", at=noon - timedelta(days=1)),
    )
    assert shop.build().days == 2
    assert shop.popularity() == {("a", 1): 1, ("b", 1): 1}


def test_two_builds_at_once_agree(shop: Shop, noon: datetime) -> None:
    """Builders of one tenant wait for each other day by day; the tables are those of one."""
    for age in range(3):
        shop.visit("a", "b", "c", at=noon - timedelta(days=age))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            shop.build()
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert shop.popularity() == {(item, age): 1 for item in "abc" for age in range(3)}
    assert len(shop.covisitation()) == 3 * 6


def test_other_tenants_are_left_alone(shop: Shop) -> None:
    """A build reads and writes one tenant."""
    shop.event("a")
    shop.conn.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
        " values ('00000000-0000-0000-0000-000000000001', 'home', 'x', current_date, 1)"
    )
    shop.build()
    assert shop.conn.execute("select count(*) from item_popularity_daily where item_id = 'x'").fetchone() == (1,)


Row = tuple[str, datetime, str | None, str | None, str]


def by_the_book(events: list[Row], today: datetime) -> tuple[dict[Any, float], dict[Any, float]]:
    """Compute both signals from the definitions, with loops."""
    popularity: dict[Any, float] = defaultdict(float)
    visits: dict[str, list[Row]] = defaultdict(list)
    for event in sorted((event for event in events if WEIGHTS[event[4]]), key=lambda event: event[1]):
        popularity[event[0], (today.date() - event[1].date()).days] += WEIGHTS[event[4]]
        if event[2] or event[3]:
            visits[f"s{event[3]}" if event[3] else f"u{event[2]}"].append(event)
    covisitation: dict[Any, float] = defaultdict(float)
    for key, visit in visits.items():
        pauses = [
            0,
            *(
                int(key[0] == "u" and later[1] - earlier[1] > timedelta(minutes=30))
                for earlier, later in pairwise(visit)
            ),
        ]
        for place, later in enumerate(visit):
            for back in range(1, min(10, place) + 1):
                earlier = visit[place - back]
                if sum(pauses[place - back + 1 : place + 1]) or later[1] - earlier[1] >= timedelta(days=1):
                    continue
                if later[0] != earlier[0]:
                    weight = (WEIGHTS[later[4]] * WEIGHTS[earlier[4]]) ** 0.5
                    age = (today.date() - later[1].date()).days
                    covisitation[earlier[0], later[0], age] += weight
                    covisitation[later[0], earlier[0], age] += weight
    return dict(popularity), dict(covisitation)


def test_random_events_give_what_the_definitions_say(shop: Shop, noon: datetime) -> None:
    """SQL and plain loops over the definitions agree on a thousand events of many kinds, arriving in any order."""
    chance = random.Random(7)  # noqa: S311  a test that repeats itself
    events: list[Row] = []
    for _ in range(60):
        at = noon - timedelta(minutes=chance.randrange(3 * 24 * 60))
        visitor = chance.choice(["ann", "bob", None])
        session = chance.choice([None, None, f"s{chance.randrange(20)}"])
        for _ in range(chance.randrange(1, 30)):
            events.append((chance.choice("abcdefgh"), at, visitor, session, chance.choice(list(WEIGHTS))))
            at += timedelta(seconds=chance.choice([0, 10, 600, 1900]))
            if at > noon:
                break
    chance.shuffle(events)
    for item_id, at, visitor, session, event_type in events:
        shop.event(item_id, at=at.astimezone(UTC), visitor=visitor, session=session, event_type=event_type)
    shop.build()
    popularity, covisitation = by_the_book(events, noon)
    assert shop.popularity() == pytest.approx(popularity)
    assert shop.covisitation() == pytest.approx(covisitation, abs=1e-5)
