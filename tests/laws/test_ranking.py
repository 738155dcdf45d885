"""The laws of ranking: one suite that every stage inherits, and what the whole pipeline keeps beside it."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.laws.worlds import NOW, World, worlds

from recsys.ranking import loops
from recsys.ranking.candidates import Pool, gather
from recsys.ranking.exploration import explore
from recsys.ranking.intent import Intent, understand
from recsys.ranking.itemlist import ItemList
from recsys.ranking.pick import Picked, pick
from recsys.ranking.recommend import recommend
from recsys.ranking.steer import Steered, steer
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot

# An inherited law is one test for several classes, which is what it is meant to be.
few_examples = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.differing_executors])


@dataclass(frozen=True)
class Run:
    """One world taken through the stages one by one."""

    snapshot: Snapshot
    live: Live
    intent: Intent
    pool: Pool
    steered: Steered
    picked: Picked


def run(world: World) -> Run:
    """Take a world through the stages."""
    snapshot = world.snapshot()
    rules = world.live(snapshot)
    intent = understand(world.query, world.visitor, snapshot, world.params, NOW)
    pool = gather(intent, snapshot, rules)
    steered = steer(pool, rules, intent.k)
    return Run(snapshot, rules, intent, pool, steered, pick(steered, intent, snapshot))


def content(items: ItemList) -> tuple[Any, ...]:
    """Return what a list holds, to compare it with another."""
    signals = {name: values.tolist() for name, values in items.signals.items()}
    return items.numbers.tolist(), signals, items.base.tolist(), items.score.tolist()


class Laws:
    """What every stage keeps. A stage says what it was given and what it returns."""

    def before(self, run: Run) -> ItemList:
        """Return the list that the stage was given."""
        raise NotImplementedError

    def after(self, run: Run) -> ItemList:
        """Return the list that the stage returns."""
        raise NotImplementedError

    def again(self, run: Run) -> ItemList:
        """Do the stage's work once more."""
        raise NotImplementedError

    @few_examples
    @given(worlds())
    def test_it_invents_nothing_and_doubles_nothing(self, world: World) -> None:
        """Every item that comes out went in, and comes out once."""
        made = run(world)
        given_, returned = self.before(made).numbers.tolist(), self.after(made).numbers.tolist()
        assert len(set(returned)) == len(returned)
        assert set(returned) <= set(given_)

    @few_examples
    @given(worlds())
    def test_it_leaves_its_input_alone(self, world: World) -> None:
        """The list that a stage was given is the same after it."""
        made = run(world)
        was = content(self.before(made))
        self.again(made)
        assert content(self.before(made)) == was

    @few_examples
    @given(worlds(), st.integers(0, 5))
    def test_the_order_of_the_input_does_not_show(self, world: World, seed: int) -> None:
        """Rows, exclusions, allow-lists and tags in another order give the same list."""
        assert content(self.after(run(world))) == content(self.after(run(world.shuffled(seed))))

    @few_examples
    @given(worlds())
    def test_evidence_and_score_before_rules_lie_in_0_to_1(self, world: World) -> None:
        """No signal and no score before rules leaves 0..1."""
        items = self.after(run(world))
        for values in (*items.signals.values(), items.base):
            assert ((values >= 0) & (values <= 1)).all()


class TestGather(Laws):
    """`gather`: from the catalogue to scored candidates."""

    def before(self, run: Run) -> ItemList:
        """The whole catalogue."""
        n = len(run.snapshot.items)
        return ItemList(np.arange(n), {}, np.zeros(n), np.zeros(n))

    def after(self, run: Run) -> ItemList:
        """What may be shown of the pool."""
        return run.pool.items

    def again(self, run: Run) -> ItemList:
        """Gather once more."""
        return gather(run.intent, run.snapshot, run.live).items

    @few_examples
    @given(worlds())
    def test_it_keeps_exactly_what_may_be_shown(self, world: World) -> None:
        """A candidate stays if and only if no filter names it."""
        made = run(world)
        pool = {made.snapshot.items.ids[number] for number in made.pool.numbers}
        kept = {made.snapshot.items.ids[number] for number in made.pool.items.numbers}
        assert kept == pool & world.may_show()

    @few_examples
    @given(worlds())
    def test_places_stand_by_score_and_then_by_id(self, world: World) -> None:
        """The order that everything after it starts from is the plain sort."""
        items, standing = run(world).pool.items, run(world).pool.standing.tolist()
        keys = [(-round(float(items.score[place]), 6), place) for place in standing]
        assert keys == sorted(keys)
        assert sorted(standing) == list(range(len(items)))


