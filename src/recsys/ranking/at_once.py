"""A list in one call, for who wants to know nothing but the list: the stages in machine code, one after the other.

What the stages hand on are arrays, and each costs more to bring to Python and back, among everything else that a
request does, than the work on it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from recsys.ranking.candidates import held, losses, offers, rare, wanted
from recsys.ranking.intent import Intent
from recsys.ranking.loops.gathering import OFFERED
from recsys.ranking.loops.listing import answered
from recsys.ranking.loops.rating import FILTERS
from recsys.ranking.query import Query
from recsys.ranking.shortfall import about_pins, about_signals
from recsys.ranking.slate import Slate
from recsys.ranking.trace import Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot
from recsys.steps import Steps

_ids = msgspec.msgpack.Decoder(tuple[str, ...]).decode
_scores = msgspec.msgpack.Decoder(tuple[float, ...]).decode

_COUNTED: Final = 3
_TALLIED: Final = _COUNTED + OFFERED + FILTERS
"""Where the parts of a report end: what is counted of the list, of the pool; behind them pins, then the numbers."""


def is_plain(query: Query, intent: Intent, trace: Trace) -> bool:
    """Tell whether nothing is asked for but the list."""
    return not (
        query.include_reasons
        or query.explain != "none"
        or trace.listening
        or intent.params.exploration is not None
        or intent.included is not None
    )


def list_at_once(query: Query, intent: Intent, snapshot: Snapshot, live: Live) -> Steps[Slate | None]:
    """Return what the stages would; None where the first pool does not fill the list."""
    rarer, plan = rare(intent, snapshot), intent.plan
    report, made, behind_ids, behind_scores = answered(
        wanted(intent, live, rarer),
        held(intent, live),
        live.pinning,
        intent.k,
        plan.balance,
        plan.among,
        intent.limits,
        plan.words,
    )
    yield
    figures = report.tolist()
    told = _TALLIED + len(live.pins)
    numbers = figures[told:]
    if len(numbers) < intent.k:
        return None
    tally = figures[_COUNTED:_TALLIED]
    text = made.tobytes()
    counts = offers(tally, intent, live, rarer)
    counts["candidates"], counts["eligible"], counts["capped"] = figures[:_COUNTED]
    counts["widened"], counts["returned"] = 0, len(numbers)
    counts |= losses(tally, intent, live)
    return Slate(
        item_ids=_ids(text[:behind_ids]),
        scores=_scores(text[behind_ids:behind_scores]),
        reasons=None,
        explain=None,
        warnings=(
            *about_signals(query, intent, snapshot),
            *about_pins(live.pins, figures[_TALLIED:told], intent.k),
        ),
        counts=counts,
        signals_version=snapshot.version,
        items=text[behind_scores:],
    )
