"""Dialogs of the list of runs: which states, which namespace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from flowtui.commands import Scope, bindings, bound
from flowtui.model import State
from flowtui.theme import Look

RUN_STATES = (State.RUNNING, State.FAILED, State.LOST, State.SUCCEEDED, State.PENDING)
"""What a run can be, what a person looks for first coming first."""


class StateList(OptionList):
    """The states; space picks one, and drops it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bound("down", "cursor_down"),
        bound("up", "cursor_up"),
        Binding("space", "pick", show=False),
        Binding("enter", "screen.accept", show=False),
    ]
    DEFAULT_CSS = """
    StateList { height: auto; border: none; padding: 0; background: $surface; }
    StateList:focus { border: none; }
    StateList:focus > .option-list--option-highlighted { background: $primary 45%; }
    """

    def __init__(
        self, picked: Collection[State], counts: Mapping[State | None, int], look: Look
    ) -> None:
        self.picked = set(picked)
        self._counts, self._look = counts, look
        super().__init__(*map(self._drawn, RUN_STATES), markup=False)
        self.highlighted = 0

    def action_pick(self) -> None:
        """Pick the state under the cursor, or drop it."""
        at = self.highlighted or 0
        self.picked ^= {RUN_STATES[at]}
        self.replace_option_prompt_at_index(at, self._drawn(RUN_STATES[at]))

    def on_option_list_option_selected(self) -> None:
        # By a click: Enter is taken for something else.
        self.action_pick()

    def _drawn(self, state: State) -> Text:
        text = Text("[x] " if state in self.picked else "[ ] ")
        text.append(f"{self._look.glyph(state)} {state:<10}", self._look.style(state))
        return text.append(f"{self._counts.get(state, 0):>8,}", "dim")


class StatesDialog(ModalScreen[frozenset[State] | None]):
    """Closes with the states whose runs are to be listed, none for all; None leaves it as it is."""

    BINDINGS = bindings(Scope.BACK)
    DEFAULT_CSS = """
    StatesDialog { align: center middle; }
    StatesDialog Vertical {
        width: 44; max-width: 100%; height: auto; max-height: 100%;
        padding: 0 1; border: round $accent; background: $surface;
    }
    StatesDialog Static { height: auto; margin-top: 1; color: $text-muted; }
    """

    def __init__(
        self, picked: Collection[State], counts: Mapping[State | None, int], look: Look
    ) -> None:
        super().__init__()
        self._list = StateList(picked, counts, look)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "list only runs that are"
            yield self._list
            yield Static("space picks · enter lists · esc leaves\nnone picked: all runs")

    def action_accept(self) -> None:
        self.dismiss(frozenset(self._list.picked))

    def action_back(self) -> None:
        self.dismiss(None)


class NamespaceDialog(ModalScreen[str | None]):
    """Closes with a namespace, empty for all of them; None leaves it as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    DEFAULT_CSS = """
    NamespaceDialog { align: center middle; }
    NamespaceDialog Vertical {
        width: 64; max-width: 100%; height: auto;
        padding: 0 1; border: round $accent; background: $surface;
    }
    NamespaceDialog Input { border: none; padding: 0; height: 1; background: $boost; }
    NamespaceDialog Input:focus { border: none; }
    NamespaceDialog Static { height: auto; margin-top: 1; color: $text-muted; }
    """

    def __init__(self, namespace: str) -> None:
        super().__init__()
        self._namespace = namespace

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "namespace"
            yield Input(self._namespace, placeholder="all namespaces")
            yield Static(
                "A tag, as user:ada; empty: all namespaces.\nenter lists it · esc leaves it"
            )

    def on_input_submitted(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip())

    def action_back(self) -> None:
        self.dismiss(None)