class TestSteer(Laws):
    """`steer`: pins become locks."""

    def before(self, run: Run) -> ItemList:
        """Scored candidates."""
        return run.pool.items

    def after(self, run: Run) -> ItemList:
        """The same, some of them locked."""
        return run.steered.items

    def again(self, run: Run) -> ItemList:
        """Steer once more."""
        return steer(run.pool, run.live, run.intent.k).items


class TestPick(Laws):
    """`pick`: from scored items to the final list."""

    def before(self, run: Run) -> ItemList:
        """Steered items."""
        return run.steered.items

    def after(self, run: Run) -> ItemList:
        """The final list."""
        return run.picked.items

    def again(self, run: Run) -> ItemList:
        """Pick once more."""
        return pick(run.steered, run.intent, run.snapshot).items

    @few_examples
    @given(worlds())
    def test_it_keeps_locked_positions(self, world: World) -> None:
        """A pinned item stands at its position, or, in a list that ends before it, among the last."""
        made = run(world)
        shown = made.picked.items.numbers.tolist()
        for position, lock in made.steered.locks.items():
            assert shown.index(int(made.steered.items.numbers[lock.place])) <= position
        if len(shown) == made.intent.k:
            assert all(made.picked.order[position] == lock.place for position, lock in made.steered.locks.items())

    @few_examples
    @given(worlds())
    def test_without_diversity_free_positions_fall_by_score_and_id(self, world: World) -> None:
        """Where nothing but scores decides, the list is the plain sort by score and then by id."""
        made = run(replace(world, params=msgspec.structs.replace(world.params, mmr_lambda=None), pins=[]))
        items = made.picked.items
        keys = [(-round(value, 6), number) for value, number in zip(items.score, items.numbers.tolist(), strict=True)]
        assert keys == sorted(keys)


class TestExplore(Laws):
    """`explore`: some positions of the final list are drawn."""

    def before(self, run: Run) -> ItemList:
        """Steered items."""
        return run.steered.items

    def after(self, run: Run) -> ItemList:
        """The final list with its draws."""
        return explore(run.picked, run.steered, run.pool, run.intent, run.snapshot, seed=7).items

    def again(self, run: Run) -> ItemList:
        """Draw once more."""
        return self.after(run)

    @few_examples
    @given(worlds(), st.integers(0, 2**63 - 1))
    def test_all_but_the_drawn_stand_where_they_stand_whatever_is_drawn(self, world: World, seed: int) -> None:
        """Pins keep their positions, the others the order of the list without chance, and k stays k."""
        made = run(world)
        explored = explore(made.picked, made.steered, made.pool, made.intent, made.snapshot, seed)
        drawn = set(explored.drawn or ())
        assert len(explored.order) == len(made.picked.order)
        organic = [place for place in made.picked.order if place not in made.steered.locked]
        kept = [
            place
            for rank, place in enumerate(explored.order)
            if rank not in drawn and (not drawn or place not in made.steered.locked)
        ]
        assert not drawn or kept == organic[: len(organic) - len(drawn)]
        assert not drawn or all(explored.order[rank] == lock.place for rank, lock in made.steered.locks.items())
        assert not drawn.intersection(made.steered.locks)

    @few_examples
    @given(worlds(), st.integers(0, 5))
    def test_what_is_drawn_was_left_out_and_no_rule_sinks_it(self, world: World, seed: int) -> None:
        """Chance shows what the list would not have shown, and never what a merchandiser buried."""
        made = run(world)
        explored = explore(made.picked, made.steered, made.pool, made.intent, made.snapshot, seed)
        items = made.steered.items
        for rank in explored.drawn or ():
            place = explored.order[rank]
            assert place not in made.picked.order
            assert items.score[place] >= items.base[place]


