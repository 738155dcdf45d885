"""Checks of what there is to show: the surface's namespaces, their items, and whether serving has them (pure)."""

from __future__ import annotations

from recsys.diagnosis.alike import alike
from recsys.diagnosis.check import Remedy, Verdict, changed_request, command, fail, note, ok, skipped, statement, warn
from recsys.diagnosis.documents import with_namespace
from recsys.diagnosis.facts import Facts, Link
from recsys.ranking.fill import DEFAULT

_NOT_LOOKED = "Nothing was ranked."


def surface(facts: Facts) -> Verdict:
    """Look whether the surface reads a namespace that has items."""
    if facts.case is None or facts.replay is None:
        return skipped(_NOT_LOOKED)
    first, named = facts.links[0].snapshot, facts.case.params.namespace
    wanted = named or facts.asked.surface
    source = "as the config says" if named else "the one of its own name"
    sizes = {link.snapshot.namespace: len(link.snapshot.items) for link in facts.links}
    if len(first.items):
        return ok(
            f"{facts.asked.surface!r} reads namespace {wanted!r} ({source}): {len(first.items)} items.", sizes=sizes
        )
    others = [name for name in facts.namespaces or () if name not in sizes]
    meant, near = _meant(facts), alike(wanted, others)
    if not facts.replay.short:
        if named or near or meant:
            return warn(
                f"Namespace {wanted!r} ({source}) is empty; the list comes from {_filled_from(facts)!r}.",
                *_towards(facts, near or others),
                sizes=sizes,
            )
        return ok(
            f"{facts.asked.surface!r} has no namespace of its own; it reads {_filled_from(facts)!r}.", sizes=sizes
        )
    if near or others or meant:
        found = f"namespace {near[0]!r} has some" if near else f"{', '.join(map(repr, others[:5]))} have some"
        if meant:
            found = f"the config knows surface {meant[0]!r}, whose namespace has some"
        return fail(
            f"Surface {facts.asked.surface!r} reads namespace {wanted!r} ({source}), which has no items; {found}.",
            *_towards(facts, near or others),
            sizes=sizes,
            others=others,
        )
    return ok(f"{facts.asked.surface!r} reads namespace {wanted!r} ({source}), which is empty.", sizes=sizes)


def _meant(facts: Facts) -> list[str]:
    """List the surfaces of the config that a person would read as the one asked for, and that read items."""
    known = facts.view.config.surfaces if facts.view is not None and facts.view.config is not None else {}
    filled = set(facts.namespaces or ())
    return [name for name in alike(facts.asked.surface, known) if (known[name].namespace or name) in filled]


def _filled_from(facts: Facts) -> str:
    return next((link.snapshot.namespace for link in facts.links if len(link.snapshot.items)), DEFAULT)


def _towards(facts: Facts, names: list[str]) -> tuple[Remedy, ...]:
    """Ask for the surface that was meant, or let the config say what this one reads."""
    if meant := _meant(facts):
        return (changed_request(surface=meant[0]),)
    if not names:
        return ()
    document = facts.documents.config if facts.documents else None
    publish = with_namespace(facts.tenant, document, facts.asked.surface, names[0])
    if facts.case is not None and facts.case.params.namespace is not None:
        return (publish,)
    return (changed_request(surface=names[0]), publish)


def catalogue(facts: Facts) -> Verdict:
    """Look whether there are as many items as are asked for."""
    if facts.case is None or facts.replay is None:
        return skipped(_NOT_LOOKED)
    made, first = facts.replay, facts.links[0].snapshot.namespace
    deleted = sum(link.days.deleted for link in facts.links if link.days is not None)
    chain = ", ".join(repr(link.snapshot.namespace) for link in facts.links)
    evidence = {"items": made.catalogue, "k": made.k, "deleted": deleted}
    if made.catalogue >= made.k:
        return ok(f"{chain} hold {made.catalogue} items together, {made.k} are asked for.", **evidence)
    if not made.short:
        return warn(f"{chain} hold {made.catalogue} items together: every list shows the same.", **evidence)
    remedies = [
        note(f"The catalogue can not fill this list: it takes {made.k - made.catalogue} more items."),
        command("recsys", "items", "import", "items.csv", "--tenant", facts.tenant, "--namespace", first),
    ]
    if made.catalogue:
        remedies.insert(0, changed_request(k=made.catalogue))
    if deleted:
        remedies.insert(0, _undelete(facts))
    counted = f"{made.catalogue} items" if made.catalogue else "no items"
    gone = f"; {deleted} were deleted" if deleted else ""
    return fail(
        f"The namespaces {chain} hold {counted}, fewer than the {made.k} asked for{gone}.", *remedies, **evidence
    )


