"""Documentation is executed: the shell blocks of a page, one after the other, in one shell, beside a service."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

DOCS = Path(__file__).parents[2] / "docs"
RECSYS = str(Path(sys.executable).with_name("recsys"))
SERVICE = "127.0.0.1:8000"
"""Where pages say that the service is."""


class Shell(NamedTuple):
    """Runs pages."""

    folder: Path
    environ: dict[str, str]
    address: str

    def page(self, name: str) -> str:
        """Run every shell block of a page in order, to the first command that fails; return what they printed."""
        text = (DOCS / name).read_text(encoding="utf-8")
        script = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        assert script, f"{name} has no shell blocks"
        return self.run("sh", "-euc", script.replace(SERVICE, self.address))

    def run(self, *command: str) -> str:
        """Run one command in the folder; it must end with 0."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service with an embedded database, which has a tenant `shop` with three items on `home`."""
    if shutil.which("curl") is None:
        pytest.fail("the pages use curl; install it", pytrace=False)
    folder = tmp_path_factory.mktemp("docs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RECSYS_", "DATABASE_URL"))}
    environ |= {"RECSYS_DATA_DIR": str(folder / "data"), "PATH": f"{Path(RECSYS).parent}:{environ['PATH']}"}
    environ |= {"no_proxy": "127.0.0.1", "RECSYS_PORT": address.rpartition(":")[2]}
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen([RECSYS, "serve"], env=environ, stdout=log, stderr=log)
    try:
        made = Shell(folder, environ, address)
        _wait(lambda: _answers(f"http://{address}/livez"), service, folder / "log")
        made.run(RECSYS, "tenants", "create", "shop")
        items = [{"item_id": item, "tags": []} for item in ("red", "green", "blue")]
        body = {"namespace": "home", "items": items}
        headers = {"X-Org-Id": "shop"}
        httpx.put(f"http://{address}/v1/items", json=body, headers=headers, trust_env=False).raise_for_status()
        yield made
    finally:
        service.terminate()
        service.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _wait(holds: Callable[[], bool], service: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert service.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
