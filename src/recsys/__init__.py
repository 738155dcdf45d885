"""Recommendations over HTTP for many tenants, out of one Postgres database."""

__version__ = "0.1.0"
