"""Order lines become purchases with made times; the lines here are made up in the source's form."""

from datetime import UTC, datetime, timedelta

from recsys.datasets.instacart import LAST_WEEK, Order, orders, purchases, times

SAMPLE = b""",order_id,user_id,order_number,order_dow,order_hour_of_day,days_since_prior_order,product_id
0,90,1,1,2,8,,196
1,90,1,1,2,8,,55
2,91,1,2,3,7,15.0,196
3,92,1,3,3,7,0.0,8
4,70,2,1,0,23,,55
"""


def test_lines_of_one_order_are_one_basket_in_cart_order() -> None:
    """Baskets keep the order of the cart, and the first order has no days before it."""
    read = list(orders(SAMPLE))
    assert [order.order_id for order in read] == ["90", "91", "92", "70"]
    assert read[0] == Order("90", "1", 2, 8, 0, ["196", "55"])
    assert read[1].days_since_prior == 15


def test_times_keep_the_days_between_orders_the_weekday_and_the_hour() -> None:
    """The last order lies in the last week on its weekday; going back, the days are the source's."""
    first, second, third = times(list(orders(SAMPLE))[:3])
    assert second == LAST_WEEK + timedelta(days=3, hours=7)
    assert second.date() - first.date() == timedelta(days=15)
    assert first.hour == 8
    assert third - second == timedelta(minutes=1)


def test_the_weekday_of_the_last_week_is_the_sources() -> None:
    """Day 0 of the source is a Saturday."""
    assert LAST_WEEK.strftime("%A") == "Saturday"
    [at] = times(list(orders(SAMPLE))[3:])
    assert at == datetime(2017, 12, 30, 23, tzinfo=UTC)


def test_every_line_is_a_purchase_in_its_orders_session() -> None:
    """The order is the session, so that a basket is never cut in two."""
    rows = list(purchases(SAMPLE))
    assert [(row["user_id"], row["session_id"], row["item_id"]) for row in rows] == [
        ("1", "90", "196"),
        ("1", "90", "55"),
        ("1", "91", "196"),
        ("1", "92", "8"),
        ("2", "70", "55"),
    ]
    assert {row["event_type"] for row in rows} == {"purchase"}
    assert rows[0]["occurred_at"] == rows[1]["occurred_at"]
