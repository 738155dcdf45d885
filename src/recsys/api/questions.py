"""What all requests for a list have in common: defaults, the tenant's limits, the caller's rights."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import astuple

from recsys.api.call import Call
from recsys.api.identity import Role
from recsys.api.wire import (
    Candidates,
    Constraints,
    Context,
    Experiment,
    ListRequest,
    Options,
    User,
    Warned,
    WeightOverrides,
)
from recsys.errors import Forbidden, InvalidRequest, Problem
from recsys.ranking.query import Query
from recsys.tenancy.config import DEFAULTS, RequestParams, Weights

K = 20
EXPLAIN_FULL_MAX_K = 50
SEGMENT = "default"
NOW_IGNORED = Warned("CONTEXT_NOW_IGNORED", "Only a caller with the role operator may move the clock of the rules.")

# What an absent part of a request means.
_CANDIDATES, _CONSTRAINTS, _OPTIONS = Candidates(), Constraints(), Options()


class Question(Struct, frozen=True):
    """What a call asks, whichever route it came by."""

    query: Query
    """Its namespace is the first that may answer."""
    params: RequestParams
    user: User
    experiment: Experiment | None
    rules_at: datetime
    """The time that rules see."""
    warnings: tuple[Warned, ...] = ()
    asked: ListRequest | None = None
    """The request as it came, for the log."""


def query_of(
    call: Call, params: RequestParams, request: ListRequest, anchors: tuple[str, ...], weights: Weights | None
) -> Query:
    """Put *request* into ranking's words. InvalidRequest and Forbidden say what the tenant or the caller may not."""
    candidates, constraints = request.candidates or _CANDIDATES, request.constraints or _CONSTRAINTS
    options, k = request.options or _OPTIONS, K if request.k is None else request.k
    check_limits(params, k, candidates)
    check_explain(call, k, options)
    return Query(
        surface=request.surface,
        segment=request.segment or SEGMENT,
        namespace=params.namespace or request.surface,
        k=k,
        anchors=anchors,
        include_ids=candidates.include_ids,
        exclude_ids=candidates.exclude_ids or (),
        required_tags=constraints.required_tags or (),
        forbidden_tags=constraints.forbidden_tags or (),
        max_per_tag=constraints.max_per_tag or {},
        weights=weights,
        include_reasons=bool(options.include_reasons),
        explain=options.explain or "none",
        seed=zlib.crc32(call.request_id.encode()) if options.seed is None else options.seed,
    )


def params_of(call: Call, surface: str) -> RequestParams:
    """Return what ranks a request of this tenant's on *surface*."""
    return (call.tenant.config or DEFAULTS).request(surface)


def merged(base: Weights, given: WeightOverrides) -> Weights:
    """Replace the weights that the request gives; something must be left that ranks."""
    chosen = Weights(
        pop=base.pop if given.pop is None else given.pop,
        cooc=base.cooc if given.cooc is None else given.cooc,
        emb=base.emb if given.emb is None else given.emb,
        session=base.session if given.session is None else given.session,
    )
    if not any(astuple(chosen)):
        raise InvalidRequest([Problem("$.weights", "All weights are 0, so nothing would rank; give one above 0.")])
    return chosen


def rules_time(call: Call, context: Context) -> tuple[datetime, tuple[Warned, ...]]:
    """Choose the time that rules see: the server's, or the one that an operator asks for."""
    if context.now is None:
        return datetime.now(UTC), ()
    if not call.caller.may_explain:
        return datetime.now(UTC), (NOW_IGNORED,)
    try:
        return context.now.astimezone(UTC), ()
    except OverflowError:
        raise InvalidRequest([Problem("$.context.now", "This time is out of range.")]) from None


def check_limits(params: RequestParams, k: int, candidates: Candidates) -> None:
    """Hold a request to the tenant's own limits."""
    if k > params.max_k:
        raise InvalidRequest([Problem("$.k", f"This tenant allows at most {params.max_k}.")])
    if len(candidates.exclude_ids or ()) > params.max_exclude_ids:
        message = f"This tenant allows at most {params.max_exclude_ids}."
        raise InvalidRequest([Problem("$.candidates.exclude_ids", message)])


def check_explain(call: Call, k: int, options: Options) -> None:
    """Let only operators look into a ranking, and not at too much of it at once."""
    if options.explain != "full":
        return
    if not call.caller.may_explain:
        raise Forbidden(f"A full explanation needs the role {Role.OPERATOR}.")
    if k > EXPLAIN_FULL_MAX_K:
        raise InvalidRequest([Problem("$.k", f"With a full explanation k is at most {EXPLAIN_FULL_MAX_K}.")])
