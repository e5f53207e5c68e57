"""Artifacts of attempts: the same from every source, values read only where they are plain."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowtui.model import Artifact, Artifacts, Key
from flowtui.sources.artifacts import MAX_VALUE
from flowtui.sources.base import RunSource, Unreachable, Unsupported
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource
from tests.contract import OVER_LOCAL, OVER_SERVICE, Clocks, Watched, copied, watch
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.runs import SCENARIOS, RecordedRun
from tests.s3 import read_from
from tests.s3_runs import recorded_in_s3

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

Runs = dict[str, RecordedRun]


def _cache(config: pytest.Config) -> Path:
    return Path(config.rootpath) / ".pytest_cache" / "flowtui-runs"


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(_cache(pytestconfig))


@pytest.fixture(scope="module")
def service(
    served: ServedRuns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MetadataService]:
    with MetadataService(db=served.database(tmp_path_factory.mktemp("served"))) as service:
        yield service


def opened(over: str, pathspec: str, metadata: str) -> Watched:
    flow, _, run = pathspec.partition("/")
    watched = watch({**OVER_LOCAL, **OVER_SERVICE}[over], metadata, flow, run, Clocks(time.time()))
    watched.poll()
    return watched


def everything(watched: Watched) -> Mapping[tuple[Key, int], Artifacts]:
    """The artifacts of each attempt of a run."""
    return {
        (task.key, attempt.number): watched.source.artifacts(*task.key, attempt.number)
        for task in watched.store.all_tasks()
        for attempt in task.attempts
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_ways_to_read_local_metadata_tell_the_same(scenario: str, runs: Runs) -> None:
    run = runs[scenario]
    reference, fast = (
        everything(opened(over, run.pathspec, f"local@{run.root}")) for over in OVER_LOCAL
    )
    assert fast == reference
    assert any(stored.listed for stored in fast.values())


@pytest.mark.parametrize("scenario", ["retry", "catch", "resumed", "segfault"])
def test_both_ways_to_read_a_service_tell_the_same(
    scenario: str, served: ServedRuns, service: MetadataService
) -> None:
    reference, fast = (
        everything(opened(over, served.pathspecs[scenario], f"service@{service.url}"))
        for over in OVER_SERVICE
    )
    assert fast == reference
    assert any(stored.listed for stored in fast.values())


@pytest.fixture(params=[*OVER_LOCAL, *OVER_SERVICE])
def of(request: pytest.FixtureRequest, runs: Runs) -> _Of:
    over = str(request.param)
    if over in OVER_LOCAL:
        where = f"local@{runs['linear'].root}"
        return _Of(over, where, {name: run.pathspec for name, run in runs.items()})
    served: ServedRuns = request.getfixturevalue("served")
    url = request.getfixturevalue("service").url
    return _Of(over, f"service@{url}", served.pathspecs)


class _Of:
    """What the only task of a step stored, or the one at `index`; and values of that."""

    def __init__(self, over: str, metadata: str, pathspecs: Mapping[str, str]) -> None:
        self._over, self._metadata, self._pathspecs = over, metadata, pathspecs

    def __call__(
        self, scenario: str, step: str, attempt: int = 0, index: int | None = None
    ) -> tuple[RunSource, dict[str, Artifact]]:
        watched = opened(self._over, self._pathspecs[scenario], self._metadata)
        tasks = watched.store.tasks(step).values()
        (task,) = [task for task in tasks if index in (None, task.index)]
        stored = watched.source.artifacts(step, task.id, attempt)
        assert stored.trouble is None
        names = [artifact.name for artifact in stored.listed]
        assert names == sorted(names)
        return watched.source, {artifact.name: artifact for artifact in stored.listed}


def test_name_type_size_and_key_of_each_and_the_value(of: _Of) -> None:
    source, found = of("failed", "train", 0, 0)
    country = found["country"]
    value = pickle.dumps("FI", 4)
    assert (country.type, country.size, country.kind) == ("str", len(value), "local")
    assert country.sha == hashlib.sha1(value, usedforsecurity=False).hexdigest()
    assert source.value(country) == "FI"
    assert source.value(found["countries"]) == ["FI", "SE", "NO"]
    assert source.value(found["_task_ok"]) is True


def test_each_attempt_has_its_own(of: _Of) -> None:
    source, failed = of("retry", "flaky", 1)
    assert source.value(failed["_success"]) is False
    source, settled = of("retry", "flaky", 2)
    assert source.value(settled["_success"]) is True
    assert {artifact.attempt for artifact in settled.values()} == {2}
    _, killed = of("segfault", "crash", 0)
    assert killed == {}


def test_what_is_no_plain_data_shows_by_type_and_size(of: _Of) -> None:
    source, found = of("catch", "divide", 2, 0)
    caught = found["_catch_exception"]
    assert caught.type is not None
    with pytest.raises(Unsupported) as refused:
        source.value(caught)
    kind = "metaflow.exception.MetaflowExceptionWrapper"
    assert str(refused.value).startswith(f"<{kind}, {caught.size} B>: only plain data is read")


def test_a_clone_has_those_of_its_origin(of: _Of) -> None:
    source, found = of("resumed", "start")
    _, origin = of("failed", "start")
    assert source.value(found["countries"]) == ["FI", "SE", "NO"]
    if "local" in of._over:
        assert found["countries"].sha == origin["countries"].sha


def test_an_attempt_that_is_not_there_has_none(of: _Of) -> None:
    source, _ = of("linear", "start")
    assert source.artifacts("start", "999999", 0) == Artifacts()
    assert source.artifacts("start", "1", 5) == Artifacts()


def test_they_cost_one_request_and_a_failing_service_is_said(
    served: ServedRuns, service: MetadataService
) -> None:
    flow, _, run = served.pathspecs["retry"].partition("/")
    source = ServiceSource(Provider(f"service@{service.url}", ""), flow, run)
    source.poll()
    (task,) = [key for key in source._kept if key[0] == "flaky"]
    before = len(service.requests)
    found = source.artifacts(*task, 2)
    source.value(found.listed[0])
    assert len(service.requests) - before == 1
    service.fault = "500"
    try:
        with pytest.raises(Unreachable, match="HTTP status 500"):
            source.artifacts(*task, 2)
    finally:
        service.fault = None


def test_they_are_found_in_s3(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = recorded_in_s3(_cache(pytestconfig))
    read_from(recorded.bucket.server, monkeypatch)
    provider = Provider(f"local@{recorded.root}", "")
    source = LocalSource(provider, "RetryFlow", recorded.ids["RetryFlow"])
    source.poll()
    (task,) = [key for key in source._kept if key[0] == "flaky"]
    stored = source.artifacts(*task, 2)
    assert stored.trouble is None
    (success,) = [artifact for artifact in stored.listed if artifact.name == "_success"]
    assert (success.type, success.kind) == ("bool", "s3")
    assert source.value(success) is True
    with pytest.raises(Unreachable, match="is not in the datastore"):
        source.value(replace(success, sha="0" * 40))


class Planted:
    """A copy of the linear run; what its first task has stored is as a test says."""

    def __init__(self, recorded: RecordedRun, root: Path) -> None:
        self.folder = copied(recorded, root) / "start" / "1"
        self._flow = self.folder.parent.parent.parent
        self.source = LocalSource(Provider(f"local@{root}", ""), recorded.flow, recorded.run)
        self.source.poll()

    def artifact(self, name: str = "alpha") -> Artifact:
        (found,) = [found for found in self.listed.listed if found.name == name]
        return found

    @property
    def listed(self) -> Artifacts:
        return self.source.artifacts("start", "1", 0)

    def value(self) -> Any:
        return self.source.value(self.artifact())

    def note(self, text: str) -> None:
        """Replace what the attempt noted of types and sizes."""
        file = self.folder / "0.data.json"
        file.unlink(missing_ok=True)
        file.write_text(text)

    def register(self, **fields: object) -> None:
        """Change what is registered of `alpha`."""
        row = self.folder / "_meta" / "0_artifact_alpha.json"
        row.write_text(json.dumps(json.loads(row.read_text()) | fields))

    def store(self, blob: bytes, sha: str = "5" * 40) -> None:
        """Have other bytes stored as `alpha`."""
        file = self._flow / "data" / sha[:2] / sha
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(blob)
        self.register(sha=sha)


@pytest.fixture
def planted(runs: Runs, tmp_path: Path) -> Planted:
    planted = Planted(runs["linear"], tmp_path)
    assert planted.value() == 0.5
    return planted


class Bomb:
    """Unpickled, it would leave a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._file),)


