"""What a config document may say, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recsys.errors import InvalidConfig, Problem
from recsys.tenancy.config import DEFAULTS, Config, RequestParams, SignalParams, Weights, parse_config


def parsed(value: Any) -> Config:
    """Parse a config given as a Python value."""
    return parse_config(json.dumps(value).encode())


def refused(value: Any) -> dict[str, str]:
    """Return path and message of every problem of a config."""
    with pytest.raises(InvalidConfig) as error:
        parsed(value)
    return dict(error.value.problems)


def test_an_empty_document_is_the_defaults() -> None:
    """Every key is optional, and the defaults are said once."""
    assert parsed({}) == DEFAULTS
    assert DEFAULTS.request("home") == RequestParams()
    assert DEFAULTS.signals("home") == SignalParams()


@pytest.mark.parametrize(
    "document",
    [
        {"weights": {"pop": 0.5, "cooc": 0.3, "emb": 0.2}, "flags": {"enable_rules": True}, "algo": "blend"},
        {"limits": {"max_k": 50, "max_exclude_ids": 200}, "algo": "cooc"},
        {"weights": {"pop": 1, "cooc": 0, "emb": 0}, "flags": {"enable_rules": False}, "limits": {}},
    ],
)
def test_a_document_of_the_older_service_is_accepted(document: dict[str, Any]) -> None:
    """`weights`, `flags`, `limits` and `algo` mean what they meant."""
    params = parsed(document).request("home")
    assert params.algo == document.get("algo", "blend")
    assert params.enable_rules == document.get("flags", {}).get("enable_rules", True)
    assert params.max_k == document.get("limits", {}).get("max_k", 200)


def test_only_the_weights_given_are_replaced() -> None:
    """The others keep their defaults."""
    assert parsed({"weights": {"pop": 9}}).request("home").weights == Weights(pop=9)


def test_a_surface_overrides_only_the_keys_that_it_gives() -> None:
    """An override lies over the tenant's own keys, which lie over the defaults; other surfaces do not see it."""
    config = parsed(
        {
            "weights": {"pop": 0.4, "cooc": 0.6},
            "caps": {"brand:": 2, "category:": 5},
            "surfaces": {"detail": {"weights": {"cooc": 2}, "caps": {"brand:": None}, "namespace": "products"}},
        }
    )
    detail, home = config.request("detail"), config.request("home")
    assert (detail.weights, home.weights) == (Weights(pop=0.4, cooc=2), Weights(pop=0.4, cooc=0.6))
    assert (detail.caps, home.caps) == ({"category:": 5}, {"brand:": 2, "category:": 5})
    assert (detail.namespace, home.namespace) == ("products", None)


def test_a_namespace_overrides_signal_parameters() -> None:
    """Signals differ by namespace as requests do by surface."""
    config = parsed(
        {
            "popularity": {"half_life_days": 3},
            "event_weights": {"purchase": 9},
            "namespaces": {"news": {"popularity": {"window_days": 14}, "event_weights": {"view": 2}}},
        }
    )
    news, other = config.signals("news"), config.signals("other")
    assert (news.popularity_half_life, news.popularity_window) == (3, 14)
    assert (other.popularity_half_life, other.popularity_window) == (3, 90)
    assert (news.event_weights["purchase"], news.event_weights["view"], other.event_weights["view"]) == (9, 2, 1)


def test_null_turns_half_lives_and_windows_off() -> None:
    """Null is a value there: the default is not taken."""
    off = {"half_life_days": None, "window_days": None}
    params = parsed({"popularity": off, "covisitation": off}).signals("home")
    assert (params.popularity_half_life, params.popularity_window) == (None, None)
    assert (params.covisitation_half_life, params.covisitation_window) == (None, None)


