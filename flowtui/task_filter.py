"""What a person types to leave some of many tasks: words, `!word`, `level=value`, `index:2-5`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf

from flowtui.model import State, Task
from flowtui.task_index import StepTasks, level

HINT = "id, label or state · country=FI · index:2-5 · ! before a word: all others"
"""What a filter may say, in short."""

_WORD = re.compile(r'(?:"[^"]*"?|[^\s"])+')
"""What is quoted may hold spaces, and is looked for as it stands."""

_RANGE = re.compile(r"(?P<first>[0-9]{1,18})?(?P<to>-)?(?P<last>[0-9]{1,18})?")

_Test = Callable[[Task, StepTasks], bool]


class BadFilterError(ValueError):
    """What was typed is no filter; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Leaves the tasks that all words leave; letters in either case are the same.

    A word may stand in a task's id, its foreach label or its state. `level=value` asks for all of
    the value that a level of the foreach has, `level:value` for a part of it; the start of the
    level's name will do. `index:3`, `index:2-5` and `#3` are places in the innermost foreach.
    """

    words: tuple[_Test, ...] = ()

    @classmethod
    def parse(cls, text: str, levels: Collection[str]) -> TaskFilter:
        """Read what was typed about tasks whose foreach levels have these names.

        A word that is not complete yet, as `!` or `country=`, leaves all. Raises BadFilterError.
        """
        names = tuple(dict.fromkeys(levels))
        tests = (_test(word, names) for word in _WORD.findall(text.casefold()))
        return cls(tuple(test for test in tests if test is not None))

    def leaves(self, task: Task, tasks: StepTasks) -> bool:
        """Whether a task, one of these, is left."""
        return all(test(task, tasks) for test in self.words)


def _test(word: str, names: tuple[str, ...]) -> _Test | None:
    inverse = word.startswith("!")
    wanted = _wanted(word.removeprefix("!"), names)
    if wanted is None or not inverse:
        return wanted
    return lambda task, tasks: not wanted(task, tasks)


def _wanted(word: str, names: tuple[str, ...]) -> _Test | None:
    field, sign, value = _parts(word)
    bare = value.replace('"', "")
    if field.startswith("#") and not sign:
        return _index(field.removeprefix("#"), "#3 or #2-5")
    if sign == ":" and field == "index":
        return _index(bare, "index:3 or index:2-5")
    if sign == ":" and field == "id":
        return (lambda task, _: bare in task.id.casefold()) if bare else None
    if sign == ":" and field == "state":
        return _state(bare)
    known = _meant(field, names) if sign else ()
    if known:
        return _level(frozenset(known), bare, whole=sign == "=") if bare else None
    if sign == "=" and field:
        raise BadFilterError(_no_level(field, names))
    return _anywhere(word.replace('"', ""))


def _parts(word: str) -> tuple[str, str, str]:
    """Field, sign and value; a sign within quotes is none."""
    match = re.match(r'([^"=:]+)([=:])(.*)', word, re.DOTALL)
    return (match[1], match[2], match[3]) if match else (word, "", "")


def _meant(field: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The levels that a field names: in full, or else by their start."""
    exact = tuple(name for name in names if name.casefold() == field)
    return exact or tuple(name for name in names if name.casefold().startswith(field))


def _no_level(field: str, names: tuple[str, ...]) -> str:
    if not names:
        return f"There is no foreach level {field!r}: these tasks are in no foreach."
    return f"There is no foreach level {field!r}. Levels: {', '.join(names)}."


def _level(names: frozenset[str], value: str, *, whole: bool) -> _Test:
    def holds(label: str) -> bool:
        name, found = level(label)
        if name not in names:
            return False
        folded = found.casefold()
        return folded == value if whole else value in folded

    return lambda task, _: any(holds(label) for label in task.labels)


def _index(text: str, example: str) -> _Test | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadFilterError(f"An index is a number or a range of them, as {example}.")
    if match["first"] is None and match["last"] is None:
        return None
    first = int(match["first"] or 0)
    last = int(match["last"]) if match["last"] else (inf if match["to"] else first)
    return lambda task, _: task.index is not None and first <= task.index <= last


def _state(text: str) -> _Test | None:
    states = frozenset(state for state in State if text in state)
    if not states:
        raise BadFilterError(f"There is no state {text!r}. States: {', '.join(State)}.")
    return (lambda task, _: task.state in states) if text else None


def _anywhere(text: str) -> _Test | None:
    if not text:
        return None
    states = frozenset(state for state in State if text in state)
    return lambda task, tasks: task.state in states or text in tasks.search_text(task)
