"""A document that was accepted never breaks serving, whatever it says."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from recsys.errors import InvalidConfig, InvalidInput, InvalidRules
from recsys.ranking.query import Event, Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.rules import parse
from recsys.rules.compile import compile_rules
from recsys.rules.live import NO_RULES
from recsys.rules.parse import parse_rules
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy import config
from recsys.tenancy.config import Config, SignalParams, parse_config

NOW = datetime(2026, 5, 20, tzinfo=UTC)
TODAY = date(2026, 5, 20)
ITEMS = [f"i{number:02d}" for number in range(30)]
TAGS = ["brand:a", "brand:b", "category:x", "sale"]
COLUMNS = Columns.from_rows(
    tags=[(item, (TAGS[place % 4], TAGS[place % 3]), place % 7 != 0) for place, item in enumerate(ITEMS)],
    popularity=[(item, TODAY - timedelta(days=place), 2.0**place) for place, item in enumerate(ITEMS[:20])],
    covisitation=[
        (item, other, TODAY - timedelta(days=40 * step), 3.0 + step)
        for step, item in enumerate(ITEMS[:10])
        for other in ITEMS[step + 1 : step + 6]
    ],
)
VISITOR = Visitor(
    tuple(
        Event(item, kind, NOW - timedelta(days=10 * step))
        for step, (item, kind) in enumerate(
            [("i01", "view"), ("i02", "purchase"), ("gone", "click"), ("i03", "impression")]
        )
    )
)
NAMES = ["home", "cart", "vip", "default", "brand:a", "brand:", "a", "i01", "gone", "view", "purchase", "rating"]
TIMES = ["2026-05-01", "2026-05-20T00:00:00Z", "2026-05-20T00:00:00.000001+00:00", "2027-01-01"]
JUNK = st.sampled_from([None, True, -1, 0, 0.5, 1e9, "", "x", "a/b", [], {}, ["x"], {"x": 1}, 1e-320, 10**30])
SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def values(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values that fit a schema of ours, with an edge or something else now and then."""
    if "$ref" in schema:
        return values(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return st.one_of([values(one, definitions) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([typed(schema, word, definitions) for word in types])


def typed(schema: dict[str, Any], word: str, definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values of one JSON type."""
    if word == "array":
        return st.lists(values(schema["items"], definitions), max_size=4)
    if word == "object":
        return objects(schema, definitions)
    low, high = schema.get("minimum", 0), schema.get("maximum", 0)
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "string": st.sampled_from(NAMES + TIMES),
        "integer": st.integers(low, high) | st.integers(low, min(low + 5, high)),
        "number": st.floats(low, high) | st.sampled_from([low, high, min(low + 5e-324, high), high / 2]),
    }[word]


def objects(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make objects with some of their keys, or maps with some names."""
    if "properties" not in schema:
        inner = st.deferred(lambda: values(schema["additionalProperties"], definitions))
        return st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    fits = {
        key: st.deferred(lambda value=value: values(value, definitions)) for key, value in schema["properties"].items()
    }
    spoiled = {
        key: st.integers(0, 300).flatmap(lambda draw, strategy=strategy: strategy if draw else JUNK)
        for key, strategy in fits.items()
    }
    required = {key: spoiled[key] for key in schema["required"]}
    return st.fixed_dictionaries(required, optional={key: spoiled[key] for key in spoiled.keys() - required.keys()})


def snapshot(params: SignalParams) -> Snapshot:
    """Freeze the small catalogue under the parameters that a config asks for."""
    return freeze(COLUMNS, params, tenant_id=UUID(int=1), namespace="home", now=NOW)


PLAIN = snapshot(SignalParams())
CONFIG_SCHEMA, RULES_SCHEMA = config.schema(), parse.schema()
CONFIG_VALIDATOR, RULES_VALIDATOR = (jsonschema_rs.validator_for(schema) for schema in (CONFIG_SCHEMA, RULES_SCHEMA))
EFFECTS = st.one_of(
    st.fixed_dictionaries(
        {"action": st.just("pin"), "item_ids": st.lists(st.sampled_from([*ITEMS, "gone"]), min_size=1, max_size=5)},
        optional={"position": st.integers(1, 8), "max_pins": st.integers(1, 3)},
    ),
    st.fixed_dictionaries(
        {"action": st.just("boost"), "target_type": st.just("tag"), "target_key": st.sampled_from(TAGS),
         "boost_value": st.floats(-1, 1)},
    ),
    st.fixed_dictionaries(
        {"action": st.sampled_from(["bury", "block"]), "target_type": st.sampled_from(["brand", "category"]),
         "target_key": st.sampled_from(["a", "x", "gone"])},
    ),
)  # fmt: skip
CIRCUMSTANCES = st.fixed_dictionaries(
    {},
    optional={
        "surface": st.sampled_from(["home", "cart"]),
        "segment": st.sampled_from(["vip", "default"]),
        "priority": st.integers(-3, 3),
        "enabled": st.booleans(),
        "valid_from": st.sampled_from(TIMES[:2]),
        "valid_until": st.sampled_from(TIMES[2:]),
    },
)
RULE = st.builds(lambda effect, circumstances: effect | circumstances, EFFECTS, CIRCUMSTANCES)
ANYTHING = values(RULES_SCHEMA["$defs"]["RuleEntry"], RULES_SCHEMA["$defs"])


@SETTINGS
@given(values(CONFIG_SCHEMA, CONFIG_SCHEMA["$defs"]))
def test_an_accepted_config_ranks_every_request(document: Any) -> None:
    """Whatever passes the checks makes snapshots, and lists with finite scores in 0..1."""
    accepted = accept(document, CONFIG_VALIDATOR, parse_config, InvalidConfig)
    if isinstance(accepted, Config):
        for name in ("home", "cart", "elsewhere"):
            shop = snapshot(accepted.signals(name))
            for query in (
                Query(surface=name, namespace="home", k=5),
                Query(surface=name, namespace="home", anchors=("i01",)),
            ):
                slate = recommend(query, VISITOR, shop, accepted.request(name), NO_RULES, now=NOW)
                assert all(math.isfinite(score) and 0 <= score <= 1 for score in slate.scores)
                assert len(set(slate.item_ids)) == len(slate.item_ids) <= query.k


@SETTINGS
@given(st.lists(RULE, max_size=6) | st.lists(RULE | ANYTHING, max_size=3))
def test_accepted_rules_steer_every_request(document: Any) -> None:
    """Whatever passes the checks compiles against any catalogue and steers lists with finite scores."""
    accepted = accept(document, RULES_VALIDATOR, parse_rules, InvalidRules)
    if accepted is not None:
        for shop in (
            PLAIN,
            freeze(Columns.from_rows(), SignalParams(), tenant_id=UUID(int=1), namespace="home", now=NOW),
        ):
            live = compile_rules(accepted, shop).live("home", "vip", NOW)
            query = Query(surface="home", segment="vip", namespace="home", k=5)
            slate = recommend(query, VISITOR, shop, config.DEFAULTS.request("home"), live, now=NOW)
            assert np.isfinite(slate.scores).all()
            assert len(set(slate.item_ids)) == len(slate.item_ids) <= query.k


def accept(document: Any, validator: Any, read: Any, error: type[InvalidInput]) -> Any:
    """Read a document; None where it is refused. What the published schema refuses is refused."""
    text = json.dumps(document).encode()
    if not validator.is_valid(document):
        with pytest.raises(error):
            read(text)
    with suppress(error):
        accepted = read(text)
        event("accepted")
        return accepted
    return None


@pytest.mark.parametrize(
    ("validator", "document"),
    [(CONFIG_VALIDATOR, {"algo": None, "popularity": {"half_life_days": None}, "surfaces": {"a": {"namespace": "n"}}}),
     (RULES_VALIDATOR, {"rules": [{"action": "block", "item_ids": ["a"], "id": None}]}),
     (RULES_VALIDATOR, [{"action": "block", "item_ids": ["a"]}])],
)  # fmt: skip
def test_the_published_schema_accepts_what_is_accepted(validator: Any, document: Any) -> None:
    """Editors that check against the schema do not complain about documents that can be published."""
    assert validator.is_valid(document)
    assert not validator.is_valid({"unknown": 1})
