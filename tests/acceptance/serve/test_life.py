"""The life of a service: it starts from nothing, loses processes, is told to stop, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

RECSYS = str(Path(sys.executable).with_name("recsys"))
SEED = """
insert into item_tags (tenant_id, namespace, item_id, tags)
    select id, 'home', item, '{kind:x}' from tenants, unnest(array['a', 'b', 'c']) item;
"""
REQUEST = (
    b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nX-Dev-Org-Id: acme\r\nContent-Type: application/json\r\n"
    b'Content-Length: 18\r\n\r\n{"surface":"home"}'
)


class Service(NamedTuple):
    """A service with an embedded database."""

    process: subprocess.Popen[bytes]
    url: str
    environ: dict[str, str]
    log: Path

    def recommend(self) -> httpx.Response:
        """Ask for three items of the one tenant."""
        headers = {"X-Dev-Org-Id": "acme"}
        url = f"{self.url}/v1/recommend"
        return httpx.post(url, json={"surface": "home"}, headers=headers, trust_env=False, timeout=60)

    def terminate(self) -> None:
        """Stop it as a process manager does."""
        self.process.terminate()

    def interrupt(self) -> None:
        """Press Ctrl-C: the whole group of processes hears it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def exposures(self) -> int:
        """Count the exposures that reached the database."""
        return int(recsys(self.environ, "psql", "--", "-Atc", "select count(*) from exposure_events"))

    def children(self, name: str) -> set[int]:
        """List the processes below the service whose command line has *name*."""
        return {pid for pid in descendants(self.process.pid) if name in command_line(pid)}


