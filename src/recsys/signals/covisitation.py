"""Which items were met together on a day: pairs of events near each other in one sitting of a visitor."""

from __future__ import annotations

from recsys.signals.scope import Scope, Written


def rebuild(scope: Scope) -> Written:
    """Make the day's rows what its collected events give, writing only rows that change."""
    scope.run("number_items")
    scope.run("analyze_items")
    scope.run("create_seats")
    scope.run("seat_events")
    scope.run("analyze_seats")
    scope.run("create_pairs")
    scope.run("compute_pairs")
    scope.run("analyze_pairs")
    return scope.replace("covisitation", "spread_covisitation", "analyze_covisitation")
