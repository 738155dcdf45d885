"""`recsys rules`: what merchandisers pin, boost, bury and block, in versions."""

from __future__ import annotations

from recsys.cli.documents import commands
from recsys.cli.previewing import preview_command
from recsys.rules.parse import schema
from recsys.tenancy.store import RULES

app = commands(RULES, schema, "Read, publish, compare and roll back a tenant's rules.")
app.command("preview")(preview_command("rules"))
