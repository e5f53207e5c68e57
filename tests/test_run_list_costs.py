"""What a list of local runs costs: what is listed and opened when, and what is looked into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowtui.model import State
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.run_looks import Looks
from tests.contract import copied
from tests.run_lists import grown_local
from tests.runs import RecordedRun, locked
from tests.test_local_source import touching
from tests.test_run_list_local import opened, register


@pytest.fixture(scope="module")
def many(runs: dict[str, RecordedRun], pytestconfig: pytest.Config) -> Path:
    """A root with 200 flows of 10 runs, of each its row; made once, and not to be changed."""
    cache = Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs"
    root = cache / "2000-runs"
    with locked(cache / "2000-runs.lock"):
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            grown_local(runs["linear"], root, flows=200, runs=10, whole=0)
            (root / "complete").touch()
    return root


def test_what_does_not_change_is_neither_listed_nor_opened_again(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    grown_local(runs["linear"], tmp_path, flows=20, runs=10, whole=5)
    watched = opened(tmp_path)
    watched.complete()
    newest = sorted(watched.runs, key=lambda key: key[1], reverse=True)[:5]
    watched.list.attend(newest)
    watched.complete()
    assert [watched.runs[key].state for key in newest] == [State.SUCCEEDED] * 5
    watched.complete()
    with touching(tmp_path) as touched:
        assert not watched.poll()
    assert (touched.opened, touched.listed) == ([], [])


def test_a_new_run_costs_one_listing_and_one_file(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    grown_local(runs["linear"], tmp_path, flows=20, runs=10, whole=0)
    watched = opened(tmp_path)
    for _ in range(3):
        watched.complete()
    key = register(tmp_path, "Flow0005", "1700000000000009")
    with touching(tmp_path) as touched:
        (summary,) = watched.poll().runs
    assert summary.key == key
    assert [path.name for path in touched.listed] == ["Flow0005"]
    assert len(touched.opened) == 1


def test_many_runs_cost_one_file_each_and_then_nothing(many: Path) -> None:
    watched = opened(many)
    with touching(many) as touched:
        assert len(watched.complete()) == 2000
        assert len(touched.opened) == 2000
    for _ in range(2):
        watched.complete()
    with touching(many) as touched:
        assert not watched.poll()
    assert (touched.opened, touched.listed) == ([], [])


def test_a_recent_run_that_succeeded_is_told_by_its_end_until_it_is_in_view(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["foreach"], tmp_path)
    watched = opened(tmp_path)
    with touching(folder) as touched:
        (summary,) = watched.complete().values()
    assert (summary.state, summary.counts) == (State.SUCCEEDED, None)
    assert not [path for path in touched.opened if path.is_relative_to(folder / "visit")]
    watched.list.attend([summary.key])
    (summary,) = watched.complete().values()
    assert (summary.state, summary.counts) == (State.SUCCEEDED, {State.SUCCEEDED: 6})


def test_more_is_said_only_while_a_further_poll_finds_more(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    for name in ("foreach", "failed", "launcher_killed"):
        copied(runs[name], tmp_path)
    watched = opened(tmp_path)
    watched.complete()
    watched.list.attend([*watched.runs])
    # No time passes: what is done only after a while is not waited for.
    polls = 0
    while watched.list.poll().more:
        polls += 1
    assert polls <= 3


def test_runs_in_view_are_looked_into_before_others(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    names = ("linear", "branch", "switch", "loop")
    folders = [copied(runs[name], tmp_path) for name in names]
    keys = [(folder.parent.name, folder.name) for folder in folders]
    watched = opened(tmp_path)
    watched.poll()
    watched.poll()
    # All are recent; with a second at each look at the clock, a poll looks into one of them.
    watched = opened(tmp_path)
    watched.haste = 1.0
    while len(watched.runs) < len(keys):
        watched.poll()
    known = {key for key in keys if watched.runs[key].state}
    wanted = next(key for key in keys if key not in known)
    watched.list.attend([wanted])
    watched.poll()
    assert {key for key in keys if watched.runs[key].state} == known | {wanted}


def test_a_failed_run_that_is_not_in_view_costs_nothing(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    copied(runs["failed"], tmp_path)
    watched = opened(tmp_path)
    watched.attend_all()
    watched.list.attend([])
    (summary,) = watched.complete(60.0).values()
    assert summary.state is State.FAILED
    with touching(tmp_path) as touched:
        watched.complete(60.0)
    assert (touched.opened, touched.listed) == ([], [])


def test_only_some_runs_are_kept_open(runs: dict[str, RecordedRun]) -> None:
    provider = Provider(f"local@{runs['linear'].root}", "")
    looks = Looks(lambda flow, run: LocalSource(provider, flow, run), most=2)
    keys = [(runs[name].flow, runs[name].run) for name in ("linear", "failed", "catch")]
    assert [looks.into(key, first=False).state for key in keys] == [
        "succeeded",
        "failed",
        "succeeded",
    ]
    assert len(looks) == 2
    # The one that was closed is read anew, and says the same.
    assert looks.into(keys[0], first=False).counts == {State.SUCCEEDED: 3}
    looks.close()
    assert len(looks) == 0
