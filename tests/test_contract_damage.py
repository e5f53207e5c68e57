"""What is damaged, unreadable or away is said in a sentence, and nothing else suffers from it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowtui.model import State
from flowtui.sources.base import NotFound, SourceError, Unreachable
from flowtui.store import RunStore
from tests.contract import (
    OVER_LOCAL,
    OVER_SERVICE,
    Clocks,
    Open,
    Watched,
    alike,
    client,
    copied,
    differences,
    local,
    watch,
)
from tests.contract_replay import RowReplay
from tests.metadata_service import Fault, MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.runs import RecordedRun

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

DAY = 86400.0
FAULTS: list[Fault] = ["500", "503", "404", "garbage", "login", "reset"]


@pytest.fixture(scope="session")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@dataclass
class Damageable:
    """A copy of the foreach run, one of whose three foreach tasks a test may damage."""

    root: Path
    folder: Path
    clocks: Clocks

    @property
    def task(self) -> Path:
        return self.folder / "visit" / "3"

    def record(self, field: str) -> Path:
        (found,) = (self.task / "_meta").glob(f"sysmeta_{field}_[0-9]*.json")
        return found

    def watch(self, open_it: Open) -> Watched:
        flow, run = self.folder.parent.name, self.folder.name
        return watch(open_it, f"local@{self.root}", flow, run, self.clocks)

    def look(self, watched: Watched) -> str | None:
        """Poll a second later; the sentence about what could not be read, if there was any."""
        self.clocks.steady += 1
        self.clocks.now += 1
        try:
            for _ in range(100):
                changes = watched.source.poll()
                watched.store.apply(changes)
                if changes.trouble or not changes.more:
                    return changes.trouble
        except Unreachable as error:
            return str(error)
        raise AssertionError("the picture is not complete after 100 polls")


@pytest.fixture
def damageable(runs: dict[str, RecordedRun], tmp_path: Path) -> Damageable:
    folder = copied(runs["foreach"], tmp_path)
    return Damageable(tmp_path, folder, Clocks(folder.stat().st_mtime + 3600))


def states(store: RunStore) -> dict[str, State]:
    return {f"{task.step}/{task.id}": task.state for task in store.all_tasks()}


WHOLE = dict.fromkeys(
    ["start/1", "visit/2", "visit/3", "visit/4", "join/5", "end/6"], State.SUCCEEDED
)
OTHERS = {name: state for name, state in WHOLE.items() if name != "visit/3"}


def is_right_but_for_the_damaged(store: RunStore) -> bool:
    seen = states(store)
    seen.pop("visit/3", None)
    return seen == OTHERS and store.status.state is State.SUCCEEDED


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def unreadable(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file, whatever its mode")
    path.chmod(0)


SPOILT: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "no row": lambda path: path.write_text("[1, 2]"),
    "a directory": a_directory,
    "a dangling link": a_dangling_link,
    "unreadable": unreadable,
}


def repair(path: Path, content: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_cannot_be_read_is_named_and_read_once_it_is_whole(
    how: str, damageable: Damageable
) -> None:
    record = damageable.record("attempt_ok")
    content = record.read_bytes()
    SPOILT[how](record)
    watched = damageable.watch(local)
    sentence = damageable.look(watched)
    assert is_right_but_for_the_damaged(watched.store)
    # `attempt-done` and the artifact `_task_ok` tell it too.
    assert states(watched.store)["visit/3"] is State.SUCCEEDED
    assert sentence is not None
    assert record.name in sentence
    assert sentence.endswith(".")
    assert damageable.look(watched) == sentence, "it is said as long as it is so"
    repair(record, content)
    assert damageable.look(watched) is None
    assert states(watched.store) == WHOLE


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_arrives_damaged_leaves_the_picture_as_it_was(
    how: str, damageable: Damageable
) -> None:
    record = damageable.record("attempt_ok")
    content = record.read_bytes()
    record.unlink()
    # It would tell the outcome too.
    damageable.record("attempt-done").unlink()
    watched = damageable.watch(local)
    assert damageable.look(watched) is None
    before = states(watched.store)
    record.write_bytes(content)
    SPOILT[how](record)
    assert damageable.look(watched) is not None
    assert states(watched.store) == before
    repair(record, content)
    assert damageable.look(watched) is None
    assert states(watched.store) == WHOLE


@pytest.mark.parametrize("missing", ["visit/3/_meta", "visit/3/_meta/_self.json", "visit/3"])
def test_what_is_not_written_yet_is_no_damage(missing: str, damageable: Damageable) -> None:
    path = damageable.folder / missing
    away = path.rename(damageable.root / "away")
    watched = damageable.watch(local)
    assert damageable.look(watched) is None
    assert is_right_but_for_the_damaged(watched.store)
    if away.is_dir() and missing != "visit/3":
        path.parent.mkdir(exist_ok=True)
    away.rename(path)
    assert damageable.look(watched) is None
    assert states(watched.store) == WHOLE


def test_a_task_that_is_deleted_while_it_is_watched_harms_nothing_else(
    damageable: Damageable,
) -> None:
    damageable.record("attempt_ok").unlink()
    watched = damageable.watch(local)
    damageable.look(watched)
    shutil.rmtree(damageable.task)
    for _ in range(3):
        damageable.look(watched)
        assert is_right_but_for_the_damaged(watched.store)


ODD: dict[str, dict[str, Any]] = {
    "time as text": {"ts_epoch": "1795252226876"},
    "time that is none": {"ts_epoch": "yesterday"},
    "time before all times": {"ts_epoch": -1},
    "time beyond all times": {"ts_epoch": 10**30},
    "no time": {"ts_epoch": None},
    "value that is no text": {"value": True},
    "no value": {"value": None},
    "value that is a list": {"value": ["True", "False"]},
    "value that is a huge number": {"value": 10**400},
    "tags that are no list": {"tags": "attempt_id:0"},
    "tags that are no text": {"tags": [0, None, ["attempt_id:0"]]},
    "no tags": {"tags": None},
    "no name": {"field_name": None},
}


@pytest.mark.parametrize("field", ["attempt_ok", "attempt", "foreach-stack"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_is_taken_as_the_reference_takes_it(
    odd: str, field: str, damageable: Damageable
) -> None:
    record = damageable.record(field)
    whole = record.read_text()
    record.write_text(json.dumps(json.loads(whole) | ODD[odd]))
    watched = damageable.watch(local)
    damageable.look(watched)
    assert is_right_but_for_the_damaged(watched.store)
    reference = damageable.watch(client).picture()
    alike(differences(reference, watched.picture()))


@pytest.mark.parametrize("number", [3, "3", 3.0])
def test_an_id_may_be_a_number_or_text(number: object, damageable: Damageable) -> None:
    registration = damageable.task / "_meta" / "_self.json"
    row = json.loads(registration.read_text())
    registration.write_text(json.dumps(row | {"task_id": number}))
    watched = damageable.watch(local)
    assert damageable.look(watched) is None
    assert is_right_but_for_the_damaged(watched.store)
    assert states(watched.store).get("visit/3") is State.SUCCEEDED


@pytest.mark.parametrize("scenario", ["failed", "launcher_killed", "segfault"])
@pytest.mark.parametrize("apart", [-DAY, DAY], ids=["behind", "ahead"])
def test_a_clock_a_day_apart_from_the_records_reads_alike(
    apart: float, scenario: str, runs: dict[str, RecordedRun]
) -> None:
    recorded = runs[scenario]
    clocks = Clocks(recorded.directory.stat().st_mtime + apart)
    where = f"local@{recorded.root}"
    watched = {
        name: watch(open_it, where, recorded.flow, recorded.run, clocks)
        for name, open_it in OVER_LOCAL.items()
    }
    for _ in range(4):
        one, other = (each.picture() for each in watched.values())
        alike(differences(one, other))
        clocks.now += 45
        clocks.steady += 45


@dataclass
class Outage:
    """A run half of which is there, at a service that can fail; `rest` gives the other half."""

    service: MetadataService
    replay: RowReplay
    clocks: Clocks
    rest: Iterator[str]

    def watch(self, open_it: Open) -> Watched:
        where = f"service@{self.service.url}"
        return watch(open_it, where, self.replay.flow, self.replay.run, self.clocks)


@pytest.fixture
def outage(served: ServedRuns, tmp_path: Path) -> Iterator[Outage]:
    clocks = Clocks(0)
    with MetadataService() as service:
        recorded, pathspec = served.root / "2.5.1.db", served.pathspecs["catch"]
        replay = RowReplay(recorded, pathspec, service, tmp_path, clocks, most=9)
        moments = iter(replay)
        for _ in range(5):
            next(moments)
        yield Outage(service, replay, clocks, moments)


@pytest.mark.parametrize("name", OVER_SERVICE)
@pytest.mark.parametrize("where", ["", "/metadata"], ids=["everywhere", "at the metadata"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_service_is_said_and_afterwards_nothing_is_missing(
    fault: Fault, where: str, name: str, outage: Outage
) -> None:
    if (fault, where, name) == ("404", "/metadata", "client over service"):
        pytest.skip("Metaflow's client takes 404 for a task without metadata")
    watched = outage.watch(OVER_SERVICE[name])
    before = watched.picture()
    next(outage.rest)
    outage.service.fault, outage.service.fault_on = fault, where
    for _ in range(2):
        outage.clocks.steady += 20
        with pytest.raises((Unreachable, NotFound)) as caught:
            watched.source.poll()
        assert isinstance(caught.value, SourceError)
        assert str(caught.value).endswith((".", "?"))
    assert states(watched.store).keys() >= {
        f"{step}/{task}" for step, told in before["steps"].items() for task in told["tasks"]
    }
    outage.service.fault = None
    next(outage.rest)
    alike(differences(outage.watch(client).picture(), watched.picture()))
    for _ in outage.rest:
        pass
    alike(differences(outage.watch(client).picture(), watched.picture()))


@pytest.mark.parametrize("name", OVER_SERVICE)
def test_a_slow_service_is_waited_for(name: str, outage: Outage) -> None:
    watched = outage.watch(OVER_SERVICE[name])
    watched.picture()
    next(outage.rest)
    outage.service.fault, outage.service.delay = "slow", 0.02
    slow = watched.picture()
    outage.service.fault = None
    alike(differences(outage.watch(client).picture(), slow))


@pytest.mark.parametrize("name", OVER_SERVICE)
def test_a_service_that_is_started_again_is_read_on(name: str, outage: Outage) -> None:
    watched = outage.watch(OVER_SERVICE[name])
    watched.picture()
    outage.service.stop()
    outage.clocks.steady += 20
    with pytest.raises(Unreachable):
        watched.source.poll()
    outage.service.start()
    for _ in outage.rest:
        pass
    alike(differences(outage.watch(client).picture(), watched.picture()))
