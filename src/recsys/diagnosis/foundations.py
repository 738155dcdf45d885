"""Checks of what must stand before anything can be ranked: database, schema, tenant, documents (pure)."""

from __future__ import annotations

from recsys.diagnosis.check import Verdict, command, fail, note, ok, skipped, statement, warn
from recsys.diagnosis.facts import Facts


def database(facts: Facts) -> Verdict:
    """Look whether the database answers."""
    if facts.failure is None:
        return ok(f"{_capital(facts.where)} answers.", database=facts.where)
    return fail(
        f"{_capital(facts.where)} can not be used: {facts.failure}",
        command("recsys", "psql", "--", "-c", "select 1"),
        note("Start Postgres, or set DATABASE_URL to the one that runs. What is loaded is served until then."),
        database=facts.where,
    )


def database_in_use(facts: Facts) -> Verdict:
    """Look whether this is the database that was meant."""
    if facts.tenants is None:
        return skipped("Only the operator of the installation sees which tenants there are.")
    if facts.tenants:
        return ok(f"{_capital(facts.where)} holds {facts.tenants} tenants.", tenants=facts.tenants)
    what = f"{_capital(facts.where)} holds no tenant at all."
    if facts.embedded:
        return fail(
            f"{what} DATABASE_URL is not set, so another database may have been meant.",
            note("Set DATABASE_URL to the database that holds your data (or RECSYS_DATA_DIR to its folder), or begin:"),
            command("recsys", "tenants", "create", facts.asked.tenant),
            tenants=0,
        )
    return fail(what, command("recsys", "tenants", "create", facts.asked.tenant), tenants=0)


def schema(facts: Facts) -> Verdict:
    """Look whether the schema is the one that this release works with."""
    if facts.machinery is None:
        return skipped("The database could not be asked.")
    pending = facts.machinery.pending_migrations
    if not pending:
        return ok("Every migration of this release is applied.")
    return fail(
        f"{len(pending)} migrations are not applied, {pending[0]} is the first.",
        command("recsys", "migrate", "up"),
        pending=pending,
    )


def tenant(facts: Facts) -> Verdict:
    """Look whether the tenant is there and may be served."""
    if facts.view is None:
        return skipped("The database could not be asked.") if facts.failure else _unknown(facts)
    found = facts.view.tenant
    if found.status == "active":
        return ok(f"Tenant {found.external_id!r} is active.", id=str(found.id))
    if found.status == "suspended":
        remedy = command("recsys", "tenants", "resume", found.external_id)
        return fail(f"Tenant {found.external_id!r} is suspended: every request is refused.", remedy, status="suspended")
    return fail(
        f"Tenant {found.external_id!r} is deleted: every request is answered as if it did not exist.",
        statement("update tenants set status = 'active' where id = {id};", id=str(found.id)),
        status=found.status,
    )


def _unknown(facts: Facts) -> Verdict:
    name = facts.asked.tenant
    if not facts.alike:
        return fail(f"There is no tenant {name!r}.", command("recsys", "tenants", "create", name))
    other = facts.alike[0]
    return fail(
        f"There is no tenant {name!r}, but there is {other!r}.",
        command("recsys", "doctor", "--tenant", other, "--surface", facts.asked.surface),
        note(f"Let tokens, keys and X-Org-Id name {other!r}, to the letter."),
        alike=list(facts.alike),
    )


def config(facts: Facts) -> Verdict:
    """Look whether the published config is in force."""
    return _in_force(facts, "config")


def rules(facts: Facts) -> Verdict:
    """Look whether the published rules are in force."""
    return _in_force(facts, "rules")


def _in_force(facts: Facts, kind: str) -> Verdict:
    if facts.view is None or facts.documents is None:
        return skipped("The database could not be asked, or the tenant is not there.")
    live = getattr(facts.view, f"{kind}_etag")
    stored = getattr(facts.documents, f"{kind}_etag")
    if stored is None:
        return ok(f"No {kind} published; the defaults are in force.")
    if stored != live:
        return warn(
            f"The published {kind} {stored[:12]} are not in force: they do not hold the checks, or just changed.",
            command("recsys", kind, "versions", "--tenant", facts.tenant),
            note(f"Publish sound {kind} with `recsys {kind} put`, or go back with `recsys {kind} rollback ETAG`."),
            published=stored,
            in_force=live,
        )
    document = getattr(facts.documents, kind)
    keys = sorted(document) if isinstance(document, dict) else [f"{len(document)} rules"]
    return ok(f"Version {stored[:12]} is in force: {', '.join(keys) or 'all defaults'}.", etag=stored)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
