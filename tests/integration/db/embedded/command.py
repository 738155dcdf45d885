"""A command that uses the embedded database: `command.py [SQL]`, settings from the environment.

Says what it is told on standard error and its connection string on standard output; runs SQL, or lives until its
standard input ends.
"""

import sys

import psycopg

from recsys.db.embedded import acquire
from recsys.errors import EmbeddedServerError
from recsys.settings import Settings


def say(text: str) -> None:
    """Hand on what is told, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


try:
    server = acquire(Settings.from_environment(), tell=say)
except EmbeddedServerError as error:
    sys.exit(f"refused: {error}")
sys.stdout.write(f"{server.superuser_conninfo()}\n")
sys.stdout.flush()
if len(sys.argv) > 1:
    with psycopg.connect(server.superuser_conninfo(), autocommit=True) as conn:
        conn.execute(sys.argv[1].encode())
else:
    sys.stdin.read()
