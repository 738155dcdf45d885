"""Who is left out: a visitor or a session that did more on one day than a person does."""

from __future__ import annotations

from dataclasses import asdict

from recsys.signals.scope import CutOff, Scope


def cut_off(scope: Scope) -> CutOff:
    """Remove bots from the collected events, and keep how many there were on the day for `recsys signals status`."""
    gone = CutOff(*scope.row("cut_off"))
    if gone.visits:
        scope.run("record_cut_off", **asdict(gone))
    else:
        scope.run("forget_cut_off")
    return gone
