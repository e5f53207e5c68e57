"""Which files of a stack are the person's own, by their paths alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise


class OwnFiles:
    """Tells the person's own files from those of libraries, Python and Metaflow.

    A `metaflow` folder is Metaflow's, but not where the flow lies in or below it: on Kubernetes and
    Batch the code package is unpacked into one, and in it Metaflow into another.
    """

    def __init__(self, flow_files: Collection[str], files: Collection[str]) -> None:
        """`flow_files` are the flow's, as the run recorded them; `files` those of a stack."""
        self._paths = {_normal(file) for file in flow_files}
        self._names = {base_name(path) for path in self._paths}
        beside = [path for path in map(_normal, sorted(files)) if self._is_flow(path)]
        known = [path.rpartition("/")[0] + "/" for path in (*self._paths, *beside[:8])]
        self._folders = [*(folder for folder in known if folder != "/"), "/metaflow/"]

    def holds(self, file: str) -> bool:
        """Whether the file of a frame is the person's own."""
        path = _normal(file)
        if path in self._paths or self._is_flow(path):
            return True
        inside = [path[len(folder) :] for folder in self._folders if path.startswith(folder)]
        below = min(inside, key=len, default=path)
        return not (_is_library(below) or "metaflow" in below.split("/")[:-1])

    def _is_flow(self, path: str) -> bool:
        if base_name(path) not in self._names or _is_library(path):
            return False
        return "/metaflow/metaflow/" not in path and not path.startswith("metaflow/")


def _is_library(path: str) -> bool:
    if not path or path.startswith("<"):
        return True
    parts = path.split("/")
    if not {"site-packages", "dist-packages", "metaflow_extensions"}.isdisjoint(parts):
        return True
    if any(
        folder in ("lib", "lib64") and name.startswith(("python3", "pypy3"))
        for folder, name in pairwise(parts)
    ):
        return True
    return path[1:2] == ":" and _is_in_python_of_windows([part.lower() for part in parts])


def _is_in_python_of_windows(parts: Sequence[str]) -> bool:
    return "lib" in parts and any(map(_is_python_home, parts[: parts.index("lib")]))


def _is_python_home(folder: str) -> bool:
    return (
        folder.rstrip("0123456789.-") == "python"
        or folder.startswith(("cpython-", "pythoncore-"))
        or "conda" in folder
    )


def _normal(file: str) -> str:
    return file.replace("\\", "/").removeprefix("./")


def base_name(file: str) -> str:
    """The last part of a path of any system."""
    return _normal(file).rpartition("/")[2]
