"""Every cause of an empty or short list that the runbook knows, and how to make it on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Shop

ALL = [f"i{n:02}" for n in range(1, 31)]


@dataclass(frozen=True)
class Cause:
    """One row of the table in docs/runbooks/empty-recs.md."""

    make: Callable[[Shop], None]
    check: str
    """The check that fails first."""
    codes: frozenset[str]
    """Warnings that the answer carries."""
    because: str
    """Words of the answer's one sentence."""
    request: dict[str, Any] = field(default_factory=dict)
    tenant: str | None = None
    surface: str = "home"
    fills: bool = True
    """Whether the first remedy fills the list; where the catalogue can not, the remedies say so."""


def sql(*statements: str) -> Callable[[Shop], None]:
    """Spoil it with the operator's SQL."""

    def make(shop: Shop) -> None:
        for statement in statements:
            shop.run(statement)

    return make


def config(document: Any) -> Callable[[Shop], None]:
    """Spoil it with a config."""
    return lambda shop: shop.publish("config", document)


def rules(*document: Any) -> Callable[[Shop], None]:
    """Spoil it with rules."""
    return lambda shop: shop.publish("rules", list(document))


def nothing(_shop: Shop) -> None:
    """Spoil nothing: the request does it."""


def watched(event_type: str, items: int) -> Callable[[Shop], None]:
    """Let Ada have dealt with so many items."""

    def make(shop: Shop) -> None:
        for item_id in ALL[:items]:
            shop.operator.execute(
                "insert into interaction_events (event_id, tenant_id, occurred_at, received_at, seq, user_key, surface,"
                " event_type, item_id) values (%s, %s, now(), now(), 0, %s, 'home', %s, %s)",
                (f"e-{item_id}", shop.id, shop.key("ada"), event_type, item_id),
            )

    return make


def both(*makers: Callable[[Shop], None]) -> Callable[[Shop], None]:
    """Spoil it in several ways."""

    def make(shop: Shop) -> None:
        for maker in makers:
            maker(shop)

    return make


def renamed(namespace: str) -> Callable[[Shop], None]:
    """Let all rows lie in another namespace."""
    tables = ("item_tags", "item_popularity_daily", "item_covisit_daily")
    return sql(*(f"update {table} set namespace = '{namespace}'" for table in tables))  # noqa: S608  our own words


def emptied(keep: int = 0) -> Callable[[Shop], None]:
    """Keep only so many items."""
    beyond = f"item_id > 'i{keep:02}'"
    return sql(
        f"delete from item_tags where {beyond}",  # noqa: S608  our own words
        f"delete from item_popularity_daily where {beyond}",  # noqa: S608
        f"delete from item_covisit_daily where {beyond} or {beyond.replace('item', 'neighbor')}",  # noqa: S608
    )


SHORT = frozenset({"CATALOG_EXHAUSTED"})
EMPTY = SHORT | {"NAMESPACE_UNKNOWN"}
ADA = {"user": {"user_id": "ada"}}

