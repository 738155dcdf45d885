"""The product's sentence: which items this visitor should see here, now."""

from __future__ import annotations

from datetime import datetime

from recsys.ranking.at_once import is_plain, list_at_once
from recsys.ranking.candidates import Pool, gather
from recsys.ranking.explain import Shown
from recsys.ranking.exploration import explore
from recsys.ranking.intent import understand
from recsys.ranking.pick import pick
from recsys.ranking.query import Query, Visitor
from recsys.ranking.slate import Slate, slate
from recsys.ranking.steer import steer
from recsys.ranking.trace import SILENT, Trace
from recsys.ranking.widening import widen
from recsys.rules.live import NO_RULES, Live
from recsys.snapshot.snapshot import Snapshot
from recsys.steps import Steps, without_pause
from recsys.tenancy.config import RequestParams


def in_steps(
    query: Query,
    visitor: Visitor,
    snapshot: Snapshot,
    params: RequestParams,
    live: Live,
    *,
    now: datetime,
    trace: Trace = SILENT,
) -> Steps[Slate]:
    """Rank items for *query* as *snapshot* sees the world at *now* (aware). The same inputs give the same bytes.

    *live* holds the rules that apply to this request, compiled against this snapshot.
    """
    live = live if params.enable_rules else NO_RULES
    intent = understand(query, visitor, snapshot, params, now)  # ids become numbers, weights become shares
    if is_plain(query, intent, trace):
        yield
        plain = yield from list_at_once(query, intent, snapshot, live)  # what the stages below do, in one call
        if plain is not None:
            return plain
    wider: Pool | None = gather(intent, snapshot, live, trace)  # sources, pins, boosted targets: sifted and scored
    while wider is not None:
        pool = wider
        steered = steer(pool, live, intent.k)  # pins become locked positions
        picked = pick(steered, intent, snapshot)  # one greedy pass: locks, MMR, caps
        wider = widen(
            pool, picked, intent, snapshot, live, trace
        )  # none where the list is full, or nothing is left to show
    if params.exploration is not None:
        picked = explore(picked, steered, pool, intent, snapshot, query.seed)  # some positions belong to chance
    return slate(query, Shown(pool, picked, steered, intent, snapshot, live))


recommend = without_pause(in_steps)
