"""A Postgres with durability and a service beside it, both of which can be killed, stopped and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from recsys.db.binaries import find_binaries, unprivileged
from recsys.db.migrate import migrate_up
from recsys.db.provision import provision
from recsys.settings import Settings, environment

PREFIX = "recsys"
RECSYS = str(Path(sys.executable).with_name("recsys"))
SEED = """
with tenant as (insert into tenants (external_id, name) values ('shop', 'A shop') returning id)
insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
select id, 'home', 'item-' || number, current_date, number from tenant, generate_series(1, 500) as number
"""

_spawner = ThreadPoolExecutor(1)
"""The thread that starts servers lives as long as this process: as root, a server ends with the thread it came from."""


def eventually(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until *holds* does; SystemExit says what did not happen."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


class Postgres:
    """One cluster on a Unix socket, as durable as Postgres is by default."""

    def __init__(self, folder: Path) -> None:
        self._binaries = find_binaries(Settings())
        self.folder = folder
        folder.mkdir(parents=True)
        command = [self._binaries.program("initdb"), "--no-sync", "--encoding=UTF8", "--locale=C"]
        command += ["--username=postgres", "--auth=trust", "--pgdata", str(folder / "data")]
        subprocess.run(unprivileged(command), check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own server
        self.start()
        self.urls = provision(self.conninfo("postgres"), database="recsys", prefix=PREFIX)
        migrate_up(self.urls.owner, PREFIX)
        with self.connect() as conn:
            conn.execute("select recsys_ensure_runway()")
            conn.execute(SEED)

    def start(self) -> None:
        """Start it, after a crash too, and wait until it answers."""
        command = [self._binaries.program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        command += ["-c", "listen_addresses=", "-c", "max_wal_size=4GB"]
        with (self.folder / "log").open("ab") as log:
            self._process = _spawner.submit(
                subprocess.Popen, unprivileged(command), stdout=log, stderr=log, start_new_session=True
            ).result()
        eventually(self._answers, 120, "Postgres answers")

    def _answers(self) -> bool:
        if self._process.poll() is not None:  # the last one's shared memory is not let go yet
            self.start()
            return True
        try:
            psycopg.connect(self.conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children notice and end."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it in order, throwing everybody out."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def cpu_seconds(self) -> float:
        """Add up the CPU time of all its processes, those that have ended too."""
        return cpu_seconds(self._process.pid, ended=True) + sum(map(cpu_seconds, _family(self._process.pid)[1:]))

    def conninfo(self, database: str = "recsys") -> str:
        """Connect as the superuser."""
        return make_conninfo(host=str(self.folder), user="postgres", dbname=database)

    def connect(self, database: str = "recsys") -> psycopg.Connection:
        """Connect as the superuser, in autocommit."""
        return psycopg.connect(self.conninfo(database), autocommit=True)

    def one(self, query: str) -> Any:
        """Ask for one value."""
        with self.connect() as conn:
            row = conn.execute(query.encode()).fetchone()
        return row[0] if row else None


class Service:
    """`recsys serve` on that Postgres."""

    def __init__(self, postgres: Postgres, data: Path, log: Path, **settings: Any) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.data = data
        self._log = log
        given = {
            "database_url": postgres.urls.service,
            "owner_database_url": postgres.urls.owner,
            "data_dir": data,
            "user_key_secret": "a secret of this run alone",
            "dev_mode": True,
            "spool_min_free_mib": 1,
            "log_level": "warning",
        }
        self.variables = os.environ | environment(**given | settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it serves a list."""
        command = [RECSYS, "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self.variables, stdout=log, stderr=log)  # noqa: S603  ours
        eventually(self._has_begun, 120, "the service serves")

    def _has_begun(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise SystemExit(f"the service ended: {self._log.read_text().splitlines()[-1:]}")
        return self.serves()

    def serves(self) -> bool:
        """Whether it answers a list."""
        try:
            return bool(self.ask("/v1/recommend", {"surface": "home", "k": 1})["items"])
        except OSError:
            return False

    def ask(self, path: str, body: Any) -> Any:
        """Send one request and return what came back."""
        headers = {"X-Org-Id": "shop", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def metrics(self) -> dict[str, float]:
        """Read the metrics of the worker that answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def processes(self) -> dict[int, str]:
        """List every process of the service with its command line."""
        return {} if self._process is None else {pid: command_line(pid) for pid in _family(self._process.pid)}

    def kill(self) -> None:
        """SIGKILL to every process of it at once: master, workers, keeper."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def recsys(self, *arguments: str) -> str:
        """Run a command beside it."""
        done = subprocess.run(  # noqa: S603  our own command
            [RECSYS, *arguments], env=self.variables, capture_output=True, text=True, check=True
        )
        return done.stdout


def command_line(pid: int) -> str:
    """Read how a process was started, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _family(int(child))
    return found


def cpu_seconds(pid: int, *, ended: bool = False) -> float:
    """Read the CPU time that a process has used, user and system; with *ended* also that of its children of old."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def stage(folder: Path | None = None, **settings: Any) -> Iterator[tuple[Postgres, Service]]:
    """Set up both in a folder of their own, and leave nothing behind."""
    place = Path(tempfile.mkdtemp(prefix="rd-", dir=folder))
    postgres = Postgres(place / "pg")
    service = Service(postgres, Path(settings.pop("data_dir", place / "data")), place / "log", **settings)
    try:
        yield postgres, service
    except BaseException:
        shutil.copy(place / "log", Path(tempfile.gettempdir()) / "durability.log")
        raise
    finally:
        service.kill()
        postgres.kill()
        shutil.rmtree(place, ignore_errors=True)
