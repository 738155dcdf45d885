"""Pages about the database are executed on one of the test's own, with or without a schema, and without a service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Reader:
    """Somebody who does what a page says, in a folder of their own."""

    def __init__(self, folder: Path, variables: dict[str, str], programs: Path) -> None:
        self.folder = folder
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("RECSYS_", "DATABASE_", "PG"))}
        path = [folder / "bin", Path(sys.executable).parent, programs, *map(Path, kept["PATH"].split(os.pathsep))]
        self.environ = kept | variables | {"PATH": os.pathsep.join(map(str, path)), "COLUMNS": "200"}

    def install(self, program: str, script: str) -> None:
        """Put a program in front of all others."""
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / program).write_text(script)
        (self.folder / "bin" / program).chmod(0o755)

    def follow(self, page: str, *, door: str = "recsys psql --") -> list[str]:
        """Write the files of *page* and run its commands; answer what each of them printed.

        *door* stands in for `recsys psql --` at the beginning of a command, as the page itself proposes.
        """
        said = []
        for file, language, text in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
            if file:
                (self.folder / file).write_text(text)
            elif language == "sh":
                said.append(self.run(text.replace("recsys psql --", door)))
        return said

    def run(self, script: str) -> str:
        """Run one block, which must succeed; answer its standard output."""
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(postgres: Any, tmp_path: Path) -> Reader:
    """A reader without a database; `environ` may be told of one."""
    variables = {"RECSYS_DATA_DIR": str(tmp_path / "data"), "RECSYS_USER_KEY_SECRET": "a secret of the tests alone"}
    return Reader(tmp_path, variables, postgres.binaries.folder)
