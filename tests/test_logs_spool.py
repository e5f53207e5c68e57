"""A log in a remote datastore is copied byte by byte, in portions, and no byte twice."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flowtui.logs import remote
from flowtui.logs.remote import PORTION, Remote
from flowtui.logs.spool import Spool
from flowtui.logs.stored import TailError
from tests.s3 import CREDENTIALS, Bucket, Trouble, bucket

__all__ = ["bucket"]

LOG = "Flow/1/start/1/0.task_stdout.log"


def storage(kind: str) -> Any:
    from metaflow.plugins import DATASTORES

    return next(storage for storage in DATASTORES if kind == storage.TYPE)


def spool_of(bucket: Bucket) -> Spool:
    return Spool(Remote(storage("s3"), bucket.root, LOG))


def read_all(spool: Spool) -> bytes:
    """Look until nothing is new; what there is then."""
    size = -1
    while (now := spool.look() or 0) != size:
        size = now
    return spool.read(0, size + 1)


def test_there_is_nothing_until_the_log_is_there(bucket: Bucket) -> None:
    spool = spool_of(bucket)
    assert spool.look() is None
    assert spool.read(0, 10) == b""
    bucket.put(LOG, b"")
    assert spool.look() == 0
    bucket.put(LOG, b"one\n")
    assert spool.look() == 4
    assert spool.read(0, 100) == b"one\n"
    assert spool.read(1, 2) == b"ne"
    assert spool.read(4, 10) == b""


@pytest.mark.parametrize("content", [b"a\x00b\r\n\xff\xfe\n\n\x1b[31mend", b"\n", b"no newline"])
def test_a_log_that_grows_byte_by_byte_is_copied_as_it_is(bucket: Bucket, content: bytes) -> None:
    spool = spool_of(bucket)
    for size in range(1, len(content) + 1):
        bucket.put(LOG, content[:size])
        assert spool.look() == size
        assert spool.read(0, 1000) == content[:size]
    assert spool.look() == len(content)


def test_only_what_is_new_is_fetched(bucket: Bucket) -> None:
    spool = spool_of(bucket)
    old, new = b"x" * 999 + b"\n", b"y" * 100 + b"\n"
    bucket.put(LOG, old * 100)
    spool.look()
    bucket.asked()
    bucket.put(LOG, old * 100 + new)
    bucket.asked()
    assert spool.look() == 100_101
    (answer,) = bucket.asked()
    assert (answer.method, answer.status, answer.size) == ("GET", 206, 256 + 101)
    assert spool.look() == 100_101
    (answer,) = bucket.asked()
    assert answer.size == 256
    assert spool.read(0, 200_000) == old * 100 + new


def test_a_long_log_comes_in_portions(bucket: Bucket) -> None:
    content = os.urandom(2 * PORTION) + b"end\n"
    bucket.put(LOG, content)
    spool = spool_of(bucket)
    assert [spool.look() for _ in range(4)] == [
        PORTION,
        2 * PORTION,
        2 * PORTION + 4,
        2 * PORTION + 4,
    ]
    assert spool.read(0, 3 * PORTION) == content
    assert max(answer.size for answer in bucket.asked()) == PORTION + 256


def test_one_line_of_100_mb_costs_a_few_megabytes_of_memory(bucket: Bucket) -> None:
    size = 100_000_000
    bucket.put(LOG, b"x" * size)
    script = """
