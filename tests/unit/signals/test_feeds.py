"""Surfaces feed namespaces."""

import pytest

from recsys.signals.feeds import Feed, feed_of, namespace_of
from recsys.tenancy.config import DEFAULTS, Config, RequestParams

SHARED = Config(
    surfaces={
        "home": RequestParams(namespace="shop"),
        "cart": RequestParams(namespace="shop"),
        "shop": RequestParams(namespace="other"),
        "blog": RequestParams(),
    }
)


@pytest.mark.parametrize(
    ("surface", "namespace"),
    [
        ("home", "shop"),
        ("cart", "shop"),
        ("shop", "other"),
        ("blog", "blog"),
        ("unheard of", "unheard of"),
        (None, "default"),
    ],
)
def test_a_surface_feeds_the_namespace_that_config_names(surface: str | None, namespace: str) -> None:
    """Config decides; without a word from it a surface feeds its own name, and no surface feeds `default`."""
    assert namespace_of(SHARED, surface) == namespace


@pytest.mark.parametrize("config", [DEFAULTS, SHARED])
@pytest.mark.parametrize("namespace", ["shop", "other", "blog", "default", "unheard of"])
def test_a_feed_is_the_inverse(config: Config, namespace: str) -> None:
    """A namespace is fed by exactly the surfaces that feed it."""
    known = ["home", "cart", "shop", "other", "blog", "default", "unheard of"]
    expected = {surface for surface in known if namespace_of(config, surface) == namespace}
    assert set(feed_of(config, namespace).surfaces) == expected
    assert feed_of(config, namespace).unnamed == (namespace == "default")


def test_several_surfaces_feed_one_namespace() -> None:
    """The surface of the namespace's own name is not among them when config sends it elsewhere."""
    assert feed_of(SHARED, "shop") == Feed(["cart", "home"], unnamed=False)
