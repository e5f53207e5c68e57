"""What settings there are, and what their values may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowtui.model import State

SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.1, 3600.0
"""Seconds between two looks at a run."""

WAYS = ("bell", "terminal", "desktop")
"""How a person may be told what happened to a run: by BEL, by the terminal's notifications, or by
those of the desktop."""

_LONGEST_TITLE = 40
"""Characters of a command's title."""

_LONGEST_SHOWN = 40
"""Characters of a wrong value that are shown."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. `check` makes of TOML's value the setting's, or raises ValueError with what
    it wants; `parse` makes TOML's of what a variable holds."""

    check: Callable[[Any], Any]
    parse: Callable[[str], Any] = str


Schema = Mapping[str, "Kind | Schema"]
"""Name → the kind of its value, or what its table may hold."""


def _seconds(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not SHORTEST_INTERVAL <= value <= LONGEST_INTERVAL:  # False for NaN too.
        allowed = f"{SHORTEST_INTERVAL:g} to {LONGEST_INTERVAL:g}"
        raise ValueError(f"This wants a number of seconds from {allowed}, not {shown(value)}.")
    return float(value)


def _parse_seconds(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"This wants true or false, not {shown(value)}.")
    return value


def _parse_flag(text: str) -> bool | str:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


def _theme(value: Any) -> str:
    # Which themes there are only Textual knows, which takes a tenth of a second to ask.
    if not isinstance(value, str) or not value:
        raise ValueError(f"This wants the name of a theme, not {shown(value)}.")
    return value


def _palette(value: Any) -> str:
    from flowtui.theme import PALETTES

    if not isinstance(value, str) or value not in PALETTES:
        raise ValueError(f"This wants one of {', '.join(PALETTES)}, not {shown(value)}.")
    return value


def _colour(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value):
        raise ValueError(f"This wants a colour as in #ff8800, not {shown(value)}.")
    digits = value[1:].lower()
    return f"#{digits}" if len(digits) == 6 else "#" + "".join(digit * 2 for digit in digits)


def _keys(value: Any) -> tuple[str, ...]:
    keys = [value] * bool(value) if isinstance(value, str) else value
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise ValueError(f"This wants a key, a list of keys, or '' for none, not {shown(value)}.")
    from flowtui.key_names import key_name

    names = tuple(dict.fromkeys(key_name(key) for key in keys))
    if "ctrl+q" in names:
        raise ValueError("ctrl+q always leaves flowtui. Choose another key.")
    return names


def _ways(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(way in WAYS for way in value):
        raise ValueError(f"This wants a list of {', '.join(WAYS)}, not {shown(value)}.")
    return tuple(way for way in WAYS if way in value)


def _parse_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _arguments(value: Any) -> tuple[str, ...]:
    texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    if not texts or not value or not value[0]:
        raise ValueError(f"This wants a program and its arguments in a list, not {shown(value)}.")
    from flowtui.user_commands import pieces

    if any("\0" in part for part in value):
        raise ValueError("No argument can hold a NUL.")
    if any(name for _, name in pieces(value[0])):
        raise ValueError("The program is named as it is: placeholders are for its arguments.")
    for part in value[1:]:
        pieces(part)
    return tuple(value)


def _title(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= _LONGEST_TITLE
        or not value.isprintable()
    ):
        raise ValueError(f"This wants a few words, not {shown(value)}.")
    return value


FLAG = Kind(_flag, _parse_flag)
INTERVAL = Kind(_seconds, _parse_seconds)
KEYS = Kind(_keys)
COLOUR = Kind(_colour)

SETTINGS: Mapping[str, Kind] = {
    "interval": INTERVAL,
    "theme": Kind(_theme),
    "palette": Kind(_palette),
    "ascii": FLAG,
    "mouse": FLAG,
    "notify": Kind(_ways, _parse_words),
    "read_only": FLAG,
    "log.wrap": FLAG,
    "log.timestamps": FLAG,
    "log.json": FLAG,
}
"""What also has a variable: `log.wrap` is `FLOWTUI_LOG_WRAP`."""

_OF_A_PROVIDER: Schema = {"interval": INTERVAL, "read_only": FLAG}

_OF_A_COMMAND: Schema = {
    "run": Kind(_arguments),
    "key": KEYS,
    "title": Kind(_title),
    "confirm": FLAG,
}

_USUAL_PROVIDERS = ("local", "service")


def schema(providers: Iterable[str], commands: Iterable[str]) -> Schema:
    """All that a file may hold. `providers` are the kinds it names, which an extension may bring,
    `commands` the person's own.

    A provider that is almost a usual one is none: it is that one, misspelt.
    """
    from flowtui.commands import COMMANDS

    kinds = [name for name in providers if not nearest(name, _USUAL_PROVIDERS)]
    return {
        **{name: kind for name, kind in SETTINGS.items() if "." not in name},
        "log": {name[4:]: kind for name, kind in SETTINGS.items() if name.startswith("log.")},
        "keys": {command.id: KEYS for command in COMMANDS},
        "commands": dict.fromkeys(commands, _OF_A_COMMAND),
        "colours": {str(state): COLOUR for state in State},
        "providers": dict.fromkeys((*_USUAL_PROVIDERS, *kinds), _OF_A_PROVIDER),
    }


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    import difflib

    found = difflib.get_close_matches(name, list(known), 1)
    return found[0] if found else None


def shown(value: Any) -> str:
    """A wrong value in a sentence: short, and a table or list by what it is."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str | int | float | list) else str(value)
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value:g}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