class TestRecommend:
    """The whole pipeline."""

    @few_examples
    @given(worlds())
    def test_nothing_is_shown_that_may_not_be_shown(self, world: World) -> None:
        """No source, pin, boost or wider pool brings back what a filter removes."""
        shown = world.recommended().item_ids
        assert len(set(shown)) == len(shown) <= world.query.k
        assert set(shown) <= world.may_show()

    @few_examples
    @given(worlds())
    def test_it_fills_k_whenever_the_eligible_catalogue_has_k(self, world: World) -> None:
        """Without caps a list is as long as k, or as all that may be shown."""
        query = msgspec.structs.replace(world.query, max_per_tag={})
        free = replace(world, params=msgspec.structs.replace(world.params, caps={}), query=query)
        assert len(free.recommended()) == min(query.k, len(free.may_show()))

    @few_examples
    @given(worlds())
    def test_caps_hold_and_nothing_more_would_fit(self, world: World) -> None:
        """No tag is carried more often than allowed, and a short list leaves out only what a cap forbids."""
        unpinned = replace(world, pins=[])
        slate = unpinned.recommended()
        tags = {item_id: carried for item_id, carried, _ in world.tags}
        held = Counter(tag for item_id in slate.item_ids for tag in tags.get(item_id, ()))

        def most(tag: str) -> int:
            bounds = [bound for prefix, bound in world.params.caps.items() if tag.startswith(prefix)]
            return min([*bounds, world.query.max_per_tag.get(tag, world.query.k)])

        assert all(count <= most(tag) for tag, count in held.items())
        if len(slate) < world.query.k:
            for item_id in unpinned.may_show() - set(slate.item_ids):
                assert any(held[tag] >= most(tag) for tag in tags.get(item_id, ()))

    @few_examples
    @given(worlds(), st.integers(0, 5))
    def test_the_order_of_the_input_does_not_show(self, world: World, seed: int) -> None:
        """The same question about the same rows in another order gives the same bytes."""
        assert msgspec.json.encode(world.recommended()) == msgspec.json.encode(world.shuffled(seed).recommended())

    @few_examples
    @given(worlds())
    def test_a_list_made_at_once_is_the_one_that_the_stages_make(self, world: World) -> None:
        """Who asks for nothing but the list gets the same items, scores, warnings and counts."""
        snapshot, plain = world.snapshot(), msgspec.structs.replace(world.query, include_reasons=False, explain="none")
        live = world.live(snapshot)
        at_once, by_stages = (
            recommend(query, world.visitor, snapshot, world.params, live, now=NOW) for query in (plain, world.query)
        )
        assert msgspec.structs.replace(by_stages, reasons=None, explain=None) == msgspec.structs.replace(
            at_once, items=None
        )

    @few_examples
    @given(worlds())
    def test_explanations_add_up(self, world: World) -> None:
        """The parts add up to the score before rules, and rules to the rest, within 1e-5."""
        slate = world.recommended()
        for explanation, final in zip(slate.explain or (), slate.scores, strict=True):
            assert 0 <= explanation.base <= 1
            assert sum(explanation.signals.values()) == pytest.approx(explanation.base, abs=1e-5)
            moved = sum(effect.amount or 0 for effect in explanation.rules)
            assert explanation.base + moved == pytest.approx(final, abs=1e-5)

    @few_examples
    @given(worlds())
    def test_a_short_list_says_why(self, world: World) -> None:
        """Every list shorter than k carries CATALOG_EXHAUSTED, and what took items away has its own code."""
        slate = world.recommended()
        codes = {warning.code for warning in slate.warnings}
        assert ("CATALOG_EXHAUSTED" in codes) == (len(slate) < world.query.k)


def test_two_processes_with_different_hash_seeds_give_the_same_bytes() -> None:
    """Neither the order of sets nor the process shows in a list, its reasons, warnings or explanations."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import hypothesis, msgspec\n"
        "from worlds import worlds\n"
        "@hypothesis.seed(11)\n"
        "@hypothesis.settings(max_examples=40, deadline=None, database=None)\n"
        "@hypothesis.given(worlds())\n"
        "def show(world): print(msgspec.json.encode(world.recommended()).decode())\n"
        "show()\n"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    outputs = [
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"item_ids") >= 40


@few_examples
@given(worlds())
def test_loops_as_they_are_written_give_the_same_list(world: World) -> None:
    """A process that ranks once, without machine code, makes the list that serving makes."""
    served = run(world)
    with loops.interpreted():
        written = run(world)
    assert content(written.picked.items) == content(served.picked.items)
    assert content(written.pool.items) == content(served.pool.items)
