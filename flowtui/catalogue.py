"""The commands with the keys that a person has given them, and which of them a key does where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from flowtui.commands import COMMAND, COMMANDS, Command, Scope
from flowtui.key_names import key_shown

TOGETHER: Sequence[frozenset[Scope]] = (
    frozenset(
        {
            *(Scope.RUN, Scope.ATTEMPT, Scope.LOG, Scope.EXCEPTION, Scope.VIEW),
            *(Scope.LIST, Scope.BACK, Scope.APP),
        }
    ),
    frozenset({Scope.RUNS, Scope.LIST, Scope.BACK, Scope.APP}),
    frozenset({Scope.INSPECTOR, Scope.LIST, Scope.BACK, Scope.APP}),
    frozenset({Scope.FAILURES, Scope.LIST, Scope.BACK, Scope.APP}),
    frozenset({Scope.DIFF, Scope.LIST, Scope.BACK, Scope.APP}),
)
"""Scopes that apply at the same time, on some screen."""

_NO_KEY = "no_key"
"""Stands in a keymap of Textual's, which knows no removal, for a key that there is not."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two commands that apply at the same time, and the key that would do both."""

    first: str
    second: str
    key: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All commands with their keys, in the order of the list; `keys` is empty where one has none.

    A key may do two things where it does so by default: what is nearer the focus comes first.
    """

    all: Sequence[Command] = COMMANDS

    def with_own(self, commands: Iterable[Command]) -> Catalogue:
        """The catalogue with commands of the person's own besides."""
        return Catalogue((*self.all, *commands))

    def with_keys(self, keys: Mapping[str, Sequence[str]]) -> Catalogue:
        """The catalogue with other keys by command id: Textual's names, none to remove a key."""
        return Catalogue(tuple(_with(command, keys.get(command.id)) for command in self.all))

    def commands(self, *scopes: Scope, read_only: bool = False) -> Sequence[Command]:
        """The commands of these scopes that have a key; without those that act."""
        return [
            command
            for command in self.all
            if command.scope in scopes and command.keys and not (read_only and command.acts)
        ]

    def shown(self, id: str) -> str:  # noqa: A002
        """The key of a command as people know it; empty where it has none."""
        return next(command.shown for command in self.all if command.id == id)

    def within_reach(self, *scopes: Scope, read_only: bool = False) -> Sequence[Command]:
        """The commands that their key does where these scopes apply: a key is the earlier scope's.

        A command that has lost its key to the person's wish is in reach too, without one.
        """
        taken: set[str] = set()
        reached: set[str] = set()
        for scope in scopes:
            here = [
                command
                for command in self.all
                if command.scope is scope and not (read_only and command.acts)
            ]
            reached |= {
                command.id
                for command in here
                if not command.keys or not taken.issuperset(_keys(command))
            }
            taken.update(*map(_keys, here))
        return [command for command in self.all if command.id in reached]

    def key_bar(self, *scopes: Scope, read_only: bool = False) -> Sequence[Command]:
        """What the key bar shows of the commands that apply now, most wanted first."""
        reached = self.within_reach(*scopes, read_only=read_only)
        ranked = [command for command in reached if command.keys and command.rank is not None]
        return sorted(ranked, key=lambda command: command.rank or 0)

    def keymap(self) -> Mapping[str, str]:
        """For `App.set_keymap`: the keys of the commands that have others than by default.

        And of those that shared a key with one of them: Textual takes a key from every command that
        has it when one of them moves. Not of all, for it works them out at each key press.
        """
        mapped = {command.id for command in self.all if command != COMMAND.get(command.id)}
        known = 0
        while len(mapped) > known:
            known = len(mapped)
            moved = {key for name in mapped & COMMAND.keys() for key in _keys(COMMAND[name])}
            mapped |= {command.id for command in COMMANDS if _keys(command) & moved}
        return {command.id: command.keys or _NO_KEY for command in self.all if command.id in mapped}

    def clashes(self) -> Iterator[Clash]:
        """The pairs of commands that share a key where both apply, and do not by default."""
        for one, other in combinations(self.all, 2):
            shared = _keys(one) & _keys(other)
            if shared and _apply_together({one.scope, other.scope}):
                known = {one.id, other.id} <= COMMAND.keys()
                if not known or not _keys(COMMAND[one.id]) & _keys(COMMAND[other.id]):
                    yield Clash(one.id, other.id, min(shared))


def _with(command: Command, keys: Sequence[str] | None) -> Command:
    if keys is None:
        return command
    return replace(command, keys=",".join(keys), shown=key_shown(keys[0]) if keys else "")


def _apply_together(scopes: Collection[Scope]) -> bool:
    return any(together.issuperset(scopes) for together in TOGETHER)


def _keys(command: Command) -> set[str]:
    return set(command.keys.split(",")) if command.keys else set()
