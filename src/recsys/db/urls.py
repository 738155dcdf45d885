"""Which database the settings mean, and how its two logins reach it."""

from __future__ import annotations

from recsys.db.embedded import acquire
from recsys.db.provision import Urls, provision
from recsys.settings import Settings

EMBEDDED_DATABASE = "recsys"
"""Name of the database in the embedded server."""


def resolve(settings: Settings) -> Urls:
    """Say how to connect. Without DATABASE_URL the embedded server is started, and its roles and database are made."""
    if settings.database_url is not None:
        return Urls(settings.database_url, settings.owner_database_url or settings.database_url)
    server = acquire(settings)
    return provision(server.superuser_conninfo("postgres"), database=EMBEDDED_DATABASE, prefix=settings.db_role_prefix)
