"""One shape for every result: the figures, and where, when and with what they were measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
_LIBRARIES = ("httptools", "litestar", "msgspec", "numba", "numpy", "psycopg", "uvicorn", "uvloop")


def keep(path: Path, benchmark: str, figures: Mapping[str, Any], *, quick: bool = False, **about: Any) -> None:
    """Write *figures* to *path* as the result of *benchmark*; *about* says more of this run (`postgres="18.6"`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"benchmark": benchmark, "run": describe(quick=quick) | about, "figures": figures}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(*, quick: bool) -> dict[str, Any]:
    """Say what runs where: time, commit, machine, versions, and how busy the machine was."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD") or None,
        "changed": bool(_git("status", "--porcelain", "--", "src", "benchmarks/*.py")),
        "quick": quick,
        "machine": machine(),
        "load_averages": [round(load, 2) for load in os.getloadavg()],
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in _LIBRARIES},
    }


def machine() -> str:
    """Describe this machine in a line."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    parts = (_processor(), f"{os.cpu_count()} cores", f"{pages / 2**30:.0f} GiB", platform.system())
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  constants
        ["git", *arguments],  # noqa: S607  whichever git is there
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
