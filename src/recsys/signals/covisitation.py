"""Which items were met together on a day: pairs of events near each other in one sitting of a visitor."""

from __future__ import annotations

from recsys.signals.scope import Scope, Written


def rebuild(scope: Scope) -> Written:
    """Make the day's rows what its collected events give, writing only rows that change."""
    scope.run("create_covisitation")
    scope.run("number_items")
    scope.run("analyze_items")
    scope.run("compute_covisitation")
    scope.run("analyze_covisitation")
    return scope.replace("covisitation")