CAUSES: dict[str, Cause] = {
    "tenant-unknown": Cause(nothing, "tenant", frozenset(), "There is no tenant 'other'", tenant="other", fills=False),
    "tenant-in-another-case": Cause(nothing, "tenant", frozenset(), "but there is 'acme'", tenant="Acme", fills=False),
    "tenant-with-a-blank": Cause(nothing, "tenant", frozenset(), "but there is 'acme'", tenant="acme ", fills=False),
    "tenant-suspended": Cause(
        sql("update tenants set status = 'suspended'"), "tenant", frozenset(), "'acme' is suspended"
    ),
    "tenant-deleted": Cause(sql("update tenants set status = 'deleted'"), "tenant", frozenset(), "'acme' is deleted"),
    "triggers-disabled": Cause(
        sql("alter table item_tags disable trigger user"), "snapshot", frozenset(), "4 triggers are disabled"
    ),
    "surface-in-another-case": Cause(
        nothing, "surface", EMPTY, "reads namespace 'Home' (the one of its own name)", surface="Home"
    ),
    "surface-with-a-blank": Cause(nothing, "surface", EMPTY, "namespace 'home' has some", surface="home "),
    "configured-surface-in-another-case": Cause(
        config({"surfaces": {"front": {"namespace": "home"}}}),
        "surface",
        EMPTY,
        "the config knows surface 'front', whose namespace has some",
        surface="Front",
    ),
    "surface-without-a-namespace": Cause(nothing, "surface", EMPTY, "'home' have some", surface="cart"),
    "config-names-an-empty-namespace": Cause(
        config({"surfaces": {"home": {"namespace": "hone"}}}), "surface", EMPTY, "'hone' (as the config says)"
    ),
    "rows-in-another-namespace": Cause(renamed("shop"), "surface", EMPTY, "'shop' have some"),
    "nothing-seeded": Cause(emptied(), "catalogue", EMPTY, "hold no items", fills=False),
    "catalogue-smaller-than-k": Cause(emptied(7), "catalogue", SHORT, "hold 7 items, fewer than the 20"),
    "items-deleted": Cause(
        sql(
            "update item_tags set available = false, deleted_at = now(), tags = '{}' where tenant_id = {tenant}"
            " and item_id > 'i05'"
        ),
        "catalogue",
        SHORT,
        "25 were deleted",
    ),
    "all-items-unavailable": Cause(
        sql("update item_tags set available = false where tenant_id = {tenant}"),
        "availability",
        SHORT | {"ITEMS_UNAVAILABLE"},
        "30 of 30 items are not available",
    ),
    "some-items-unavailable": Cause(
        sql("update item_tags set available = false where tenant_id = {tenant} and item_id > 'i12'"),
        "availability",
        SHORT | {"ITEMS_UNAVAILABLE"},
        "18 of 30 items are not available",
    ),
    "exclude-ids-name-too-much": Cause(
        nothing,
        "exclusions",
        SHORT | {"EXCLUDED_BY_REQUEST"},
        "25 by exclude_ids, 0 as anchors",
        {"candidates": {"exclude_ids": ALL[:25]}},
    ),
    "anchors-eat-the-list": Cause(
        nothing,
        "exclusions",
        SHORT | {"EXCLUDED_BY_REQUEST"},
        "0 by exclude_ids, 15 as anchors",
        {"anchors": {"item_ids": ALL[:15]}},
    ),
    "include-ids-unknown": Cause(
        nothing,
        "allow_list",
        SHORT | {"CANDIDATES_INCLUDE_EMPTY"},
        "Of 2 include_ids the catalogue holds 0",
        {"candidates": {"include_ids": ["I01", "I02"]}},
    ),
    "include-ids-too-few": Cause(
        nothing, "allow_list", SHORT, "Of 3 include_ids the catalogue holds 3", {"candidates": {"include_ids": ALL[:3]}}
    ),
    "seen-items-left-out": Cause(
        both(watched("view", 28), config({"exclusions": {"seen_days": 30}})),
        "history",
        SHORT | {"HISTORY_FILTERED"},
        "28 of 30 items lately, and the policy leaves them out (seen_days 30)",
        ADA,
    ),
    "purchased-items-left-out": Cause(
        both(watched("purchase", 15), config({"surfaces": {"home": {"exclusions": {"purchased_days": 9}}}})),
        "history",
        SHORT | {"HISTORY_FILTERED"},
        "15 of 30 items lately, and the policy leaves them out (purchased_days 9)",
        ADA,
    ),
    "required-tag-in-another-case": Cause(
        nothing,
        "constraints",
        SHORT | {"CONSTRAINTS_FILTERED"},
        "'Category:1', but 'category:1' is carried by 15",
        {"k": 10, "constraints": {"required_tags": ["Category:1"]}},
    ),
    "required-tag-unknown": Cause(
        nothing,
        "constraints",
        SHORT | {"CONSTRAINTS_FILTERED"},
        "No item carries any of the required tags (colour:red)",
        {"constraints": {"required_tags": ["colour:red"]}},
    ),
    "required-tag-rare": Cause(
        nothing,
        "constraints",
        SHORT | {"CONSTRAINTS_FILTERED"},
        "required tags are carried: brand:a by 10",
        {"constraints": {"required_tags": ["brand:a"]}},
    ),
    "forbidden-tags-carried-by-most": Cause(
        nothing,
        "constraints",
        SHORT | {"CONSTRAINTS_FILTERED"},
        "the forbidden tag 'category:0' alone is carried by 15",
        {"constraints": {"forbidden_tags": ["category:0", "no:such"]}},
    ),
    "rules-block-a-tag": Cause(
        rules({"id": "recall", "action": "block", "target_type": "category", "target_key": "1"}),
        "blocks",
        SHORT | {"RULES_BLOCKED"},
        "rule 'recall' alone blocks 15",
    ),
    "rules-block-together": Cause(
        rules(
            {"action": "block", "target_type": "item", "item_ids": ALL[:6]},
            {"action": "block", "target_type": "item", "item_ids": ALL[6:15]},
        ),
        "blocks",
        SHORT | {"RULES_BLOCKED"},
        "Rules block 15 of 30 items; rule '#2' alone blocks 9",
    ),
    "rule-reaches-every-surface": Cause(
        rules({"id": "all", "action": "block", "target_type": "item", "item_ids": ALL, "segment": "default"}),
        "blocks",
        SHORT | {"RULES_BLOCKED"},
        "Rules block 30 of 30 items",
    ),
    "config-caps-a-prefix": Cause(
        config({"caps": {"brand:": 2}}), "caps", SHORT | {"CAPS_FILTERED"}, "'brand:' allows 2 a list"
    ),
    "config-closes-a-prefix": Cause(
        config({"surfaces": {"home": {"caps": {"category:": 0}}}}), "caps", SHORT, "'category:' allows 0 a list"
    ),
    "request-caps-a-tag": Cause(
        nothing,
        "caps",
        SHORT | {"CAPS_FILTERED"},
        "'category:1' allows 3 a list",
        {"constraints": {"max_per_tag": {"category:1": 3}}},
    ),
}
