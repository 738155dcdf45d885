"""Commands that use an embedded server, started as processes of their own, because a server belongs to processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from recsys.db.binaries import Binaries, installed
from recsys.db.embedded.home import Home
from recsys.db.embedded.locks import SHARED, open_lock, try_lock
from recsys.db.embedded.process import Process, find_all
from recsys.db.embedded.server import Server

_COMMAND = Path(__file__).with_name("command.py")
NOBODY = 65534
_AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


class Command:
    """A running command. It ends when its input ends, or when it is killed."""

    def __init__(self, argv: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def conninfo(self) -> str:
        """Wait until the command has its server, and return how it reaches it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip() or pytest.fail(f"no server: {self.ended()}")

    def hears(self) -> str:
        """Wait for the next sentence that the command is told."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().strip()

    def ended(self) -> str:
        """End the command's input, wait for its end, and return what it was told."""
        return self.process.communicate(timeout=90)[1]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.communicate(timeout=10)


@dataclass
class Folder:
    """A data folder of one test, and the commands that use it."""

    data_dir: Path
    environ: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=lambda: [sys.executable])
    commands: list[Command] = field(default_factory=list)

    @property
    def home(self) -> Home:
        """Its files."""
        return Home(self.data_dir / "postgres")

    def start(self, *arguments: str) -> Command:
        """Start a command."""
        environ = {**os.environ, "RECSYS_DATA_DIR": str(self.data_dir), **self.environ}
        environ.pop("DATABASE_URL", None)
        command = Command([*self.before, str(_COMMAND), *arguments], environ)
        self.commands.append(command)
        return command

    def run(self, statement: str) -> str:
        """Run a command that executes one statement, see it succeed, and return what it was told."""
        command = self.start(statement)
        told = command.ended()
        assert command.process.returncode == 0, told
        return told

    def refusal(self) -> str:
        """Run a command that is to be refused, and return the reason it was given."""
        command = self.start("select 1")
        told = command.ended()
        assert command.process.returncode == 1, told
        return told[told.index("refused: ") :]

    def server(self) -> Server:
        """How the server of this folder is reached now."""
        server = Server.read(self.home.state)
        assert server is not None
        return server

    def postmaster(self) -> int:
        """Process id of the server."""
        return int((self.home.data / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def supervisor(self) -> int:
        """Process id of the supervisor."""
        return int(self.home.supervisor_lock.read_text(encoding="ascii"))

    def kill(self, pid: int) -> None:
        """Kill a process of this folder with SIGKILL, and wait until it is gone."""
        process = Process(pid)
        os.kill(pid, signal.SIGKILL)
        assert process.ended(within=10)

    def until(self, condition: Callable[[], bool], *, within: float = 20.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, self.home.log.read_text(encoding="utf-8")
            time.sleep(0.01)

    def is_quiet(self) -> bool:
        """Tell whether no supervisor lives."""
        lock = open_lock(self.home.supervisor_lock)
        try:
            return try_lock(lock, SHARED)
        finally:
            os.close(lock)

    def assert_nothing_left(self, socket_dir: Path | None = None) -> None:
        """See that supervisor, server and socket are gone."""
        self.until(self.is_quiet)
        assert find_all(self.home.data) == []
        assert not self.home.state.exists()
        if socket_dir is not None:
            assert not socket_dir.exists()

    def close(self) -> None:
        """End what a failed test left."""
        for command in self.commands:
            if command.process.poll() is None:
                command.kill()
        if self.home.supervisor_lock.exists():
            self.until(self.is_quiet)
            for left in find_all(self.home.data):
                left.end(((signal.SIGKILL, 5.0),))


Folders = Callable[..., Folder]


@pytest.fixture(params=dict.fromkeys(found.version[0] for found in installed()), ids="postgres-{}".format)
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """Every major version that is installed here, one after the other."""
    return next(found for found in installed() if found.version[0] == request.param)


@pytest.fixture
def folders() -> Iterator[Folders]:
    """Make data folders; what runs in them is ended after the test."""
    made: list[Folder] = []
    place = Path(tempfile.mkdtemp(prefix="rt-"))
    place.chmod(0o755)

    def make(name: str = "data", *, binaries: Binaries | None = None, nobody: bool = False) -> Folder:
        folder = Folder(place / name)
        if binaries is not None:
            folder.environ["RECSYS_POSTGRES_BIN"] = str(binaries.folder)
        if nobody:
            _give_to_nobody(folder)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        folder.close()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def folder(folders: Folders) -> Folder:
    """One data folder that does not exist yet."""
    return folders()


def _give_to_nobody(folder: Folder) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run a command as another user")
    folder.data_dir.mkdir(mode=0o700)
    os.chown(folder.data_dir, NOBODY, NOBODY)
    folder.before = [*_AS_NOBODY, interpreter_of_everybody()]
    folder.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "src")))


def interpreter_of_everybody() -> str:
    """Find a Python of our version that other users may run: the one that runs this may lie in a closed home."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        # By way of a shell: setpriv itself still looks the program up with root's privileges.
        tried = subprocess.run([*_AS_NOBODY, "sh", "-c", '"$0" -c ""', candidate], check=False, capture_output=True)
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"no Python 3.{sys.version_info.minor} that other users may run")
