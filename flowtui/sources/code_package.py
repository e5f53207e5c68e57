"""The flow's file out of a run's code package, a compressed archive that a stranger may have made.

Nothing is unpacked to disk: the archive is read from front to back, as far as that file.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flowtui.model import FlowSource, Key
from flowtui.sources.base import Unsupported
from flowtui.sources.datastore import Datastore
from flowtui.sources.metadata_rows import Rows

MAX_FILE = 5 * 1024 * 1024
"""Bytes of a flow's file above which it is not read."""

MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes of a code package, uncompressed, in which the flow's file is looked for."""

MAX_MEMBERS = 100_000
"""Files of a code package among which the flow's is looked for."""

STEPS_ASKED = 50
"""Steps of which one task is asked whether it names a code package."""


def find(rows_of: Callable[[Key], Rows | None], known: Iterable[Key]) -> Mapping[str, Any] | None:
    """What the metadata says of the run's code package and of the script, or None.

    Each step's newest task is asked, newest steps first: Metaflow names the package on tasks of
    remote steps, and else on those that were started after it was uploaded. `script` is the flow's
    file, where the task names it. Raises Unreachable.
    """
    newest: dict[str, Key] = {}
    for key in known:
        newest.pop(key[0], None)
        newest[key[0]] = key
    for key in list(reversed(newest.values()))[:STEPS_ASKED]:
        values = {str(row.get("field_name")): row.get("value") for row in rows_of(key) or ()}
        told = _decoded(values.get("code-package"))
        if told is not None:
            return told | {"script": values.get("script-name")}
    return None


def read(datastore: Datastore, told: Mapping[str, Any], file: str | None) -> FlowSource:
    """The flow's file as the package has it; `file` is its name where the task told none.

    Raises Unreachable, and Unsupported for a package that cannot be read or lacks the file.
    """
    script = told.get("script")
    name = Path(script if isinstance(script, str) and script else file or "").name
    if not name:
        raise Unsupported("The run does not say what its flow's file is called.")
    return FlowSource(name, datastore.package(told, lambda path: member(path, name)))


def member(package: Path, name: str) -> bytes:
    """The content of one file of a package; raises Unsupported with what keeps it from being read.

    A link of that name, a file with holes and one that is too large are not read.
    """
    try:
        with package.open("rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            return _member(_Onward(unpacked), name)
    except Unsupported:
        raise
    # Whatever the archive brings tarfile, gzip or zlib to raise: there is no list of it.
    except Exception as error:
        raise Unsupported(
            "The code package cannot be read: it is damaged, or no archive as Metaflow makes them."
        ) from error


def _member(unpacked: _Onward, name: str) -> bytes:
    with tarfile.open(fileobj=unpacked, mode="r:") as archive:
        for _ in range(MAX_MEMBERS):
            found = archive.next()
            if found is None:
                raise Unsupported(f"The code package has no file {name}.")
            if found.name.removeprefix("./") == name:
                return _content(archive, found)
            # It would keep them all.
            archive.members.clear()  # type: ignore[attr-defined]
    raise Unsupported(f"The code package has more than the {MAX_MEMBERS} files that are read.")


def _content(archive: tarfile.TarFile, found: tarfile.TarInfo) -> bytes:
    if found.size > MAX_FILE:
        raise Unsupported(
            f"{found.name} has {found.size} bytes in the code package, more than the {MAX_FILE} "
            "that are read."
        )
    plain = found.isreg() and not found.issparse()
    content = archive.extractfile(found) if plain else None
    if content is None:
        raise Unsupported(f"{found.name} is no plain file in the code package.")
    with content:
        read = content.read()
    if len(read) != found.size:
        raise Unsupported("The code package is cut short.")
    return read


class _Onward(io.BufferedIOBase):
    """A file that is read in one direction, in bounded pieces, and no further than it may be.

    tarfile reads a header's text at whatever length the header claims, and seeks where it says.
    """

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, to: int, whence: int = 0, /) -> int:
        if whence or to < self.tell():
            raise ValueError("back, or from elsewhere than the beginning")
        _check(to)
        return self._file.seek(to)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_FILE:
            raise ValueError("a piece without bounds")
        _check(self.tell() + size)
        return self._file.read(size)


def _check(place: int) -> None:
    if place > MAX_UNPACKED:
        raise Unsupported(
            f"The code package has, unpacked, more than the {MAX_UNPACKED} bytes that are read."
        )


def _decoded(value: Any) -> dict[str, Any] | None:
    try:
        told = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
