"""What compose.yaml would start, started without containers: the wheel, a database as the image makes it, the steps."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from recsys import __version__
from recsys.db.binaries import unprivileged

ROOT = Path(__file__).parents[3]
SEED = """
insert into tenants (external_id, name) values ('acme', 'Acme');
insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select id, 'home', item, current_date, length(item) from tenants, unnest(array['a', 'bb', 'ccc']) item;
"""


class Deployment:
    """One folder that stands for the containers: programs, variables, the database's address."""

    def __init__(self, compose: Any, dockerfile: Any, folder: Path, port: int) -> None:
        self.compose, self.dockerfile, self.folder, self.port = compose, dockerfile, folder, port
        self.path = f"{folder / 'installed' / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def environ(self, service: str, **changed: str) -> dict[str, str]:
        """Make the environment of a service: the image's variables and its own, with the database where it is here."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        own = self.compose.services[service]["environment"]
        found = {name: text.replace("@recsys-db:5432", f"@127.0.0.1:{self.port}") for name, text in own.items()}
        return kept | self.dockerfile["variables"] | found | {"PATH": self.path} | changed

    def step(self, service: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends, by the entry point and the command that compose.yaml gives it."""
        said = self.compose.services[service]
        return self.run(*said["entrypoint"], *said["command"], environ=self.environ(service, **changed))

    def run(self, *command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run one program away from the sources."""
        return subprocess.run(
            command, env=environ, cwd=self.folder, capture_output=True, text=True, timeout=110, check=False
        )


def eventually(holds: Callable[[], object], log: Path, seconds: float = 60.0) -> None:
    """Wait until *holds* does, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def deployment(compose: Any, dockerfile: Any, postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Install the wheel where no source is, and start a Postgres as the official image would set it up."""
    made = Deployment(compose, dockerfile, tmp_path_factory.mktemp("compose"), free_port())
    _install_wheel(made.folder)
    data = Path(tempfile.mkdtemp(prefix="rc-"))  # short: it holds a socket
    try:
        _initialise(postgres, compose.services["recsys-db"]["environment"], data)
        server = _start(postgres, data, made.port)
        try:
            check = [word if word != "pg_isready" else postgres.binaries.program(word) for word in _check(compose)]
            check += ["-p", str(made.port)]
            eventually(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0, data / "log")
            _create_database(compose.services["recsys-db"]["environment"], made.port)
            yield made
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _install_wheel(folder: Path) -> None:
    """Do what the Dockerfile does, but for the locked packages: those of this environment are lent."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel = [
        *pip,
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder / "dist"),
        str(ROOT),
    ]
    subprocess.run(wheel, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "installed"], check=True)
    [built] = (folder / "dist").glob("*.whl")
    python = str(folder / "installed" / "bin" / "python")
    subprocess.run([*pip, "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(built)], check=True)
    # A folder named in a .pth file lends its packages, not its own .pth files: the editable recsys stays behind.
    [site] = (folder / "installed" / "lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")


def _initialise(postgres: Any, image: dict[str, str], data: Path) -> None:
    secret = data / "password"
    secret.write_text(image["POSTGRES_PASSWORD"])
    command = [postgres.binaries.program("initdb"), "--no-sync", "--pgdata", str(data / "pg"), "--auth=scram-sha-256"]
    command += ["--username", image["POSTGRES_USER"], "--pwfile", str(secret)]
    subprocess.run(unprivileged(command), check=True, stdout=subprocess.DEVNULL)


def _start(postgres: Any, data: Path, port: int) -> subprocess.Popen[bytes]:
    command = [postgres.binaries.program("postgres"), "-D", str(data / "pg"), "-k", str(data), "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with (data / "log").open("wb") as log:
        return subprocess.Popen(unprivileged(command), stdout=log, stderr=log, start_new_session=True)


def _check(compose: Any) -> list[str]:
    return list(compose.services["recsys-db"]["healthcheck"]["test"][1:])


def _superuser(image: dict[str, str], port: int, database: str) -> str:
    login = {"user": image["POSTGRES_USER"], "password": image["POSTGRES_PASSWORD"]}
    return make_conninfo(host="127.0.0.1", port=port, dbname=database, **login)


def _create_database(image: dict[str, str], port: int) -> None:
    """The image makes the database in its user's name, so it is not the owner role's."""
    with psycopg.connect(_superuser(image, port, "postgres"), autocommit=True) as conn:
        conn.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(image["POSTGRES_DB"])))


def test_the_installed_wheel_is_whole(deployment: Any) -> None:
    """Without the sources, `recsys --version` and the commands that read files of the package work."""
    environ = {"PATH": deployment.path}
    assert deployment.run("recsys", "--version", environ=environ).stdout == f"recsys {__version__}\n"
    where = deployment.run("python", "-c", "import recsys; print(recsys.__file__)", environ=environ).stdout
    assert where.startswith(str(deployment.folder))
    assert "create table tenants" in deployment.run("recsys", "migrate", "sql", environ=environ).stdout


@pytest.mark.timeout(240)
def test_the_steps_make_a_service_that_recommends(deployment: Any) -> None:
    """`migrate` makes roles, passwords and schema, and may run again; the service serves, is healthy, and stops."""
    for _ in range(2):
        done = deployment.step("migrate")
        assert done.returncode == 0, done.stdout + done.stderr
    image = deployment.compose.services["recsys-db"]["environment"]
    with psycopg.connect(_superuser(image, deployment.port, image["POSTGRES_DB"])) as conn:
        conn.execute(SEED)
    port = free_port()
    here = {"RECSYS_HOST": "127.0.0.1", "RECSYS_PORT": str(port), "RECSYS_DATA_DIR": str(deployment.folder / "data")}
    environ = deployment.environ("recsys", **here)
    log = deployment.folder / "log"
    with log.open("wb") as output:
        service = subprocess.Popen(
            ["recsys", "serve"], env=environ, cwd=deployment.folder, stdout=output, stderr=output
        )
    try:
        health = deployment.dockerfile["health"]
        eventually(lambda: deployment.run(*health, environ=environ).returncode == 0, log)
        key = deployment.run("recsys", "keys", "create", "shop", "--tenant", "acme", environ=environ).stdout.strip()
        url = f"http://127.0.0.1:{port}/v1/recommend"
        assert httpx.post(url, json={"surface": "home"}, trust_env=False, timeout=60).status_code == 401
        eventually(lambda: _items(url, key) == ["ccc", "bb", "a"], log)
    finally:
        service.terminate()
        assert service.wait(60) == 0, log.read_text()


def _items(url: str, key: str) -> list[str]:
    answer = httpx.post(url, json={"surface": "home"}, headers={"X-API-Key": key}, trust_env=False, timeout=60)
    return [item["item_id"] for item in answer.json().get("items", [])]


def test_a_changed_password_is_set_by_the_next_run(deployment: Any) -> None:
    """The logins have the passwords of the URLs and no others; a new one needs only `migrate` to run again."""
    assert deployment.step("migrate").returncode == 0
    old = deployment.environ("migrate")["DATABASE_URL"]
    new = old.replace("recsys_app_password-of-a-test", "another")
    assert new != old
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(new)
    assert deployment.step("migrate", DATABASE_URL=new).returncode == 0
    psycopg.connect(new).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)
