"""The parts of a config document and what each key may say; schema and reference page are made from these (pure).

Where a default is a measured one, its docstring names the measurement.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Algorithm = Literal["blend", "popularity", "cooc"]
Normalization = Literal["count", "cosine", "jaccard", "llr", "sqrt_llr"]

NAME_PATTERN = r"^(?!\.{1,2}$)[^/\\\u0000-\u001f\u007f-\u009f]+$"
ID_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]+$"

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=NAME_PATTERN,
        extra={"say": "a name of 1 to 128 characters without /, \\ and control characters"},
    ),
]
Identifier = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=ID_PATTERN,
        extra={"say": "a text of 1 to 128 characters without control characters"},
    ),
]
EventType = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,31}$",
        extra={"say": "an event type: a lower-case letter, then up to 31 lower-case letters, digits and _"},
    ),
]
Weight = Annotated[float, Meta(ge=0, le=1000)]
Share = Annotated[float, Meta(ge=0, le=1)]
HalfLife = Annotated[float, Meta(ge=0.01, le=36500)]
Window = Annotated[int, Meta(ge=1, le=36500)]
PoolSize = Annotated[int, Meta(ge=0, le=5000)]
Cap = Annotated[int, Meta(ge=0, le=200)]
Rank = Annotated[int, Meta(ge=1, le=200)]
Head = Annotated[int, Meta(ge=0, le=200)]
Volume = Annotated[int, Meta(ge=10, le=10_000_000)]


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """How much each signal counts in the blend; they are divided by their sum, and not all may be 0."""

    pop: Annotated[Weight, Meta(description="Popularity.")] = 0.3
    cooc: Annotated[Weight, Meta(description="Co-visitation with the anchors.")] = 0.5
    emb: Annotated[Weight, Meta(description="Similarity of tags with the anchors.")] = 0.2
    session: Annotated[Weight, Meta(description="Sessions that resemble the visitor's.")] = 0.0


class Flags(Struct, frozen=True, forbid_unknown_fields=True):
    """Switches."""

    enable_rules: Annotated[bool, Meta(description="Whether the tenant's rules steer the list.")] = True


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The most that one request may ask for; more is refused with 400."""

    max_k: Annotated[int, Meta(ge=1, le=200, description="Items of a list.")] = 200
    max_exclude_ids: Annotated[int, Meta(ge=0, le=5000, description="Ids in `candidates.exclude_ids`.")] = 5000


class Anchors(Struct, frozen=True, forbid_unknown_fields=True):
    """How anchors weigh: anchor j (newest first) weighs `decay ** j`, one of the history times its event's weight."""

    decay: Annotated[Share, Meta(description="Weight of an anchor relative to the newer one before it.")] = 0.85
    max_history: Annotated[
        int, Meta(ge=0, le=200, description="Items of the visitor's history that serve as anchors.")
    ] = 20


class Candidates(Struct, frozen=True, forbid_unknown_fields=True):
    """Pool sizes. The pool is at least `factor * k` wherever the catalogue has as many."""

    popular: Annotated[PoolSize, Meta(description="Most popular items.")] = 100
    neighbors: Annotated[PoolSize, Meta(description="Co-visited items of each anchor.")] = 50
    similar: Annotated[PoolSize, Meta(description="Items with similar tags.")] = 50
    factor: Annotated[int, Meta(ge=1, le=50, description="Least size of the pool, in lists of k.")] = 5


class Personalization(Struct, frozen=True, forbid_unknown_fields=True):
    """How the tags of the visitor's own interactions lift matching items."""

    weight: Annotated[
        Share, Meta(description="Share of the score that a long history decides; 0 turns personalisation off.")
    ] = 0.2
    damping: Annotated[
        float,
        Meta(ge=0, le=1000, description="After h interactions the share is `weight * h / (h + damping)`."),
    ] = 5.0
    half_life: Annotated[
        HalfLife | None, Meta(description="Days after which an interaction counts half; null: all count the same.")
    ] = field(default=30.0, name="half_life_days")


class Exclusions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which items of the visitor's history are left out. Both are off: groceries are bought again."""

    seen_days: Annotated[
        Window | None,
        Meta(description="Leave out what the visitor interacted with (impressions do not count) in so many days."),
    ] = None
    purchased_days: Annotated[Window | None, Meta(description="Leave out what the visitor bought in so many days.")] = (
        None
    )


class Diversity(Struct, frozen=True, forbid_unknown_fields=True):
    """Maximal marginal relevance over tags, among the best of the pool."""

    mmr_lambda: Annotated[
        Share | None, Meta(description="1 looks at scores alone, 0 at variety alone; null turns it off.")
    ] = None
    pool_factor: Annotated[int, Meta(ge=1, le=50, description="How many of the best are looked at, in lists of k,")] = 3
    pool_min: Annotated[int, Meta(ge=1, le=1000, description="but at least so many,")] = 60
    pool_max: Annotated[int, Meta(ge=1, le=1000, description="and at most so many.")] = 200


