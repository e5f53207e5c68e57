"""A metaflow-service on this machine: serves recorded runs, until it is told to stop answering."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ATTEMPT = re.compile(r"/attempt/(\d+)")


class Service:
    """The service: `url` is its address; cleared, `answers` makes requests wait, except pings.

    `asked` is set once a request waits.
    """

    def __init__(self, root: Path) -> None:
        self.url = ""
        self.answers, self.asked = threading.Event(), threading.Event()
        self.answers.set()
        self._root = root

    def environment(self) -> dict[str, str]:
        """The variables that make Metaflow use this service."""
        return {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": self.url}

    def respond(self, path: str) -> Any:
        """What a path of the API gives; None for not found."""
        if path == "/ping":
            return "pong"
        if not self.answers.is_set():
            self.asked.set()
            self.answers.wait()
        # `/flows/F/runs/R/steps` asks for what lies in F/R on disk.
        of_attempt = _ATTEMPT.search(path)
        attempt = of_attempt[1] if of_attempt else "*"
        parts = _ATTEMPT.sub("", path).partition("?")[0].strip("/").split("/")
        kind = parts[-1] if len(parts) % 2 else parts[-2]
        folder = self._root.joinpath(".metaflow", *parts[1:8:2])
        if len(parts) % 2:
            pattern = {
                "metadata": "_meta/sysmeta_*.json",
                "artifacts": f"_meta/{attempt}_artifact_*.json",
            }.get(kind, "*/_meta/_self.json")
            return [json.loads(row.read_text()) for row in sorted(folder.glob(pattern))]
        name = f"{attempt}_artifact_{parts[-1]}" if kind == "artifacts" else "_self"
        found = sorted(folder.glob(f"_meta/{name}.json"))
        return json.loads(found[-1].read_text()) if found else None


@contextmanager
def metaflow_service(root: Path) -> Iterator[Service]:
    """A service over the local metadata under `root`."""
    service = Service(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = service.respond(self.path)
            body = json.dumps(found).encode()
            # Whoever asked may have left while the answer was held back.
            with suppress(OSError):
                self.send_response(404 if found is None else 200)
                self.send_header("METADATA_SERVICE_VERSION", "2.4.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()
