"""What a drawing of the graph says of a run: the same in the app, in plain text and as a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from textwrap import wrap

from rich.cells import cell_len

from flowtui.graph.dag import Pair, back_edges
from flowtui.graph.drawing import BoxContent, Piece, Row, row_width
from flowtui.graph.geometry import MAX_LABEL, Density, Edge
from flowtui.graph.text import fit
from flowtui.heat import QUIET, STRIP, parts, strip, strips
from flowtui.lanes import SEVERITY
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Decorator, Graph, Ms, Node, State, StepStatus
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import span

MAX_BOX: Mapping[Density, int] = {"compact": 32, "tight": 32, "normal": 32, "detailed": 30}
"""Cells that a box may be wide. Detailed ones are high instead: two fit into half a wide window."""

_STEADY_COUNTS = 11
"""Cells kept for a step's counts while it goes on, so that boxes do not grow as tasks finish."""

_STEADY_ROUNDS = 5
"""Cells kept for a loop's rounds: ` ×999`."""

_LEAST_NAME = 10
"""Cells of a step's name that stay beside its counts."""

_SHORT_STRIP = 8

_ROWS = 2
"""Of a step's decorators, and of the first line of its doc."""

_TIMES = len("59m59s · median 59m59s")

_UNICODE = Look()
_UNKNOWN = StepStatus(State.PENDING, "")

_TOLD: Mapping[str, tuple[str, ...]] = {
    "retry": ("times",),
    "catch": ("var",),
    "resources": ("cpu", "gpu", "memory"),
    "kubernetes": ("cpu", "gpu", "memory"),
    "batch": ("cpu", "gpu", "memory"),
}
"""Of some decorators, the attributes that say most; of `timeout` it is their sum."""

_JOINERS = dict.fromkeys((0x200D, 0x20E3, 0xFE0F))
"""The joiner of emoji, the keycap around a digit, and the wish for an emoji."""

_OWN = "live_logs"
"""The decorator that flowtui adds to all steps of the runs it starts."""


def shown(text: str, look: Look, limit: int = 500) -> str:
    """Remote text as one row; where only ASCII can be drawn, `?` stands for all else.

    What joins characters to one is left out where that changes their width: terminals do not agree
    on it, and a box would be torn.
    """
    line = one_line(text, limit)
    if not line.isascii() and cell_len(line) != sum(map(cell_len, line)):
        line = line.translate(_JOINERS)
    return line.encode("ascii", "replace").decode() if look.ascii else line


def case_labels(graph: Graph, look: Look = _UNICODE) -> Sequence[Edge]:
    """The cases of the switches, as labels of their edges."""
    cases: dict[Pair, list[str]] = {}
    for node in graph.nodes:
        for case, target in node.switch_cases.items():
            cases.setdefault((node.name, target), []).append(shown(case, look, 40))
    return [Edge(*edge, ", ".join(names)) for edge, names in cases.items()]


def not_taken(graph: Graph, steps: Mapping[str, StepStatus]) -> set[Pair]:
    """The edges from or to a step that was skipped."""
    skipped = {name for name, status in steps.items() if status.state is State.SKIPPED}
    return {
        (node.name, target)
        for node in graph.nodes
        for target in node.next
        if node.name in skipped or target in skipped
    }