class Exploration(Struct, frozen=True, forbid_unknown_fields=True):
    """Places of a list whose item is drawn by chance, so that what is never shown can show what it is worth."""

    positions: Annotated[
        tuple[Rank, ...],
        Meta(max_length=20, description="Places from 1; a pinned one stays with its pin. None: nothing is drawn."),
    ] = ()
    among: Annotated[PoolSize, Meta(description="Drawn from so many: the best of those that the list leaves out,")] = 50
    trending: Annotated[Head, Meta(description="so many of the most trending items (`novelty`),")] = 0
    new: Annotated[Head, Meta(description="and so many of the newest ones (`novelty`).")] = 0


class Exposures(Struct, frozen=True, forbid_unknown_fields=True):
    """What the log of served lists keeps beside the lists themselves."""

    requests: Annotated[
        Share,
        Meta(description="Share of lists whose request, without its user, is kept; `options.include_trace` keeps it."),
    ] = 0.01


class Popularity(Struct, frozen=True, forbid_unknown_fields=True):
    """How daily popularity is summed: over days of `score * 2^(-age / half_life_days)`.

    By half-life, NDCG@10 on MovieLens-100K split at 80 % of its time: none .149, 30 days .217, 7 days .224, 5 days
    .228.
    """

    half_life_days: Annotated[HalfLife | None, Meta(description="Null: old days count like new ones.")] = 7.0
    window_days: Annotated[Window | None, Meta(description="Days that count at all; null: all.")] = 90


class Covisitation(Struct, frozen=True, forbid_unknown_fields=True):
    """How pairs of items are found and weighed.

    NDCG@10 on MovieLens-100K, each visitor's last item left out: square-root LLR of pairs within 10 positions .115,
    raw counts .047; by half-life none .115, 90 days .110, 30 days .089, 7 days .056. Keeping 20 neighbours instead of
    50 costs 1.5 points of hit rate.
    """

    half_life_days: Annotated[HalfLife | None, Meta(description="Null: old days count like new ones.")] = None
    window_days: Annotated[Window | None, Meta(description="Days that count at all; null: all.")] = 365
    normalization: Annotated[Normalization, Meta(description="What is made of a pair's count.")] = "sqrt_llr"
    shrinkage: Annotated[
        float, Meta(ge=0, le=1_000_000, description="Meetings that a pair needs before its weight is believed.")
    ] = 0.0
    neighbors: Annotated[int, Meta(ge=1, le=1000, description="Best neighbours kept of each item.")] = 50
    session_gap_minutes: Annotated[int, Meta(ge=1, le=10080, description="A longer pause ends a session.")] = 30
    session_length: Annotated[int, Meta(ge=2, le=10000, description="Events of a session that count.")] = 200
    pair_window: Annotated[
        int, Meta(ge=1, le=1000, description="Items at most so many positions apart in a session are a pair.")
    ] = 10


class Sessions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which sessions are remembered where `weights.session` is above 0: 20 MB of memory for 500,000 of four items."""

    keep: Annotated[int, Meta(ge=1, le=5_000_000, description="The newest sessions of a namespace.")] = 500_000
    window_days: Annotated[Window, Meta(description="Days that count at all.")] = 90


class Novelty(Struct, frozen=True, forbid_unknown_fields=True):
    """What is trending and what is new, for places that `exploration` leaves to chance."""

    trending_half_life: Annotated[
        HalfLife | None,
        Meta(description="Days, fewer than popularity's: what was wanted since; null: nothing is trending."),
    ] = field(default=None, name="trending_half_life_days")
    new_days: Annotated[
        Window | None, Meta(description="Items whose `created_at` is so many days ago are new; null: none is.")
    ] = None


class Bots(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the builders take for a program: nothing it did on that day counts, and what was left out is counted."""

    events_per_day: Annotated[
        Volume | None,
        Meta(description="A visitor or session with more events of one day that count is left out; null: nobody is."),
    ] = 2000


EventWeights = Annotated[
    dict[EventType, Weight],
    Meta(
        max_length=100,
        description="How much an event of each type counts, in signals and in a visitor's history; 0 ignores it.",
    ),
]
Caps = Annotated[
    dict[Identifier, Cap | None],
    Meta(max_length=100, description="Most items of a list that share one tag with this prefix; null: no cap."),
]
Fallbacks = Annotated[
    tuple[Name, ...],
    Meta(
        max_length=10,
        description="Namespaces that fill up a list which the surface's own can not fill, in order; then `default`.",
    ),
]

EVENT_WEIGHTS = {"impression": 0.0, "view": 1.0, "click": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
"""What the types of the contract count; any other type counts 1."""
