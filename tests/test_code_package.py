"""The flow's file in a run's code package: of real runs, and of archives that mean harm."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from flowtui.model import FlowSource
from flowtui.sources import code_package, datastore
from flowtui.sources.base import Unreachable, Unsupported
from flowtui.sources.client import ClientSource
from flowtui.sources.code_package import MAX_FILE, member
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import served_runs
from tests.runs import FLOWS, RecordedRun, packaged_run
from tests.s3 import read_from
from tests.s3_runs import recorded_in_s3

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

FLOW = FlowSource("linear.py", (FLOWS / "linear.py").read_bytes())


def _cache(config: pytest.Config) -> Path:
    return Path(config.rootpath) / ".pytest_cache" / "flowtui-runs"


@pytest.fixture(scope="session")
def recorded(pytestconfig: pytest.Config) -> RecordedRun:
    return packaged_run(_cache(pytestconfig))


@pytest.fixture
def packaged(recorded: RecordedRun, tmp_path: Path) -> LocalSource:
    """A copy of the run, which a test may damage."""
    shutil.copytree(recorded.root / ".metaflow", tmp_path / ".metaflow")
    return polled(LocalSource, tmp_path, recorded.run)


def polled(source: type[LocalSource | ClientSource], root: Path, run: str) -> LocalSource:
    opened = source(Provider(f"local@{root}", ""), "LinearFlow", run)
    opened.poll()
    return opened  # type: ignore[return-value]


def package_of(root: Path, run: str) -> tuple[Path, list[Path]]:
    """The stored package, and the rows that name it."""
    flow = root / ".metaflow" / "LinearFlow"
    rows = sorted(flow.glob(f"{run}/*/*/_meta/sysmeta_code-package_*.json"))
    sha = json.loads(json.loads(rows[0].read_text())["value"])["sha"]
    return flow / "data" / sha[:2] / sha, rows


@pytest.mark.parametrize("kind", [LocalSource, ClientSource])
def test_the_flow_of_a_packaged_run_is_the_file_that_ran(
    kind: type[LocalSource | ClientSource], recorded: RecordedRun
) -> None:
    assert polled(kind, recorded.root, recorded.run).flow_source() == FLOW


def test_a_run_without_a_package_has_no_flow_source(runs: dict[str, RecordedRun]) -> None:
    source = polled(LocalSource, runs["linear"].root, runs["linear"].run)
    assert source.flow_source() is None


def test_a_package_is_found_through_a_service(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    served = served_runs(_cache(pytestconfig))
    flow, run = served.pathspecs["packaged"].split("/")
    with MetadataService(db=served.database(tmp_path, "packaged")) as service:
        source = ServiceSource(Provider(f"service@{service.url}", ""), flow, run)
        source.poll()
        assert source.flow_source() == FLOW


def test_a_package_is_found_in_s3(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = recorded_in_s3(_cache(pytestconfig))
    read_from(recorded.bucket.server, monkeypatch)
    provider = Provider(f"local@{recorded.root}", "")
    source = LocalSource(provider, "RetryFlow", recorded.ids["RetryFlow"])
    source.poll()
    assert source.flow_source() == FlowSource("retry.py", (FLOWS / "retry.py").read_bytes())
    monkeypatch.setattr(datastore, "MAX_PACKAGE", 1000)
    with pytest.raises(Unsupported, match="more than the 1000 that are read"):
        source.flow_source()


def test_a_package_that_is_too_large_gone_or_damaged_is_said(
    packaged: LocalSource, recorded: RecordedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, _ = package_of(tmp_path, recorded.run)
    with monkeypatch.context() as small:
        small.setattr(datastore, "MAX_PACKAGE", 1000)
        with pytest.raises(Unsupported, match="bytes, more than the 1000 that are read"):
            packaged.flow_source()
    package.chmod(0o600)
    package.write_bytes(package.read_bytes()[:10_000])
    with pytest.raises(Unsupported, match="damaged, or no archive as Metaflow makes them"):
        packaged.flow_source()
    package.unlink()
    with pytest.raises(Unreachable, match="not in the datastore"):
        packaged.flow_source()


@pytest.mark.parametrize(
    "value", ["", "{", "[]", "null", "7", json.dumps({"sha": "../../x", "ds_type": "local"})]
)
def test_a_row_that_names_no_package_is_none_or_is_said(
    value: str, packaged: LocalSource, recorded: RecordedRun, tmp_path: Path
) -> None:
    for row in package_of(tmp_path, recorded.run)[1]:
        row.write_text(json.dumps(json.loads(row.read_text()) | {"value": value}))
    if "sha" in value:
        with pytest.raises(Unsupported, match="key is none that Metaflow gives"):
            packaged.flow_source()
    else:
        assert packaged.flow_source() is None


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = size, kind, link
    return entry.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 512)


def entry(name: str, content: bytes) -> bytes:
    return header(name, len(content)) + padded(content)


END = b"\0" * 1024


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "package"
        path.write_bytes(gzip.compress(content, 1))
        return path

    return write


Archive = Callable[[bytes], Path]


def test_a_file_is_found_behind_others_and_under_no_other_name(archive: Archive) -> None:
    folders = entry("sub/flow.py", b"no") + header("flow.py.d", kind=tarfile.DIRTYPE)
    package = archive(folders + entry("./flow.py", b"yes") + entry("flow.py", b"late") + END)
    assert member(package, "flow.py") == b"yes"
    with pytest.raises(Unsupported, match=r"The code package has no file other.py"):
        member(package, "other.py")


SPARSE = header("flow.py", 512, tarfile.GNUTYPE_SPARSE)

HARMFUL = {
    "a symbolic link": header("flow.py", kind=tarfile.SYMTYPE, link="/etc/passwd"),
    "a hard link": entry("other", b"x") + header("flow.py", kind=tarfile.LNKTYPE, link="other"),
    "a folder": header("flow.py", kind=tarfile.DIRTYPE),
    "a device": header("flow.py", kind=tarfile.CHRTYPE),
    "a pipe": header("flow.py", kind=tarfile.FIFOTYPE),
    "a file with holes": SPARSE + b"\0" * 512,
    "a file that claims a terabyte": header("flow.py", 1 << 40),
    "a file before it that claims a terabyte": header("big", 1 << 40) + entry("flow.py", b"x"),
    "a file above the limit": header("flow.py", MAX_FILE + 1),
    "a file that is cut short": header("flow.py", 5000) + b"x" * 100,
    "a name of a terabyte": header("././@LongLink", 1 << 40, tarfile.GNUTYPE_LONGNAME),
    "a name of six megabytes": header("././@LongLink", 6 << 20, tarfile.GNUTYPE_LONGNAME)
    + b"x" * (6 << 20),
    "headers of headers": header("././@LongLink", 512, tarfile.GNUTYPE_LONGNAME) * 5000,
    "an extended header without sense": header("x", 512, tarfile.XHDTYPE) + b"9" * 512,
    "a negative size": header("x", 0, tarfile.XHDTYPE)[:124]
    + b"\xff" * 12
    + header("x", 0, tarfile.XHDTYPE)[136:],
    "no archive": b"import this\n" * 1000,
    "nothing": b"",
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_an_archive_that_means_harm_is_refused_at_little_cost(harm: str, archive: Archive) -> None:
    package = archive(HARMFUL[harm] + END)
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(Unsupported) as caught:
            member(package, "flow.py")
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 20
    assert str(caught.value).endswith(".")


def test_a_bomb_is_not_unpacked_to_its_end(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_package, "MAX_UNPACKED", 10 << 20)
    size = 64 << 20
    package = archive(header("big", size) + b"\0" * size + entry("flow.py", b"x") + END)
    assert package.stat().st_size < 1 << 20
    with pytest.raises(Unsupported, match="unpacked, more than the 10485760 bytes"):
        member(package, "flow.py")


def test_an_archive_of_countless_files_is_given_up(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_package, "MAX_MEMBERS", 100)
    package = archive(header("x") * 200 + entry("flow.py", b"x") + END)
    with pytest.raises(Unsupported, match="more than the 100 files"):
        member(package, "flow.py")


def test_what_is_not_compressed_as_metaflow_does_is_refused(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.add(FLOWS / "linear.py", "linear.py")
    package = tmp_path / "package"
    package.write_bytes(plain.getvalue())
    with pytest.raises(Unsupported, match="no archive as Metaflow makes them"):
        member(package, "linear.py")