class Picture:
    """What boxes and edges of one graph say; what the graph alone decides is worked out once."""

    def __init__(self, graph: Graph, look: Look) -> None:
        self._graph = graph
        self._look = look
        self._back = back_edges(graph)
        self._looped = _looped(graph, self._back)
        self._times = "x" if look.ascii else "×"
        inside = graph.split_of
        # Within a foreach each of its tasks goes round as often as it likes.
        self.rounds_of = frozenset(name for _, name in self._back if name not in inside)
        """The steps whose tasks are a loop's rounds."""

    def boxes(
        self,
        store: RunStore,
        density: Density,
        steps: Iterable[str] | None = None,
        now: Ms | None = None,
    ) -> Mapping[str, BoxContent]:
        """Step → its box; of all steps, or of these. `now` is the time by the source's clock, else
        that of the last look.

        Compact boxes and tight ones have one row. Others tell what a step fans out over, of a
        switch its condition, and of many tasks the heat strip. Detailed ones tell besides what the
        flow's file says of the step, and how long it took.
        """
        nodes = self._graph.nodes if steps is None else [self._graph[name] for name in steps]
        moment = store.now if now is None else now
        return {node.name: self._box(store, node, density, moment) for node in nodes}

    def labels(self, store: RunStore) -> Sequence[Edge]:
        """What the edges are labelled with: cases of switches, and how often a loop went round.

        While a run goes on, with room for more rounds.
        """
        more = 0 if store.status.state in FINISHED else _STEADY_ROUNDS
        return [
            Edge(*edge, text + " " * more if edge in self._back else text)
            for edge, text in self.captions(store).items()
        ]

    def captions(self, store: RunStore) -> Mapping[Pair, str]:
        """Edge → its label as it reads now."""
        labels = case_labels(self._graph, self._look)
        return {
            (edge.source, edge.target): self._caption(store, (edge.source, edge.target), edge.label)
            for edge in labels
        }

    def _caption(self, store: RunStore, edge: Pair, case: str) -> str:
        counted = edge in self._back and edge[1] in self.rounds_of
        rounds = len(store.tasks(edge[1])) if counted else 0
        count = f" {self._times}{rounds:,}" if rounds > 1 else ""
        return fit(case, MAX_LABEL - cell_len(count)) + count

    def _box(self, store: RunStore, node: Node, density: Density, now: Ms) -> BoxContent:
        status = store.steps.get(node.name, _UNKNOWN)
        count = max(len(store.tasks(node.name)), status.expected or 0)
        stacked = node.name in self._graph.split_of
        many = stacked or node.name in self._looped or count > 1
        going_on = store.status.state not in FINISHED
        width = MAX_BOX[density] - (7 if stacked else 5)
        rows: list[Row]
        if density in ("compact", "tight"):
            rows = [self._in_one_row(store, node, status, density, many, width)]
        else:
            rows = [self._title(store, node, status, many, width, counted=many)]
            rows += self._explained(node, width)
            if density == "detailed":
                rows += self._declared(node, width)
            if many:
                found = parts(store, node.name)
                if density == "detailed":
                    rows += strips(found, self._look, width)
                else:
                    rows.append(strip(found, self._look, width))
            if density == "detailed":
                rows.append(self._took(store, node, status, now, width))
        room = self._room(node, status, count, many, density) if going_on else 0
        return BoxContent(tuple(rows), stacked, str(status.state), min(room, width))

    def _room(
        self, node: Node, status: StepStatus, count: int, many: bool, density: Density
    ) -> int:
        """Cells that a row of a step that goes on may come to need."""
        title = cell_len(node.name) + 2
        if node.decorator("retry"):
            title += 3
        if not many:
            return max(title, _TIMES // 2 if density == "detailed" else 0)
        title += len(f" ×{count:,}")
        looped = node.name in self._looped
        cells = count if status.expected is not None or not looped else _SHORT_STRIP
        if density == "tight" or (density == "compact" and count <= _SHORT_STRIP):
            return title + 2 + min(cells or _SHORT_STRIP, _SHORT_STRIP)
        room = max(title + 2 + _STEADY_COUNTS, min(cells or STRIP, STRIP))
        return max(room, _TIMES) if density == "detailed" else room

    def _title(
        self,
        store: RunStore,
        node: Node,
        status: StepStatus,
        many: bool,
        width: int,
        *,
        counted: bool,
    ) -> Row:
        """State, name, of many tasks their number, how many were retried, and how they stand."""
        look, tasks = self._look, store.tasks(node.name)
        rest: list[Piece] = []
        if many:
            count = max(len(tasks), status.expected or 0)
            if count != 1 or node.name not in self._looped:
                rest.append(Piece(f" {self._times}{f'{count:,}' if count else '?'}"))
        if tasks.retried:
            again = "r" if look.ascii else "↻"
            rest.append(Piece(f" {again}{tasks.retried:,}", str(State.WAITING)))
        told = _counts(status, look) if counted else ()
        if told:
            rest += (Piece("  "), *told)
        room = max(_LEAST_NAME, width - row_width(tuple(rest)))
        name = fit(f"{look.glyph(status.state)} {shown(node.name, look, 60)}", room)
        return (Piece(name), *rest)

    def _in_one_row(
        self,
        store: RunStore,
        node: Node,
        status: StepStatus,
        density: Density,
        many: bool,
        width: int,
    ) -> Row:
        count = max(len(store.tasks(node.name)), status.expected or 0)
        # A compact row has no strip where that says less than numbers do.
        counted = many and density == "compact" and count > _SHORT_STRIP
        tail: tuple[Piece, ...] = ()
        if many and not counted:
            tail = (Piece("  "), *strip(parts(store, node.name), self._look, 0, _SHORT_STRIP))
        if node.condition and node.switch_cases:
            condition = fit(shown(node.condition, self._look, 40), 16)
            tail += (Piece(f"  {condition}?", QUIET),)
        room = width - row_width(tail)
        return (*self._title(store, node, status, many, room, counted=counted), *tail)

    def _explained(self, node: Node, width: int) -> Iterable[Row]:
        """What makes the tasks of a step many, and what decides where a switch goes."""
        split = self._graph.split_of.get(node.name)
        if split in self._graph.predecessors.get(node.name, ()) and split is not None:
            over = self._graph[split].foreach_artifact or ""
            kind = "foreach" if self._graph[split].type == "split-foreach" else "num_parallel"
            yield self._quiet(f"{kind} {over}".rstrip(), width)
        if node.condition and node.switch_cases:
            yield self._quiet(f"switch {node.condition}", width)

    def _declared(self, node: Node, width: int) -> Iterable[Row]:
        named = [_decorated(deco) for deco in node.decorators if deco.name != _OWN]
        doc = node.doc.strip().partition("\n")[0]
        for text in (" ".join(named), doc):
            for line in wrap(shown(text, self._look), width, max_lines=_ROWS, placeholder=" …"):
                yield self._quiet(line, width)

    def _took(self, store: RunStore, node: Node, status: StepStatus, now: Ms, width: int) -> Row:
        """How long the step took or takes, and of several tasks the median."""
        lengths = store.tasks(node.name).lengths
        if lengths.began is None:
            return (Piece(" "),)
        over = status.state in FINISHED
        end = lengths.ended or lengths.began
        took = span((end if over else now) - lengths.began)
        if len(store.tasks(node.name)) > 1 and lengths.median is not None:
            took += f" {'-' if self._look.ascii else '·'} median {span(lengths.median)}"
        text = f"{'took' if over else 'for'} {took}"
        return self._quiet(text if cell_len(text) <= width else took, width)

    def _quiet(self, text: str, width: int) -> Row:
        return (Piece(fit(shown(text, self._look, 80), width), QUIET),)


def _counts(status: StepStatus, look: Look) -> tuple[Piece, ...]:
    """Tasks by state; nothing where the step's own state says it of all of them."""
    known = [state for state in SEVERITY if status.counts.get(state)]
    if known == [status.state]:
        return ()
    counts = [Piece(f"{look.glyph(state)}{status.counts[state]:,}", str(state)) for state in known]
    return tuple(part for count in counts for part in (Piece(" "), count))[1:]


def _decorated(deco: Decorator) -> str:
    """A decorator as it stands in the flow's file, with no more than what it is about."""
    given = deco.attributes
    if deco.name == "timeout":
        units = (("hours", 3600), ("minutes", 60), ("seconds", 1))
        limit = sum(_number(given.get(unit)) * seconds for unit, seconds in units)
        return f"@timeout({span(limit * 1000)})"
    told = [str(given[name]) for name in _TOLD.get(deco.name, ()) if given.get(name) is not None]
    return f"@{deco.name}({', '.join(told)})" if told else f"@{deco.name}"


def _number(value: object) -> int:
    """An attribute as a number: `_graph_info` may hold it as text."""
    try:
        return max(0, int(str(value)))
    except ValueError:
        return 0


def _looped(graph: Graph, back: Collection[Pair]) -> frozenset[str]:
    """The steps that a loop may run again."""
    found: set[str] = set()
    ahead = {node.name: [n for n in node.next if n in graph] for node in graph.nodes}
    for source, target in back:
        below = _reached([target], ahead, back)
        found |= below & _reached([source], graph.predecessors, {(b, a) for a, b in back})
    return frozenset(found)


def _reached(
    roots: Iterable[str], after: Mapping[str, Sequence[str]], without: Collection[Pair]
) -> set[str]:
    found: set[str] = set()
    stack = [*roots]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += [other for other in after[name] if (name, other) not in without]
    return found