def test_null_elsewhere_means_that_the_key_is_left_out() -> None:
    """At every depth, also in a surface, where what the tenant says stays."""
    config = parsed(
        {"algo": None, "limits": {"max_k": 7}, "weights": None, "surfaces": {"home": {"limits": {"max_k": None}}}}
    )
    assert config.request("home") == RequestParams(max_k=7)


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"algo": 7}, "$.algo", ["7", '"blend"', '"popularity"']),
        ({"algo": "blnd"}, "$.algo", ['Did you mean "blend"?']),
        ({"weigths": {}}, "$.weigths", ['Did you mean "weights"?']),
        (["x"], "$", ["an object", '["x"]']),
        ("x", "$", ["an object"]),
        (None, "$", ["an object"]),
        ({"weights": {"pop": "1"}}, "$.weights.pop", ['"1"', "0 to 1000"]),
        ({"weights": {"pop": True}}, "$.weights.pop", ["true"]),
        ({"weights": {"pop": -0.1}}, "$.weights.pop", ["-0.1", "0 to 1000"]),
        ({"weights": {"pop": 1001}}, "$.weights.pop", ["1001"]),
        ({"weights": []}, "$.weights", ["an object", "[]"]),
        ({"weights": {"pop": 0, "cooc": 0, "emb": 0}}, "$.weights", ["all 0", "above 0"]),
        ({"surfaces": {"home": {"weights": {"pop": 0, "cooc": 0, "emb": 0}}}}, "$.surfaces.home.weights", ["all 0"]),
        ({"limits": {"max_k": 0}}, "$.limits.max_k", ["0", "1 to 200"]),
        ({"limits": {"max_k": 201}}, "$.limits.max_k", ["201"]),
        ({"limits": {"max_k": 1.5}}, "$.limits.max_k", ["whole number", "1.5"]),
        ({"popularity": {"half_life_days": 0}}, "$.popularity.half_life_days", ["0.01"]),
        ({"popularity": {"half_life": 3}}, "$.popularity.half_life", ['"half_life_days"']),
        ({"covisitation": {"normalization": "LLR"}}, "$.covisitation.normalization", ['"sqrt_llr"']),
        ({"event_weights": {"Add": 1}}, "$.event_weights.Add", ["lower-case"]),
        ({"caps": {"brand:": -1}}, '$.caps["brand:"]', ["-1"]),
        ({"caps": {"": 1}}, '$.caps[""]', ["1 to 128"]),
        ({"fallbacks": ["a", 3]}, "$.fallbacks[1]", ["3"]),
        ({"fallbacks": [None]}, "$.fallbacks[0]", ["null"]),
        ({"fallbacks": ["n"] * 11}, "$.fallbacks", ["11", "at most 10"]),
        ({"surfaces": {"a/b": {}}}, '$.surfaces["a/b"]', ['"a/b"', "without /"]),
        ({"surfaces": {"home": {"popularity": {}}}}, "$.surfaces.home.popularity", ["not a key"]),
        ({"surfaces": {"home": {"namespace": ".."}}}, "$.surfaces.home.namespace", ['".."']),
        ({"surfaces": {"home": {"namespace": "a\n"}}}, "$.surfaces.home.namespace", ["control"]),
        ({"namespaces": {"n": {"weights": {}}}}, "$.namespaces.n.weights", ["not a key"]),
        ({"diversity": {"pool_min": 300}}, "$.diversity.pool_min", ["300", "pool_max, 200"]),
    ],
)
def test_what_is_wrong_is_refused_with_path_value_and_remedy(document: Any, path: str, words: list[str]) -> None:
    """One problem each, at its own path, in words that help."""
    found = refused(document)
    assert list(found) == [path]
    assert [word for word in words if word not in found[path]] == []


def test_every_problem_is_reported() -> None:
    """Unknown keys, wrong values, contradictions and what can not be stored, in one answer."""
    text = rb'{"algo": 7, "flag": {}, "limits": {"max_k": 1e400, "k": 1}, "weights": {"pop": 0, "cooc": 0, "emb": 0}}'
    with pytest.raises(InvalidConfig) as error:
        parse_config(text)
    paths = {problem.path for problem in error.value.problems}
    assert paths == {"$.algo", "$.flag", "$.limits.max_k", "$.limits.k", "$.weights"}


def test_text_that_is_no_document_is_refused_too() -> None:
    """What can not be read at all is InvalidConfig with one problem."""
    with pytest.raises(InvalidConfig) as error:
        parse_config(b"{")
    (problem,) = error.value.problems
    assert isinstance(problem, Problem)
    assert problem.path == "$"


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON does not tell 5.0 from 5."""
    assert parse_config(b'{"limits": {"max_k": 5.0}}').request("home").max_k == 5
