"""Files that Metaflow keeps beside the metadata: artifacts as bytes, logs, runtime records."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from flowtui.logs.remote import Remote
from flowtui.logs.spool import Spool
from flowtui.logs.stored import Stored
from flowtui.model import Ms
from flowtui.sources.base import SourceError, Unreachable, Unsupported
from flowtui.sources.plain_pickle import MAX_BYTES
from flowtui.sources.provider import Provider
from flowtui.status import Exit

StoredIn = tuple[str, str]
"""Kind and root of a task's datastore, its metadata `ds-type` and `ds-root`."""

MAX_PACKAGE = 100 * 1024 * 1024
"""Bytes of a code package, compressed as it is, beyond which it is not fetched."""

T = TypeVar("T")

_GZIP_MAGIC = b"\x1f\x8b"

_ROOT = ":root:"

_SHA = re.compile(r"[0-9a-f]{8,128}")


class Datastore:
    """The datastore of one run, of whatever kind its tasks name in `ds-type` and `ds-root`."""

    def __init__(self, provider: Provider, flow: str, run: str) -> None:
        self._provider = provider
        self._flow, self._run = flow, run

    def blob(self, artifact: Mapping[str, Any], most: int | None = None) -> bytes:
        """The bytes of an artifact, at most `MAX_BYTES` and one; never unpickled here.

        Raises Unreachable when they cannot be had, Unsupported for an unknown kind of datastore and
        for one of more than `most` bytes as they are stored.
        """
        kind, location = str(artifact.get("ds_type")), str(artifact.get("location"))
        sha = str(artifact.get("sha"))
        if not _SHA.fullmatch(sha):
            raise Unreachable("An artifact's key is none that Metaflow gives.")
        return self._loaded(kind, location, _blob(sha), f"Artifact {sha}", _unpacked, most)

    def noted(self, step: str, task: str, attempt: int, stored_in: StoredIn) -> Any:
        """What an attempt noted of its artifacts, `<attempt>.data.json`; nothing of it is checked.

        Raises Unreachable when it cannot be had, Unsupported for more than `MAX_BYTES` of it and
        for an unknown kind of datastore.
        """
        within = (self._run, step, task, f"{attempt}.data.json")
        what = "The note of the artifacts' types and sizes"
        if not plain_names(within):
            raise Unsupported("The task has a name under which Metaflow stores nothing.")

        def read(file: Path) -> Any:
            return json.loads(file.read_bytes())

        return self._loaded(*stored_in, within, what, read, MAX_BYTES)

    def package(self, told: Mapping[str, Any], read: Callable[[Path], T]) -> T:
        """What `read` makes of the file of a code package; `told` is what the metadata says of it.

        Raises Unreachable when it cannot be had, Unsupported for one of more than `MAX_PACKAGE`
        bytes and for an unknown kind of datastore; and whatever SourceError `read` raises.
        """
        kind, location = str(told.get("ds_type")), str(told.get("location"))
        sha = str(told.get("sha"))
        if not _SHA.fullmatch(sha):
            raise Unsupported("The code package's key is none that Metaflow gives.")
        return self._loaded(kind, location, _blob(sha), "The code package", read, MAX_PACKAGE)

    def _loaded(
        self,
        kind: str,
        location: str,
        within: Sequence[str],
        what: str,
        read: Callable[[Path], T],
        most: int | None = None,
    ) -> T:
        """What `read` makes of the file at `within` in the flow's part of a datastore, of at most
        `most` bytes; fetched, where it is not local."""
        try:
            root = self._provider.local_root if self._provider.is_local else None
            if kind == "local" and root is not None:
                file = root.joinpath(self._flow, *within)
                if file.is_file():
                    _limit(what, file.stat().st_size, most)
                    return read(file)
            else:
                storage = self._storage(kind, location)
                path = storage.path_join(self._flow, *within)
                _limit(what, storage.size_file(path) if most is not None else None, most)
                with storage.load_bytes([path]) as loaded:
                    for _, fetched, _ in loaded:
                        if fetched is not None:
                            return read(Path(fetched))
        except SourceError:
            raise
        except Exception as error:
            raise Unreachable(f"{what} cannot be read: {error}") from error
        raise Unreachable(f"{what} is not in the datastore.")

    def task_folder(self, step: str, task: str, stored_in: StoredIn | None) -> Path | None:
        """The folder of a task in a local datastore, or None for another kind.

        Names that are no plain folder names give None: they come from the metadata.
        """
        root = self._local_root(stored_in)
        parts = (self._flow, self._run, step, task)
        if root is None or not plain_names(parts):
            return None
        return root.joinpath(*parts)

    def exit(self, step: str, task: str, stored_in: StoredIn | None, attempt: int) -> Exit | None:
        """How the step process of an attempt ended, from `<attempt>.runtime`, if that exists."""
        folder = self.task_folder(step, task, stored_in)
        if folder is None:
            return None
        try:
            with (folder / f"{attempt}.runtime").open("rb") as record:
                stored = json.loads(record.read(4096))
            return Exit(int(stored["return_code"]), killed=stored.get("killed") is True)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def timed_exit(
        self, step: str, task: str, stored_in: StoredIn | None, attempt: int
    ) -> tuple[Exit, Ms | None] | None:
        """Like `exit`, and when that was noted, by the time of the file."""
        ended = self.exit(step, task, stored_in, attempt)
        folder = self.task_folder(step, task, stored_in)
        if ended is None or folder is None:
            return None
        try:
            noted = (folder / f"{attempt}.runtime").stat().st_mtime_ns
        except OSError:
            return ended, None
        return ended, Ms(noted // 1_000_000)

    def stored(
        self, step: str, task: str, stored_in: StoredIn | None, names: Sequence[str]
    ) -> list[Stored]:
        """Log files of a task in a datastore that is not local, fetched as they are looked at.

        They lie where Metaflow's `TaskDataStore` puts them. None as long as nothing tells where
        that is. Raises Unsupported for names that are no plain names, and for an unknown kind.
        """
        parts = (self._flow, self._run, step, task)
        if not plain_names((*parts, *names)):
            raise Unsupported("The task has a name under which Metaflow stores nothing.")
        if stored_in is None:
            return []
        kind, root = stored_in
        storage = self._storage_class(kind)
        return [Spool(Remote(storage, root, storage.path_join(*parts, name))) for name in names]

    def _local_root(self, stored_in: StoredIn | None) -> Path | None:
        if stored_in is None:
            return self._provider.local_root if self._provider.is_local else None
        kind, root = stored_in
        if kind != "local":
            return None
        # A tree that was moved or mounted elsewhere still names its old place in `ds-root`.
        return (self._provider.local_root if self._provider.is_local else None) or Path(root)

    def _storage(self, kind: str, location: str) -> Any:
        storage = self._storage_class(kind)
        # Newer Metaflow writes the root itself, older the place of the blob below it.
        if location.startswith(_ROOT):
            return storage(location.removeprefix(_ROOT))
        return storage(storage.get_datastore_root_from_location(location, self._flow))

    @staticmethod
    def _storage_class(kind: str) -> Any:
        from metaflow.plugins import DATASTORES

        for storage in DATASTORES:
            if kind == storage.TYPE:
                return storage
        raise Unsupported(f"Datastore {kind!r} is not known to this Metaflow.")


def _blob(sha: str) -> Sequence[str]:
    return ("data", sha[:2], sha)


def _limit(what: str, size: int | None, most: int | None) -> None:
    if most is not None and size is not None and size > most:
        raise Unsupported(f"{what} has {size} bytes, more than the {most} that are read.")


def plain_names(parts: Sequence[str]) -> bool:
    """Whether all are names of files or folders that lead nowhere else."""
    return not any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts)


def _unpacked(file: Path) -> bytes:
    """A stored blob, unzipped where it is zipped, cut behind what the reader accepts."""
    with file.open("rb") as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if not zipped:
            return raw.read(MAX_BYTES + 1)
        with gzip.GzipFile(fileobj=raw) as unzipped:
            return unzipped.read(MAX_BYTES + 1)
