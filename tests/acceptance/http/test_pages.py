"""The pages of docs/ do what they say: their commands are run, in order, against a service of their own.

Blocks fenced as `sh` are run by one shell, those fenced as `sql` by `recsys psql`; other blocks are only looked at by
people, but for those after the comment `<!-- file: NAME -->`, which become that file. A block after the comment
`<!-- not run: REASON -->` is left out. What a page takes for granted is made by the commands of its first comment,
`<!-- prepared: ... -->`. In a page `http://127.0.0.1:8000` is the service, and files that a page writes are its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
ELSEWHERE = {
    "log-interactions": "tests/docs/test_howto.py",  # these three stand on each other's events
    "export": "tests/docs/test_howto.py",
    "erase-a-person": "tests/docs/test_howto.py",
    "migrations": "tests/docs/database/test_migrations.py",  # these need databases of other kinds
    "seed-by-sql": "tests/docs/database/test_seed_by_sql.py",
}
"""Pages that are run by a test of their own."""
PAGES = [
    page
    for page in sorted(
        (*ROOT.glob("docs/howto/*.md"), *ROOT.glob("docs/runbooks/*.md"), ROOT / "docs/reference/http.md")
    )
    if page.stem not in ELSEWHERE
]
_PREPARED = re.compile(r"^<!-- prepared:\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<skip>[^\n]+) -->\n+)?(?:<!-- file: (?P<file>\S+) -->\n+)?"
    r"```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_END = "END_OF_BLOCK"
_RUN = {"sh": "{text}", "sql": f"recsys psql -- -q -v ON_ERROR_STOP=1 <<'{_END}'\n{{text}}{_END}"}


def script(page: str) -> Iterator[str]:
    """Put what a page takes for granted, its files and the blocks that are run into one shell script."""
    yield from _PREPARED.findall(page)
    blocks = list(_BLOCK.finditer(page))
    for block in blocks:
        if block["file"] is not None:
            yield f"cat > {block['file']} <<'{_END}'\n{block['text']}{_END}"
    for number, block in enumerate(blocks, start=1):
        if block["kind"] in _RUN and block["skip"] is None and block["file"] is None:
            yield f"echo '--- block {number} ---' >&2"
            yield _RUN[block["kind"]].format(text=block["text"])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_the_commands_of_a_page_work(
    page: Path, start: Callable[..., AbstractContextManager[Any]], postgres: Any, tmp_path: Path
) -> None:
    """Every command of the page ends with 0, in the order in which a reader types them."""
    lines = "\n".join(script(page.read_text(encoding="utf-8")))
    if not lines:
        pytest.skip("this page has no commands")
    folder = tmp_path / "reader"
    folder.mkdir()
    with start() as running:
        text = lines.replace("127.0.0.1:8000", f"{running.host}:{running.port}")
        path = os.pathsep.join(map(str, (Path(sys.executable).parent, postgres.binaries.folder, os.environ["PATH"])))
        done = subprocess.run(
            ["sh", "-eu", "-c", text],
            cwd=folder,
            env=os.environ | running.variables | {"PATH": path, "RECSYS_URL": running.url},
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"


def test_pages_that_are_run_elsewhere_are_named_there() -> None:
    """No page is left out of this test without another one that names it."""
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text(encoding="utf-8"), page
