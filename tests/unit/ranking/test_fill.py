"""A list filled up from another namespace."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from recsys.ranking.fill import Filling, join, remainder, tags_of
from recsys.ranking.query import NOBODY, Query
from recsys.ranking.recommend import recommend
from recsys.ranking.slate import Slate
from recsys.rules.live import NO_RULES, Live, Pin, live
from recsys.snapshot.columns import Columns, PopularityRow, TagsRow
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams, SignalParams

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = date(2026, 5, 4)
CAPPED = RequestParams(caps={"brand:": 2})


def namespace(name: str, items: dict[str, str]) -> Snapshot:
    """Freeze a namespace of items, each with one tag, the first the most popular."""
    popularity = [PopularityRow(item, TODAY, 100.0 - place) for place, item in enumerate(items)]
    columns = Columns.from_rows(popularity=popularity, tags=[TagsRow(item, (tag,)) for item, tag in items.items()])
    return freeze(columns, SignalParams(), tenant_id=UUID(int=1), namespace=name, now=NOW)


def fill(query: Query, params: RequestParams, *snapshots: Snapshot) -> Slate:
    """Rank on the first namespace and fill up from the others."""
    first, *others = snapshots
    slate = recommend(query, NOBODY, first, params, NO_RULES, now=NOW)
    tags = tags_of(slate, first)
    for snapshot in others:
        rest = remainder(query, params, slate, tags, snapshot.namespace)
        more = recommend(rest, NOBODY, snapshot, params, NO_RULES, now=NOW)
        slate, tags = join(query, slate, more, snapshot.namespace), tags + tags_of(more, snapshot)
    return slate


OWN = namespace("own", {"a": "brand:x", "b": "brand:x"})
MORE = namespace("default", {"a": "brand:x", "c": "brand:x", "d": "brand:y", "e": "brand:y", "f": "brand:y"})


def codes(slate: Slate) -> list[str]:
    """Return the codes of a list's warnings."""
    return [warning.code for warning in slate.warnings]


def test_what_is_shown_is_not_shown_again() -> None:
    """The other namespace's items stand behind, without those that are there already, and the list says so once."""
    slate = fill(Query(surface="own", namespace="own", k=4), RequestParams(), OWN, MORE)
    assert slate.item_ids == ("a", "b", "c", "d")
    assert codes(slate) == ["NAMESPACE_FALLBACK"]
    assert (slate.counts["returned"], slate.counts["fallback"]) == (4, 2)
    assert len(slate.scores) == 4


def test_caps_hold_for_the_whole_list() -> None:
    """What the first part used of a cap, by tag or by prefix, is not there for the second."""
    by_prefix = fill(Query(surface="own", namespace="own", k=4), CAPPED, OWN, MORE)
    assert by_prefix.item_ids == ("a", "b", "d", "e")
    asked = Query(surface="own", namespace="own", k=3, max_per_tag={"brand:x": 1, "brand:y": 1})
    by_tag = fill(asked, RequestParams(), OWN, MORE)
    assert by_tag.item_ids == ("a", "d")
    assert "CATALOG_EXHAUSTED" in codes(by_tag)


def test_caps_hold_over_three_namespaces() -> None:
    """Tags are counted over all parts, also those that the first namespace does not know."""
    third = namespace("third", {"g": "brand:y", "h": "brand:z"})
    second = namespace("second", {"d": "brand:y", "e": "brand:y"})
    slate = fill(Query(surface="own", namespace="own", k=6), CAPPED, OWN, second, third)
    assert slate.item_ids == ("a", "b", "d", "e", "h")


def test_a_list_that_stays_short_says_how_short() -> None:
    """The figures of the warning are those of the whole list."""
    slate = fill(Query(surface="own", namespace="own", k=10), RequestParams(), OWN, MORE)
    assert slate.item_ids == ("a", "b", "c", "d", "e", "f")
    (exhausted,) = [warning for warning in slate.warnings if warning.code == "CATALOG_EXHAUSTED"]
    assert exhausted.detail.startswith("6 of the 10 ")


def test_reasons_stay_with_their_items() -> None:
    """Where reasons and explanations are asked for, both parts bring theirs."""
    asked = Query(surface="own", namespace="own", k=4, include_reasons=True, explain="summary")
    slate = fill(asked, RequestParams(), OWN, MORE)
    assert slate.reasons == (("recent_popularity",),) * 4
    assert slate.explain is not None
    assert len(slate.explain) == 4


def test_pins_count_in_the_first_namespace_only() -> None:
    """A rule that pins an item of the other namespace changes nothing there: it stands where its score puts it."""

    def live_of(snapshot: Snapshot) -> Live:
        return live(len(snapshot.items), pins=[Pin(snapshot.items.number("f"), "f", 1, "pin")])

    filling = Filling(Query(surface="own", namespace="own", k=4), NOBODY, RequestParams(), live_of, NOW)
    slate = filling.fill([OWN, MORE])
    assert slate.item_ids == ("a", "b", "c", "d")
    assert codes(slate) == ["RULE_PIN_UNREACHABLE", "NAMESPACE_FALLBACK"]
