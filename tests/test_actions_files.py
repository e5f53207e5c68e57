"""Logs leave flowtui as whole files or not at all, and viewers are those that the person chose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flowtui.actions.errors import ActionError
from flowtui.actions.files import at_line, find_code, save, view, viewer, write_plain

ANY_BYTES = bytes(range(256)) * 100


def test_a_log_is_saved_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "a log.txt"
    assert save([ANY_BYTES[:1000], b"", ANY_BYTES[1000:]], path) == len(ANY_BYTES)
    assert path.read_bytes() == ANY_BYTES
    assert list(tmp_path.iterdir()) == [path]


def test_who_may_read_a_saved_log_is_as_for_any_new_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    save([b"x"], tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode == other.stat().st_mode


def test_a_name_of_any_length_that_the_folder_takes_is_taken(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    save([b"x"], path)
    assert path.read_bytes() == b"x"


def test_a_file_that_came_there_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def content() -> Iterator[bytes]:
        yield b"mine"
        path.write_bytes(b"theirs")

    with pytest.raises(ActionError, match=r"/log cannot be written: file exists\.$"):
        save(content(), path)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def content() -> Iterator[bytes]:
        yield b"first"
        assert not path.exists()
        yield b"last"

    save(content(), path)
    assert path.read_bytes() == b"firstlast"


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "log"
    save([b"content"], path)
    assert path.read_bytes() == b"content"
    with pytest.raises(ActionError, match="file exists"):
        save([b"other"], path)
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ActionError) as caught:
        save([b"x"], tmp_path / "no\x1b[2J" / "log")
    assert str(caught.value) == f"{tmp_path}/no/log cannot be written: no such file or directory."


def test_where_no_file_may_be_made_a_sentence_says_so() -> None:
    with pytest.raises(ActionError, match=r"^/proc/self/log cannot be written: "):
        save([b"x"], Path("/proc/self/log"))
    with pytest.raises(ActionError, match=r"^/proc/self/log cannot be written: "):
        write_plain([b"x"], Path("/proc/self/log"))


LIMITED = """
import resource, sys
from pathlib import Path
from flowtui.actions.errors import ActionError
from flowtui.actions.files import save, write_plain
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for write in (save, write_plain):
    try:
        write([b"x" * 600 + b"\\n"] * 100, Path(sys.argv[1]) / "log")
    except ActionError as error:
        print(error)
"""


def test_a_disk_that_is_full_leaves_no_half_of_a_saved_log(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert _python(LIMITED, folder) == f"{folder}/log cannot be written: file too large.\n" * 2
    # What was meant for a pager is in a folder of its own, which goes as a whole.
    assert [path.name for path in folder.iterdir()] == ["log"]


LEAVING = """
import sys, threading
from pathlib import Path
from flowtui.actions.files import save
begun = threading.Event()
def endless():
    while True:
        yield b"x" * 1000
        begun.set()
