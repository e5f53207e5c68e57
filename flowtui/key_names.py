"""Names of keys: what a person writes, as Textual calls it, and as it is shown."""

from __future__ import annotations

import difflib
import string
import unicodedata

_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
"""In the order in which Textual says them."""

_NAMED = frozenset(
    {
        *("escape", "enter", "tab", "space", "backspace", "insert", "delete", "home", "end"),
        *("up", "down", "left", "right", "pageup", "pagedown"),
        *(f"f{number}" for number in range(1, 25)),
    }
)

_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Where Textual does not follow Unicode."""

_ARRIVES_AS = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace"}
"""Keys for which a terminal sends what it sends for others."""

_SHOWN = {"escape": "esc", "up": "↑", "down": "↓", "left": "←", "right": "→"}


def key_name(written: str) -> str:
    """Textual's name of a key: `?` is `question_mark`, `ctrl+r` is itself.

    Raises ValueError with a sentence for what is no key, or never arrives from a terminal.
    """
    if written == "+":
        return _of_character(written)
    if written.endswith("++"):
        modifiers, key = written[:-2].split("+"), "+"
    else:
        *modifiers, key = written.split("+")
    if len(key) == 1 and key.isprintable() and not key.isspace():
        key = _of_character(key)
    elif key not in _NAMED and key not in _CHARACTERS:
        near = difflib.get_close_matches(key, [*_NAMED, *_CHARACTERS], 1)
        hint = f"Did you mean {near[0]}?" if near else "Keys are written as r, ctrl+r, f5, enter, ?"
        raise ValueError(f"{written!r} is no key. {hint}")
    if unknown := [name for name in modifiers if name not in _MODIFIERS]:
        raise ValueError(
            f"{written!r} is no key: {unknown[0]!r} is none of {', '.join(_MODIFIERS)}."
        )
    if modifiers == ["shift"] and key not in _NAMED:
        arrives = f" is {key.upper()}" if key.isalpha() and len(key) == 1 else " has its own sign"
        raise ValueError(f"{written!r} never arrives: with shift, {key}{arrives}. Write that.")
    if modifiers and len(key) == 1:
        key = key.lower()
    name = "+".join([*sorted(set(modifiers)), key])
    if name in _ARRIVES_AS:
        raise ValueError(f"{written!r} arrives as {_ARRIVES_AS[name]}. Write that.")
    return name


def key_shown(name: str) -> str:
    """A key by Textual's name as people know it: `?`, `esc`, `F5`, `ctrl+r`."""
    modifiers, plus, key = name.rpartition("+")
    if key in _NAMED:
        shown = key.upper() if key[0] == "f" else _SHOWN.get(key, key)
    else:
        shown = _CHARACTERS.get(key) or _character(key)
    return f"{modifiers}{plus}{shown}"


def _of_character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name)


def _character(name: str) -> str:
    """The character that Textual calls by its name in Unicode; the name where it is none."""
    try:
        return unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return name


_CHARACTERS = {_of_character(character): character for character in string.punctuation}
"""Textual's names of the signs on a keyboard."""
