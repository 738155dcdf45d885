"""Which days count in a snapshot, as bounds of a query (pure)."""

from __future__ import annotations

from datetime import date, timedelta

from recsys.tenancy.config import SignalParams


def day_bounds(today: date, params: SignalParams) -> dict[str, date | None]:
    """Bound the days that can count, up to tomorrow, where a writer east of us may already be."""
    return {
        "popularity_from": _first(today, params.popularity_window),
        "covisitation_from": _first(today, params.covisitation_window),
        "new_from": None if params.new_days is None else today - timedelta(days=params.new_days - 1),
        "until": today + timedelta(days=1),
    }


def _first(today: date, window: int | None) -> date:
    return date.min if window is None else today - timedelta(days=window - 1)
