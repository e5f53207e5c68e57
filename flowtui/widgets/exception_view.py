"""The exception of an attempt: what was raised and where, its traceback folded below it."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.logs.own_code import base_name
from flowtui.logs.raised import Frame, Raised, frame_of
from flowtui.logs.sanitise import one_line
from flowtui.model import State
from flowtui.theme import Look
from flowtui.widgets.extent import LineView

_MOST_OF_SCREEN = 60
"""Percent of the screen that a traceback may take."""


class ExceptionView(LineView):
    """One line of what was raised, or, where it can be unfolded, two and all that was printed.

    Unfolded the cursor goes from frame to frame, on the person's own one at first.
    """

    pane_name = "exception"
    SCOPES = (Scope.EXCEPTION,)
    BINDINGS = bindings(Scope.LIST, *SCOPES)
    COMPONENT_CLASSES = {
        "exception--type",
        "exception--dim",
        "exception--own",
        "exception--cursor",
    }
    DEFAULT_CSS = """
    ExceptionView {
        height: 1; padding: 0 1; background: $surface;
        overflow-x: hidden; scrollbar-size-vertical: 1;
    }
    ExceptionView.-foldable { height: 2; }
    ExceptionView.-foldable:focus { background: $primary 20%; }
    ExceptionView > .exception--type { text-style: bold; }
    ExceptionView > .exception--dim { color: $foreground-muted; }
    ExceptionView > .exception--own { color: $text-accent; text-style: bold; }
    ExceptionView > .exception--cursor { background: $primary 45%; }
    """

    class Unfolded(Message):
        """The traceback was unfolded or folded."""

    def __init__(self, look: Look, *, foldable: bool = False) -> None:
        super().__init__(classes="-foldable" if foldable else "")
        self.can_focus = foldable
        self._foldable = foldable
        self._look = look
        self._raised: Raised | None = None
        self._note = ""
        self._frames: list[tuple[int, tuple[str, int, str]]] = []
        self._at: int | None = None

    @property
    def raised(self) -> Raised | None:
        """What is shown."""
        return self._raised

    @property
    def unfolded(self) -> bool:
        """Whether the traceback is shown."""
        return self.has_class("-unfolded")

    @property
    def place(self) -> tuple[str, int] | None:
        """File and line of the frame under the cursor; folded, of where it happened."""
        if self._raised is None:
            return None
        if self.unfolded and self._at is not None:
            file, line, _ = self._frames[self._at][1]
            return file, line
        frame = self._raised.frame
        return (frame.file, frame.line) if frame else None

    def show(self, raised: Raised | None, note: str = "") -> None:
        """Show an exception, or else a note."""
        if (raised, note) == (self._raised, self._note):
            return
        self._raised, self._note = raised, note
        self._frames = []
        for row, line in enumerate(raised.text if raised else ()):
            frame = frame_of(line)
            if frame is not None:
                self._frames.append((row, frame))
        self._at = self._own_frame()
        if not self._frames and not (raised and raised.text):
            self.remove_class("-unfolded")
        self._measure()

    def toggle(self) -> None:
        """Show the traceback, or fold it again."""
        if not self._foldable or self._raised is None:
            return
        self.toggle_class("-unfolded")
        self._measure()
        if self.unfolded:
            self.call_after_refresh(self._reveal)

    def action_unfold(self) -> None:
        self.toggle()

    def action_copy(self) -> None:
        if self._raised is None:
            self.notify("There is no exception to copy.", timeout=3)
            return
        self.app.copy_to_clipboard("\n".join(self._raised.text))
        lines = len(self._raised.text)
        self.notify(f"Copied the traceback, {lines:,} line{'s' if lines != 1 else ''}.", timeout=3)

    def action_scroll_down(self) -> None:
        self._move(1)

    def action_scroll_up(self) -> None:
        self._move(-1)

    def action_scroll_home(self) -> None:
        self._go(0)

    def action_scroll_end(self) -> None:
        self._go(len(self._frames) - 1)

    def on_click(self, event: Click) -> None:
        row = int(event.y) + self.scroll_offset.y - self._head
        at = next((at for at, (line, _) in enumerate(self._frames) if line == row), None)
        if self.unfolded and at is not None:
            self._go(at)
        else:
            self.toggle()

    def on_resize(self, _event: Resize) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        text = self._line(row)
        text.no_wrap, text.end = True, ""
        text.truncate(width, overflow="ellipsis", pad=True)
        text.stylize_before(self.rich_style)
        if self.unfolded and self._at is not None and self._frames[self._at][0] == row - self._head:
            text.stylize(Style(bgcolor=self.get_component_rich_style("exception--cursor").bgcolor))
        return Strip(text.render(self.app.console), width)

    @property
    def _head(self) -> int:
        """How many lines stand above the traceback."""
        return 2 if self._foldable else 1

    def _line(self, row: int) -> Text:
        raised = self._raised
        dim = self.get_component_rich_style("exception--dim", partial=True)
        if raised is None:
            return Text(one_line(self._note), dim) if row == 0 else Text()
        if row >= self._head:
            return self._traceback_line(raised, row - self._head)
        head = self._summary(raised)
        where = self._where(raised.frame, dim)
        if self._foldable:
            fold = ("v" if self._look.ascii else "▾") if self.unfolded else None
            fold = fold or (">" if self._look.ascii else "▸")
            return Text.assemble(f"{fold} ", head) if row == 0 else Text.assemble("  ", where)
        return Text.assemble(head, "  ", where)

    def _summary(self, raised: Raised) -> Text:
        name = self.get_component_rich_style("exception--type", partial=True)
        red = Style(color=self._look.colour(State.FAILED))
        text = Text.assemble((one_line(raised.type, 200), name + red))
        first, _, more = raised.message.partition("\n")
        if first:
            text.append(f": {one_line(first, 2000)}{' …' if more else ''}", Style.null())
        return text

    def _where(self, frame: Frame | None, dim: Style) -> Text:
        if frame is None:
            return Text("no line of code is known", dim) if self._foldable else Text()
        own = self.get_component_rich_style("exception--own", partial=True)
        place = f"{one_line(base_name(frame.file), 200)}:{frame.line}"
        text = Text.assemble((place, own if frame.own else dim))
        if frame.function:
            text.append(f" in {one_line(frame.function, 200)}", dim)
        if frame.code and self._foldable:
            text.append(f"   {one_line(frame.code, 400)}", Style.null())
        return text

    def _traceback_line(self, raised: Raised, row: int) -> Text:
        if row >= len(raised.text):
            return Text()
        line = raised.text[row]
        text = Text(f"  {line}", Style(dim=True))
        frame = frame_of(line) or (frame_of(raised.text[row - 1]) if row else None)
        if frame is not None and self._is_own(frame):
            own = self.get_component_rich_style("exception--own", partial=True)
            text.stylize(own + Style(dim=False))
        return text

    def _is_own(self, frame: tuple[str, int, str]) -> bool:
        raised = self._raised
        file, line, _ = frame
        known = raised.frames if raised else ()
        return any(other.own and (other.file, other.line) == (file, line) for other in known)

    def _own_frame(self) -> int | None:
        """The frame where it happened for the person, else the last one."""
        frame = self._raised.frame if self._raised else None
        wanted = (frame.file, frame.line) if frame else None
        own = [at for at, (_, (file, line, _)) in enumerate(self._frames) if (file, line) == wanted]
        return own[-1] if own else len(self._frames) - 1 if self._frames else None

    def _move(self, step: int) -> None:
        if not self.unfolded:
            self.toggle()
        elif self._at is not None:
            self._go(self._at + step)

    def _go(self, at: int) -> None:
        if self._frames and self.unfolded:
            self._at = max(0, min(at, len(self._frames) - 1))
            self._reveal()
            self.refresh()

    def _reveal(self) -> None:
        if self._at is None:
            return
        row, room = self._frames[self._at][0] + self._head, max(1, self.size.height)
        # With the code below it, and at the ends all that there is.
        first = 0 if self._at == 0 else row
        last = self.virtual_size.height - 1 if self._at == len(self._frames) - 1 else row + 1
        top = self.scroll_offset.y
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif last >= top + room:
            self.scroll_to(y=min(row, last - room + 1), animate=False)

    def _measure(self) -> None:
        rows = self._head
        if self.unfolded and self._raised is not None:
            rows += len(self._raised.text)
        self.set_extent(Size(self.size.width, rows))
        if self.unfolded:
            # Not by the stylesheet: what stands around it would be given room for all of it.
            most = max(self._head + 2, self.app.size.height * _MOST_OF_SCREEN // 100)
            self.styles.height = min(rows, most)
        else:
            self.styles.height = None
            self.scroll_to(0, 0, animate=False)
        self.refresh()
