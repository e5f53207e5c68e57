"""The runs that a run goes back to: real chains of resumes, also broken ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from flowtui.model import State
from flowtui.sources.lineage import ANOTHER_TRY
from tests.contract import OVER_LOCAL, OVER_SERVICE, Clocks, Watched, watch
from tests.metadata_service import MetadataService
from tests.runs import FLOWS, launch, locked

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""


@dataclass(frozen=True)
class Chain:
    """Runs of LinearFlow, each resumed from the one before, the second one from its first step, so
    that it has no clones."""

    root: Path
    runs: Sequence[str]


def recorded_chain(root: Path, extra: Mapping[str, str] | None = None) -> Chain:
    """The chain, executed unless it is there."""
    record = root / "runs.json"
    if record.exists():
        return Chain(root, json.loads(record.read_text()))
    runs: list[str] = []
    for resumed in ([], ["start"], [], []):
        arguments = ["resume", *resumed, "--origin-run-id", runs[-1]] if runs else ["run"]
        process, id_file = launch(root, "linear.py", *arguments, extra=extra)
        assert process.wait(timeout=60) == 0, id_file.with_suffix(".log").read_text()
        runs.append(id_file.read_text())
    record.write_text(json.dumps(runs))
    return Chain(root, runs)


@contextmanager
def cached(config: pytest.Config, name: str) -> Iterator[Path]:
    """A folder that all test sessions share, held for one test process as long as it is filled."""
    digest = hashlib.sha256((FLOWS / "linear.py").read_bytes()).hexdigest()[:12]
    cache = Path(config.rootpath) / ".pytest_cache" / "flowtui-runs"
    folder = cache / f"{name}-{version('metaflow')}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        yield folder


@pytest.fixture(scope="module")
def local_chain(pytestconfig: pytest.Config) -> Chain:
    with cached(pytestconfig, "chain") as root:
        return recorded_chain(root)


@pytest.fixture(scope="module")
def served_chain(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Chain, MetadataService]]:
    with cached(pytestconfig, "served-chain") as root:
        with MetadataService(db=root / "rows.db") as recording:
            chain = recorded_chain(root, recording.environment)
        rows = Path(shutil.copy(root / "rows.db", tmp_path_factory.mktemp("served")))
    with MetadataService(db=rows) as service:
        yield chain, service


@pytest.fixture
def chain(local_chain: Chain, tmp_path: Path) -> Chain:
    """A local chain that a test may damage."""
    shutil.copytree(local_chain.root, tmp_path, dirs_exist_ok=True)
    return Chain(tmp_path, local_chain.runs)


def opened(name: str, chain: Chain, run: str, clocks: Clocks | None = None) -> Watched:
    where = f"local@{chain.root}"
    return watch(OVER_LOCAL[name], where, "LinearFlow", run, clocks or Clocks(0))


def origins(watched: Watched) -> tuple[str, ...]:
    return watched.poll().description.origin_runs


def meta(chain: Chain, run: str, field: str, task: str = "start/1") -> Path:
    folder = chain.root / ".metaflow" / "LinearFlow" / run / task / "_meta"
    (found,) = folder.glob(f"sysmeta_{field}_*.json")
    return found


@pytest.mark.parametrize("name", OVER_LOCAL)
def test_a_chain_of_local_resumes_is_followed_to_its_beginning(
    name: str, local_chain: Chain
) -> None:
    for length, run in enumerate(local_chain.runs):
        watched = opened(name, local_chain, run)
        assert origins(watched) == tuple(local_chain.runs[:length])
        assert watched.store.description.origin_run == (
            local_chain.runs[length - 1] if length else None
        )
    cloned = opened(name, local_chain, local_chain.runs[1]).poll().task("start", "1")
    assert cloned is not None
    assert cloned.state is State.SUCCEEDED, "resumed from its first step, it has no clones"


@pytest.mark.parametrize("name", OVER_SERVICE)
def test_a_chain_of_resumes_at_a_service_is_followed_to_its_beginning(
    name: str, served_chain: tuple[Chain, MetadataService]
) -> None:
    chain, service = served_chain
    for length, run in enumerate(chain.runs):
        where = f"service@{service.url}"
        watched = watch(OVER_SERVICE[name], where, "LinearFlow", run, Clocks(0))
        assert origins(watched) == tuple(chain.runs[:length])
        before = len(service.requests)
        watched.poll()
        later = " ".join(service.requests[before:])
        assert not any(f"runs/{origin}/" in later for origin in chain.runs[:length])


def test_an_ancestor_costs_a_service_two_requests_once(
    served_chain: tuple[Chain, MetadataService],
) -> None:
    chain, service = served_chain
    where = f"service@{service.url}"
    watched = watch(OVER_SERVICE["service"], where, "LinearFlow", chain.runs[3], Clocks(0))
    before = len(service.requests)
    watched.poll()
    asked = service.requests[before:]
    for ancestor in chain.runs[:3]:
        tasks = f"GET /flows/LinearFlow/runs/{ancestor}/steps/start/tasks"
        assert asked.count(tasks) == 1
        assert sum(line.startswith(tasks + "/") for line in asked) <= 2


@pytest.mark.parametrize("name", OVER_LOCAL)
def test_the_chain_ends_with_an_ancestor_that_was_deleted(name: str, chain: Chain) -> None:
    _, second, third, fourth = chain.runs
    shutil.rmtree(chain.root / ".metaflow" / "LinearFlow" / second)
    assert origins(opened(name, chain, fourth)) == (second, third)
    shutil.rmtree(chain.root / ".metaflow" / "LinearFlow" / third)
    assert origins(opened(name, chain, fourth)) == (third,)


@pytest.mark.parametrize("name", OVER_LOCAL)
@pytest.mark.parametrize("back_to", [0, 1, 3])
def test_a_chain_that_leads_back_to_itself_ends_there(
    name: str, back_to: int, chain: Chain
) -> None:
    row = meta(chain, chain.runs[0], "origin-run-id")
    row.write_text(json.dumps(json.loads(row.read_text()) | {"value": chain.runs[back_to]}))
    assert origins(opened(name, chain, chain.runs[3])) == tuple(chain.runs[:3])


@pytest.mark.parametrize("name", OVER_LOCAL)
@pytest.mark.parametrize("odd", ["../../etc", "/etc", "..", "a/b", "\0", ""])
def test_an_origin_that_is_no_name_is_not_followed(name: str, odd: str, chain: Chain) -> None:
    row = meta(chain, chain.runs[0], "origin-run-id")
    row.write_text(json.dumps(json.loads(row.read_text()) | {"value": odd}))
    told = (odd,) if odd else ()
    assert origins(opened(name, chain, chain.runs[3])) == (*told, *chain.runs[:3])


@pytest.mark.parametrize("name", OVER_LOCAL)
def test_an_ancestor_that_cannot_be_read_fails_no_poll(name: str, chain: Chain) -> None:
    meta(chain, chain.runs[0], "origin-run-id").write_text("{")
    assert origins(opened(name, chain, chain.runs[3])) == tuple(chain.runs[:3])


def test_the_chain_ends_with_a_local_ancestor_whose_record_is_damaged(chain: Chain) -> None:
    meta(chain, chain.runs[1], "origin-run-id").write_text("{")
    assert origins(opened("local", chain, chain.runs[3])) == (chain.runs[1], chain.runs[2])


def test_a_service_that_fails_on_an_ancestor_fails_no_poll(
    served_chain: tuple[Chain, MetadataService],
) -> None:
    chain, service = served_chain
    clocks = Clocks(0)
    where = f"service@{service.url}"
    watched = watch(OVER_SERVICE["service"], where, "LinearFlow", chain.runs[3], clocks)
    service.fault, service.fault_on = "500", f"/runs/{chain.runs[1]}/steps/start/tasks$"
    try:
        assert origins(watched) == (chain.runs[1], chain.runs[2])
        assert watched.store.status.state is State.SUCCEEDED
    finally:
        service.fault, service.fault_on = None, ""
    clocks.steady += ANOTHER_TRY
    assert origins(watched) == tuple(chain.runs[:3])
