"""What each protocol lets a contender know, and what it asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.evaluation.past import START, asked, known, past

from recsys.errors import CheckFailed
from recsys.evaluation.backtest import split_of
from recsys.evaluation.protocols import PROTOCOLS, Options

LOG = past(
    ("ann", "a", 0),
    ("ann", "b", 5),
    ("bob", "a", 6),
    ("ann", "c", 100),
    ("bob", "c", 101),
    ("ann", "d", 102),
    ("bob", "z", 103),
    ("bob", "a", 104),
    ("bob", "b", 105),
    ("eve", "a", 106),
)


def test_leave_last_out() -> None:
    """Each last event is wanted, everything else is known, and who did one thing is not asked."""
    split = split_of(LOG, "leave-last-out", Options())
    assert asked(split) == [("cba", "d"), ("azca", "b")]
    assert known(split) == "abaccza" + "a"
    assert split.now == START + timedelta(minutes=106, seconds=1)


def test_leave_last_out_breaks_ties_by_arrival() -> None:
    """Of two events at one time the one that arrived later is the last."""
    assert asked(split_of(past(("ann", "x", 1), ("ann", "y", 1)), "leave-last-out", Options())) == [("x", "y")]


def test_temporal() -> None:
    """After the cut only items that the past knows and the visitor does not are wanted; newcomers are not asked."""
    split = split_of(LOG, "temporal", Options(share=0.5))
    assert known(split) == "abacc"
    assert split.now == START + timedelta(minutes=102)
    assert asked(split) == [("ca", "b")]


def test_a_cut_does_not_tear_equal_times_apart() -> None:
    """Everything at the moment of the cut lies in the future."""
    log = past(("ann", "a", 0), ("ann", "b", 1), ("bob", "b", 1), ("bob", "a", 1), ("ann", "c", 2))
    assert known(split_of(log, "sessions", Options(share=0.4))) == "a"


def test_sessions() -> None:
    """Each next item of a later session is asked for with what came before it in that session, and nothing else."""
    split = split_of(LOG, "sessions", Options(share=0.7))
    assert known(split) == "aba"
    assert asked(split) == [("c", "d"), ("c", "z"), ("zc", "a"), ("azc", "b")]


def test_baskets() -> None:
    """The first half of a session, the larger one, is known, and the rest is wanted."""
    log = past(("u", "x", 0), *[("ann/1", item, 60 + place) for place, item in enumerate("abcde")])
    assert asked(split_of(log, "baskets", Options(share=0.8))) == [("cba", "de")]


def test_next_basket() -> None:
    """A visitor's last session is wanted whole, repeated items too, and the sessions before are known."""
    log = past(("ann/1", "a", 0), ("ann/1", "b", 1), ("ann/2", "a", 90), ("ann/2", "c", 91), ("bob/3", "c", 92))
    split = split_of(log, "next-basket", Options())
    assert asked(split) == [("ba", "ac")]
    assert known(split) == "abc"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_past_never_holds_what_is_asked(protocol: str) -> None:
    """No event that makes an item relevant is among those that signals are built from or that are known."""
    split = split_of(LOG, protocol, Options(share=0.5 if protocol == "temporal" else 0.8))
    everything, told = set(range(len(LOG))), set(split.past.tolist())
    for case in split.cases:
        hidden = everything - told - set(case.history.tolist())
        assert case.relevant <= {LOG.event(place).item_id for place in hidden if LOG.visitor[place] == case.visitor}


def test_nothing_to_ask_is_said() -> None:
    """A past in which nobody came back can not be replayed, and the error says so."""
    with pytest.raises(CheckFailed, match="no case in 1 interactions"):
        split_of(past(("ann", "a", 0)), "leave-last-out", Options())


def test_shuffled_ties_move_equal_times_only() -> None:
    """Each event keeps its time; the same seed gives the same order."""
    log = past(*[("ann", item, minute) for minute in range(3) for item in "abcdefgh"])
    shuffled = log.ties_shuffled(1)
    assert shuffled.at.tolist() == log.at.tolist()
    assert shuffled.item.tolist() != log.item.tolist()
    assert shuffled.item.tolist() == log.ties_shuffled(1).item.tolist()
