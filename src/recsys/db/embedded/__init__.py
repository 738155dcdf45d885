"""A Postgres of one's own, in the data folder: started on first need, shared, stopped when its last user ends.

No command is the parent of the server. One supervisor process per data folder (`python -m recsys.db.embedded`) starts
it, restarts it, and stops it. Every process that uses the database holds a shared lock on a file for as long as it
lives; the supervisor sleeps until it gets that lock for itself, and then nobody is left.
"""

from recsys.db.embedded.join import acquire
from recsys.db.embedded.server import Server

__all__ = ["Server", "acquire"]
