"""At every moment of a run in progress, every source gives the picture that the reference gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flowtui.model import Changes
from flowtui.sources.base import RunSource
from flowtui.sources.client import ClientSource
from flowtui.sources.provider import Provider
from tests.contract import Clocks, Comparison, Open, alike, client, local, service, watch
from tests.contract_replay import FileReplay, RowReplay
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.runs import SCENARIOS, RecordedRun

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

MOMENTS = 16
"""Moments of a run, as long as it goes on, at which the sources are compared."""

ROW_MOMENTS = 10
"""The same for a metadata service, where three of them are compared."""

FEW = 8
"""Such moments where a variant of the same is looked at."""

ANEW = 5
"""At every how many moments a source is opened anew."""

HASTE = 0.05
"""Seconds that go by whenever a source looks at its clock: enough to be out of time at once."""


@pytest.fixture(scope="session")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@dataclass
class Services:
    """One database behind services of three kinds: with pages and queries, without queries, old."""

    first: MetadataService
    addresses: Mapping[str, str]

    @property
    def opened(self) -> dict[str, tuple[Open, str]]:
        return {f"service {name}": (service, where) for name, where in self.addresses.items()}


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    db = folder / "played.db"
    with ExitStack() as stack:
        kinds = {
            "2.5.1": MetadataService(db=db),
            "2.5.1 without filtered_tasks": MetadataService(db=db, filtered_tasks=False),
            "2.3.0": MetadataService("2.3.0", paging=False, filtered_tasks=False, db=db),
        }
        for kind in kinds.values():
            stack.enter_context(kind)
        addresses = {name: f"service@{kind.url}" for name, kind in kinds.items()}
        yield Services(kinds["2.5.1"], addresses)


def compare_files(replay: FileReplay, recorded: RecordedRun, clocks: Clocks) -> list[str]:
    comparison = Comparison(recorded.flow, recorded.run, clocks)
    for at, moment in enumerate(replay):
        if at == 0:
            comparison.keep("client", client, replay.metadata)
            comparison.keep("local", local, replay.metadata)
        anew = {"local": (local, replay.metadata)} if at % ANEW == 0 else {}
        comparison.look(moment, replay.metadata, anew)
    return comparison.found


def compare_rows(replay: RowReplay, services: Services, clocks: Clocks) -> list[str]:
    comparison = Comparison(replay.flow, replay.run, clocks)
    reference = services.addresses["2.5.1"]
    for at, moment in enumerate(replay):
        if at == 0:
            comparison.keep("client", client, reference)
            for name, (open_it, where) in services.opened.items():
                comparison.keep(name, open_it, where)
        comparison.look(moment, reference, services.opened if at % ANEW == 0 else {})
    return comparison.found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_files_that_appear_one_after_the_other_read_alike(
    scenario: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    clocks = Clocks(0)
    replay = FileReplay(runs[scenario], tmp_path, clocks, most=MOMENTS)
    alike(compare_files(replay, runs[scenario], clocks))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_files_that_appear_while_no_clock_moves_read_alike(
    scenario: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    clocks = Clocks(0)
    replay = FileReplay(runs[scenario], tmp_path, clocks, most=FEW, instant=True)
    alike(compare_files(replay, runs[scenario], clocks))


def test_clones_read_as_what_they_were_cloned_from(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    clocks = Clocks(0)
    replay = FileReplay(runs["resumed"], tmp_path, clocks, most=MOMENTS, origin=runs["failed"])
    alike(compare_files(replay, runs["resumed"], clocks))
    seen = watch(local, replay.metadata, "FailedFlow", runs["resumed"].run, clocks).poll()
    assert sorted(str(task.label) for task in seen.tasks("train").values()) == [
        "countries=FI",
        "countries=NO",
        "countries=SE",
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rows_that_appear_one_after_the_other_read_alike(
    scenario: str, served: ServedRuns, tmp_path: Path
) -> None:
    clocks = Clocks(0)
    with services(tmp_path) as kinds:
        replay = RowReplay(
            served.root / "2.5.1.db",
            served.pathspecs[scenario],
            kinds.first,
            tmp_path,
            clocks,
            most=ROW_MOMENTS,
            origin=served.pathspecs["failed"] if scenario == "resumed" else None,
        )
        alike(compare_rows(replay, kinds, clocks))


@pytest.mark.parametrize("scenario", ["retry", "catch", "nested_foreach"])
def test_rows_that_are_stored_behind_newer_ones_are_not_missed(
    scenario: str, served: ServedRuns, tmp_path: Path
) -> None:
    clocks = Clocks(0)
    with services(tmp_path) as kinds:
        replay = RowReplay(
            served.root / "2.5.1.db",
            served.pathspecs[scenario],
            kinds.first,
            tmp_path,
            clocks,
            most=ROW_MOMENTS,
            hold_back=1.5,
        )
        alike(compare_rows(replay, kinds, clocks))


@pytest.mark.parametrize(
    ("scenario", "step", "haste"),
    [
        ("catch", "divide", 0.0),
        ("failed", "train", HASTE),
        ("nested_foreach", "title", 0.0),
    ],
)
def test_a_run_too_large_for_one_page_reads_alike(
    scenario: str, step: str, haste: float, served: ServedRuns, tmp_path: Path
) -> None:
    (tmp_path / "grown").mkdir()
    grown, pathspec = served.database(tmp_path / "grown"), served.pathspecs[scenario]
    with MetadataService(db=grown) as growing:
        growing.grow(pathspec, step, 30)
    clocks = Clocks(0, haste=haste)
    with services(tmp_path) as kinds:
        replay = RowReplay(grown, pathspec, kinds.first, tmp_path, clocks, most=4)
        alike(compare_rows(replay, kinds, clocks))


class Forgetful(ClientSource):
    """A source that keeps the last task of each change set to itself."""

    def poll(self) -> Changes:
        changes = super().poll()
        return replace(changes, tasks=changes.tasks[:-1])


def test_a_source_that_forgets_a_change_is_found_out(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    def forgetful(provider: Provider, flow: str, run: str, clocks: Clocks) -> RunSource:
        return Forgetful(provider, flow, run, clock=clocks.epoch)

    clocks, recorded = Clocks(0), runs["foreach"]
    replay = FileReplay(recorded, tmp_path, clocks, most=FEW)
    comparison = Comparison(recorded.flow, recorded.run, clocks)
    for at, moment in enumerate(replay):
        if at == 0:
            comparison.keep("forgetful", forgetful, replay.metadata)
        comparison.look(moment, replay.metadata, {})
    assert any("/steps/visit/tasks/" in line for line in comparison.found)
