"""Who runs a command, for the audit log."""

from __future__ import annotations

import getpass
import os

from recsys.tenancy.audit import Actor


def actor() -> Actor:
    """Name the account that runs this command."""
    try:
        return Actor("cli", getpass.getuser())
    except (KeyError, OSError):  # an account without a name, as in many containers
        return Actor("cli", str(os.getuid()))
