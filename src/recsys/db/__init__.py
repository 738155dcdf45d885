"""Postgres: connections, roles, queries, migrations, and the embedded server."""
