"""Makes docs/benchmarks.md and its plots from the results that are kept in benchmarks/results.

    python benchmarks/report.py [--check]

--check writes nothing and ends with 1 when the page is not what the results say.
"""

from __future__ import annotations

import argparse

from measured.page import PLOTS, load, page, plots
from measured.record import RESULTS, ROOT

DOCS = ROOT / "docs"


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    results = load(RESULTS)
    made = {DOCS / "benchmarks.md": page(results)}
    made |= {DOCS / PLOTS / name: drawn for name, drawn in plots(results).items()}
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    gone = [path for path in (DOCS / PLOTS).glob("*.svg") if path not in made]
    if check and (stale or gone):
        raise SystemExit(f"not as measured: {', '.join(path.name for path in stale + gone)}; run scripts/bench report")
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in gone:
        path.unlink()


if __name__ == "__main__":
    main()
