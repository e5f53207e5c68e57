"""Takes logs and code out of flowtui, without stopping it: to a file, a pager or an editor."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App, SuspendNotSupported
from textual.message import Message

from flowtui.actions.errors import ActionError
from flowtui.actions.files import at_line, find_code, save, view, viewer, write_plain
from flowtui.actions.foreground import window_closed
from flowtui.logs.sanitise import one_line
from flowtui.screens.save import SaveDialog
from flowtui.screens.wanted import CodeWanted

if TYPE_CHECKING:
    from flowtui.logs.document import LogDocument
    from flowtui.logs.tails import Tail
    from flowtui.widgets.log_pane import LogPane


class Kept(Message):
    """Work on a log in a thread of its own has ended; `then` is to be done on the UI thread."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then


class Keeper:
    """Does for an app what a LogPane.Wanted asks; one log at a time."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._busy = threading.Lock()

    def keep(self, wanted: LogPane.Wanted) -> None:
        """Save the log of a pane, or show it elsewhere."""
        if not wanted.pane.line_count:
            self._say("There is nothing in this log.")
        elif wanted.how == "saved":
            (self._hand_over if self._app.is_web else self._ask)(wanted.pane)
        else:
            self._open(wanted.pane, edit=wanted.how == "edited")

    def open_code(self, wanted: CodeWanted) -> None:
        """Show a line of code in the person's editor."""
        if wanted.place is None:
            self._say("No line of code is known here.")
            return
        file, line = wanted.place
        try:
            path = find_code(file, sorted(wanted.files), Path.cwd())
            command = at_line(viewer(edit=True), path, line)
        except ActionError as error:
            self.complain(str(error))
            return
        self.lend(partial(view, command))

    def _ask(self, pane: LogPane) -> None:
        def chosen(path: Path | None) -> None:
            if path is not None:
                content = _contents(pane)
                self.work(lambda: self._save(content, path))

        self._app.push_screen(SaveDialog(pane.file_name), chosen)

    def _hand_over(self, pane: LogPane) -> None:
        """Let a browser save the log: the disk here is not that of the person who asks."""
        content, name = _contents(pane), pane.file_name
        self.work(lambda: self._download(content, name))

    def _download(self, content: Iterator[bytes], name: str) -> Callable[[], None]:
        file = tempfile.TemporaryFile()  # noqa: SIM115  The driver closes it when it is delivered.
        file.writelines(content)

        def deliver() -> None:
            self._app.deliver_binary(file, save_filename=name)

        return deliver

    def _save(self, content: Iterator[bytes], path: Path) -> Callable[[], None]:
        size = save(content, path)
        return lambda: self._say(f"Saved {size:,} bytes to {one_line(str(path))}.")

    def _open(self, pane: LogPane, *, edit: bool) -> None:
        try:
            command = viewer(edit=edit)
        except ActionError as error:
            self.complain(str(error))
            return
        content = _contents(pane)
        # Of a part of the lines, the place among all of them says nothing.
        line = None if pane.filtered_by or pane.following else pane.top_line
        self.work(lambda: self._write(content, pane.file_name, command, line))

    def _write(
        self, content: Iterator[bytes], name: str, command: Sequence[str], line: int | None
    ) -> Callable[[], None]:
        folder = tempfile.TemporaryDirectory(prefix="flowtui-")
        path = Path(folder.name) / name
        try:
            write_plain(content, path)
        except ActionError:
            folder.cleanup()
            raise

        return partial(self.lend, partial(view, at_line(command, path, line)), folder.cleanup)

    def lend(self, run: Callable[[], object], remove: Callable[[], object] = lambda: None) -> None:
        """Give the terminal to another program; complaints are for when it is ours again.

        `remove` tidies up afterwards, also where the terminal is no longer there by then.
        """
        complaint = None
        try:
            with self._app.suspend():
                try:
                    run()
                except ActionError as error:
                    complaint = str(error)
                finally:
                    remove()
                if window_closed():
                    # Textual would wait for ever until its first write is taken.
                    os._exit(128 + signal.SIGHUP)
        except SuspendNotSupported:
            remove()
            complaint = "No other program can be shown here."
        if complaint is not None:
            self.complain(complaint)
        self._app.refresh()

    def work(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do what blocks in a daemon thread: quitting must not wait for it."""
        if not self._busy.acquire(blocking=False):
            self._say("A log is being written already.")
            return

        def run() -> None:
            try:
                then = work()
            except Exception as error:  # A thread must not end unheard, whoever made the mistake.
                foreseen = isinstance(error, ActionError)
                complaint = (
                    str(error) if foreseen else f"Unexpected {type(error).__name__}: {error}"
                )
                then = partial(self.complain, complaint)
            finally:
                self._busy.release()
            self._app.post_message(Kept(then))

        threading.Thread(target=run, name="keep", daemon=True).start()

    def _say(self, sentence: str) -> None:
        self._app.notify(sentence, markup=False, timeout=5)

    def complain(self, sentence: str) -> None:
        """Say what went wrong."""
        self._app.notify(sentence, severity="error", markup=False, timeout=10)


def _contents(pane: LogPane) -> Iterator[bytes]:
    """What a pane's log consists of. Raises ActionError when it is closed meanwhile."""
    document = pane.document
    return _while_open(document, document.tail, document.contents())


def _while_open(
    document: LogDocument, tail: Tail | None, contents: Iterator[bytes]
) -> Iterator[bytes]:
    for data in contents:
        yield data
        # Of a log that is closed nothing is read, as if it had ended.
        if document.tail is not tail:
            raise ActionError("The log was left before all of it was read.")
