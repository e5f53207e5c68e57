"""The table of runs: what a row tells, what fits, and what stays where it is when runs come."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from flowtui.model import Ms, State
from flowtui.run_index import Grouping, Order
from flowtui.run_summary import RunSummary
from flowtui.theme import Look
from flowtui.widgets.run_table import RunTable
from tests.run_summaries import START, news, run

S, F, R = State.SUCCEEDED, State.FAILED, State.RUNNING

FAILED = run(
    "TrainFlow/1795254604724713",
    state=F,
    finished_at=Ms(START + 187_000),
    current=("fit",),
    counts={S: 3, F: 1},
    expected=8,
    tags=("prod", "nightly"),
    origin_run="1795254600000000",
)


class Host(App[None]):
    """An app with nothing but the table."""

    def __init__(self, ascii: bool = False) -> None:  # noqa: A002
        super().__init__()
        self._ascii = ascii

    def compose(self) -> ComposeResult:
        yield RunTable(Look(ascii=self._ascii), lambda: "nothing here")

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    def row(self, y: int) -> str:
        return self.table.render_line(y).text.rstrip()

    @property
    def marked(self) -> str:
        """The run under the cursor, as its row shows it."""
        rows = [self.row(y) for y in range(self.size.height)]
        (marked,) = [row for row in rows if row.startswith("▸")]
        return marked.split()[4] if marked.split()[1] in "✓✗●" else marked


def many(count: int) -> list[RunSummary]:
    return [
        run(f"Flow/{at}", at, state=S, finished_at=Ms(START + at * 1000)) for at in range(count)
    ]


async def test_a_wide_row_tells_all_of_a_run() -> None:
    app = Host()
    async with app.run_test(size=(160, 6)) as pilot:
        app.table.update(news(FAILED))
        await pilot.pause()
        names = ["state", "flow", "run", "step", "progress", "tasks", "counts", "took", "age"]
        assert app.row(0).split() == [*names, "user", "tags", "origin"]
        assert app.row(1).split() == [
            *("▸", "✗", "failed", "TrainFlow", "1795254604724713", "fit", "━━━━┄┄┄┄", "4/8"),
            *("✗1", "3m07s", "60m", "ada", "prod", "nightly", "1795254600000000"),
        ]


async def test_eighty_columns_keep_what_tells_a_run_and_its_state() -> None:
    app = Host()
    async with app.run_test(size=(80, 6)) as pilot:
        app.table.update(news(FAILED))
        await pilot.pause()
        assert app.row(0).split() == ["state", "flow", "run", "step", "tasks", "took", "age"]
        assert app.row(1).split()[1:5] == ["✗", "failed", "TrainFlow", "1795254604724713"]


@pytest.mark.parametrize("width", range(1, 200, 7))
async def test_rows_are_as_wide_as_the_table(width: int) -> None:
    app = Host()
    strange = run("Fløw\x1b[31m/[/b]日本語", state=R, user="日\u202e", tags=("\x07",))
    async with app.run_test(size=(width, 5)) as pilot:
        app.table.update(news(FAILED, strange))
        await pilot.pause()
        for y in range(4):
            strip = app.table.render_line(y)
            assert cell_len(strip.text) == app.table.size.width
            assert not set(strip.text) & set("\x1b\x07\u202e")


async def test_ascii_draws_with_ascii() -> None:
    app = Host(ascii=True)
    async with app.run_test(size=(160, 6)) as pilot:
        app.table.update(news(FAILED))
        app.table.sort(Order.TOOK, reverse=False)
        app.table.group(Grouping.USER)
        await pilot.pause()
        assert "".join(app.row(y) for y in range(4)).isascii()
        assert "####----" in app.row(2)


async def test_an_unknown_state_is_no_state() -> None:
    app = Host()
    async with app.run_test(size=(100, 6)) as pilot:
        app.table.update(news(run("Flow/1")))
        await pilot.pause()
        assert app.row(1).split()[1:4] == ["…", "Flow", "1"]


async def test_the_cursor_stays_on_its_run_when_newer_ones_come() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.table.focus()
        app.table.update(news(*many(5)))
        await pilot.press("down", "down")
        assert app.marked == "2"
        app.table.update(news(run("Flow/9", 90)))
        await pilot.pause()
        assert app.marked == "2"
        assert app.row(1).split()[2] == "9"


async def test_what_is_looked_at_stays_when_newer_runs_come_above_it() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.table.focus()
        app.table.update(news(*many(100)))
        await pilot.press("G")
        await pilot.pause()
        seen = [app.row(y) for y in range(1, 12)]
        app.table.update(news(*(run(f"Flow/{at}", at) for at in range(500, 520))))
        await pilot.pause()
        assert [app.row(y) for y in range(1, 12)] == seen
        # Scrolled away from the cursor, too.
        app.table.scroll_to(y=30, animate=False)
        await pilot.pause()
        seen = [app.row(y) for y in range(1, 12)]
        app.table.update(news(run("Flow/600", 600)))
        await pilot.pause()
        assert [app.row(y) for y in range(1, 12)] == seen


async def test_groups_are_folded_and_unfolded() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.table.focus()
        app.table.update(news(*many(2), run("Other/7", 60, state=F)))
        app.table.group(Grouping.FLOW)
        await pilot.pause()
        assert app.row(0).split()[:2] == ["state", "run"]
        assert app.row(1).split() == ["▸", "▼", "Other", "1", "run", "✗1"]
        assert app.row(3).split() == ["▼", "Flow", "2", "runs", "✓2"]
        await pilot.press("G", "h")
        await pilot.pause()
        assert app.row(3).split() == ["▸", "▶", "Flow", "2", "runs", "✓2"]
        assert app.table.row_count == 3
        await pilot.press("l")
        await pilot.pause()
        assert app.table.row_count == 5


async def test_a_run_that_is_wanted_comes_under_the_cursor_unless_that_was_moved() -> None:
    for moved in (False, True):
        app = Host()
        async with app.run_test(size=(100, 12)) as pilot:
            app.table.focus()
            app.table.want(("Flow", "1"))
            app.table.update(news(*many(5)[3:]))
            await pilot.pause()
            if moved:
                await pilot.press("down")
            app.table.update(news(*many(3)))
            await pilot.pause()
            assert app.marked == ("3" if moved else "1")


async def test_a_filter_leaves_nothing_and_says_so() -> None:
    app = Host()
    async with app.run_test(size=(100, 12)) as pilot:
        app.table.update(news(*many(5)))
        app.table.set_filter(text="zebra")
        await pilot.pause()
        assert app.row(1).strip() == "nothing here"
        app.table.set_filter(text="")
        await pilot.pause()
        assert app.table.row_count == 5


async def test_ages_and_running_times_go_on() -> None:
    app = Host()
    async with app.run_test(size=(100, 6)) as pilot:
        app.table.update(news(run("Flow/1", state=R), now=START + 5000))
        await pilot.pause()
        assert app.row(1).split()[-3:] == ["5.0s", "5s", "ada"]
        app.table.tick(Ms(START + 61_000))
        await pilot.pause()
        assert app.row(1).split()[-3:] == ["1m01s", "1m", "ada"]
        app.table.update(news(replace(run("Flow/1"), state=S, finished_at=Ms(START + 9000))))
        await pilot.pause()
        assert "✓ succeeded" in app.row(1)
