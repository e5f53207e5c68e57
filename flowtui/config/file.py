"""The file of settings: where it is, what it says, and on which line it says it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowtui.folders import own_folder

LARGEST = 64 * 1024
"""Bytes of a file of settings at most."""

Name = tuple[str, ...]
"""Where a value is: the names of the tables that it is in, and its own."""


class ConfigError(ValueError):
    """What is wrong with a setting, in one sentence that begins with where it is."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file of settings says; nothing where there is none.

    `path` is where it is or would be, None where the person has no home directory.
    """

    path: Path | None = None
    found: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[Name, int] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """Where it is, and whether there is one."""
        if self.path is None:
            return "no file, as there is no home directory"
        return str(self.path) if self.found else f"{self.path} (there is none)"

    def table(self, name: str) -> Mapping[str, Any]:
        """The values of a table that the file may have."""
        values: Mapping[str, Any] = self.values.get(name, {})
        return values

    def place(self, name: Name) -> str:
        """The file's whole path, and the line that a value begins on."""
        return f"{self.path}:{self._line(name)}"

    def short_place(self, name: Name) -> str:
        """The file's name, and the line that a value begins on."""
        return f"{self.path.name if self.path else ''}:{self._line(name)}"

    def _line(self, name: Name) -> int:
        # Of a table that several lines make up, the first.
        return min(n for known, n in self.lines.items() if known[: len(name)] == name)


def default_path() -> Path | None:
    """Where the platform keeps settings; None where the person has no home directory."""
    folder = own_folder("config")
    return None if folder is None else folder / "config.toml"


def read_config(named: str | None = None, by: str = "") -> ConfigFile:
    """The file that was named, which has to be there, or else the person's own, if there is one.

    `by` is what it was named by, for sentences. Raises ConfigError.
    """
    path = default_path() if named is None else Path(named)
    if path is None:
        return ConfigFile()
    try:
        path = path.absolute()
        if named is None and not _there(path):
            return ConfigFile(path)
        if path.is_dir():
            raise ConfigError(f"{path}: This is a directory, and settings are a TOML file.")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{path}: There is no such file, which {by} names.") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path}: The settings cannot be read: {why}.") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: No file of settings is larger than {LARGEST // 1024} kB.")
    values, lines = _parsed(path, data)
    return ConfigFile(path, True, values, lines)


def _there(path: Path) -> bool:
    """Whether there is a file; not where its folder is closed, as that of another person is."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    return True


def _parsed(path: Path, data: bytes) -> tuple[Mapping[str, Any], Mapping[Name, int]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: This is not UTF-8, as TOML has to be.") from error
    try:
        return tomllib.loads(text), dict(lines_of(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_not_toml(path, text, str(error))) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: Its values are nested too deeply.") from error


def _not_toml(path: Path, text: str, complaint: str) -> str:
    """tomllib's complaint, with its line where lines of errors are looked for."""
    what, _, where = complaint.rpartition(" (at ")
    line = re.search(r"line (\d+)", where)
    number = int(line[1]) if line else text.rstrip().count("\n") + 1
    what = what or complaint
    return f"{path}:{number}: This is not TOML: {what[:1].lower()}{what[1:]}."


def lines_of(text: str) -> Iterator[tuple[Name, int]]:
    """The tables and values of a valid document, each with the line, from 1, that it begins on.

    tomllib itself says where a statement ends: with the first line that makes it complete.
    """
    table: Name = ()
    statement, begins = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            begins = number
        statement += f"{line}\n"
        if statement.count("\n") > 1 and not re.search(r"""[]}"']""", line):
            continue  # What goes over several lines ends with one of these.
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            table = next(iter(_names(parsed)), ())
            yield table, begins
        else:
            for name in _names(parsed):
                yield (*table, *name), begins
        statement = ""


def _names(values: Mapping[str, Any]) -> Iterator[Name]:
    """The names of all values and of empty tables."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            for name in _names(value):
                yield (key, *name)
        else:
            yield (key,)
