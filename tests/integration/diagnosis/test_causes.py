"""Each cause of a short list, made on purpose: what the answer says, and that the remedy works as it is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.diagnosis.causes import CAUSES, Cause, both, config, rules, sql

from recsys.diagnosis.check import Diagnosis, Finding

if TYPE_CHECKING:
    from conftest import Shop

Found = Callable[[Diagnosis, str], Finding]
PAGE = Path(__file__).parents[3] / "docs" / "runbooks" / "empty-recs.md"


def request_of(cause: Cause) -> dict[str, Any]:
    """Make the request that shows a cause."""
    return {"surface": cause.surface, **cause.request}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_is_named_and_its_remedy_works(shop: Shop, name: str) -> None:
    """The list is full before; then its cause is the first failing check; the remedy as printed makes it full."""
    cause = CAUSES[name]
    assert shop.diagnose({"surface": "home"}).healthy
    cause.make(shop)
    request = request_of(cause)
    diagnosis = shop.diagnose(request, cause.tenant)
    failing = next(check for check in diagnosis.checks if check.status == "fail")
    assert failing.name == cause.check, diagnosis.because
    assert cause.because in diagnosis.because == failing.summary
    assert not diagnosis.healthy
    assert cause.codes <= set(diagnosis.warnings)
    if diagnosis.returned is not None and name != "triggers-disabled":
        assert diagnosis.returned < diagnosis.k
        assert diagnosis.warnings
    assert failing.remedies
    if cause.fills:
        after = shop.diagnose(shop.apply(failing.remedies[0], request), cause.tenant)
        assert after.returned == after.k > 0, after.because
        assert after.healthy, after.because


def test_a_configured_surface_comes_before_a_namespace(shop: Shop) -> None:
    """Where the config knows a surface by another case, the remedy asks for it and not for its namespace."""
    config({"surfaces": {"HOME": {"namespace": "home"}}})(shop)
    failing = next(check for check in shop.diagnose({"surface": "Home"}).checks if check.status == "fail")
    assert [json.loads(remedy.text) for remedy in failing.remedies] == [{"surface": "HOME"}]


def test_a_catalogue_that_is_too_small_says_so(shop: Shop) -> None:
    """Where only more items help, the remedy says that nothing else does."""
    CAUSES["nothing-seeded"].make(shop)
    failing = next(check for check in shop.diagnose({"surface": "home"}).checks if check.status == "fail")
    assert "can not fill this list: it takes 20 more items" in failing.remedies[0].text


def test_another_tenants_name_is_told_to_the_operator_alone(shop: Shop) -> None:
    """The near miss of a tenant names the one that was meant, and pasting its remedy looks at that one."""
    failing = next(check for check in shop.diagnose({"surface": "home"}, "ACME").checks if check.status == "fail")
    done = shop.shell(failing.remedies[0].text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_three_causes_at_once_are_all_told_the_first_one_first(shop: Shop, found: Found) -> None:
    """Each fails, none hides another, and the answer is the one that comes first."""
    both(
        sql("update item_tags set available = false where tenant_id = {tenant} and item_id > 'i12'"),
        rules({"id": "recall", "action": "block", "target_type": "category", "target_key": "1"}),
        config({"caps": {"brand:": 1}}),
    )(shop)
    diagnosis = shop.diagnose({"surface": "home"})
    failing = [check.name for check in diagnosis.checks if check.status == "fail"]
    assert failing == ["availability", "blocks", "caps", "list"]
    assert diagnosis.because == found(diagnosis, "availability").summary
    for name in ("availability", "blocks", "caps"):
        shop.apply(found(diagnosis, name).remedies[0], {})
    assert shop.diagnose({"surface": "home"}).healthy


def test_a_part_that_would_not_do_it_alone_is_not_blamed(shop: Shop, found: Found) -> None:
    """One unavailable item is evidence, not the cause, when a rule blocks half of the catalogue."""
    sql("update item_tags set available = false where tenant_id = {tenant} and item_id = 'i01'")(shop)
    rules({"action": "block", "target_type": "category", "target_key": "1"})(shop)
    diagnosis = shop.diagnose({"surface": "home"})
    assert found(diagnosis, "availability").status == "ok"
    assert diagnosis.because == found(diagnosis, "blocks").summary


def test_the_runbook_lists_every_cause() -> None:
    """The table in the runbook has a row for each cause that is made here, with its check and its warnings."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {name: (check, set(re.findall(r"`([A-Z_]+)`", warnings))) for name, _, warnings, check in rows}
    assert told.keys() == CAUSES.keys()
    for name, cause in CAUSES.items():
        check, codes = told[name]
        assert (check, codes) == (cause.check, set(cause.codes)), name
