"""The short form of the durability runs: `scripts/soak durability` plays them in full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DURABILITY = Path(__file__).parents[3] / "benchmarks" / "durability.py"


@pytest.mark.parametrize(
    "scenario", ["kill-both", "database-away", "database-restored", "two-drains", "disk-full", "same-batch"]
)
def test_what_was_acknowledged_is_there_once(scenario: str) -> None:
    """After kills, an outage, a restore, a second drain, a full disk, a batch sent again nothing is lost or doubled."""
    command = [sys.executable, str(DURABILITY), scenario, "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
