"""The figures as a table: what was measured, for each number of tasks, beside its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BUDGETED = 10_000
"""The number of tasks for which the budgets are stated."""

_HEAD = ("", "tasks", "Client API", "flowtui", "ratio", "requests", "must reach", "")
_TEXTS = {0, 6, 7}
"""Columns that stand at the left; the others hold numbers."""


@dataclass(frozen=True)
class Figure:
    """One measurement: `client` is what the Client API took for the same, `budget` what must be
    reached and whether it is; the texts have their units."""

    what: str
    tasks: int | None
    flowtui: str
    client: str = ""
    ratio: str = ""
    requests: str = ""
    budget: str = ""
    reached: bool | None = None

    def cells(self, budgeted: int = BUDGETED) -> Sequence[str]:
        verdict = {None: "", True: "reached", False: "NOT REACHED"}[self.reached]
        if self.tasks is not None and self.tasks < budgeted and verdict:
            # The budget is for more tasks than these.
            verdict = ""
        tasks = "" if self.tasks is None else f"{self.tasks:,}"
        return (
            self.what, tasks, self.client, self.flowtui, self.ratio, self.requests, self.budget,
            verdict,
        )  # fmt: skip


def table(
    title: str,
    figures: Sequence[Figure],
    head: Sequence[str] = _HEAD,
    budgeted: int = BUDGETED,
) -> str:
    """All figures under a title; those of one kind stand together, fewest tasks first.

    `head` names the columns; budgets hold from `budgeted` tasks on.
    """
    kinds = list(dict.fromkeys(figure.what for figure in figures))
    ordered = sorted(figures, key=lambda f: (kinds.index(f.what), f.tasks or 0))
    rows = [head, *(figure.cells(budgeted) for figure in ordered)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines, before = [], ""
    for row in rows:
        cells = list(row)
        cells[0], before = ("" if cells[0] == before else cells[0]), cells[0]
        padded = (
            cell.ljust(width) if at in _TEXTS else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join([title, "-" * len(title), *lines])


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.0f} ms" if value >= 0.1 else f"{value * 1e3:.2f} ms"


def mebibytes(value: float) -> str:
    return f"{value / 2**20:.0f} MB"


def times(value: float) -> str:
    """How many times faster."""
    return f"{value:,.0f}×" if value >= 10 else f"{value:.1f}×"
