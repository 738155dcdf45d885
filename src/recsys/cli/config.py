"""`recsys config`: what ranks a tenant's requests, in versions."""

from __future__ import annotations

from recsys.cli.documents import commands
from recsys.cli.previewing import preview_command
from recsys.tenancy.config import schema
from recsys.tenancy.store import CONFIG

app = commands(CONFIG, schema, "Read, publish, compare and roll back a tenant's config.")
app.command("preview")(preview_command("config"))
