"""What a person types to leave some of many runs: words, `!word`, and `field:value`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flowtui.run_summary import RunSummary

FIELDS: Mapping[str, Callable[[RunSummary], Sequence[str]]] = {
    "flow": lambda run: (run.flow,),
    "run": lambda run: (run.run,),
    "user": lambda run: (run.user or "",),
    "tag": lambda run: (*run.tags, *run.system_tags),
    "state": lambda run: (run.state or "",),
    "step": lambda run: run.current or (),
    "origin": lambda run: (run.origin_run or "",),
}
"""What stands before the colon, and where the value is looked for."""


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a filter; without a field it may stand anywhere but in system tags."""

    value: str
    field: str | None
    inverse: bool

    def leaves(self, run: RunSummary) -> bool:
        if self.field is None:
            found = self.value in _anywhere(run)
        else:
            found = any(self.value in text.casefold() for text in FIELDS[self.field](run))
        return found is not self.inverse


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Leaves the runs that all words leave; letters in either case are the same."""

    words: tuple[_Word, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Read what was typed; a word that is not complete yet, as `!` or `user:`, leaves all."""
        words = [_word(part) for part in text.casefold().split()]
        return cls(tuple(word for word in words if word.value))

    def leaves(self, run: RunSummary) -> bool:
        """Whether a run is left."""
        return all(word.leaves(run) for word in self.words)


def _word(text: str) -> _Word:
    inverse = text.startswith("!")
    text = text.removeprefix("!")
    field, colon, value = text.partition(":")
    known = bool(colon) and field in FIELDS
    return _Word(value if known else text, field if known else None, inverse)


def _anywhere(run: RunSummary) -> str:
    texts = (run.pathspec, run.user or "", run.state or "", *run.tags, *(run.current or ()))
    return "\n".join(texts).casefold()
