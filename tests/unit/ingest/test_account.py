"""The account of what was refused is complete in numbers and bounded in memory."""

from recsys.ingest import account
from recsys.ingest.account import OTHER, Account, Refusal


def test_equal_reasons_are_counted_together() -> None:
    """A thousand rows with one fault are one line of the account."""
    taken = Account()
    for row in range(1000):
        taken.refuse(Refusal(row, "$.price", "is not a finite number of at least 0"))
    assert taken.refused == 1000
    assert taken.reasons == {("$.price", "is not a finite number of at least 0"): 1000}
    assert [refusal.row for refusal in taken.first] == list(range(20))


def test_memory_is_bounded_when_every_reason_differs() -> None:
    """Beyond a number of reasons the rest is counted as one."""
    taken = Account()
    for row in range(account.REASONS_MAX + 50):
        taken.refuse(Refusal(row, "$", f"has {row} cells"))
    assert len(taken.reasons) == account.REASONS_MAX + 1
    assert taken.reasons["$", OTHER] == 50


def test_every_refusal_reaches_the_sink() -> None:
    """What is not kept is handed on."""
    seen: list[Refusal] = []
    taken = Account(seen.append)
    taken.refuse(Refusal(1, "$", "is wrong"))
    assert seen == [Refusal(1, "$", "is wrong")]
