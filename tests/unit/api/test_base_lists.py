"""Lists that are everybody's: ranked once, the same as if each were ranked, and gone when anything changes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace as with_fields
from tests.unit.ranking.shop import shop

from recsys.api import slates
from recsys.api.base_lists import KEPT, BaseLists
from recsys.ranking.query import NOBODY, Event, Query, Visitor
from recsys.ranking.slate import Slate
from recsys.rules.live import NO_RULES
from recsys.rules.parse import parse_rules
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS, parse_config
from recsys.tenancy.directory import TenantView
from recsys.tenancy.tenants import Tenant

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
ASKED = Query(surface="home", namespace="home", k=3)
SHOP = shop("a b c d e f", {("a", "f"): 3.0}, {"a": "brand:x", "f": "brand:x"})


def view(rules: str = "[]", config: str = "{}") -> TenantView:
    """Make a tenant with these documents."""
    tenant = Tenant(UUID(int=1), "shop", "Shop", "active", NOW, NOW)
    return TenantView(tenant, parse_config(config.encode()), "c", parse_rules(rules.encode()), "r")


class Asking:
    """A worker's parts that make lists, and who asks."""

    def __init__(self, tenant: TenantView, **snapshots: Snapshot) -> None:
        self.tenant = tenant
        self.snapshots = snapshots
        self.lists = BaseLists()

    def current(self, _tenant_id: UUID, namespace: str, _params: Any) -> Snapshot:
        """Find a snapshot, as `Snapshots.current` does; a namespace that nobody filled is empty."""
        return self.snapshots.get(namespace, shop(namespace=namespace))

    def ask(
        self, query: Query = ASKED, visitor: Visitor = NOBODY, rules_at: datetime = NOW, *, anew: bool = False
    ) -> Slate:
        """Make a list; *anew*: where none is kept."""
        service: Any = SimpleNamespace(
            serving=SimpleNamespace(snapshots=self), base_lists=BaseLists() if anew else self.lists
        )
        params = (self.tenant.config or DEFAULTS).request(query.surface)
        question: Any = SimpleNamespace(query=query, params=params, rules_at=rules_at)
        slate, *_ = asyncio.run(slates.listed(service, self.tenant, question, visitor, NOW))
        return slate


@pytest.fixture
def asking() -> Asking:
    """Give a tenant whose shop pins, and caps."""
    rules = '[{"id": "p", "action": "pin", "item_ids": ["e"]}]'
    return Asking(view(rules, '{"caps": {"brand:": 1}}'), home=SHOP)


def test_a_kept_list_is_the_one_that_ranking_gives(asking: Asking) -> None:
    """The second list is the first one itself, and equals one that is ranked anew in every field."""
    first = asking.ask()
    assert asking.ask(with_fields(ASKED, seed=7)) is first
    assert asking.ask(anew=True) == first
    assert first.item_ids[0] == "e"


@pytest.mark.parametrize(
    "fields",
    [
        {"k": 2},
        {"segment": "vip"},
        {"include_reasons": True},
        {"anchors": ("f",)},
        {"exclude_ids": ("a",)},
        {"include_ids": ("b", "c", "d")},
        {"required_tags": ("brand:x",)},
        {"forbidden_tags": ("brand:x",)},
        {"max_per_tag": {"brand:x": 1}},
        {"weights": DEFAULTS.request("home").weights},
        {"explain": "summary"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_whoever_asks_for_something_else_gets_it(asking: Asking, fields: dict[str, Any]) -> None:
    """Every part of a question that can change its list is told apart from the plain one."""
    asking.ask()
    other = with_fields(ASKED, **fields)
    assert asking.ask(other) == asking.ask(other, anew=True)


def test_a_visitor_with_a_history_is_not_everybody(asking: Asking) -> None:
    """Their list is their own, and is not kept for others."""
    known = Visitor((Event("f", "click", NOW),))
    plain, own = asking.ask(), asking.ask(visitor=known)
    assert own == asking.ask(visitor=known, anew=True)
    assert own != plain
    assert asking.ask() is plain


def test_a_change_of_anything_it_was_made_from_ends_a_list(asking: Asking) -> None:
    """Another document or another snapshot: the next list is ranked, and shows it."""
    assert asking.ask().item_ids[0] == "e"
    asking.tenant = view('[{"id": "p", "action": "pin", "item_ids": ["d"]}]')
    assert asking.ask().item_ids[0] == "d"
    asking.snapshots["home"] = shop("z y x")
    assert asking.ask().item_ids == ("z", "y", "x")


def test_a_rule_counts_from_the_moment_its_window_opens(asking: Asking) -> None:
    """A list that was kept before a window opened is not served in it, nor one of the window behind it."""
    window = {"valid_from": NOW.isoformat(), "valid_until": (NOW + timedelta(hours=1)).isoformat()}
    asking.tenant = view(json.dumps([{"id": "p", "action": "pin", "item_ids": ["d"], **window}]))
    ticks = [NOW - timedelta(microseconds=1), NOW, NOW + timedelta(hours=1)]
    assert [asking.ask(rules_at=tick).item_ids[0] for tick in ticks for _ in range(2)] == ["a", "a", "d", "d", "a", "a"]


def test_a_list_that_several_namespaces_fill_is_not_kept(asking: Asking) -> None:
    """Its other namespaces may change while the first stays."""
    asking.tenant = view()
    asking.snapshots = {"home": shop("a"), "default": shop("x y", namespace="default")}
    assert asking.ask().item_ids == ("a", "x", "y")
    asking.snapshots["default"] = shop("v w", namespace="default")
    assert asking.ask().item_ids == ("a", "v", "w")


def test_what_is_kept_is_bounded_and_keeps_nothing_alive() -> None:
    """Lists go with the snapshot, and with the documents that made them."""
    lists, tenant, slate = BaseLists(), view(), Asking(view(), home=SHOP).ask()
    snapshot = replace(SHOP)
    for k in range(KEPT + 2):
        lists.put(snapshot, tenant, NO_RULES, with_fields(ASKED, k=k), slate)
    assert [lists.get(snapshot, tenant, NO_RULES, with_fields(ASKED, k=k)) for k in (0, KEPT, KEPT + 1)] == [
        None,
        slate,
        slate,
    ]
    assert lists.get(snapshot, view(), NO_RULES, with_fields(ASKED, k=KEPT)) is None
    assert len(lists) == 1
    del snapshot
    assert len(lists) == 0
