"""A backtest's figures for people: a Markdown table and a plot (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from recsys.evaluation.backtest import Report
from recsys.evaluation.figures import Figure, Result

_SHOWN = ("ndcg", "hr", "recall", "mrr", "map")
_WIDTH, _ROW, _LEFT = 640, 26, 170


def markdown(report: Report) -> str:
    """Write the whole report."""
    shape = report.shape
    head = (
        f"# {report.source}: {report.protocol}\n\n"
        f"{shape.cases:,} cases of {shape.visitors:,} visitors, asked at {shape.now}; signals from {shape.past:,} of "
        f"{shape.events:,} interactions with {shape.items:,} items. Full ranking, lists of {report.k}. "
        "In brackets: 95 % interval, bootstrap over visitors.\n"
    )
    parts = [head, _table(report), _against(report), _groups(report), _ties(report)]
    return "\n".join(part for part in parts if part)


def _table(report: Report) -> str:
    accuracy = [f"{name}@{report.k}" for name in _SHOWN]
    others = [name for name in report.results[0].figures if name not in accuracy]
    rows = [
        [
            one.name,
            *(_interval(one.figures[name]) for name in accuracy),
            *(f"{one.figures[n].value:.3f}" for n in others),
        ]
        for one in report.results
    ]
    return _grid(["", *accuracy, *others], rows)


def _against(report: Report) -> str:
    first, *others = report.results
    names = [f"{name}@{report.k}" for name in _SHOWN]
    rows = [[one.name, *(_interval(one.against[name], sign="+") for name in names)] for one in others]
    return f"## Difference from {first.name}, on the same visitors\n\n" + _grid(["", *names], rows) if rows else ""


def _groups(report: Report) -> str:
    name = f"ndcg@{report.k}"
    groups = list(dict.fromkeys(group for one in report.results for group in one.groups))
    rows = [[one.name, *(_interval(one.groups[group].figures[name]) for group in groups)] for one in report.results]
    heads = [f"{group} ({report.results[0].groups[group].cases:,})" for group in groups]
    return f"## {name} by length of the known history\n\n" + _grid(["", *heads], rows)


def _ties(report: Report) -> str:
    rows = [
        [name, *(f"{value:.4f}" for value in values), f"{sum(values) / len(values):.4f}"]
        for name, values in report.ties_shuffled.items()
    ]
    if not rows:
        return ""
    heads = ["", *(f"order {number}" for number in range(1, len(rows[0]) - 1)), "mean"]
    return f"## ndcg@{report.k} with equal times in random order\n\n" + _grid(heads, rows)


def _grid(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _interval(figure: Figure, sign: str = "") -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:{sign}.4f}"
    return f"{figure.value:{sign}.4f} ({figure.low:{sign}.3f} to {figure.high:{sign}.3f})"


def plot(report: Report) -> str:
    """Draw NDCG of every contender with its interval, as SVG."""
    name = f"ndcg@{report.k}"
    figures = [(one, one.figures[name]) for one in report.results]
    most = max((figure.high or figure.value for _, figure in figures), default=0.0) or 1.0
    height = _ROW * (len(figures) + 2)
    title = f'<text x="8" y="18" font-weight="bold">{escape(f"{report.source}, {report.protocol}: {name}")}</text>'
    marks = "".join(mark for row, (one, figure) in enumerate(figures) for mark in _marks(row, one, figure, most))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13">{title}{marks}</svg>\n'
    )


def _marks(row: int, one: Result, figure: Figure, most: float) -> Iterator[str]:
    y = _ROW * (row + 2) - 8
    scale = (_WIDTH - _LEFT - 70) / most
    low, high = figure.low or figure.value, figure.high or figure.value
    yield f'<text x="8" y="{y + 4}">{escape(one.name)}</text>'
    yield f'<rect x="{_LEFT}" y="{y - 7}" width="{figure.value * scale:.1f}" height="14" fill="#7aa6d6"/>'
    yield (
        f'<line x1="{_LEFT + low * scale:.1f}" x2="{_LEFT + high * scale:.1f}" y1="{y}" y2="{y}" '
        'stroke="#223" stroke-width="2"/>'
    )
    yield f'<text x="{_LEFT + high * scale + 8:.1f}" y="{y + 4}">{figure.value:.4f}</text>'
