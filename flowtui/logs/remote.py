"""Asks S3, Azure and Google Cloud Storage for portions of a log; errors are sentences."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from flowtui.logs.sanitise import one_line
from flowtui.logs.stored import TailError

PORTION = 4 * 1024 * 1024
"""Bytes that are asked for at a time, so that a long log comes in portions."""

_CHUNK = 1024 * 1024
"""Bytes of an answer that are in memory at a time, where the library lets it come in chunks."""

_CONNECT_TIMEOUT = 4.0
_READ_TIMEOUT = 6.0
"""Seconds; with one more try a datastore that is away is known to be within 15."""

_CLIENT_SECONDS = 30.0
"""Age from which a failing S3 client is made anew: the person may have logged in by now."""

Ask = Callable[[int, bytes], Iterator[bytes]]
"""Bytes from an offset on, which begin with those that were there when it was asked before."""


class Missing(Exception):  # noqa: N818
    """There is no such object, at least not yet."""


class Remote:
    """One log in a datastore of the kind `s3`, `azure`, `gs`, or of one that an extension brings.

    Of the first three only a range is asked for. Of others, and where Metaflow or its packages are
    not as expected here, `storage`, Metaflow's class for the datastore, loads the whole file.
    """

    def __init__(self, storage: Any, root: str, path: str) -> None:
        """`path` is below `root`, the datastore's. Does no I/O."""
        self._kind = str(storage.TYPE)
        self._url = str(storage.path_join(root, path))
        self._whole = partial(_whole, storage, root, path)
        self._ask: Ask | None = None

    def __str__(self) -> str:
        return one_line(self._url)

    def ask(self, start: int, known: bytes) -> Generator[bytes, None, None]:
        """What is there from `start` on now, `known` when it was asked before; nothing at the end.

        At most `PORTION` bytes more than `known`, where a range can be asked for. Raises Missing
        and TailError.
        """
        try:
            if self._ask is None:
                self._ask = self._prepared()
            yield from self._ask(start, known)
        except Missing:
            raise
        except Exception as error:
            codes = _codes(error)
            if codes & _BEHIND_THE_END:
                return
            if _MISSING.get(self._kind) in codes:
                raise Missing from error
            if self._kind == "s3":
                _s3.failed()
            raise TailError(f"{self} cannot be read: {_reason(self._kind, error)}") from error

    def _prepared(self) -> Ask:
        try:
            return _RANGES[self._kind](self._url)
        except (KeyError, ImportError, AttributeError, TypeError):
            return self._whole


def _s3_ranges(url: str) -> Ask:
    """Asks as Metaflow's `S3Tail` does, but not for all that is left, and without its 8 tries.

    Needs `get_s3_client` of `metaflow.plugins.datatools.s3.s3util`.
    """
    bucket, _, key = url.partition("://")[2].partition("/")
    _s3.client()

    def ask(start: int, known: bytes) -> Iterator[bytes]:
        last = start + len(known) + PORTION - 1
        answer = _s3.client().get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{last}")
        with closing(answer["Body"]) as body:
            # What stands in between may answer with the whole object.
            before = 0 if "ContentRange" in answer else start
            while chunk := body.read(_CHUNK):
                yield chunk[before:]
                before = max(0, before - len(chunk))

    return ask


class _S3Client:
    """The one S3 client, which is thread-safe and costs 0.1 s: Metaflow's, but impatient."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._made = 0.0

    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _impatient_s3_client()
                self._made = time.monotonic()
            return self._client

    def failed(self) -> None:
        """Make another one next time, unless this one was made just now."""
        with self._lock:
            if time.monotonic() - self._made > _CLIENT_SECONDS:
                self._client = None


_s3 = _S3Client()


def _impatient_s3_client() -> Any:
    from metaflow.metaflow_config import DATATOOLS_CLIENT_PARAMS
    from metaflow.plugins.datatools.s3.s3util import get_s3_client

    try:
        from botocore.config import Config
    except ImportError:
        # Metaflow says what is to be installed.
        return get_s3_client()[0]
    configured = DATATOOLS_CLIENT_PARAMS.get("config") or Config()
    if not isinstance(configured, Config):
        configured = Config(**configured)
    config = configured.merge(
        Config(
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
    )
    client, _ = get_s3_client(s3_client_params={**DATATOOLS_CLIENT_PARAMS, "config": config})
    return client


def _azure_ranges(url: str) -> Ask:
    """Needs `_blob_client` of Metaflow's `AzureTail`; that class prints its errors."""
    from metaflow.mflog import get_log_tailer

    blob = get_log_tailer(url, "azure")._blob_client

    def ask(start: int, known: bytes) -> Iterator[bytes]:
        yield blob.download_blob(
            offset=start,
            length=len(known) + PORTION,
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            retry_total=0,
        ).readall()

    return ask


