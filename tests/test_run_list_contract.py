"""What a list says of every recorded run: one table, and the same as the run's own source."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowtui.run_summary import RunSummary
from flowtui.sources.provider import Provider
from flowtui.sources.run_end import RunEnds
from flowtui.sources.run_list_client import client_run_list
from flowtui.sources.run_list_local import local_run_list
from flowtui.sources.run_list_service import service_run_list
from flowtui.store import RunStore
from tests.contract import Clocks, Open, client, local, service, watch
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.run_lists import OpenList, Watched
from tests.runs import SCENARIOS, RecordedRun

pytestmark = pytest.mark.timeout(120, func_only=True)

HOUR = 3600.0

LISTS: Mapping[str, tuple[OpenList, Open]] = {
    "client over local": (client_run_list, client),
    "local": (local_run_list, local),
    "client over service": (client_run_list, client),
    "service": (service_run_list, service),
}

S, F, C, L, CLONED = "succeeded", "failed", "caught", "lost", "cloned"


@dataclass(frozen=True)
class Wanted:
    """A run's state, where it stands, its tasks by state, and how many there were to be."""

    state: str
    current: tuple[str, ...]
    counts: Mapping[str, int]
    expected: int | None


TABLE: Mapping[str, Wanted] = {
    "linear": Wanted(S, (), {S: 3}, 3),
    "branch": Wanted(S, (), {S: 5}, 5),
    "foreach": Wanted(S, (), {S: 6}, 6),
    "nested_foreach": Wanted(S, (), {S: 11}, 11),
    "switch": Wanted(S, (), {S: 3}, None),
    "loop": Wanted(S, (), {S: 5}, None),
    "parallel": Wanted(S, (), {S: 6}, 6),
    "retry": Wanted(S, (), {S: 3}, 3),
    "catch": Wanted(S, (), {S: 5, C: 1}, 6),
    "catch_killed": Wanted(S, (), {S: 2, C: 1}, 3),
    "timeout": Wanted(S, (), {S: 3}, 3),
    "segfault": Wanted(F, ("crash",), {S: 1, L: 1}, 3),
    "failed": Wanted(F, ("train",), {S: 3, F: 1}, 6),
    "resumed": Wanted(S, (), {S: 3, CLONED: 3}, 6),
    "launcher_killed": Wanted(F, ("wait",), {S: 1, L: 1}, 3),
}


@dataclass(frozen=True)
class Listed:
    """Every recorded run as one kind of list shows it, beside how its own source is opened."""

    runs: Mapping[str, RunSummary]
    metadata: str
    open_run: Open

    def own(self, summary: RunSummary) -> RunStore:
        """The run as its own source tells it."""
        clocks = Clocks(time.time() + HOUR)
        return watch(self.open_run, self.metadata, *summary.key, clocks).poll()


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@pytest.fixture(scope="module")
def address(served: ServedRuns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with MetadataService(db=served.database(tmp_path_factory.mktemp("served"))) as opened:
        yield opened.url


@pytest.fixture(scope="module", params=LISTS)
def listed(request: pytest.FixtureRequest, runs: dict[str, RecordedRun]) -> Iterator[Listed]:
    open_list, open_run = LISTS[request.param]
    if "local" in request.param:
        pathspecs = {name: recorded.pathspec for name, recorded in runs.items()}
        metadata = f"local@{runs['linear'].root}"
    else:
        pathspecs = request.getfixturevalue("served").pathspecs
        metadata = f"service@{request.getfixturevalue('address')}"
    watched = Watched(open_list, metadata, ahead=HOUR)
    by_pathspec = {summary.pathspec: summary for summary in watched.attend_all().values()}
    yield Listed({name: by_pathspec[pathspecs[name]] for name in TABLE}, metadata, open_run)
    watched.list.close()


def test_every_scenario_has_its_row() -> None:
    assert set(TABLE) == set(SCENARIOS)


@pytest.mark.parametrize("scenario", TABLE)
def test_a_recorded_run_is_listed_as_its_flow_went(scenario: str, listed: Listed) -> None:
    seen, wanted = listed.runs[scenario], TABLE[scenario]
    assert (seen.state, seen.current) == (wanted.state, wanted.current)
    assert seen.counts is not None
    assert {str(state): count for state, count in seen.counts.items()} == wanted.counts
    assert seen.expected == wanted.expected
    assert seen.created_at is not None
    assert seen.finished_at is not None
    assert seen.created_at <= seen.finished_at
    assert (seen.user, seen.tags) == ("tester", ())
    assert "user:tester" in seen.system_tags
    origin = listed.runs["failed"].run if scenario == "resumed" else None
    assert seen.origin_run == origin


@pytest.mark.parametrize("scenario", TABLE)
def test_a_list_says_what_the_source_of_the_run_says(scenario: str, listed: Listed) -> None:
    seen = listed.runs[scenario]
    store = listed.own(seen)
    assert (seen.state, seen.finished_at) == (store.status.state, store.status.finished_at)
    # How long something was silent goes on.
    assert seen.reason is not None
    assert seen.reason.partition(" for ")[0] == store.status.reason.partition(" for ")[0]
    assert seen.counts == {state: count for state, count in store.counts.items() if count}
    assert (seen.expected, seen.origin_run) == (store.expected, store.description.origin_run)
    description = store.description
    assert (seen.created_at, seen.user) == (description.created_at, description.user)
    assert (seen.tags, seen.system_tags) == (description.tags, description.system_tags)


def test_a_glance_at_the_end_says_what_the_source_of_the_run_says(listed: Listed) -> None:
    ends = RunEnds(Provider(listed.metadata, ""))
    for scenario, seen in listed.runs.items():
        glance = ends.success(*seen.key)
        store = listed.own(seen)
        assert (glance is not None) == (store.status.state == S), scenario
        assert glance in (None, store.status)