def _undelete(facts: Facts) -> Remedy:
    return statement(
        "update item_tags set available = true, deleted_at = null"
        " where tenant_id = {tenant} and namespace = any({names}) and deleted_at is not null;",
        tenant=_tenant_id(facts),
        names=[link.snapshot.namespace for link in facts.links],
    )


def snapshot(facts: Facts) -> Verdict:
    """Look whether what serves is what the database holds."""
    triggers = facts.machinery.disabled_triggers if facts.machinery else []
    behind = [link for link in facts.links if link.stored_version not in {None, link.snapshot.version}]
    versions = {link.snapshot.namespace: link.snapshot.version for link in facts.links}
    if triggers:
        return fail(
            f"{len(triggers)} triggers are disabled ({triggers[0][1]} on {triggers[0][0]}):"
            f" changes of that table are not followed{_serves_old(behind)}.",
            *(statement_enabling(table, facts) for table in dict.fromkeys(table for table, _ in triggers)),
            triggers=[f"{table}.{name}" for table, name in triggers],
            served=versions,
        )
    if behind:
        return fail(
            f"This process serves an older version of {behind[0].snapshot.namespace!r} than the database holds.",
            statement(
                "insert into signal_changes (tenant_id, signal) values ({tenant}, 'tags');", tenant=_tenant_id(facts)
            ),
            served=versions,
            stored={link.snapshot.namespace: link.stored_version for link in behind},
        )
    failing = next((link for link in facts.links if link.failure), None)
    if failing:
        return warn(
            f"Namespace {failing.snapshot.namespace!r} could not be refreshed; the last good snapshot serves.",
            note("Mend what the evidence says; the service tries again every few seconds."),
            failure=failing.failure,
        )
    if not facts.links:
        return skipped(_NOT_LOOKED)
    return ok("What serves is what the database holds.", served=versions)


def statement_enabling(table: str, facts: Facts) -> Remedy:
    """Make a table's changes known again, and the missed ones with them."""
    return statement(
        f"alter table {table} enable trigger user; "  # noqa: S608  a table of ours, from a closed list
        "insert into signal_changes (tenant_id, signal) values ({tenant}, 'tags'), ({tenant}, 'config');",
        tenant=_tenant_id(facts),
    )


def _serves_old(behind: list[Link]) -> str:
    return f", and {behind[0].snapshot.namespace!r} is served as it was before" if behind else ""


def availability(facts: Facts) -> Verdict:
    """Look how many items may be shown at all."""
    if facts.replay is None:
        return skipped(_NOT_LOOKED)
    made, gone = facts.replay, facts.replay.tolls.get("ITEMS_UNAVAILABLE", 0)
    summary = f"{gone} of {made.catalogue} items are not available."
    evidence = {"unavailable": gone, "items": made.catalogue}
    if not gone or not made.to_blame("ITEMS_UNAVAILABLE"):
        return ok(summary, **evidence)
    remedy = statement(
        "update item_tags set available = true"
        " where tenant_id = {tenant} and namespace = any({names}) and not available and deleted_at is null;",
        tenant=_tenant_id(facts),
        names=[link.snapshot.namespace for link in facts.links],
    )
    return fail(summary, remedy, **evidence)


def _tenant_id(facts: Facts) -> str | None:
    return None if facts.view is None else str(facts.view.tenant.id)
