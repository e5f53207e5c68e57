"""The list of local runs: what is listed when, what changes, and what is not read again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from flowtui.model import State
from flowtui.run_summary import RunKey
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.registry import Where, open_run_list
from flowtui.sources.run_list_client import client_run_list
from flowtui.sources.run_list_local import local_run_list
from tests.contract import copied, held
from tests.run_lists import OpenList, Watched
from tests.runs import RecordedRun, eventually
from tests.test_local_source import touching

DAYS = 3 * 24 * 3600.0


@pytest.fixture(params=[local_run_list, client_run_list], ids=["local", "client"])
def either(request: pytest.FixtureRequest) -> OpenList:
    opener: OpenList = request.param
    return opener


def opened(
    root: Path, open_list: OpenList = local_run_list, namespace: str | None = None
) -> Watched:
    return Watched(open_list, f"local@{root}", namespace)


def register(root: Path, flow: str, run: str, at: int = 1_700_000_000_000, **row: object) -> RunKey:
    """A run of which there is only its row."""
    told = {"flow_id": flow, "run_number": run, "ts_epoch": at, "tags": [], "system_tags": []}
    folder = root / ".metaflow" / flow
    for place, content in ((folder, {"flow_id": flow, "ts_epoch": at}), (folder / run, told | row)):
        (place / "_meta").mkdir(parents=True, exist_ok=True)
        (place / "_meta" / "_self.json").write_text(json.dumps(content))
    return (flow, run)


# What is listed


def test_the_first_poll_lists_and_looks_into_nothing(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    watched = opened(tmp_path)
    with touching(folder) as touched:
        changes = watched.poll()
    (summary,) = changes.runs
    assert summary.pathspec == runs["failed"].pathspec
    assert (summary.state, summary.counts, summary.current) == (None, None, None)
    assert [path.name for path in touched.opened] == ["_self.json"]


def test_an_old_run_is_looked_into_only_when_it_is_in_view(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    watched = Watched(local_run_list, f"local@{tmp_path}", ahead=DAYS)
    watched.complete()
    assert watched.states() == {runs["linear"].pathspec: None}
    watched.list.attend([(folder.parent.name, folder.name)])
    watched.complete()
    assert watched.states() == {runs["linear"].pathspec: State.SUCCEEDED}


def test_newest_runs_come_first_and_a_poll_may_read_only_some(tmp_path: Path) -> None:
    keys = [register(tmp_path, f"Flow{at % 3}", f"{at}") for at in range(1000, 1006)]
    watched = opened(tmp_path)
    watched.haste = 1.0
    found = []
    while (changes := watched.poll()).more:
        found += [summary.key for summary in changes.runs]
    found += [summary.key for summary in changes.runs]
    assert found == keys[::-1]


def test_a_flow_alone_is_listed(either: OpenList, tmp_path: Path) -> None:
    register(tmp_path, "Other", "1")
    wanted = register(tmp_path, "Mine", "2")
    watched = Watched(either, f"local@{tmp_path}", flow="Mine")
    assert [*watched.complete()] == [wanted]


def test_a_flow_that_does_not_exist_is_named(tmp_path: Path) -> None:
    register(tmp_path, "Mine", "1")
    with pytest.raises(NotFound, match=r"There is no flow 'Mien'.* Did you mean Mine"):
        open_run_list(Where(f"local@{tmp_path}", ""), "Mien")


def test_the_configured_provider_and_namespace_are_listed(tmp_path: Path) -> None:
    register(tmp_path, "Mine", "1", tags=["blue"])
    register(tmp_path, "Mine", "2", tags=["red"])
    for source in (None, "client"):
        listing = open_run_list(Where(f"local@{tmp_path}", "blue", source))
        assert [summary.key for summary in listing.poll().runs] == [("Mine", "1")]


# What changes


def test_new_runs_and_flows_appear(either: OpenList, tmp_path: Path) -> None:
    first = register(tmp_path, "Mine", "1")
    watched = opened(tmp_path, either)
    watched.complete()
    second, other = register(tmp_path, "Mine", "2"), register(tmp_path, "Other", "3")
    changes = watched.poll()
    assert {summary.key for summary in changes.runs} == {second, other}
    assert {*watched.runs} == {first, second, other}


def test_a_run_whose_row_is_not_written_yet_appears_with_it(tmp_path: Path) -> None:
    register(tmp_path, "Mine", "1")
    (tmp_path / ".metaflow" / "Mine" / "2").mkdir()
    watched = opened(tmp_path)
    assert [*watched.complete()] == [("Mine", "1")]
    register(tmp_path, "Mine", "2")
    watched.poll()
    assert ("Mine", "2") in watched.runs


def test_deleted_runs_and_flows_vanish(either: OpenList, tmp_path: Path) -> None:
    keys = [register(tmp_path, flow, run) for flow, run in ("A1", "A2", "B3", "B4")]
    watched = opened(tmp_path, either)
    watched.complete()
    shutil.rmtree(tmp_path / ".metaflow" / "A" / "1")
    assert watched.poll().vanished == (keys[0],)
    shutil.rmtree(tmp_path / ".metaflow" / "B")
    assert {*watched.poll().vanished} == {keys[2], keys[3]}
    assert [*watched.runs] == [keys[1]]


def test_a_run_that_is_deleted_while_in_view_vanishes(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    watched = opened(tmp_path)
    watched.attend_all()
    shutil.rmtree(folder)
    changes = watched.poll()
    assert changes.vanished == ((folder.parent.name, folder.name),)
    assert changes.trouble is None


def test_a_run_is_followed_until_it_fails(either: OpenList, tmp_path: Path) -> None:
    with held(tmp_path) as live:
        wait = tmp_path / ".metaflow" / live.flow / live.run / "wait"
        eventually(lambda: [*wait.glob("*/_meta/sysmeta_attempt_*")], "`wait` has started")
        watched = opened(tmp_path, either)
        # Nobody looks at it: it is looked into because it is unfinished.
        summary = watched.complete()[live.flow, live.run]
        assert (summary.state, summary.current) == (State.RUNNING, ("wait",))
        assert summary.counts == {State.SUCCEEDED: 1, State.RUNNING: 1}
        assert summary.expected == 3
        live.kill()
        watched.ahead = 3600.0

        def failed() -> bool:
            summary = watched.complete(10.0)[live.flow, live.run]
            return (summary.state, summary.current) == (State.FAILED, ("wait",))

        eventually(failed, "the run has failed")


def test_an_old_run_with_a_live_process_is_unfinished(tmp_path: Path) -> None:
    with held(tmp_path) as live:
        wait = tmp_path / ".metaflow" / live.flow / live.run / "wait"
        eventually(lambda: [*wait.glob("*/_meta/sysmeta_attempt_*")], "`wait` has started")
        watched = Watched(local_run_list, f"local@{tmp_path}", ahead=DAYS)
        eventually(
            lambda: watched.complete()[live.flow, live.run].state is State.RUNNING,
            "the old run is found to be running",
        )


def test_tags_of_a_run_in_view_follow(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    folder = copied(runs["failed"], tmp_path)
    watched = opened(tmp_path)
    watched.attend_all()
    path = folder / "_meta" / "_self.json"
    row = json.loads(path.read_text()) | {"tags": ["seen"]}
    path.unlink()
    path.write_text(json.dumps(row))
    (summary,) = watched.poll().runs
    assert (summary.tags, summary.state) == (("seen",), State.FAILED)


# Namespaces


def test_a_namespace_shows_runs_with_that_tag_and_flows_with_such_runs(
    either: OpenList, tmp_path: Path
) -> None:
    ada = register(tmp_path, "Mixed", "1", system_tags=["user:ada"])
    bob = register(tmp_path, "Mixed", "2", system_tags=["user:bob"])
    prod = register(tmp_path, "Others", "3", tags=["prod"], system_tags=["user:bob"])
    seen = {
        namespace: {*opened(tmp_path, either, namespace).complete()}
        for namespace in ("user:ada", "user:bob", "prod", "user:eve", None)
    }
    assert seen == {
        "user:ada": {ada},
        "user:bob": {bob, prod},
        "prod": {prod},
        "user:eve": set(),
        None: {ada, bob, prod},
    }


def test_a_run_that_leaves_the_namespace_vanishes(tmp_path: Path) -> None:
    key = register(tmp_path, "Mine", "1", tags=["blue"])
    watched = opened(tmp_path, namespace="blue")
    watched.complete()
    watched.list.attend([key])
    path = tmp_path / ".metaflow" / "Mine" / "1" / "_meta" / "_self.json"
    path.unlink()
    register(tmp_path, "Mine", "1", tags=["red"], at=1_700_000_000_000)
    os.utime(path, ns=(1, 1))
    # Never started, and long ago: looked into once, it is watched no more.
    watched.poll()
    assert watched.runs == {}


# Damage


def test_a_damaged_row_is_named_and_hides_no_other(tmp_path: Path) -> None:
    register(tmp_path, "Mine", "1")
    register(tmp_path, "Mine", "2")
    path = tmp_path / ".metaflow" / "Mine" / "1" / "_meta" / "_self.json"
    path.write_text('{"flow_id": "Mi')
    watched = opened(tmp_path)
    assert [*watched.complete()] == [("Mine", "2")]
    assert watched.poll().trouble == f"{path} is damaged: it holds no JSON."
    register(tmp_path, "Mine", "1")
    changes = watched.poll()
    assert ([summary.run for summary in changes.runs], changes.trouble) == (["1"], None)


def test_a_row_damaged_later_leaves_what_was_known(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    watched = opened(tmp_path)
    watched.attend_all()
    (folder / "_meta" / "_self.json").write_text("")
    changes = watched.poll()
    assert "_self.json is damaged" in str(changes.trouble)
    assert not changes.vanished
    assert watched.states() == {runs["failed"].pathspec: State.FAILED}


def test_a_run_that_cannot_be_looked_into_keeps_its_place(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    broken, sound = copied(runs["linear"], tmp_path), copied(runs["branch"], tmp_path)
    for path in broken.glob("_parameters/*/_meta/*_artifact__graph_info.json"):
        path.write_text("")
    watched = opened(tmp_path)
    watched.attend_all()
    states = watched.states()
    assert states[f"{sound.parent.name}/{sound.name}"] is State.SUCCEEDED
    assert states[f"{broken.parent.name}/{broken.name}"] is None
    changes = watched.poll()
    assert "damaged" in str(changes.trouble)
    assert not changes.more


def test_a_flow_that_cannot_be_read_is_named_and_keeps_its_runs(tmp_path: Path) -> None:
    key, other = register(tmp_path, "Mine", "1700000000000001"), register(tmp_path, "Other", "2")
    watched = opened(tmp_path)
    watched.complete()
    folder = tmp_path / ".metaflow" / "Mine"
    folder.rename(tmp_path / "aside")
    # A link to itself cannot be read by anyone; permissions do not stop every user.
    folder.symlink_to(folder)
    changes = watched.poll()
    assert changes.trouble == f"{folder} cannot be read: Too many levels of symbolic links."
    assert {*watched.runs} == {key, other}
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    assert watched.poll().trouble is None
    assert {*watched.runs} == {key, other}


def test_without_its_root_the_list_is_unreachable_and_comes_back(tmp_path: Path) -> None:
    register(tmp_path, "Mine", "1")
    watched = opened(tmp_path)
    watched.complete()
    (tmp_path / ".metaflow").rename(tmp_path / "away")
    with pytest.raises(Unreachable, match="no longer there"):
        watched.list.poll()
    (tmp_path / "away").rename(tmp_path / ".metaflow")
    assert not watched.poll().vanished
    assert [*watched.runs] == [("Mine", "1")]