def test_nothing_that_a_pickle_asks_for_is_done(planted: Planted, tmp_path: Path) -> None:
    for blob in (pickle.dumps(Bomb(tmp_path / "pwned")), gzip.compress(pickle.dumps(Bomb))):
        planted.store(blob)
        with pytest.raises(Unsupported, match=r"<float, .* B>: only plain data is read"):
            planted.value()
    assert not (tmp_path / "pwned").exists()


def test_what_is_too_large_is_not_read(planted: Planted) -> None:
    planted.store(gzip.compress(pickle.dumps("x" * (MAX_VALUE + 1), 4)))
    with pytest.raises(Unsupported, match=r"<float, 1\.0 MB>: values of more than 1\.0 MB are not"):
        planted.value()
    planted.store(pickle.dumps(os.urandom(MAX_VALUE), 4))
    with pytest.raises(Unsupported, match="more than the 1048576 that are read"):
        planted.value()
    planted.note(json.dumps({"info": {"alpha": {"type": "<class 'list'>", "size": 48_000_000}}}))
    planted.store(b"never looked at")
    with pytest.raises(Unsupported, match="<list, 48 MB>: values of more than"):
        planted.value()


def test_what_is_damaged_or_gone_is_said(planted: Planted) -> None:
    planted.store(b"\x80\x04")
    with pytest.raises(Unsupported, match="<float, 2 B>: only plain data"):
        planted.value()
    planted.register(sha="6" * 40)
    with pytest.raises(Unreachable, match=r"Artifact 6+ is not in the datastore"):
        planted.value()
    planted.register(sha="../../../../etc/passwd")
    with pytest.raises(Unreachable, match="key is none that Metaflow gives"):
        planted.value()
    planted.register(sha="6" * 40, ds_type="tape")
    with pytest.raises(Unsupported, match="Datastore 'tape' is not known"):
        planted.value()


