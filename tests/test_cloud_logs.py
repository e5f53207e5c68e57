"""Logs in Azure and Google Cloud Storage, by their own libraries over HTTP.

The libraries are large and no dependency of the tests: `pip install azure-storage-blob
azure-identity google-cloud-storage` lets these run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from flowtui.logs.remote import PORTION, Remote
from flowtui.logs.spool import Spool
from flowtui.logs.stored import TailError

LOG = "Flow/1/start/1/0.task_stdout.log"


class Blob(ThreadingHTTPServer):
    """Serves one object, whatever is asked for: of Azure's and Google's answers what is needed."""

    content: bytes | None = None
    refuse: int | None = None

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is none."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.ranges: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Blob

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""

    def do_GET(self) -> None:
        content = self.server.content
        wanted = self.headers.get("x-ms-range") or self.headers.get("Range")
        bounds = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "")
        if self.server.refuse:
            self._answer(self.server.refuse, b"\x1b[31mno")
        elif content is None:
            self._answer(404, b"", ("x-ms-error-code", "BlobNotFound"))
        elif bounds is None:
            # Google's library looks at the bucket first.
            self._answer(200, b"{}", ("Content-Type", "application/json"))
        elif int(bounds[1]) >= len(content):
            self._answer(416, b"", ("x-ms-error-code", "InvalidRange"))
        else:
            self.server.ranges.append(bounds[0])
            start, part = int(bounds[1]), content[int(bounds[1]) : int(bounds[2]) + 1]
            end = start + len(part) - 1
            self._answer(206, part, ("Content-Range", f"bytes {start}-{end}/{len(content)}"))

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        fixed = (("Content-Length", str(len(body))), ("ETag", f'"{hash(body)}"'))
        for name, value in (*fixed, *headers, ("x-ms-blob-type", "BlockBlob")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(params=["azure", "gs"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A spool of the log, and the server that it is fetched from."""
    blob = Blob()
    if request.param == "azure":
        pytest.importorskip("azure.identity")
        credentials = pytest.importorskip("azure.core.credentials")
        factory: Any = pytest.importorskip("metaflow.plugins.azure.blob_service_client_factory")
        address = f"{blob.url}/account"
        monkeypatch.setattr(factory, "AZURE_STORAGE_BLOB_SERVICE_ENDPOINT", address)
        # A login goes over TLS only, a signature does not.
        signed = credentials.AzureSasCredential("sig=none")
        monkeypatch.setattr(factory, "create_cacheable_azure_credential", lambda: signed)
        root = "container/metaflow"
    else:
        auth = pytest.importorskip("google.auth")
        pytest.importorskip("google.cloud.storage")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", blob.url)
        nobody = pytest.importorskip("google.auth.credentials").AnonymousCredentials()
        monkeypatch.setattr(auth, "default", lambda *_, **__: (nobody, "project"))
        factory = pytest.importorskip("metaflow.plugins.gcp.gs_storage_client_factory")
        monkeypatch.setattr(factory, "_client_cache", {})
        root = "gs://bucket/metaflow"
    Thread(target=blob.serve_forever, daemon=True).start()
    from metaflow.plugins import DATASTORES

    (storage,) = (storage for storage in DATASTORES if request.param == storage.TYPE)
    yield Spool(Remote(storage, root, LOG)), blob
    blob.shutdown()
    blob.server_close()


def test_a_log_is_followed_and_no_byte_comes_twice(
    cloud: tuple[Spool, Blob], capfd: pytest.CaptureFixture[str]
) -> None:
    spool, blob = cloud
    assert spool.look() is None
    blob.content = b""
    assert spool.look() == 0
    content = b"one\n\xff\x00" + os.urandom(1000)
    for size in (6, 7, 1000, 1006):
        blob.content = content[:size]
        assert [spool.look(), spool.look()] == [size, size]
        assert spool.read(0, 2000) == content[:size]
    assert blob.ranges[-1] == f"bytes={1006 - 256}-{1006 + PORTION - 1}"
    blob.content = content = content + os.urandom(PORTION + 1)
    assert [spool.look(), spool.look()] == [1006 + PORTION, 1006 + PORTION + 1]
    assert spool.read(0, 2 * PORTION) == content
    blob.content = b"short\n"
    assert [spool.look(), spool.look()] == [0, 6]
    assert spool.read(0, 10) == b"short\n"
    blob.content = None
    with pytest.raises(TailError, match="has been deleted"):
        spool.look()
    assert spool.read(0, 10) == b"short\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_what_goes_wrong_is_raised_and_never_printed(
    cloud: tuple[Spool, Blob], status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    spool, blob = cloud
    blob.content = b"one\n"
    assert spool.look() == 4
    blob.refuse = status
    with pytest.raises(TailError) as raised:
        spool.look()
    sentence = str(raised.value)
    assert f"{LOG} cannot be read: " in sentence
    assert sentence.isprintable()
    blob.refuse = None
    assert spool.look() == 4
    assert spool.read(0, 10) == b"one\n"
    assert capfd.readouterr() == ("", "")


def test_an_address_at_which_no_one_is_is_told(cloud: tuple[Spool, Blob]) -> None:
    spool, blob = cloud
    blob.shutdown()
    blob.server_close()
    with pytest.raises(TailError, match=r"no answer\. Check the network"):
        spool.look()