def recsys(environ: dict[str, str], *arguments: str) -> str:
    """Run one command to its end and return what it printed."""
    done = subprocess.run([RECSYS, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def descendants(pid: int) -> set[int]:
    """List every process that *pid* started, and those that they started."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found |= {int(child), *descendants(int(child))}
    return found


def command_line(pid: int) -> str:
    """Read how a process was started, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def eventually(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until *holds* does, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def ready(service: Service) -> bool:
    """Whether the service says that it can serve; fails at once if it has ended."""
    assert service.process.poll() is None, service.log.read_text()
    try:
        return httpx.get(f"{service.url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def answers(service: Service) -> bool:
    """Whether a list comes; a connection that a killed worker held does not count."""
    try:
        return service.recommend().status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(folder: Path, *options: str, **variables: str) -> Iterator[Service]:
    """Run `recsys serve` on an embedded database in *folder*; kill it at the end if the test has not stopped it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RECSYS_", "DATABASE_URL"))}
    environ |= {"RECSYS_DATA_DIR": str(folder / "data")} | variables
    with (folder / "log").open("ab") as log:
        command = [RECSYS, "serve", "--port", str(port), *options]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    service = Service(process, f"http://127.0.0.1:{port}", environ, folder / "log")
    try:
        eventually(lambda: ready(service), 60)
        yield service
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database holds one tenant with three items; nobody uses it any more."""
    place = tmp_path_factory.mktemp("seeded")
    environ = {**os.environ, "RECSYS_DATA_DIR": str(place / "data")}
    environ.pop("DATABASE_URL", None)
    recsys(environ, "tenants", "create", "acme")
    recsys(environ, "psql", "--", "-qc", SEED)
    eventually(lambda: nothing_left(place))
    return place / "data"


@pytest.fixture
def folder(seeded: Path, tmp_path: Path) -> Path:
    """A place with a copy of the seeded data folder."""
    shutil.copytree(seeded, tmp_path / "data")
    return tmp_path


def nothing_left(folder: Path) -> bool:
    """Whether no process works in *folder* any more."""
    return not [pid for pid in Path("/proc").glob("[0-9]*") if str(folder) in command_line(int(pid.name))]


@pytest.mark.parametrize("stop", [Service.terminate, Service.interrupt])
def test_a_service_that_is_told_to_stop_drains_and_leaves_nothing(
    folder: Path, stop: Callable[[Service], None]
) -> None:
    """After SIGTERM or Ctrl-C the exit code is 0, every answer's exposure is in the database, no process is left."""
    with started(folder) as service:
        for _ in range(5):
            assert [item["item_id"] for item in service.recommend().json()["items"]] == ["a", "b", "c"]
        stop(service)
        assert service.process.wait(30) == 0, service.log.read_text()
    assert service.exposures() == 5
    eventually(lambda: nothing_left(folder))


def test_a_killed_service_loses_no_exposure(folder: Path) -> None:
    """SIGKILL to the service and its workers: the next start drains what they had answered, exactly once."""
    with started(folder, "--workers", "2") as service:
        for _ in range(20):
            assert service.recommend().status_code == 200
        workers = service.children("multiprocessing")
        os.kill(service.process.pid, signal.SIGKILL)
        for worker in workers:
            if command_line(worker):
                os.kill(worker, signal.SIGKILL)
    with started(folder) as service:
        eventually(lambda: service.exposures() == 20)


def test_a_killed_worker_is_replaced(folder: Path) -> None:
    """A worker that dies is replaced, its exposures land, and the service answers again."""
    with started(folder) as service:
        assert service.recommend().status_code == 200
        (worker,) = service.children("spawn_main")
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: service.children("spawn_main") - {worker} and ready(service))
        assert service.recommend().status_code == 200
        eventually(lambda: service.exposures() == 2)


def test_a_stuck_worker_is_replaced(folder: Path) -> None:
    """A worker whose loop does not turn is killed, and the service answers again."""
    with started(folder, RECSYS_WORKER_STUCK="5") as service:
        (worker,) = service.children("spawn_main")
        os.kill(worker, signal.SIGSTOP)
        eventually(lambda: "worker stuck" in service.log.read_text(), 60)
        eventually(lambda: service.children("spawn_main") - {worker}, 60)
        eventually(lambda: answers(service), 60)


class Askers:
    """Clients that ask without a pause: some on a connection of its own each time, others on one that they keep.

    Those go on with another where the server says that an answer is the last, unless they are *content* with one.
    """

    def __init__(self, service: Service, *, keeping: int, fresh: int = 0, content: bool = False) -> None:
        self._port = int(service.url.rpartition(":")[2])
        self._keeps = [True] * keeping + [False] * fresh
        self._content = content
        self._done = threading.Event()
        self.seen: Counter[str] = Counter()
        """Statuses, and what went wrong with a connection instead."""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask until the block ends; every request that was begun is waited for."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(asyncio.run, self._ask_all())
            try:
                yield
            finally:
                self._done.set()
            running.result()

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(keeps=keeps) for keeps in self._keeps))

    async def _ask(self, *, keeps: bool) -> None:
        writer = None
        while not self._done.is_set():
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(REQUEST)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
                seen = [head[9:12].decode()] + ["last"] * (b"connection: close" in head)
            except (OSError, EOFError) as error:
                seen = [repr(error)]
            self.seen.update(seen)
            if writer is not None and (seen != ["200"] or not keeps):
                writer.transport.abort()
                writer = None
            if self._content and seen != ["200"]:
                return
        if writer is not None:
            writer.transport.abort()


def test_workers_are_replaced_without_a_failed_request(folder: Path) -> None:
    """On SIGHUP every worker gives way to a new one, while forty clients ask all the time: each request is answered."""
    with started(folder, "--workers", "2") as service:
        before, askers = service.children("spawn_main"), Askers(service, keeping=20, fresh=20)
        with askers.asking():
            for replaced in (2, 4):
                service.process.send_signal(signal.SIGHUP)
                eventually(lambda seen=replaced: service.log.read_text().count("worker replaced") == seen, 90)
        assert set(askers.seen) == {"200", "last"}, askers.seen
        assert askers.seen["200"] > askers.seen["last"] > 20
        assert not service.children("spawn_main") & before


def test_a_service_that_is_told_to_stop_answers_what_it_was_asked(folder: Path) -> None:
    """Whoever is connected when the service is told to stop is answered, and hears which answer is the last."""
    with started(folder, "--workers", "2") as service:
        askers = Askers(service, keeping=20, content=True)
        with askers.asking():
            eventually(lambda: askers.seen["200"] > 100)
            service.terminate()
            assert service.process.wait(30) == 0, service.log.read_text()
        assert set(askers.seen) == {"200", "last"}, askers.seen
        assert askers.seen["last"] == 20


def test_a_service_whose_workers_can_not_start_ends(folder: Path) -> None:
    """When no worker can start, the service says why and ends with an exit code, for whoever supervises it."""
    (folder / "data" / "spool").write_text("no folder, so no worker can start")
    environ = {**os.environ, "RECSYS_DATA_DIR": str(folder / "data")}
    environ.pop("DATABASE_URL", None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        command = [RECSYS, "serve", "--workers", "2", "--port", str(probe.getsockname()[1])]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1
    assert "File exists" in done.stderr
    assert "No worker can start" in done.stderr


def test_a_release_that_does_not_start_replaces_nobody(folder: Path) -> None:
    """When the new worker ends before it answers, the old ones serve on, and the service does not end."""
    with started(folder) as service:
        (worker,) = service.children("spawn_main")
        (folder / "data" / "spool").rename(folder / "data" / "spool of before")
        (folder / "data" / "spool").write_text("no folder, so no worker can start")
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: "the old ones serve on" in service.log.read_text(), 90)
        assert service.children("spawn_main") == {worker}
        assert ready(service)


def test_a_killed_keeper_is_replaced(folder: Path) -> None:
    """A keeper that dies is replaced, and what was answered meanwhile reaches the database."""
    with started(folder) as service:
        eventually(lambda: service.children("recsys.keeper"))
        (keeper,) = service.children("recsys.keeper")
        os.kill(keeper, signal.SIGKILL)
        assert service.recommend().status_code == 200
        eventually(lambda: service.exposures() == 1)


def test_workers_end_when_their_service_is_killed(folder: Path) -> None:
    """No worker answers on after the process that supervises it was killed, so a restart finds the port free."""
    with started(folder, "--workers", "2"):
        pass
    eventually(lambda: nothing_left(folder))


def test_a_port_that_is_taken_is_said(folder: Path) -> None:
    """A second service on the same port ends at once with a sentence, and the first goes on."""
    with started(folder) as service:
        port = service.url.rpartition(":")[2]
        second = subprocess.run(
            [RECSYS, "serve", "--port", port],
            env=service.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert "Choose another --port" in second.stderr
        assert service.recommend().status_code == 200