where = Path(sys.argv[1]) / "log"
threading.Thread(target=save, args=(endless(), where), daemon=True).start()
assert begun.wait(20)
"""


def test_leaving_meanwhile_leaves_no_half_of_a_saved_log(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    _python(LEAVING, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ([], ""),
        ([b"one\ntwo\n"], "one\ntwo\n"),
        ([b"on", b"e\nt", b"", b"wo"], "one\ntwo\n"),
        ([b"\n\n", b"a"], "\n\na\n"),
        ([b"\x1b[31mred\x1b[0m \x1b]0;t\x07\x9b2Jx\n"], "red �2Jx\n"),
        ([b"10 %\r20", b" %\n"], "20 %\n"),
        (["\u202eevil \u2713".encode()], "�evil ✓\n"),
        ([b"x" * 65536] * 300 + [b"\nend"], "x" * 65536 * 300 + "\nend\n"),
    ],
    ids=["none", "lines", "in portions", "empty", "escapes", "redrawn", "bidi", "long"],
)
def test_a_pager_is_given_text_that_is_safe_to_show(
    content: Sequence[bytes], shown: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    write_plain(content, path)
    assert path.read_bytes().decode() == shown


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; nothing is chosen."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("PAGER", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _install(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


def test_a_viewer_is_what_the_environment_names(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(programs, "pg", "ed", "vis", "less", "more", "vi", "nano")
    assert viewer(edit=False) == ["less"]
    assert viewer(edit=True) == ["vi"]
    monkeypatch.setenv("PAGER", "pg -R '+set x'")
    assert viewer(edit=False) == ["pg", "-R", "+set x"]
    monkeypatch.setenv("EDITOR", "ed")
    assert viewer(edit=True) == ["ed"]
    monkeypatch.setenv("VISUAL", "vis --wait")
    assert viewer(edit=True) == ["vis", "--wait"]
    monkeypatch.setenv("VISUAL", " ")
    assert viewer(edit=True) == ["ed"]


def test_a_viewer_that_is_missing_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ActionError) as caught:
        viewer(edit=False)
    assert str(caught.value) == "There is no less, more here. Set $PAGER to a program."
    _install(programs, "more")
    assert viewer(edit=False) == ["more"]
    monkeypatch.setenv("PAGER", "nowhere -x")
    with pytest.raises(ActionError) as caught:
        viewer(edit=False)
    assert str(caught.value) == "There is no nowhere here. Set $PAGER to a program."


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
def test_a_viewer_that_cannot_be_understood_is_named(
    name: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "vi 'unclosed")
    with pytest.raises(ActionError) as caught:
        viewer(edit=True)
    assert str(caught.value) == f"${name} cannot be understood: no closing quotation."


@pytest.mark.parametrize(
    ("command", "line", "whole"),
    [
        (["less", "-R"], 7, ["less", "-R", "+7", "/t/log"]),
        (["/usr/bin/vim"], 7, ["/usr/bin/vim", "+7", "/t/log"]),
        (["nano"], None, ["nano", "/t/log"]),
        (["code", "--wait"], 7, ["code", "--wait", "--goto", "/t/log:7"]),
        (["/opt/bin/cursor"], 7, ["/opt/bin/cursor", "--goto", "/t/log:7"]),
        (["code", "--wait"], None, ["code", "--wait", "/t/log"]),
        (["hx"], 7, ["hx", "/t/log:7"]),
        (["ed"], 7, ["ed", "/t/log"]),
    ],
)
def test_a_line_is_named_to_programs_that_take_one(
    command: Sequence[str], line: int | None, whole: Sequence[str]
) -> None:
    assert at_line(command, Path("/t/log"), line) == whole


def test_code_is_found_where_the_traceback_says_or_where_its_like_was_recorded(
    tmp_path: Path,
) -> None:
    there, recorded, cwd = (tmp_path / name for name in ("there", "recorded", "cwd"))
    for folder in (there, recorded, cwd):
        folder.mkdir()
        (folder / "train.py").touch()
    known = [str(recorded / "other.py"), str(recorded / "train.py")]
    assert find_code(str(there / "train.py"), known, cwd) == there / "train.py"
    (there / "train.py").unlink()
    assert find_code(str(there / "train.py"), known, cwd) == recorded / "train.py"
    assert find_code("C:\\ada\\train.py", known, cwd) == recorded / "train.py"
    (recorded / "train.py").unlink()
    assert find_code(str(there / "train.py"), known, cwd) == cwd / "train.py"
    assert find_code("./train.py", (), cwd) == cwd / "train.py"


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("/gone/train.py", "/gone/train.py"),
        ("<string>", "<string>"),
        ("", ""),
        ("/", "/"),
        ("..", ".."),
        ("a\0b.py", "ab.py"),
        ("x" * 5000, "x" * 499 + "…"),
        ("\x1b]52;c;aGk=\x07\u202e.py", ".py"),
    ],
)
def test_code_that_is_not_here_is_a_sentence(file: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ActionError) as caught:
        find_code(file, ["train.py"], tmp_path)
    told = f"{named} is not on this machine, nor is its like in {tmp_path}."
    assert str(caught.value).replace("�", "") == told


def test_a_viewer_that_fails_is_a_sentence(tmp_path: Path) -> None:
    view(["true"])
    with pytest.raises(ActionError) as caught:
        view(["sh", "-c", "exit 3"])
    assert str(caught.value) == "sh ended with exit code 3."
    with pytest.raises(ActionError) as caught:
        view(["sh", "-c", "kill -SEGV $$"])
    assert str(caught.value) == "sh ended with signal 11."
    nothing = tmp_path / "nothing"
    nothing.touch()
    with pytest.raises(ActionError) as caught:
        view([str(nothing)])
    assert str(caught.value) == f"{nothing} could not be started: permission denied."


def _python(code: str, folder: Path) -> str:
    """Run code in a Python of its own; gives what it prints."""
    command = [sys.executable, "-c", code, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
