"""How much each item was wanted on a day: the sum of its events' weights."""

from __future__ import annotations

from recsys.signals.scope import Scope, Written


def rebuild(scope: Scope) -> Written:
    """Make the day's rows what its collected events give, writing only rows that change."""
    scope.run("create_popularity")
    scope.run("compute_popularity")
    scope.run("analyze_popularity")
    return scope.replace("popularity")