def _gs_ranges(url: str) -> Ask:
    """Needs `bucket` and `blob_name` of Metaflow's `GSTail`; that class prints its errors."""
    from metaflow.mflog import get_log_tailer

    tailer = get_log_tailer(url, "gs")
    bucket, name = tailer.bucket, tailer.blob_name

    def ask(start: int, known: bytes) -> Iterator[bytes]:
        # Anew each time, as Metaflow does: an object that was asked before gives the same again.
        yield bucket.blob(name).download_as_bytes(
            start=start,
            end=start + len(known) + PORTION - 1,
            timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
            retry=None,
        )

    return ask


_RANGES: Mapping[str, Callable[[str], Ask]] = {
    "s3": _s3_ranges,
    "azure": _azure_ranges,
    "gs": _gs_ranges,
}


def _whole(storage: Any, root: str, path: str, start: int, known: bytes) -> Iterator[bytes]:
    """Loads the file, unless it is as long as it was, and gives what is new in it."""
    store = storage(root)
    end = start + len(known)
    if end and _size(store, path) == end:
        yield known
        return
    with store.load_bytes([path]) as loaded:
        file = next((file for _, file, _ in loaded if file is not None), None)
        if file is None:
            raise Missing
        with Path(file).open("rb") as content:
            content.seek(start)
            while chunk := content.read(_CHUNK):
                yield chunk


def _size(store: Any, path: str) -> int | None:
    try:
        size: int | None = store.size_file(path)
    except NotImplementedError:
        return None
    return size


_BEHIND_THE_END = {"InvalidRange", "416"}
_MISSING = {"s3": "NoSuchKey", "azure": "BlobNotFound", "gs": "404"}
_NO_PLACE = {"NoSuchBucket", "ContainerNotFound"}
_DENIED = {"AccessDenied", "403"}
_WRONG_CREDENTIALS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "401",
    "AuthenticationFailed",
}  # fmt: skip

# By name: the packages that define them are there or not. Of boto3, Azure's and Google's.
_NO_ANSWER = {
    "HTTPClientError", "ServiceRequestError", "ServiceResponseError", "ConnectionError", "Timeout",
}  # fmt: skip
_NOT_LOGGED_IN = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "SSOError",
    "TokenRetrievalError", "ProfileNotFound", "ClientAuthenticationError", "GoogleAuthError",
}  # fmt: skip

_LOG_IN = {
    "s3": "Log in to AWS, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "azure": "Log in with `az login`, or set the AZURE_* variables.",
    "gs": "Log in with `gcloud auth application-default login`.",
}
_ADDRESS = {
    "s3": "the network and METAFLOW_S3_ENDPOINT_URL",
    "azure": "the network and METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
}


def _reason(kind: str, error: Exception) -> str:
    """What went wrong and what to do, in sentences that go on after a colon."""
    names = {base.__name__ for base in type(error).__mro__}
    codes = _codes(error)
    if names & _NO_ANSWER:
        return f"no answer. Check {_ADDRESS.get(kind, 'the network')}."
    if codes & _NO_PLACE:
        return "there is no such bucket or container. Are these the right credentials?"
    said = _said(error)
    if names & _NOT_LOGGED_IN or codes & _WRONG_CREDENTIALS:
        return f"{said}. {_LOG_IN.get(kind, 'Check the credentials.')}"
    if codes & _DENIED:
        return (
            f"{said}. The credentials must be allowed to read logs and to list what is there; "
            "unless they may list, a log that is not there yet is denied too."
        )
    return f"{said}."


def _said(error: Exception) -> str:
    """The first line of an error's message, without the full stop."""
    response, told = getattr(error, "response", None), None
    if isinstance(response, Mapping):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        told = response.get("Error", {}).get("Message") or f"HTTP status {status}, without a reason"
    # Metaflow's own errors have a headline, and some nothing else.
    told = told or getattr(error, "message", None) or str(error) or getattr(error, "headline", "")
    return one_line(str(told).strip().partition("\n")[0]).rstrip(".") or type(error).__name__


def _codes(error: Exception) -> set[str]:
    """The error codes in an error of boto3, Azure's or Google's library, HTTP status included."""
    found = [getattr(error, name, None) for name in ("error_code", "status_code", "code")]
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        found.append(response.get("Error", {}).get("Code"))
        found.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    return {str(getattr(code, "value", code)) for code in found if code is not None}
