"""How a person's commands reach the database: whatever state it is in, for they are what one repairs it with."""

from __future__ import annotations

from recsys.db.migrate import migrate_up
from recsys.db.urls import resolve
from recsys.settings import Settings


def operator_url(settings: Settings) -> str:
    """Say how to connect as the owner's login. The embedded database is started and migrated; no other is touched.

    Unlike `Database.open` this refuses neither a login that is above row-level security nor an old schema.
    """
    url = resolve(settings).owner
    if settings.embedded:
        migrate_up(url, settings.db_role_prefix)
    return url
