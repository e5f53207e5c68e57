"""The list of a metaflow-service's runs: what is asked, what changes, what is not asked again."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowtui.model import State
from flowtui.run_summary import RunKey
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.registry import Where, open_run_list
from flowtui.sources.run_list_client import client_run_list
from flowtui.sources.run_list_service import FIRST, service_run_list
from flowtui.sources.service_api import PAGE
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.run_lists import OpenList, Watched, grown_service

_FLOWS = "GET /flows"
_RUNS = "GET /flows/{flow}/runs"
LONG_AGO = 1_700_000_000_000


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@pytest.fixture(params=[service_run_list, client_run_list], ids=["service", "client"])
def either(request: pytest.FixtureRequest) -> OpenList:
    opener: OpenList = request.param
    return opener


@pytest.fixture
def service() -> Iterator[MetadataService]:
    """A service without any rows."""
    with MetadataService() as opened:
        yield opened


@contextmanager
def serving(served: ServedRuns, folder: Path) -> Iterator[MetadataService]:
    """A service with the recorded runs."""
    database = Path(shutil.copy(served.database(folder), folder / "served.db"))
    with MetadataService(db=database) as opened:
        yield opened


def opened(
    service: MetadataService,
    open_list: OpenList = service_run_list,
    namespace: str | None = None,
    flow: str | None = None,
) -> Watched:
    return Watched(open_list, f"service@{service.url}", namespace, flow, ahead=3600.0)


def register(
    service: MetadataService, flow: str, number: int, tags: str = "[]", beat: int | None = 0
) -> RunKey:
    """A run of which there is only its row; created in the order of the numbers."""
    service.store.sql("INSERT OR IGNORE INTO flows VALUES (?, NULL, ?, '[]', '[]')", flow, LONG_AGO)
    service.store.sql(
        "INSERT INTO runs VALUES (?, ?, NULL, 'ada', ?, ?, ?, '[\"user:ada\"]')",
        *(number, flow, LONG_AGO + number * 1000, beat, tags),
    )
    return (flow, str(number))


def asked(watched: Watched, service: MetadataService, seconds: float = 0.0) -> Counter[str]:
    """What a complete picture takes after so many seconds, but for the provider's own question."""
    service.reset()
    watched.complete(seconds)
    return Counter({what: count for what, count in service.counts.items() if what != "GET /ping"})


# What is listed


def test_a_page_of_each_flow_makes_the_first_picture(service: MetadataService) -> None:
    for number in range(1, 31):
        register(service, f"Flow{number % 3}", number)
    watched = opened(service)
    assert asked(watched, service) == {_FLOWS: 1, _RUNS: 3}
    assert len(watched.runs) == 30
    assert set(watched.states().values()) == {None}


def test_a_flow_with_many_runs_is_read_page_by_page_newest_first(service: MetadataService) -> None:
    many = FIRST + PAGE + 10
    for number in range(1, many + 1):
        register(service, "Mine", number)
    watched = opened(service)
    watched.haste = 0.2
    pages = []
    more = True
    while more:
        changes = watched.poll()
        pages.append([int(summary.run) for summary in changes.runs])
        more = changes.more
    assert [len(page) for page in pages if page] == [FIRST, PAGE, 10]
    assert [run for page in pages for run in page] == [*range(many, 0, -1)]


def test_a_service_without_pages_gives_all_at_once() -> None:
    with MetadataService("2.3.0", paging=False, filtered_tasks=False) as service:
        for number in range(1, 101):
            register(service, "Mine", number, tags='["blue"]' if number % 2 else "[]")
        watched = opened(service)
        assert asked(watched, service) == {_FLOWS: 1, _RUNS: 1}
        assert len(watched.runs) == 100
        assert len(opened(service, namespace="blue").complete()) == 50
        service.store.sql("DELETE FROM runs WHERE run_number = 7")
        watched.complete(60.0)
        assert len(watched.runs) == 99


def test_a_flow_alone_is_listed_and_asked_for_in_one_request(
    service: MetadataService, either: OpenList
) -> None:
    register(service, "Other", 1)
    wanted = register(service, "Mine", 2)
    watched = opened(service, either, flow="Mine")
    assert [*watched.complete()] == [wanted]
    if either is service_run_list:
        assert asked(watched, service, 60.0) == {_RUNS: 1}