@pytest.mark.parametrize(
    ("note", "trouble"),
    [
        (None, "The note of the artifacts' types and sizes is not in the datastore."),
        ("{", "The note of the artifacts' types and sizes cannot be read"),
        ("[" * 100_000, "The note of the artifacts' types and sizes cannot be read"),
        ("[]", None),
        ('{"info": [1]}', None),
        ('{"info": {"alpha": 7}}', None),
        ('{"info": {"alpha": {"type": ["x"], "size": -1}}}', None),
        ('{"info": {"alpha": {"type": null, "size": true}}}', None),
    ],
)
def test_without_a_note_of_types_and_sizes_the_rest_is_there(
    note: str | None, trouble: str | None, planted: Planted
) -> None:
    planted.note(note or "")
    if note is None:
        (planted.folder / "0.data.json").unlink()
    alpha = planted.artifact()
    assert (alpha.type, alpha.size) == (None, None)
    assert (planted.listed.trouble or "").startswith(trouble or "")
    assert (planted.listed.trouble is None) == (trouble is None)
    assert planted.value() == 0.5


def test_a_damaged_row_hides_no_other(planted: Planted) -> None:
    names = {artifact.name for artifact in planted.listed.listed}
    (planted.folder / "_meta" / "0_artifact_name.json").write_text("{")
    assert {artifact.name for artifact in planted.listed.listed} == names - {"name"}
