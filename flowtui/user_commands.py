"""Commands of the person's own: a program and its arguments, with what is selected filled in.

What is selected may be anyone's text. It never goes through a shell, never makes two arguments of
one, and never an option of what was meant as a name.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from flowtui.commands import Command, Scope
from flowtui.key_names import key_shown
from flowtui.logs.sanitise import one_line

PLACEHOLDERS = ("flow", "run", "step", "task", "attempt", "stdout_file", "stderr_file")

_RANK = 22
"""In the key bar, next to what acts on a run: who makes a command wants it at hand."""


@dataclass(frozen=True, slots=True)
class UserCommand:
    """One such command; `run` are checked arguments, with placeholders, `keys` as Textual has them.

    With `confirm` the person is asked each time.
    """

    id: str
    run: Sequence[str]
    keys: Sequence[str] = ()
    title: str = ""
    confirm: bool = False

    @property
    def placeholders(self) -> frozenset[str]:
        """What it needs to know."""
        return frozenset(name for argument in self.run for _, name in pieces(argument) if name)

    def command(self) -> Command:
        """As the catalogue has it: for key bar, palette and help."""
        return Command(
            self.id,
            ",".join(self.keys),
            key_shown(self.keys[0]) if self.keys else "",
            self.title or self.id,
            f"{self.title or 'Run'}: {one_line(shlex.join(self.run), 200)}",
            f"app.user_command({self.id!r})",
            Scope.APP,
            _RANK,
            acts=True,
        )

    def filled(self, values: Mapping[str, str]) -> Sequence[str]:
        """The arguments to run. Raises ValueError with a sentence when a value is missing or would
        be understood as more than a name."""
        return [self._fill(argument, values) for argument in self.run]

    def _fill(self, argument: str, values: Mapping[str, str]) -> str:
        filled = ""
        for text, name in pieces(argument):
            filled += text
            if name is None:
                continue
            if name not in values:
                what = "attempt" if name.endswith("_file") else name
                raise ValueError(f"{self.id} needs {{{name}}}, and no {what} is selected here.")
            value = values[name]
            if not value.isprintable():
                raise ValueError(f"{self.id} is not run: {{{name}}} holds control characters.")
            if not filled and value.startswith("-"):
                told = one_line(value, 40)
                raise ValueError(f"{self.id} is not run: {{{name}}} is {told}, as options are.")
            filled += value
        return filled


def pieces(argument: str) -> Sequence[tuple[str, str | None]]:
    """Text, and the placeholder that follows it, None at the end; `{{` and `}}` are braces.

    Raises ValueError with a sentence for what is no placeholder.
    """
    found: list[tuple[str, str | None]] = []
    try:
        parsed = list(Formatter().parse(argument))
    except ValueError as error:
        raise ValueError("A brace that stands for itself is written {{ or }}.") from error
    for text, name, form, conversion in parsed:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            told = one_line(name, 40)
            raise ValueError(f"{{{told}}} is no placeholder. There are {known}.")
        found.append((text, name))
    return found
