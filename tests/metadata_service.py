"""A metadata service on this machine that Metaflow can run flows against, and that can fail.

By hand: `python -m tests.metadata_service --port 8080 --db metadata.db`, then run a flow with
METAFLOW_DEFAULT_METADATA=service and METAFLOW_SERVICE_URL set to the address it prints.
"""

from __future__ import annotations

import argparse
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self

from tests.metadata_service_answers import NOT_FOUND, Answer
from tests.metadata_service_api import MetadataApi
from tests.metadata_service_grow import grow
from tests.metadata_service_store import MetadataStore
from tests.runs import eventually

Fault = Literal["500", "503", "404", "slow", "garbage", "login", "reset"]

_LOGIN_PAGE = "<!DOCTYPE html><html><body><form>Sign in to continue</form></body></html>"
_FAULTY_ANSWERS = {
    "500": Answer('{"detail": "out of order", "status": 500}', 500),
    "503": Answer("503 Service Temporarily Unavailable", 503, versioned=False),
    "404": NOT_FOUND,
    "garbage": Answer('[{"flow_id": "Catch\0', 200),
    "login": Answer(_LOGIN_PAGE, 200, {"Content-Type": "text/html"}, versioned=False),
}


class MetadataService:
    """The service: where it is, what was asked of it, and how it misbehaves.

    `fault` is how it answers from now on, `delay` the seconds that "slow" takes before it answers
    all the same; both concern the requests whose path contains a match of `fault_on`. `ahead` is by
    how many seconds its clock is ahead, `key` what `x-api-key` has to be, if anything. `requests`
    lists method and target of every request since `reset`, `counts` counts them by endpoint
    (`GET /flows/{flow}/runs`).
    """

    def __init__(
        self,
        version: str = "2.5.1",
        *,
        paging: bool = True,
        filtered_tasks: bool = True,
        db: Path | None = None,
        port: int = 0,
    ) -> None:
        self.version = version
        self.store = MetadataStore(db)
        self.fault: Fault | None = None
        self.fault_on = ""
        self.delay = 1.0
        self.ahead = 0.0
        self.key: str | None = None
        self.requests: list[str] = []
        self.counts: Counter[str] = Counter()
        self._api = MetadataApi(self.store, version, paging, filtered_tasks)
        self._port = port
        self._recording = threading.Lock()
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self._thread = threading.Thread()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """What points Metaflow at this service."""
        return {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": self.url}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.store.close()

    def start(self) -> None:
        """Listen, on the same port as before if it has been stopped."""
        self._stopping.clear()
        self._server = _Server(self, self._port)
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Drop every connection and accept none; the rows stay."""
        if self._server is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_connections()
        self._thread.join()
        self._server = None

    def reset(self) -> None:
        """Count requests from zero."""
        with self._recording:
            self.requests.clear()
            self.counts.clear()

    def bulk(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Add rows to flows, runs, steps, tasks, metadata or artifacts, ids and times included."""
        self.store.bulk(table, rows)

    def grow(self, run: str, step: str, n: int) -> None:
        """Make a finished run's foreach step `n` tasks wide; see `tests.metadata_service_grow`."""
        grow(self.store, run, step, n)

    def answer(self, method: str, target: str, body: bytes) -> Answer | None:
        """The answer to a request as things are; None to cut the connection."""
        fault = self.fault if re.search(self.fault_on, target) else None
        endpoint, answer = "", None
        if fault == "slow":
            self._stopping.wait(self.delay)
        if fault in (None, "slow"):
            endpoint, answer = self._api.answer(method, target, body)
        elif fault != "reset":
            answer = _FAULTY_ANSWERS[fault]
        with self._recording:
            self.requests.append(f"{method} {target}")
            self.counts[endpoint or f"{method} {fault}"] += 1
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, service: MetadataService, port: int) -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._open):
            _cut(connection)
        # A handler that has yet to wake up would still answer.
        eventually(lambda: not self._open, "every connection has been let go of")

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError | OSError | ValueError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer: head and body apart would meet the delayed acknowledgement (40 ms).
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        service = self.server.service
        if service.key is not None and self.headers.get("x-api-key") != service.key:
            self.send_error(403)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = service.answer(self.command, self.path, body)
        if answer is None:
            self.close_connection = True
            _cut(self.connection)
            return
        content = answer.text.encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "text/plain; charset=utf-8", **answer.headers}
        if answer.versioned:
            headers["METADATA_SERVICE_VERSION"] = service.version
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(int(time.time() + self.server.service.ahead))

    do_POST = do_GET  # noqa: N815
    do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def _cut(connection: socket.socket) -> None:
    """Reset a connection: the other side gets an error, not an end."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closed for good once its handler, woken by the shutdown, lets go of it.
        connection.close()
        connection.shutdown(socket.SHUT_RD)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A metadata service for Metaflow, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--db", type=Path, help="SQLite file; in memory without it")
    parser.add_argument("--version", default="2.5.1", help="the version it says it is")
    parser.add_argument("--no-paging", action="store_true", help="ignore _limit and _cursor")
    parser.add_argument("--no-filtered-tasks", action="store_true", help="filtered_tasks is 404")
    given = parser.parse_args()
    with MetadataService(
        given.version,
        paging=not given.no_paging,
        filtered_tasks=not given.no_filtered_tasks,
        db=given.db,
        port=given.port,
    ) as service:
        print(service.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
