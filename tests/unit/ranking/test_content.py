"""Likeness by tags, and the rows that it is read from."""

import numpy as np
import pytest
from tests.unit.ranking.shop import shop

from recsys.ranking.content import taste
from recsys.ranking.loops.rating import affinities, carries, heaviest
from recsys.ranking.spread import spread
from recsys.snapshot.snapshot import Rows

ROWS = Rows(np.array([0, 2, 2, 5]), np.array([7, 8, 4, 5, 6], dtype=np.int32))


def test_rows_are_laid_out_one_after_the_other() -> None:
    """The entries of each row in the order asked for; an empty row has none."""
    found = spread(ROWS, np.array([2, 1, 0]))
    assert ROWS.indices[found.entries].tolist() == [4, 5, 6, 7, 8]
    assert found.lengths.tolist() == [3, 0, 2]


def test_affinity_is_the_cosine_of_tag_vectors() -> None:
    """An item is entirely like itself, and like others by the idf of what they share."""
    snapshot = shop("a b c d", tags={"a": "t u", "b": "t", "c": "v"})
    w = {word: float(snapshot.tag_weight[snapshot.tags.number(word)]) for word in "tu"}
    liked = taste(np.array([0]), np.array([1.0]), snapshot)
    assert liked is not None
    cosine = affinities(np.arange(4, dtype=np.uint32), snapshot.catalogue, *liked.products)
    assert cosine.tolist() == pytest.approx([1, w["t"] / (w["t"] ** 2 + w["u"] ** 2) ** 0.5, 0, 0])


def test_a_taste_leads_with_its_heaviest_tags() -> None:
    """Tags of heavier items come first, each once; items without tags have no taste."""
    snapshot = shop("a b c", tags={"a": "t", "b": "u"})
    blended = taste(np.array([0, 1]), np.array([0.2, 0.8]), snapshot)
    assert blended is not None
    assert [snapshot.tags.ids[tag] for tag in heaviest(blended.tags, blended.masses, 5)] == ["u", "t"]
    assert np.square(blended.masses).sum() == pytest.approx(1)
    assert heaviest(blended.tags, blended.masses, 1).tolist() == [snapshot.tags.number("u")]
    assert taste(np.array([2]), np.array([1.0]), snapshot) is None


def test_an_item_s_tags_make_a_vector_of_length_one() -> None:
    """Each tag counts its inverse document frequency, brought to unit length for the item."""
    snapshot = shop("a b", tags={"a": "t u", "b": "t"})
    values = snapshot.item_tags.values
    assert values is not None
    assert np.square(values[:2]).sum() == pytest.approx(1)
    assert values[2] == 1
    assert values[1] > values[0]


def test_carrying_any_of_some_tags() -> None:
    """An item passes with one of the tags; one without tags never does."""
    snapshot = shop("a b c", tags={"a": "t u", "b": "v"})
    wanted = np.array([snapshot.tags.number("u"), snapshot.tags.number("v")])
    assert carries(snapshot.item_tags.lists, np.arange(3), wanted).tolist() == [True, True, False]
