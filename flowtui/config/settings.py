"""Settings: flags, then the environment, then the file, then defaults; each knows its origin."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowtui.catalogue import Catalogue
from flowtui.commands import COMMAND
from flowtui.config.file import ConfigError, ConfigFile, Name, read_config
from flowtui.config.values import COLOUR, KEYS, SETTINGS, Kind, Schema, nearest, schema, shown
from flowtui.key_names import key_shown
from flowtui.logs.sanitise import one_line
from flowtui.model import State
from flowtui.theme import Look
from flowtui.user_commands import UserCommand

FILE_VARIABLE = "FLOWTUI_CONFIG"
"""The environment variable that names another file of settings."""

_MOST_LISTED = 12
"""Names that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force; `origins` says of each setting, by its name in the file, where it is from.

    An origin is `flag`, the name of a variable, a file's name with a line, or `default`. `theme` is
    None for Textual's own. `keys`, `colours` and `commands` are the person's alone: Textual's names
    of keys by command id, none to remove a key; `#rrggbb` by state; and commands by their ids.
    """

    interval: float = 1.0
    theme: str | None = None
    palette: str = "default"
    ascii: bool = False
    mouse: bool = True
    notify: Sequence[str] = ()
    read_only: bool = False
    log_wrap: bool = False
    log_timestamps: bool = False
    log_json: bool = False
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    colours: Mapping[State, str] = field(default_factory=dict)
    commands: Mapping[str, UserCommand] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def look(self, *, unicode: bool = True) -> Look:
        """How states are drawn; in ASCII too where `unicode` cannot be written."""
        return Look(ascii=self.ascii or not unicode, palette=self.palette, own=self.colours)

    def catalogue(self) -> Catalogue:
        """The commands with the person's keys, and the person's own where flowtui may act."""
        own = () if self.read_only else self.commands.values()
        return Catalogue().with_own([known.command() for known in own]).with_keys(self.keys)

    def told(self) -> Iterator[tuple[str, str, str]]:
        """Name, value and origin of each setting, for people."""
        for name in SETTINGS:
            yield name, _written(getattr(self, _attribute(name))), self.origins[name]
        for command, keys in self.keys.items():
            told = " ".join(map(key_shown, keys)) or "none"
            yield f"keys.{command}", told, self.origins[f"keys.{command}"]
        for name, own in self.commands.items():
            parts = [" ".join(map(key_shown, own.keys)), shlex.join(own.run)]
            parts += ["asks first"] if own.confirm else []
            told = " · ".join(part for part in parts if part)
            yield f"commands.{name}", told, self.origins[f"commands.{name}"]
        for state, colour in self.colours.items():
            yield f"colours.{state}", colour, self.origins[f"colours.{state}"]


@dataclass(frozen=True, slots=True)
class Config:
    """What was asked for, and where; `settings` says what comes of it."""

    flags: Mapping[str, Any]
    environment: Mapping[str, str]
    file: ConfigFile

    @property
    def has_providers(self) -> bool:
        """Whether settings depend on the kind of provider that is read."""
        return bool(self.file.values.get("providers"))

    def settings(self, provider: str = "") -> Settings:
        """What is in force, for a kind of metadata provider as Metaflow names it.

        Raises ConfigError for a flag or a variable with a wrong value.
        """
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for name, kind in SETTINGS.items():
            value, origins[name] = self._value(name, kind, provider)
            if origins[name] != "default":
                values[_attribute(name)] = value
        keys = {name: KEYS.check(value) for name, value in self.file.table("keys").items()}
        colours = {
            State(name): COLOUR.check(value) for name, value in self.file.table("colours").items()
        }
        commands = {
            name: UserCommand(
                name,
                tuple(value["run"]),
                KEYS.check(value.get("key", "")),
                value.get("title", ""),
                value.get("confirm", False),
            )
            for name, value in self.file.table("commands").items()
        }
        tables = (("keys", keys), ("colours", colours), ("commands", commands))
        for place in [(table, name) for table, known in tables for name in known]:
            origins[".".join(place)] = self.file.short_place(place)
        return Settings(**values, keys=keys, colours=colours, commands=commands, origins=origins)

    def _value(self, name: str, kind: Kind, provider: str) -> tuple[Any, str]:
        """A setting's value and origin; None by default."""
        attribute = _attribute(name)
        if self.flags.get(attribute) is not None:
            return _checked(f"--{name}", kind, self.flags[attribute]), "flag"
        variable = f"FLOWTUI_{attribute.upper()}"
        if self.environment.get(variable):
            return _checked(variable, kind, kind.parse(self.environment[variable])), variable
        for place in (("providers", provider, name), tuple(name.split("."))):
            value = _at(self.file.values, place)
            if value is not None:
                return kind.check(value), self.file.short_place(place)
        return None, "default"