def test_a_flow_that_does_not_exist_is_named(service: MetadataService) -> None:
    register(service, "Mine", 1)
    with pytest.raises(NotFound, match="There is no flow 'Mien'"):
        open_run_list(Where(f"service@{service.url}", ""), "Mien")


# Namespaces


def test_a_namespace_shows_runs_with_that_tag_and_flows_with_such_runs(
    service: MetadataService, either: OpenList
) -> None:
    blue = register(service, "Mixed", 1, '["blue"]')
    red = register(service, "Mixed", 2, '["red"]')
    odd = register(service, "Others", 3, '["a,b", "blue"]')
    seen = {
        namespace: {*opened(service, either, namespace).complete()}
        for namespace in ("blue", "red", "a,b", "a", "user:ada", None)
    }
    assert seen == {
        "blue": {blue, odd},
        "red": {red},
        "a,b": {odd},
        "a": set(),
        "user:ada": {blue, red, odd},
        None: {blue, red, odd},
    }


def test_only_the_pages_of_a_namespace_are_read(service: MetadataService) -> None:
    for number in range(1, 301):
        register(service, "Mine", number, '["blue"]' if number < 6 else "[]")
    watched = opened(service, namespace="blue")
    assert asked(watched, service) == {_FLOWS: 1, _RUNS: 1}
    assert len(watched.runs) == 5


def test_a_run_that_leaves_the_namespace_vanishes(service: MetadataService) -> None:
    register(service, "Mine", 1, '["blue"]')
    key = register(service, "Mine", 2, '["blue"]')
    watched = opened(service, namespace="blue")
    watched.complete()
    service.store.sql("UPDATE runs SET tags = '[]' WHERE run_number = 2")
    watched.complete(60.0)
    assert key not in watched.runs
    assert len(watched.runs) == 1


# What changes


def test_new_runs_and_flows_appear_and_deleted_ones_vanish(
    service: MetadataService, either: OpenList
) -> None:
    first = register(service, "Mine", 1)
    watched = opened(service, either)
    watched.complete()
    second, other = register(service, "Mine", 2), register(service, "Other", 3)
    watched.complete(60.0)
    assert {*watched.runs} == {first, second, other}
    service.store.sql("DELETE FROM runs WHERE run_number IN (1, 3)")
    service.store.sql("DELETE FROM flows WHERE flow_id = 'Other'")
    watched.complete(60.0)
    assert {*watched.runs} == {second}


def test_more_new_runs_than_a_page_holds_are_all_found(service: MetadataService) -> None:
    for number in range(1, FIRST + 10):
        register(service, "Mine", number)
    watched = opened(service)
    watched.complete()
    for number in range(1000, 1000 + 3 * FIRST):
        register(service, "Mine", number)
    watched.complete(60.0)
    assert len(watched.runs) == 4 * FIRST + 9


def test_a_deleted_run_behind_the_first_page_vanishes_when_it_is_looked_into(
    service: MetadataService,
) -> None:
    for number in range(1, FIRST + 10):
        register(service, "Mine", number)
    watched = opened(service)
    watched.complete()
    service.store.sql("DELETE FROM runs WHERE run_number = 3")
    watched.list.attend([("Mine", "3")])
    assert watched.poll().vanished == (("Mine", "3"),)


