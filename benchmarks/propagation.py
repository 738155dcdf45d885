"""How soon a published rule is live on every worker: two hosts with two workers each, directly and behind a pooler.

    python benchmarks/propagation.py [--rounds 200] [--json FILE] [--quick]

One Postgres of its own, and for each way two `recsys serve` with a data folder each. A round publishes rules on the
first host over HTTP, or moves the pointer with plain SQL, at a random time of the hosts' looks at the log of changes,
and asks over connections to all workers until each answer was made by the new version. Seconds count from when the
change was committed (the answer of PUT, the end of the statement), so they hold the asking too: an upper bound.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from durable.stage import Postgres, Service, eventually
from measured.record import keep
from psycopg.conninfo import make_conninfo

from recsys.db.binaries import unprivileged

ADDRESS = "/v1/admin/tenants/shop/rules"
CONNECTIONS = 6
"""To each host: enough that both workers have some."""
LOOK_SECONDS = 0.25
GIVEN_UP_SECONDS = 30.0
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
POOLER = """
[databases]
* = host={cluster}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 8
max_client_conn = 100
logfile = {folder}/log
pidfile = {folder}/pid
"""
POINT = (
    "update tenant_rules_current set rules_version_id = (select id from tenant_rule_versions where etag = %s)"
    " where tenant_id = (select id from tenants where external_id = 'shop')"
)

Connections = list[http.client.HTTPConnection]


@contextmanager
def pooler(postgres: Postgres) -> Iterator[dict[str, Any]]:
    """Run PgBouncer in transaction mode before the cluster; give the settings that go through it."""
    assert PGBOUNCER is not None  # noqa: S101  main() looked
    folder = postgres.folder / "pooler"
    folder.mkdir()
    (folder / "ini").write_text(POOLER.format(cluster=postgres.folder, folder=folder))
    (folder / "users").write_text('"recsys_app" ""\n"recsys_admin" ""\n')
    with subprocess.Popen(unprivileged([PGBOUNCER, "--quiet", str(folder / "ini")])) as process:  # noqa: S603  found above
        try:
            eventually(lambda: list(folder.glob(".s.PGSQL.*")), 10, "PgBouncer answers")
            through = make_conninfo(postgres.urls.service, host=str(folder), port=6432)
            yield {"database_url": through, "db_pooler": "transaction"}
        finally:
            process.terminate()


@contextmanager
def hosts(postgres: Postgres, folder: Path, settings: dict[str, Any]) -> Iterator[Connections]:
    """Start two services of two workers, and connect to all of them."""
    folder.mkdir()
    with ExitStack() as stack:
        found = []
        for name in ("first", "second"):
            service = Service(postgres, folder / name, folder / f"{name}.log", workers=2, **settings)
            service.start()
            stack.callback(service.stop)
            for _ in range(CONNECTIONS):
                connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=GIVEN_UP_SECONDS)
                found.append(stack.enter_context(closing(connection)))
        for connection in found:
            ask(connection, "POST", "/v1/recommend", {"surface": "home"})
        yield found


def ask(connection: http.client.HTTPConnection, method: str, address: str, body: Any) -> Any:
    """Send one request and return what came back."""
    headers = {"X-Org-Id": "shop", "Content-Type": "application/json"}
    connection.request(method, address, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != http.client.OK:
        raise SystemExit(f"{answer.status}: {text.decode()}")
    return json.loads(text)


def seconds_until_all_serve(connections: Connections, etag: str) -> float:
    """Ask over every connection until its worker ranks by these rules; return the seconds that took."""
    began, waiting = time.perf_counter(), connections
    while waiting:
        if time.perf_counter() - began > GIVEN_UP_SECONDS:
            raise SystemExit("a worker does not follow")
        waiting = [one for one in waiting if _version(one) != etag]
    return time.perf_counter() - began


def _version(connection: http.client.HTTPConnection) -> str | None:
    found: str | None = ask(connection, "POST", "/v1/recommend", {"surface": "home", "k": 1})["meta"]["rules_version"]
    return found


def measure(connections: Connections, rounds: int, change: Callable[[int], str]) -> dict[str, Any]:
    """Make *change* so often, each at another moment between two looks of the hosts."""
    took = []
    for number in range(rounds):
        time.sleep(random.uniform(0, LOOK_SECONDS))
        took.append(seconds_until_all_serve(connections, change(number)))
    return {
        "rounds": rounds,
        "p50_s": round(statistics.median(took), 3),
        "p99_s": round(float(np.percentile(took, 99)), 3),
        "max_s": round(max(took), 3),
    }


def run(postgres: Postgres, folder: Path, settings: dict[str, Any], rounds: int, *, with_sql: bool) -> dict[str, Any]:
    """Measure one way to reach the database."""
    figures, etags = {}, []
    with hosts(postgres, folder, settings) as connections:

        def publish(number: int) -> str:
            rules = [{"id": f"{folder.name}-{number}", "action": "block", "item_ids": [f"item-{number}"]}]
            etags.append(ask(connections[0], "PUT", ADDRESS, rules)["rules_version"])
            return str(etags[-1])

        def point(number: int) -> str:
            etag = etags[number % (len(etags) - 1)]  # the last one is live
            with postgres.connect() as conn:
                conn.execute(POINT, (etag,))
            return str(etag)

        figures["published"] = measure(connections, rounds, publish)
        if with_sql:
            figures["pointer_moved_by_sql"] = measure(connections, rounds, point)
    return figures


def main() -> None:
    """Print the figures, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="5 rounds of each")
    options = parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="rp-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        postgres = Postgres(folder / "pg")
        try:
            figures["directly"] = run(postgres, folder / "direct", {}, rounds, with_sql=True)
            if PGBOUNCER is None:
                print("SKIPPED: behind a pooler; there is no pgbouncer on this machine")
            else:
                with pooler(postgres) as settings:
                    figures["behind_pgbouncer"] = run(postgres, folder / "pooled", settings, rounds, with_sql=False)
        finally:
            postgres.stop()
    for way, kinds in figures.items():
        for kind, found in kinds.items():
            print(f"{way:18} {kind:22} {found}")
    if options.json:
        keep(options.json, "propagation", figures, quick=options.quick)


if __name__ == "__main__":
    main()