def configured(
    flags: Mapping[str, Any], environment: Mapping[str, str], path: str | None = None
) -> Config:
    """What was asked for by flags, by variables, and in the file at `path` or where one belongs.

    Flags are by the names of `Settings`, None where one was not given. Raises ConfigError for
    whatever is wrong, also in parts of the file that are not in force now.
    """
    if path is not None:
        file = read_config(path, "--config")
    else:
        file = read_config(environment.get(FILE_VARIABLE) or None, FILE_VARIABLE)
    _check(file, (), file.values, schema(_names(file, "providers"), _names(file, "commands")))
    _check_commands(file)
    config = Config(flags, environment, file)
    _check_clashes(file, replace(config.settings(), read_only=False))
    return config


def _names(file: ConfigFile, table: str) -> Iterable[str]:
    """The names that a person has made up for what is in a table."""
    found = file.values.get(table)
    return found if isinstance(found, Mapping) else ()


def _checked(place: str, kind: Kind, value: Any) -> Any:
    """The value of a setting; raises ConfigError, which names the place."""
    try:
        return kind.check(value)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error


def _check(file: ConfigFile, name: Name, value: Any, expected: Kind | Schema) -> None:
    """Raise ConfigError for the first thing in a value or table that is wrong."""
    path = ".".join(name)
    if isinstance(expected, Kind):
        _checked(f"{file.place(name)}: {path}", expected, value)
        return
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{file.place(name)}: {path} is a table. Write [{path}], and its values below."
        )
    for key, inner in value.items():
        if key not in expected:
            where = f"[{path}] has no" if name else "There is no setting"
            told = f"{where} {shown(key)}. {_hint(key, name, expected)}"
            raise ConfigError(f"{file.place((*name, key))}: {told}")
        _check(file, (*name, key), inner, expected[key])


def _hint(key: str, name: Name, expected: Schema) -> str:
    """What was probably meant by a name that there is not."""
    if near := nearest(key, expected):
        return f"Did you mean {near}?"
    if name and key in SETTINGS:
        return "It stands above the first table."
    if len(expected) <= _MOST_LISTED:
        return f"There are {', '.join(expected)}."
    return "The README lists what there is."


def _check_commands(file: ConfigFile) -> None:
    """Raise ConfigError for a command of the person's own without a fit name or a program."""
    for name, command in file.table("commands").items():
        place = f"{file.place(('commands', name))}: [commands.{one_line(name, 40)}]"
        if name in COMMAND:
            raise ConfigError(f"{place}: flowtui has a command of this name. Choose another one.")
        if not re.fullmatch("[A-Za-z0-9_-]+", name):
            raise ConfigError(f"{place}: A command is named with letters, digits, - and _ alone.")
        if "run" not in command:
            raise ConfigError(f"{place} lacks what it runs, as in: run = ['make', '{{run}}']")


def _check_clashes(file: ConfigFile, settings: Settings) -> None:
    """Raise ConfigError where a key would do two things."""
    for clash in settings.catalogue().clashes():
        pair = (clash.first, clash.second)
        places: list[Name] = [("keys", name) for name in pair if name in settings.keys]
        places += [("commands", name, "key") for name in pair if name in settings.commands]
        last = max(places, key=lambda place: file.lines[place])
        raise ConfigError(
            f"{file.place(last)}: {key_shown(clash.key)} would be both {clash.first} and "
            f"{clash.second}. Give one of them another key."
        )


def _at(values: Mapping[str, Any], place: Name) -> Any:
    """The value at a place in nested tables, None where there is none."""
    for name in place:
        if not isinstance(values, Mapping) or name not in values:
            return None
        values = values[name]
    return values


def _attribute(name: str) -> str:
    return name.replace(".", "_")


def _written(value: Any) -> str:
    """A value as the file has it."""
    if value is None:
        return "Textual's own"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
