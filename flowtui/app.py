"""The application: services, theme and screen stack; what happens is decided on the screens."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.app import App
from textual.binding import BindingsMap
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.filter import LineFilter
from textual.screen import Screen
from textual.types import IgnoreReturnCallbackType
from textual.widget import Widget

from flowtui.actions.foreground import window_closed
from flowtui.actions.launch import Launch
from flowtui.commands import Command, Scope, bind, bindings
from flowtui.model import Target
from flowtui.run_summary import RunKey
from flowtui.screens.acting import Actor
from flowtui.screens.keep import Keeper, Kept
from flowtui.screens.notifier import Notifier
from flowtui.screens.place import Place
from flowtui.screens.wanted import (
    Broken,
    CodeWanted,
    Jumping,
    Logging,
    RunsWanted,
    RunWanted,
    Sited,
)
from flowtui.sources.base import RunSource
from flowtui.sources.registry import Where, open_listing, open_source
from flowtui.theme import Look
from flowtui.user_commands import UserCommand
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.output_filter import OutputFilter
from flowtui.widgets.preferences import Preferences

if TYPE_CHECKING:
    from flowtui.screens.run import RunScreen
    from flowtui.screens.runs import RunsScreen
    from flowtui.widgets.log_pane import LogPane

EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 3, 4, 130
"""Exit codes of the app, as the command line documents them; a signal gives 128 and its number."""


class CataloguePalette(Provider):
    """The command palette: what applies on this screen, from the catalogue."""

    async def discover(self) -> Hits:
        for title, run, explained in self._entries():
            yield DiscoveryHit(_entry(title, explained), run, text=title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, run, explained in self._entries():
            score = matcher.match(f"{title} {explained}")
            if score > 0:
                yield Hit(score, _entry(title, explained), run, text=title)

    def _entries(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        """Title, callback and explanation: commands, then what can be gone to on this screen."""
        for command in self._commands():
            run = partial(self._flowtui.run_command, command)
            yield command.title, run, f"{command.shown}  {command.help}".lstrip()
        if isinstance(self.screen, Jumping):
            yield from self.screen.jumps()

    def _commands(self) -> Sequence[Command]:
        available = self._flowtui.available(self.screen, self.focused)
        return [command for command in available if command.id != "palette"]

    @property
    def _flowtui(self) -> FlowtuiApp:
        app = self.app
        assert isinstance(app, FlowtuiApp)  # noqa: S101
        return app


def _entry(title: str, explained: str) -> Content:
    """A palette entry as plain content: Textual would parse a help text as markup."""
    return Content.assemble(title, "\n", (explained, "dim"))


class FlowtuiApp(App[None]):
    """Opens runs and goes between them; `parting` is what to say when it has ended."""

    TITLE = "flowtui"
    CSS_PATH = Path(__file__).with_name("flowtui.tcss")
    BINDINGS = bindings(Scope.APP)
    COMMANDS = {CataloguePalette}

    def __init__(
        self,
        target: Target | None,
        where: Where,
        *,
        flow: str | None = None,
        interval: float = 1.0,
        look: Look | None = None,
        read_only: bool = False,
        theme: str | None = None,
        launch: Launch | None = None,
        preferences: Preferences | None = None,
        notify: Collection[str] = (),
        user_commands: Mapping[str, UserCommand] | None = None,
    ) -> None:
        """Without a target the runs are listed, of `flow` or of all flows. `launch` is what has
        started the target, if flowtui has; `notify` and `user_commands` are as in the settings, and
        so is the catalogue among the preferences.
        """
        super().__init__()
        self._target, self._flow, self._where, self._interval = target, flow, where, interval
        self._look = look or Look()
        self._read_only = read_only
        self.preferences = preferences or Preferences()
        self._output_filter = OutputFilter()
        self._keeper = Keeper(self)
        self._notifier = Notifier(self, notify)
        self._user_commands = {} if read_only else user_commands or {}
        own = [bind(command.command()) for command in self._user_commands.values() if command.keys]
        self._bindings = BindingsMap.merge([self._bindings, BindingsMap(own)])
        self._actor = Actor(self, self._look, self.open_run)
        self._launch = launch
        self._wanted_theme = theme
        self.parting: str | None = None

    def on_load(self) -> None:
        # Before the terminal is changed: Textual restores it when the app exits, not on a signal.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._leave_by_signal, number)

    def on_mount(self) -> None:
        self.set_keymap(self.preferences.catalogue.keymap())
        if not self.is_headless:
            self._look.sixteen = self.console.color_system == "standard"
            self._look.colourless = self.no_color or self.console.color_system is None
        if self._wanted_theme is not None:
            self.theme = self._wanted_theme
        self.theme_changed_signal.subscribe(self, lambda _: self._follow_theme())
        self._follow_theme()
        if self._launch is not None:
            self._actor.note(str(self._target), self._launch)
        if self.is_web:
            server = os.getppid()
            self.set_interval(1, lambda: _end_without(server))
        if self._target is not None:
            self.open_run(self._target)
        else:
            self.push_screen(self._runs(self._where, self._flow))

    def on_ready(self) -> None:
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._output_filter]

    def open_run(self, target: Target, then: Literal["resume"] | None = None) -> None:
        """Show a run on a screen of its own, read from where the screen below reads."""
        from flowtui.screens.run import RunScreen

        below = next((s for s in reversed(self.screen_stack) if isinstance(s, Sited)), None)
        where = below.where if below else self._where

        def open_it() -> RunSource:
            return open_source(target, where)[1]

        self.push_screen(
            RunScreen(
                target,
                where,
                open_it,
                interval=self._interval,
                look=self._look,
                read_only=self._read_only,
                then=then,
            )
        )

    def _runs(self, where: Where, flow: str | None = None, run: RunKey | None = None) -> RunsScreen:
        from flowtui.screens.runs import RunsScreen

        return RunsScreen(
            where,
            open_listing,
            flow=flow,
            interval=self._interval,
            look=self._look,
            read_only=self._read_only,
            run=run,
        )

    def available(self, screen: Screen[object], focused: Widget | None) -> Sequence[Command]:
        """The commands that apply on a screen and its focused pane, apart from moving about."""
        scopes = Place.of(screen, focused).scopes
        return self.preferences.catalogue.within_reach(*scopes, read_only=self._read_only)

    async def run_command(self, command: Command) -> None:
        """Do what a command says, on the pane that has the focus where it is about a pane."""
        where: Screen[object] | Widget = self.screen
        of_pane = (*Place.of(self.screen, self.focused).of_pane, Scope.LIST)
        if command.scope in of_pane and self.focused is not None:
            where = self.focused
        elif command.scope is Scope.LOG and isinstance(self.screen, Logging):
            where = self.screen.pane
        await self.run_action(command.action, where)

    def on_log_pane_wanted(self, message: LogPane.Wanted) -> None:
        self._keeper.keep(message)

    def on_code_wanted(self, message: CodeWanted) -> None:
        self._keeper.open_code(message)

    def on_kept(self, message: Kept) -> None:
        message.then()

    def on_run_wanted(self, message: RunWanted) -> None:
        self.open_run(message.target, message.then)

    def on_runs_wanted(self, message: RunsWanted) -> None:
        self.switch_screen(self._runs(message.where, run=message.run))

    async def on_key_bar_pressed(self, message: KeyBar.Pressed) -> None:
        await self.run_command(message.command)

    def on_broken(self, message: Broken) -> None:
        if sum(isinstance(screen, Sited) for screen in self.screen_stack) > 1:
            self.pop_screen()
            self.notify(message.sentence, severity="error", markup=False, timeout=10)
            return
        self.parting = message.sentence
        self.exit(return_code=EXIT_NOT_FOUND if message.not_found else EXIT_UNREACHABLE)

    def on_run_screen_happened(self, message: RunScreen.Happened) -> None:
        self._notifier.send(message.notice)

    def on_run_screen_act_wanted(self, message: RunScreen.ActWanted) -> None:
        self._actor.act(message)

    def action_user_command(self, id: str) -> None:  # noqa: A002
        from flowtui.screens.user_commands import UserCommandRunner

        UserCommandRunner(self, self._keeper, self._user_commands).run(id)

    def action_help(self) -> None:
        from flowtui.screens.help import HelpScreen, sections

        place, catalogue = Place.of(self.screen, self.focused), self.preferences.catalogue
        keys = sections(catalogue, place, read_only=self._read_only)
        self.push_screen(HelpScreen(self._look, list(keys)))

    def action_interrupt(self) -> None:
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        else:
            self.exit(return_code=EXIT_INTERRUPTED)

    def _leave_by_signal(self, number: signal.Signals) -> None:
        if window_closed():
            # There is nothing to restore, and on its way out Textual's driver would wait for a
            # thread that has died writing to it.
            os._exit(128 + number)
        # Not in the middle of mounting a screen, which would then miss its children.
        self.call_after_refresh(self.exit, return_code=128 + number)

    def _follow_theme(self) -> None:
        self._look.dark = self.current_theme.dark
        self.refresh(layout=False)


def _end_without(server: int) -> None:
    """End with the process that shows the app in a browser: its end is no news to Textual."""
    if os.getppid() != server:
        os._exit(128 + signal.SIGHUP)