def test_a_run_with_a_heartbeat_is_looked_into_unasked_until_it_is_over(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        watched = opened(service)
        watched.complete()
        pathspec = served.pathspecs["launcher_killed"]
        key = (pathspec.partition("/")[0], pathspec.partition("/")[2])
        assert watched.runs[key].state is None
        beat = int(time.time() + 3600)
        for table in ("runs", "tasks"):
            service.store.sql(
                f"UPDATE {table} SET last_heartbeat_ts = ? WHERE run_number = ?", beat, int(key[1])
            )
        watched.complete(60.0)
        seen = watched.runs[key]
        assert (seen.state, seen.current) == (State.RUNNING, ("wait",))
        watched.ahead += 600.0
        watched.complete(60.0)
        seen = watched.runs[key]
        assert (seen.state, seen.current) == (State.FAILED, ("wait",))


# What it costs


def test_settled_runs_are_asked_for_once(served: ServedRuns, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        watched = opened(service)
        keys = [tuple(served.pathspecs[name].split("/")) for name in ("catch", "foreach", "loop")]
        watched.complete()
        watched.list.attend([(flow, run) for flow, run in keys])
        before = asked(watched, service)
        assert {watched.runs[flow, run].state for flow, run in keys} == {State.SUCCEEDED}
        assert before["GET /flows/{flow}/runs/{run}/metadata"] == 3
        for _ in range(5):
            assert set(asked(watched, service, 15.0)) <= {_FLOWS, _RUNS}


def test_of_a_thousand_flows_a_few_are_asked_in_each_second(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        grown_service(service.store, served.pathspecs["linear"], flows=1000, runs=10, whole=0)
        flows = len(service.store.sql("SELECT flow_id FROM flows"))
        watched = opened(service)
        assert asked(watched, service) == {_FLOWS: 1, _RUNS: flows}
        assert len(watched.runs) >= 10_000
        steady = asked(watched, service, 15.0)
        assert steady == {_FLOWS: 1, _RUNS: 8}
        assert asked(watched, service) == {_RUNS: 8}


def test_of_a_few_flows_all_are_asked_every_two_seconds(service: MetadataService) -> None:
    for number in range(1, 4):
        register(service, f"Flow{number}", number)
    watched = opened(service)
    watched.complete()
    key = register(service, "Flow2", 10)
    assert asked(watched, service, 1.0) == {_RUNS: 3}
    assert key in watched.runs
    assert asked(watched, service) == {}


def test_flows_with_unfinished_runs_in_view_are_asked_before_others(
    service: MetadataService,
) -> None:
    for number in range(1, 31):
        register(service, f"Flow{number:02}", number, beat=None)
    service.store.sql("UPDATE runs SET ts_epoch = ?", int(time.time() * 1000))
    watched = opened(service)
    watched.complete()
    # By now lost, as nothing was ever written; in view, one of them is watched all the same.
    assert set(watched.states().values()) == {State.LOST}
    watched.list.attend([("Flow07", "7")])
    for _ in range(3):
        service.reset()
        watched.seconds += 2.0
        watched.poll()
        asked_for = [request.partition("?")[0] for request in service.requests]
        assert "GET /flows/Flow07/runs" in asked_for


# Failures


def test_an_outage_is_told_and_what_was_missed_comes_after_it(service: MetadataService) -> None:
    register(service, "Mine", 1)
    watched = opened(service)
    watched.complete()
    service.stop()
    second = register(service, "Mine", 2)
    watched.seconds += 60.0
    with pytest.raises(Unreachable, match="no connection"):
        watched.list.poll()
    service.start()
    assert not watched.poll().vanished
    assert second in watched.runs


@pytest.mark.parametrize("fault", ["500", "garbage", "login", "reset"])
def test_what_was_found_before_an_outage_is_not_lost(service: MetadataService, fault: str) -> None:
    keys = {register(service, f"Flow{number}", number) for number in range(1, 6)}
    watched = opened(service)
    service.fault, service.fault_on = fault, "^/flows$|/Flow4/"  # type: ignore[assignment]
    with pytest.raises(Unreachable):
        watched.poll()
    service.fault = None
    watched.complete(60.0)
    assert {*watched.runs} == keys


def test_a_flow_that_the_service_stumbles_over_is_named_and_hides_no_other(
    service: MetadataService,
) -> None:
    keys = {register(service, f"Flow{number}", number) for number in range(1, 6)}
    watched = opened(service)
    service.fault, service.fault_on = "500", "/Flow4/"
    changes = watched.poll()
    assert "Runs of Flow4 are missing" in str(changes.trouble)
    assert {*watched.runs} == keys - {("Flow4", "4")}
    assert not changes.more
    service.fault = None
    watched.complete(60.0)
    assert {*watched.runs} == keys


def test_a_run_that_cannot_be_looked_into_is_named_and_tried_again(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        watched = opened(service)
        watched.complete()
        keys = [tuple(served.pathspecs[name].split("/")) for name in ("linear", "branch")]
        service.fault, service.fault_on = "500", f"/{keys[0][0]}/runs/{keys[0][1]}"
        watched.list.attend([(flow, run) for flow, run in keys])
        watched.complete()
        assert [watched.runs[flow, run].state for flow, run in keys] == [None, State.SUCCEEDED]
        assert "HTTP status 500" in str(watched.poll().trouble)
        service.fault = None
        watched.complete(60.0)
        assert [watched.runs[flow, run].state for flow, run in keys] == [State.SUCCEEDED] * 2
        assert watched.poll().trouble is None
