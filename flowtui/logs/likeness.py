"""How alike two shown lines of a log are, and where they differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

Range = tuple[int, int]
"""Characters of a line, from the first up to, not including, the second."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HEX = r"0x[0-9a-fA-F]++|(?=[a-fA-F]{0,8}[0-9])[0-9a-fA-F]{6,}+(?![\w])"
_NUMBER = r"(?:(?<![\w)\]])[-+])?[0-9]++(?:[.,:][0-9]++)*+(?:[eE][-+]?[0-9]++)?+"

_VALUE = re.compile(rf"(?<![\w])(?:{_UUID}|{_HEX})|{_NUMBER}")
_VALUE_OR_SPACES = re.compile(rf"({_VALUE.pattern})|\s++")
_WORD_WITH_DIGIT = re.compile(r"\b[^\W\d]*+\d\w*+")

# One of East Asian writing is a word of its own; what has no width goes with what it modifies.
_EAST_ASIAN = "\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
_WORD = re.compile(rf"[{_EAST_ASIAN}]|(?:(?![{_EAST_ASIAN}])[^\W\d_]){{2,}}+")
_TOKEN = re.compile(
    rf"(?:{_VALUE.pattern}|[{_EAST_ASIAN}]|(?:(?![{_EAST_ASIAN}])\w)++|\s++|[^\w\s])"
    "[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f]*+"
)


class Effort:
    """What may still be spent on finding the words that differ: `steps` from word to word."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def spend(self, some: Sequence[str], others: Sequence[str]) -> bool:
        """Take what comparing these words may cost; False, with no steps left, if it is too much.

        The longest block of words they share is looked for, and then again on both sides of it.
        """
        if not self.steps:
            return False
        times = Counter(word for word in others if not _separates(word))
        once = len(some) + len(others) + sum(times[word] for word in some)
        self.steps = max(0, self.steps - once * (1 + min(len(some), len(others)) // 8))
        return bool(self.steps)


def template(text: str) -> str:
    """A line without what differs from one execution to the next: numbers, times, ids, padding.

    Two lines of the same template are equal apart from those.
    """
    return _VALUE_OR_SPACES.sub(_stand_in, text).strip(" ")


def loose_template(of_template: str) -> str:
    """A template without the words that have a digit in them, such as names of hosts and pods."""
    return _WORD_WITH_DIGIT.sub("\0", of_template.replace("\0", "0"))


def words(text: str) -> frozenset[str]:
    """What a line talks about: its words of two letters or more, East Asian ones of one."""
    return frozenset(_WORD.findall(text))


def likeness(some: frozenset[str], others: frozenset[str]) -> float:
    """From 0, no word in common, to 1, the same words."""
    both = len(some) + len(others)
    return 2 * len(some & others) / both if both else 0.0


def values_that_differ(left: str, right: str) -> tuple[Sequence[Range], Sequence[Range]]:
    """Where the numbers, times and ids of two lines of the same template differ."""
    pairs = zip(_VALUE.finditer(left), _VALUE.finditer(right), strict=True)
    unlike = [(one.span(), other.span()) for one, other in pairs if one[0] != other[0]]
    return tuple(one for one, _ in unlike), tuple(other for _, other in unlike)


def differences(left: str, right: str, effort: Effort) -> tuple[Sequence[Range], Sequence[Range]]:
    """The ranges of each line that the other does not have, by words.

    When there is no effort left for it, all between the common head and tail is one range.
    """
    some: Sequence[str] = _TOKEN.findall(left) if effort.steps else left
    others: Sequence[str] = _TOKEN.findall(right) if effort.steps else right
    head, tail = common_ends(some, others)
    start = sum(map(len, some[:head]))
    some, others = some[head : len(some) - tail], others[head : len(others) - tail]
    blocks = [(0, len(some), 0, len(others))]
    if effort.spend(some, others):
        opcodes = SequenceMatcher(_separates, some, others, autojunk=False).get_opcodes()
        blocks = [(a, b, c, d) for tag, a, b, c, d in opcodes if tag != "equal"]
    return (
        _ranges(some, start, [(a, b) for a, b, _, _ in blocks]),
        _ranges(others, start, [(c, d) for _, _, c, d in blocks]),
    )


def common_ends(some: Sequence[object], others: Sequence[object]) -> tuple[int, int]:
    """How many items two sequences share at the start, and how many of the rest at the end."""
    shorter = min(len(some), len(others))
    head = 0
    while head < shorter and some[head] == others[head]:
        head += 1
    tail = 0
    while tail < shorter - head and some[-1 - tail] == others[-1 - tail]:
        tail += 1
    return head, tail


def _separates(token: str) -> bool:
    """Spaces and signs are in every line, and tell nothing about which words belong together."""
    return not token[0].isalnum()


def _stand_in(match: re.Match[str]) -> str:
    # NUL cannot occur in a line that was made safe to show.
    return "\0" if match[1] else " "


def _ranges(tokens: Sequence[str], start: int, blocks: Sequence[Range]) -> Sequence[Range]:
    """Blocks of tokens as characters; those with nothing but a space between them become one."""
    at = list(accumulate(map(len, tokens), initial=start))
    ranges: list[Range] = []
    end = 0
    for first, last in blocks:
        if first == last:
            continue
        if ranges and not "".join(tokens[end:first]).strip(" "):
            ranges[-1] = (ranges[-1][0], at[last])
        else:
            ranges.append((at[first], at[last]))
        end = last
    return tuple(ranges)