import resource, sys
from metaflow.plugins import DATASTORES
from flowtui.logs.remote import Remote
from flowtui.logs.spool import Spool
(storage,) = (storage for storage in DATASTORES if storage.TYPE == "s3")
spool = Spool(Remote(storage, sys.argv[1], sys.argv[2]))
spool.look()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = int(sys.argv[3])
while spool.look() < size: pass
print(spool.read(size - 2, 9), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    reader = subprocess.run(
        [sys.executable, "-c", script, bucket.root, LOG, str(size)],
        env=os.environ | CREDENTIALS | {"METAFLOW_S3_ENDPOINT_URL": bucket.server.url},
        capture_output=True,
        check=True,
        timeout=100,
    )
    end, kilobytes = reader.stdout.split()
    assert end == b"b'xx'"
    assert int(kilobytes) < 20_000
    assert len(bucket.asked()) < 2 * size / PORTION


@pytest.mark.parametrize(
    "other", [b"", b"short\n", b"other lines, as long\n", b"other lines, and more of them\n"]
)
def test_a_log_that_was_replaced_is_read_again_from_its_start(bucket: Bucket, other: bytes) -> None:
    spool = spool_of(bucket)
    bucket.put(LOG, b"lines that were first\n")
    assert spool.look() == 22
    bucket.put(LOG, other)
    assert spool.look() == 0
    assert spool.read(0, 100) == b""
    assert spool.look() == len(other)
    assert spool.read(0, 100) == other


def test_a_log_that_is_deleted_is_missed_and_stays_readable(bucket: Bucket) -> None:
    spool = spool_of(bucket)
    bucket.put(LOG, b"one\n")
    spool.look()
    bucket.delete(LOG)
    for _ in range(2):
        with pytest.raises(TailError, match=r"^s3://.*/0\.task_stdout\.log has been deleted; "):
            spool.look()
        assert spool.read(0, 10) == b"one\n"
    bucket.put(LOG, b"one\ntwo\n")
    assert spool.look() == 8
    assert spool.read(0, 10) == b"one\ntwo\n"


def test_a_server_that_knows_no_ranges_is_understood(bucket: Bucket) -> None:
    bucket.server.trouble = Trouble(no_ranges=True)
    spool = spool_of(bucket)
    content = b"".join(b"line %d\n" % number for number in range(200_000))
    for part in (content[:1000], content[:1001], content):
        bucket.put(LOG, part)
        assert read_all(spool) == part


def test_an_answer_that_breaks_off_is_gone_on_with(bucket: Bucket) -> None:
    spool = spool_of(bucket)
    content = os.urandom(3_000_000)
    bucket.put(LOG, content)
    bucket.server.trouble = Trouble(cut_after=1_500_000)
    with pytest.raises(TailError, match="cannot be read"):
        spool.look()
    bucket.server.trouble = Trouble()
    assert read_all(spool) == content


def test_what_is_read_while_more_comes_is_right(bucket: Bucket) -> None:
    content = os.urandom(3 * PORTION)
    bucket.put(LOG, content)
    spool = spool_of(bucket)
    wrong: list[int] = []
    done = threading.Event()

    def reader() -> None:
        for offset in itertools.cycle(range(0, len(content), 700_001)):
            if done.is_set():
                return
            data = spool.read(offset, 1000)
            if data != content[offset : offset + len(data)]:
                wrong.append(offset)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert read_all(spool) == content
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_closing_leaves_no_file_and_asks_no_more(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def held() -> list[str]:
        found = [
            os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()
        ]
        return [target for target in found if target.startswith(str(tmp_path))]

    bucket.put(LOG, b"one\n")
    spool = spool_of(bucket)
    spool.look()
    assert len(held()) == 1
    assert list(tmp_path.iterdir()) == []
    spool.close()
    assert held() == []
    bucket.asked()
    assert spool.look() is None
    assert spool.read(0, 10) == b""
    assert bucket.asked() == []


def test_a_full_disk_is_told_and_nothing_comes_twice(bucket: Bucket) -> None:
    content = os.urandom(3_000_000)
    bucket.put(LOG, content)
    spool = spool_of(bucket)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    try:
        for _ in range(2):
            with pytest.raises(
                TailError, match=r"cannot be kept in .*: file too large\. Make room"
            ):
                spool.look()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_all(spool) == content


def test_a_folder_for_temporary_files_that_is_gone_is_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    bucket.put(LOG, b"one\n")
    with pytest.raises(TailError, match=r"cannot be kept in .*/gone: no such file or directory"):
        spool_of(bucket).look()


def complaint(spool: Spool) -> str:
    with pytest.raises(TailError) as raised:
        spool.look()
    return str(raised.value)


def test_a_bucket_that_is_not_there_is_told(bucket: Bucket) -> None:
    spool = Spool(Remote(storage("s3"), "s3://no-such-bucket/metaflow", LOG))
    assert complaint(spool) == (
        f"s3://no-such-bucket/metaflow/{LOG} cannot be read: there is no such bucket or "
        "container. Are these the right credentials?"
    )


REFUSED = "<Error><Code>{}</Code><Message>{}</Message></Error>"


def test_a_log_that_may_not_be_read_is_told(bucket: Bucket) -> None:
    bucket.put(LOG, b"one\n")
    refused = REFUSED.format("AccessDenied", "Access Denied")
    bucket.server.trouble = Trouble(refuse=("403 Forbidden", refused.encode()))
    spool = spool_of(bucket)
    assert complaint(spool).startswith(
        f"{bucket.root}/{LOG} cannot be read: Access Denied. The credentials must be allowed"
    )
    bucket.server.trouble = Trouble()
    assert read_all(spool) == b"one\n"


def test_a_server_that_is_no_s3_is_not_taken_for_a_log_that_is_not_there(bucket: Bucket) -> None:
    bucket.server.trouble = Trouble(refuse=("404 Not Found", b"<html>nothing here</html>"))
    assert "cannot be read: HTTP status 404" in complaint(spool_of(bucket))


def test_credentials_that_are_wrong_are_told_and_new_ones_taken(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = REFUSED.format("ExpiredToken", "The token has expired.")
    bucket.server.trouble = Trouble(refuse=("400 Bad Request", refused.encode()))
    spool = spool_of(bucket)
    assert "The token has expired. Log in to AWS" in complaint(spool)
    first = remote._s3.client()
    monkeypatch.setattr(remote, "_CLIENT_SECONDS", 0.0)
    complaint(spool)
    assert remote._s3.client() is not first


def test_what_a_server_says_is_made_safe(bucket: Bucket) -> None:
    said = REFUSED.format("Odd", "\u202eline one \u009b31mred\nline two " + "x" * 9000)
    bucket.server.trouble = Trouble(refuse=("400 Bad Request", said.encode()))
    sentence = complaint(spool_of(bucket))
    assert sentence == f"{bucket.root}/{LOG} cannot be read: \ufffdline one red."


def test_credentials_that_are_missing_are_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    sentence = complaint(spool_of(bucket))
    assert sentence.endswith(
        "Unable to locate credentials. Log in to AWS, or set AWS_PROFILE or AWS_ACCESS_KEY_ID "
        "and AWS_SECRET_ACCESS_KEY."
    )


def test_an_endpoint_that_is_not_there_is_told(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from metaflow import metaflow_config

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setitem(metaflow_config.DATATOOLS_CLIENT_PARAMS, "endpoint_url", url)
        started = time.monotonic()
        assert complaint(spool_of(bucket)).endswith(
            "no answer. Check the network and METAFLOW_S3_ENDPOINT_URL."
        )
        assert time.monotonic() - started < 10


def test_an_endpoint_that_never_answers_is_told(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from metaflow import metaflow_config

    monkeypatch.setattr(remote, "_READ_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setitem(metaflow_config.DATATOOLS_CLIENT_PARAMS, "endpoint_url", url)
        started = time.monotonic()
        assert "no answer" in complaint(spool_of(bucket))
        # Twice 0.5 s, at most 1 s in between, and what a client takes to be made.
        assert time.monotonic() - started < 10


def test_a_datastore_of_an_extension_is_read_by_its_own_class(tmp_path: Path) -> None:
    loads = []

    class OtherStorage(storage("local")):  # type: ignore[misc]
        """Metaflow's local storage, by a kind for which nothing else is known."""

        TYPE = "other"

        def load_bytes(self, paths: list[str]) -> Any:
            loads.append(paths)
            return super().load_bytes(paths)

    spool = Spool(Remote(OtherStorage, str(tmp_path), LOG))
    assert spool.look() is None
    file = tmp_path / LOG
    file.parent.mkdir(parents=True)
    content = b"".join(b"line %d\n" % number for number in range(500_000))
    for part in (content[:10], content[:1000], content):
        file.write_bytes(part)
        assert spool.look() == len(part)
        assert spool.read(0, len(part) + 1) == part
    loads.clear()
    assert spool.look() == len(content)
    assert loads == []
    file.write_bytes(b"short")
    assert spool.look() == 0
    assert spool.look() == 5
    shutil.rmtree(file.parent)
    with pytest.raises(TailError, match="has been deleted"):
        spool.look()


@pytest.mark.parametrize(
    ("kind", "package", "root"),
    [("azure", "azure.storage", "container/metaflow"), ("gs", "google.cloud", "gs://b/metaflow")],
)
def test_without_the_packages_of_a_cloud_the_log_says_what_to_install(
    kind: str, package: str, root: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if find_spec(package.partition(".")[0]) is not None:
        pytest.skip(f"{package} may be installed")
    sentence = complaint(Spool(Remote(storage(kind), root, LOG)))
    assert sentence.startswith(f"{root}/{LOG} cannot be read: ")
    assert "Missing required packages" in sentence
    assert capfd.readouterr() == ("", "")
