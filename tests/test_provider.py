"""Which provider is read, and one clear sentence for each way in which it can fail."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flowtui.model import Target
from flowtui.sources import impatient as module
from flowtui.sources.base import NotFound, SourceError, Unreachable, Unsupported
from flowtui.sources.provider import Provider
from flowtui.sources.registry import Where, open_source
from tests.runs import RecordedRun


@pytest.fixture
def local(runs: dict[str, RecordedRun]) -> Provider:
    return Provider(f"local@{runs['linear'].root}", "")


def sentence(error: SourceError) -> str:
    """The message, which must be one line that ends like a sentence."""
    text = str(error)
    assert text.isprintable()
    assert text.endswith((".", "?"))
    return text


# Runs by name


def test_a_run_is_found_by_its_id_and_as_the_newest(
    local: Provider, runs: dict[str, RecordedRun]
) -> None:
    by_id = Target("LinearFlow", runs["linear"].run, "middle", "2")
    assert local.resolve(by_id) == by_id
    newest = max(runs["failed"].run, runs["resumed"].run)
    assert local.resolve(Target("FailedFlow", "@latest", "train")) == Target(
        "FailedFlow", newest, "train"
    )


@pytest.mark.parametrize("run", ["1", "@latest"])
def test_an_unknown_flow_is_answered_with_the_nearest_or_with_all(
    local: Provider, run: str
) -> None:
    with pytest.raises(NotFound) as near:
        local.resolve(Target("LinearFlo", run))
    assert sentence(near.value).startswith("There is no flow 'LinearFlo' in local@")
    assert sentence(near.value).endswith("Did you mean LinearFlow?")
    with pytest.raises(NotFound) as far:
        local.resolve(Target("Xyz", run))
    assert "Known flows: BranchFlow, CatchFlow, " in sentence(far.value)
    assert sentence(far.value).endswith(" more.")


def test_an_unknown_run_is_answered_with_the_newest_ones(
    local: Provider, runs: dict[str, RecordedRun]
) -> None:
    with pytest.raises(NotFound) as found:
        local.resolve(Target("FailedFlow", "77"))
    first, second = sorted((runs["failed"].run, runs["resumed"].run), reverse=True)
    assert sentence(found.value).startswith(
        f"Flow FailedFlow has no run '77'. Newest runs: {first}, {second}"
    )


def test_a_namespace_hides_what_is_outside_of_it(runs: dict[str, RecordedRun]) -> None:
    root, run = runs["linear"].root, runs["linear"].run
    inside = Provider(f"local@{root}", "user:tester")
    assert inside.resolve(Target("LinearFlow", "@latest")).run
    outside = Provider(f"local@{root}", "user:nobody")
    for target, says in (
        (Target("LinearFlow", run), f"Run LinearFlow/{run} is not in namespace 'user:nobody'. "),
        (Target("LinearFlow", "@latest"), "has no runs in namespace 'user:nobody'. "),
    ):
        with pytest.raises(NotFound) as found:
            outside.resolve(target)
        assert says in sentence(found.value)
        assert "Pass --namespace ''" in sentence(found.value)
    with pytest.raises(NotFound, match="It has no runs in this namespace"):
        outside.resolve(Target("LinearFlow", "77"))


def test_an_empty_root_holds_no_runs_yet(tmp_path: Path) -> None:
    (tmp_path / ".metaflow").mkdir()
    with pytest.raises(NotFound) as found:
        Provider(f"local@{tmp_path}", "").resolve(Target("F", "@latest"))
    assert sentence(found.value) == (
        f"There is no flow 'F': local@{tmp_path}/.metaflow holds no runs yet."
    )


# Providers that cannot be had


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        (Where(metadata="magic@x"), Unsupported, "There is no metadata provider 'magic'. Pass"),
        (Where(metadata=""), Unsupported, "There is no metadata provider ''. Pass"),
        (Where(metadata="local@/no/where"), NotFound, "No Metaflow metadata in /no/where: it has"),
    ],
)
def test_a_provider_that_does_not_exist_is_named(
    where: Where, error: type[SourceError], says: str
) -> None:
    with pytest.raises(error) as found:
        open_source(Target("F", "1"), where)
    assert sentence(found.value).startswith(says)


# A service that fails


class _Answers(BaseHTTPRequestHandler):
    """Answers every request with the server's `status` and `body`."""

    server: _Server

    def do_GET(self) -> None:
        ping = self.path == "/ping"
        body = b"pong" if ping else self.server.body
        self.send_response(200 if ping else self.server.status)
        self.send_header("METADATA_SERVICE_VERSION", "2.5.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on stderr."""


class _Server(ThreadingHTTPServer):
    status = 200
    body = b""
    daemon_threads = True


@contextmanager
def service(body: bytes, status: int = 200) -> Iterator[str]:
    """A server that lives, but whose answers are all the same."""
    with _Server(("127.0.0.1", 0), _Answers) as server:
        server.body, server.status = body, status
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"service@http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


STRANGE = "does not answer as a metadata provider does. Is the address right?"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"<html>\n<h1>oops\x1b[2J</h1>", "answers with an error, HTTP status 500."),
        (403, b"forbidden", "answers with an error, HTTP status 403."),
        (200, b"<!doctype html><title>Log in</title>", STRANGE),
        (200, b"\x00\xff garbage", STRANGE),
        (200, b"", STRANGE),
        (200, b'"a text"', STRANGE),
        (200, b"17", STRANGE),
    ],
)
@pytest.mark.parametrize("run", ["1", "@latest"])
def test_a_service_that_answers_nonsense_is_unreachable(
    status: int, body: bytes, says: str, run: str
) -> None:
    with service(body, status) as address:
        provider = Provider(address, "")
        with pytest.raises(Unreachable) as found:
            provider.resolve(Target("F", run))
    assert sentence(found.value).endswith(says)
    assert sentence(found.value).startswith("service@http://127.0.0.1:")


def test_a_list_is_no_run() -> None:
    with service(b"[1, 2]") as address, pytest.raises(Unreachable, match="Is the address right"):
        Provider(address, "").resolve(Target("F", "1"))


def test_rows_without_their_id_are_passed_over() -> None:
    rows = [{"run_number": 7, "ts_epoch": 1}, {"ts_epoch": 9}, "x", None, {"run_number": None}]
    with service(json.dumps(rows).encode()) as address:
        assert Provider(address, "").resolve(Target("F", "@latest")).run == "7"


def test_a_service_without_the_flow_is_not_out_of_reach() -> None:
    with service(b"[]", 404) as address, pytest.raises(NotFound, match="There is no flow 'F'"):
        Provider(address, "").resolve(Target("F", "1"))


def test_a_closed_port_is_told_in_a_second_not_after_metaflows_retries() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"service@http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(Unreachable) as found:
        Provider(address, "")
    assert sentence(found.value).startswith(f"{address} does not answer: ")


def test_a_service_that_goes_away_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(b"[]") as address:
        provider = Provider(address, "")
    monkeypatch.setattr(module, "TIMEOUT", 0.5)
    with pytest.raises(Unreachable) as found:
        provider.resolve(Target("F", "1"))
    assert sentence(found.value).startswith(f"{address} does not answer: no ")


def test_a_service_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"service@http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Unreachable) as found:
            Provider(address, "")
    assert sentence(found.value).startswith(f"{address} does not answer: ")


def test_the_environment_of_a_service_leads_a_flow_to_it() -> None:
    with service(b"[]") as address:
        assert Provider(address, "").environment() == {
            "METAFLOW_DEFAULT_METADATA": "service",
            "METAFLOW_SERVICE_URL": address.removeprefix("service@"),
        }
