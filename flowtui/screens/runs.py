"""All runs that a provider and a namespace show, live: found, filtered, and opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.model import UNSUCCESSFUL, State, Target
from flowtui.poller import Listed, ListOpened, Trouble
from flowtui.run_index import Grouping, Order
from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.screens.feeds import RunListFeed, RunListNews
from flowtui.screens.links import command_to_open, copy_command
from flowtui.screens.run_choices import RUN_STATES, NamespaceDialog, StatesDialog
from flowtui.screens.selection import Picked
from flowtui.screens.sought import Sought
from flowtui.screens.wanted import Broken, Jump, RunWanted
from flowtui.screens.ways import copy_pathspec
from flowtui.sources.registry import Where
from flowtui.sources.run_list import Listing, RunList
from flowtui.theme import Look
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.freshness import Freshness
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.preferences import hint
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_table import RunTable
from flowtui.widgets.runs_header import RunsHeader

_TICK = 1.0
"""Seconds between two repaints of what counts up by itself."""

_SETTLING = 0.1
"""Seconds after which rows in view are looked into: not those that are only passed by."""

_JUMPS = 50
"""Runs that the palette offers to open."""

OpenListing = Callable[[Where, str | None], tuple[Listing, RunList]]


class RunsScreen(Screen[None]):
    """Wires a list of runs to its table; reads nothing while another screen is shown."""

    SCOPES = (Scope.RUNS, Scope.BACK)
    BINDINGS = bindings(*SCOPES)

    def __init__(
        self,
        where: Where,
        open_listing: OpenListing,
        *,
        flow: str | None,
        interval: float,
        look: Look,
        read_only: bool,
        run: RunKey | None = None,
    ) -> None:
        """`flow` is the only one whose runs are listed. `run` is one that was open before: it comes
        under the cursor, and the provider is known to be there."""
        super().__init__()
        self.where = where
        self._open_listing, self._interval = open_listing, interval
        self._flow, self._look, self._read_only, self._run = flow, look, read_only, run
        self._feed: RunListFeed | None = None
        self._listing: Listing | None = None
        self._changes: RunListChanges | None = None
        self._fresh = Freshness()
        self._reached = run is not None
        self._attending = False
        self._sought = Sought()

    def compose(self) -> ComposeResult:
        title = f"runs of {one_line(self._flow, 60)}" if self._flow else "runs"
        yield RunsHeader(self._look, title)
        yield RunTable(self._look, self._reason_for_nothing, flow=self._flow, id="runs")
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        self.query_one(KeyBar).show(Scope.RUNS, Scope.APP, read_only=self._read_only)
        self.table.focus()
        if self._run is not None:
            self.table.want(self._run)
        self.set_interval(_TICK, self._tick)
        self._read()

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.stop()

    def on_screen_suspend(self) -> None:
        if self._feed is not None:
            self._feed.poller.pause(True)

    def on_screen_resume(self) -> None:
        if self._feed is not None:
            self._feed.poller.pause(self._fresh.paused)

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    def picked(self) -> Picked | None:
        """What a command of the person's own is about."""
        run = self.table.current
        return Picked(run, None, None, None, None) if isinstance(run, RunSummary) else None

    def jumps(self) -> Iterator[Jump]:
        """Where the palette leads: runs, then flows."""
        index = self.table.index
        items = (index[row] for row in range(len(index)))
        for run in islice((item for item in items if isinstance(item, RunSummary)), _JUMPS):
            title = one_line(f"run {run.pathspec}", 80)
            yield title, partial(self._open, run), one_line(run.reason or run.user or "")
        for flow in dict.fromkeys(flow for flow, _ in index.runs):
            leads = partial(self._filter, f"flow:{flow}")
            yield f"flow {one_line(flow, 60)}", leads, "List its runs."

    # News from the poller

    def _read(self) -> None:
        """List the runs anew, from where they are to be read now."""
        where, flow, open_listing = self.where, self._flow, self._open_listing
        if self._feed is not None:
            self._feed.stop()
        paused, self._fresh = self._fresh.paused, Freshness()
        self._fresh.paused = paused
        self._listing = self._changes = None
        self._sought = Sought()
        self.table.start_anew()
        self._feed = RunListFeed(self, lambda: open_listing(where, flow), self._interval)
        self._show()

    def on_run_list_news(self, message: RunListNews) -> None:
        news = message.news
        # Another list may be read by now, as of another namespace.
        if message.feed is self._feed:
            if isinstance(news, Listed):
                self._take(news.changes)
            elif isinstance(news, ListOpened):
                self._listing = news.listing
                self._show()
            else:
                self._take_trouble(news)
        message.taken.set()

    def _take_trouble(self, trouble: Trouble) -> None:
        if self._reached:
            self._fresh.fail(trouble.sentence, trouble.retry_in)
            self._show()
        else:
            self.post_message(Broken(trouble.sentence, trouble.not_found))

    def _take(self, changes: RunListChanges) -> None:
        first = self._changes is None
        self._reached = True
        self._changes = changes
        dull = not self._fresh.poll(changes) and not changes and not first
        if changes or first:
            self.table.update(changes)
        if self.table.index.states and not changes.more:
            self._sought.looked_into()
            self._attend_soon()
        if not dull:
            self._show()

    def _tick(self) -> None:
        self._header()
        if self._changes is not None and not self._fresh.paused and self.is_current:
            self.table.tick(self._fresh.now(self._changes.now))

    # What is looked into

    def on_run_table_in_view(self) -> None:
        self._attend_soon()

    def _attend_soon(self) -> None:
        if not self._attending:
            self._attending = True
            self.set_timer(_SETTLING, self._attend)

    def _attend(self) -> None:
        """What is in view; while only some states are listed, also runs whose state is unknown."""
        self._attending = False
        index = self.table.index
        sought = self._sought.next(index.unknown()) if index.states else ()
        if self._feed is not None:
            self._feed.poller.attend((*self.table.in_view, *sought))

    # What is shown

    def _show(self) -> None:
        self._header()
        self.table.border_title = Content(self._title())
        if not self.table.row_count:
            self.table.refresh()

    def _header(self) -> None:
        self.query_one(RunsHeader).show(
            self.table.index.counts,
            self._fresh,
            source=self._listing.source if self._listing else "",
            place=self._place(),
            link=self._link(),
        )

    def _place(self) -> str:
        """Namespace and provider."""
        if self._listing is None:
            return "Opening the list of runs …"
        namespace = self._listing.namespace
        told = "all namespaces" if namespace is None else f"namespace {one_line(namespace, 60)}"
        return f"{told} · {one_line(self._listing.provider, 200)}"

    def _link(self) -> str:
        return command_to_open(self.where, self._flow or "")

    def _title(self) -> str:
        """How many runs are listed, which, and how."""
        index = self.table.index
        total = len(index.runs)
        runs = f"{total:,} run{'s' if total != 1 else ''}"
        parts = [f"{index.listed:,} of {runs}" if self._filtered else runs]
        parts += [self._states()] if index.states else []
        parts += [f"/{one_line(index.text, 40)}"] if index.text else []
        if index.order is not Order.AGE or index.reverse:
            parts.append(f"by {index.order}{' reversed' if index.reverse else ''}")
        parts += [f"per {index.grouping}"] if index.grouping is not Grouping.NONE else []
        return " · ".join(parts)

    @property
    def _filtered(self) -> bool:
        return bool(self.table.index.text or self.table.index.states)

    def _states(self) -> str:
        chosen = [str(state) for state in RUN_STATES if state in self.table.index.states]
        return " or ".join([", ".join(chosen[:-1]), chosen[-1]]) if chosen[1:] else chosen[0]

    def _reason_for_nothing(self) -> str:
        index, reading = self.table.index, self._fresh.reading or self._changes is None
        if not index.runs:
            if reading:
                return "Reading the runs …"
            of = f" of {one_line(self._flow, 60)}" if self._flow else ""
            told = [f"There are no runs{of} yet.", self._place()]
            if self._listing is not None and self._listing.namespace is not None:
                told.append(hint(self, "namespace", "looks in another namespace, or in all"))
            told.append("flowtui demo  runs a flow to look at")
            return "\n\n".join(line for line in told if line)
        wanted = f" is {self._states()}" if index.states else ""
        wanted += " and" if wanted and index.text else ""
        wanted += f" matches /{one_line(index.text, 40)}" if index.text else ""
        told = [f"None of {len(index.runs):,} runs{' so far' if reading else ''}{wanted}."]
        unknown = sum(1 for _ in index.unknown()) if index.states else 0
        if unknown:
            told.append(f"{unknown:,} of them have not been looked into yet.")
        told.append(hint(self, "back", "lists all runs again"))
        return "\n\n".join(line for line in told if line)

    # Actions

    def action_back(self) -> None:
        if self._filtered:
            self.table.set_filter(text="", states=())
            self._show()
        elif self.app.screen_stack.index(self) > 1:
            self.dismiss(None)
        else:
            leaves = hint(self, "quit", "leaves flowtui")
            told = f"This is the outermost screen{leaves and f': {leaves}'}."
            self.notify(told, markup=False, timeout=3)

    def on_row_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        current = self.table.current
        if isinstance(current, RunSummary):
            self._open(current)
        else:
            self.table.toggle_fold()

    def action_resume(self) -> None:
        current = self.table.current
        if isinstance(current, RunSummary):
            self.post_message(RunWanted(Target(current.flow, current.run), "resume"))

    def _open(self, run: RunSummary) -> None:
        self.post_message(RunWanted(Target(run.flow, run.run)))

    def action_find(self) -> None:
        self.query_one(FindBar).ask(
            "words, !word, or flow: run: user: tag: state: step: origin: before one",
            self.table.index.text,
            typed=self._filter,
            kept=self._take_focus,
        )

    def _take_focus(self, _kept: str) -> None:
        self.table.focus()

    def _filter(self, text: str) -> None:
        self.table.set_filter(text=text)
        self._show()

    def action_failed_only(self) -> None:
        only = self.table.index.states == UNSUCCESSFUL
        self._list_states(frozenset() if only else UNSUCCESSFUL)

    def action_states(self) -> None:
        index = self.table.index
        self.app.push_screen(
            StatesDialog(index.states, index.counts, self._look), self._list_states
        )

    def _list_states(self, states: frozenset[State] | None) -> None:
        if states is not None:
            self.table.set_filter(states=states)
            self._attend_soon()
            self._show()

    def action_sort(self) -> None:
        orders = list(Order)
        after = orders[(orders.index(self.table.index.order) + 1) % len(orders)]
        self._sort(after, reverse=False)

    def action_reverse(self) -> None:
        self._sort(self.table.index.order, reverse=not self.table.index.reverse)

    def on_row_list_heading_clicked(self, message: RowList.HeadingClicked) -> None:
        index = self.table.index
        if message.column in list(Order):
            order = Order(message.column)
            self._sort(order, reverse=order is index.order and not index.reverse)

    def _sort(self, order: Order, *, reverse: bool) -> None:
        self.table.sort(order, reverse=reverse)
        self._show()

    def action_group(self) -> None:
        kinds = [kind for kind in Grouping if kind is not Grouping.FLOW or self._flow is None]
        at = kinds.index(self.table.index.grouping)
        self.table.group(kinds[(at + 1) % len(kinds)])
        self._show()

    def action_namespace(self) -> None:
        current = self._listing.namespace if self._listing else self.where.namespace
        self.app.push_screen(NamespaceDialog(current or ""), self._list_namespace)

    def _list_namespace(self, namespace: str | None) -> None:
        if namespace is not None:
            self.where = replace(self.where, namespace=namespace)
            self._read()

    def action_copy(self) -> None:
        current = self.table.current
        if isinstance(current, RunSummary):
            copy_pathspec(self, current.pathspec, None)

    def action_copy_link(self) -> None:
        copy_command(self, self._link())

    def action_pause(self) -> None:
        self._fresh.paused = not self._fresh.paused
        if self._feed is not None:
            self._feed.poller.pause(self._fresh.paused)
        self._show()

    def action_refresh_now(self) -> None:
        if self._feed is not None:
            self._feed.poller.wake()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With `--read-only` the commands that act do not exist."""
        return not (self._read_only and action == "resume")
