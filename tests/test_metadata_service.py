"""The tests' metadata service answers like metaflow-service 2.5.1, to Metaflow and to anyone."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.metadata_service import Fault, MetadataService
from tests.metadata_service_client import Reply, ask, shape, walk
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.metadata_service_store import as_text

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

TAGS = {"tags": [], "system_tags": ["str"]}
ROW = {"flow_id": "str", "user_name": "str", "ts_epoch": "int"}
FLOW = ROW | {"user_name": "null", "tags": "null", "system_tags": "null"}
RUN = ROW | TAGS | {"run_number": "int", "last_heartbeat_ts": "int", "user": "str"}
STEP = ROW | TAGS | {"run_number": "str", "step_name": "str"}
OF_STEP = ROW | {"run_number": "int", "step_name": "str", "task_id": "int"}
TASK = OF_STEP | TAGS | {"last_heartbeat_ts": "int"}
DATUM = dict.fromkeys(["field_name", "value", "type"], "str")
METADATA = OF_STEP | DATUM | {"id": "int", "tags": ["str"], "system_tags": "null"}
STORED = dict.fromkeys(["name", "location", "ds_type", "sha", "type", "content_type"], "str")
ARTIFACT = OF_STEP | TAGS | STORED | {"attempt_id": "int"}


@pytest.fixture(scope="session")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@pytest.fixture
def service(served: ServedRuns, tmp_path: Path) -> Iterator[MetadataService]:
    """Version 2.5.1 with the recorded runs, to be changed at will."""
    with MetadataService(db=served.database(tmp_path)) as service:
        yield service


@pytest.fixture
def run(served: ServedRuns) -> str:
    """The path of the run with the caught task."""
    flow, _, number = served.pathspecs["catch"].partition("/")
    return f"/flows/{flow}/runs/{number}"


def divide_tasks(service: MetadataService, run: str) -> list[int]:
    return [row["task_id"] for row in ask(service, f"{run}/steps/divide/tasks").body]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/flows", [FLOW]),
        ("/flows/CatchFlow", FLOW),
        ("/flows/CatchFlow/runs", [RUN]),
        ("{run}", RUN),
        ("{run}/steps", [STEP]),
        ("{run}/steps/divide", STEP),
        ("{run}/steps/divide/tasks", [TASK]),
        ("{run}/steps/divide/tasks/{task}", TASK),
        ("{run}/steps/divide/tasks/{task}/metadata", [METADATA]),
        ("{run}/metadata", [METADATA, METADATA | {"tags": []}]),
        ("{run}/artifacts", [ARTIFACT]),
        ("{run}/steps/divide/artifacts", [ARTIFACT]),
        ("{run}/steps/divide/tasks/{task}/artifacts", [ARTIFACT]),
        ("{run}/steps/divide/tasks/{task}/artifacts/_catch_exception", ARTIFACT),
        ("{run}/steps/divide/tasks/{task}/artifacts/_task_ok/attempt/0", ARTIFACT),
        ("{run}/steps/divide/filtered_tasks?metadata_field_name=attempt&pattern=%5E2%24", ["str"]),
    ],
)
def test_rows_have_the_keys_and_types_of_the_real_service(
    service: MetadataService, run: str, path: str, expected: object
) -> None:
    reply = ask(service, path.format(run=run, task=divide_tasks(service, run)[0]))
    assert reply.status == 200
    assert shape(reply.body) == expected
    assert reply.headers["METADATA_SERVICE_VERSION"] == "2.5.1"
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "X-Limit" not in reply.headers


def test_some_answers_leave_the_version_out(service: MetadataService, run: str) -> None:
    attempt = f"{run}/steps/divide/tasks/{divide_tasks(service, run)[0]}/attempt/0/artifacts"
    assert shape(ask(service, attempt).body) == [ARTIFACT]
    assert ask(service, "/ping").body == "pong"
    assert ask(service, "/version").body == "2.5.1"
    assert ask(service, f"{run}/tasks").body == "404: Not Found"
    versioned = {
        path: "METADATA_SERVICE_VERSION" in ask(service, path).headers
        for path in ("/ping", "/version", attempt, f"{run}/tasks")
    }
    assert versioned == {"/ping": True, "/version": False, attempt: False, f"{run}/tasks": False}


def test_what_does_not_exist_is_404_with_an_empty_object(
    service: MetadataService, run: str
) -> None:
    second = f"{run}/steps/divide/tasks/{divide_tasks(service, run)[1]}"
    for path in ("/flows/Nope", "/flows/CatchFlow/runs/99", f"{run}/steps/nope"):
        assert ask(service, path)[::2] == (404, {})
    assert ask(service, f"{second}/artifacts/_catch_exception")[::2] == (404, {})
    assert ask(service, "/flows/CatchFlow/runs/99/steps")[::2] == (200, [])


def test_lists_have_the_order_of_the_real_service(service: MetadataService, run: str) -> None:
    steps = [row["step_name"] for row in ask(service, f"{run}/steps").body]
    assert steps == ["_parameters", "divide", "end", "join", "start"]
    tasks = divide_tasks(service, run)
    assert tasks == sorted(tasks)
    task = f"{run}/steps/divide/tasks/{tasks[0]}"
    ids = [row["id"] for row in ask(service, f"{task}/metadata").body]
    assert ids == sorted(ids, reverse=True)
    artifacts = ask(service, f"{task}/artifacts").body
    assert [row["name"] for row in artifacts] == sorted(
        (row["name"] for row in artifacts), reverse=True
    )
    assert {row["attempt_id"] for row in artifacts} == {2}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/flows", ["flow_id"]),
        ("/flows/FailedFlow/runs", ["run_number"]),
        ("{run}/steps/divide/tasks", ["task_id"]),
        ("{run}/metadata", ["id"]),
        ("{run}/steps/divide/tasks/{task}/metadata", ["id"]),
        ("{run}/artifacts", ["task_id", "name"]),
        ("{run}/steps/divide/tasks/{task}/artifacts", ["task_id", "name"]),
    ],
)
def test_pages_give_every_row_once_newest_first(
    service: MetadataService, run: str, path: str, key: list[str]
) -> None:
    path = path.format(run=run, task=divide_tasks(service, run)[0])
    first = ask(service, f"{path}?_limit=1")
    assert first.headers["X-Limit"] == "1"
    cursor = json.loads(b64decode(first.headers["X-Next-Cursor"]))
    assert cursor == {name: first.body[0][name] for name in ["ts_epoch", *key]}
    rows = walk(service, path, 1 if path.endswith("s") and "arti" not in path else 7)
    places = [tuple(row[name] for name in ["ts_epoch", *key]) for row in rows]
    assert places == sorted(set(places), reverse=True)
    everything = [json.dumps(row) for row in ask(service, path).body]
    assert set(everything) <= {json.dumps(row) for row in rows}


def test_a_page_has_500_rows_at_most_and_a_bad_cursor_is_refused(
    service: MetadataService, run: str
) -> None:
    assert ask(service, f"{run}/metadata?_limit=9999").headers["X-Limit"] == "500"
    assert ask(service, f"{run}/metadata?_cursor=").headers["X-Limit"] == "50"
    reply = ask(service, f"{run}/metadata?_limit=5&_cursor=garbage")
    assert reply[::2] == (400, "Invalid cursor")
    assert reply.headers["METADATA_SERVICE_VERSION"] == "2.5.1"


def test_tasks_are_filtered_by_a_pattern_found_in_their_metadata(
    service: MetadataService, run: str
) -> None:
    def matching(field: str, pattern: str) -> list[str]:
        query = urlencode({"metadata_field_name": field, "pattern": pattern})
        pathspecs = ask(service, f"{run}/steps/divide/filtered_tasks?{query}").body
        return [re.sub(r".*/", "", pathspec) for pathspec in pathspecs]

    zero, one, two = [str(task) for task in divide_tasks(service, run)]
    assert matching("attempt_ok", "^True$") == [zero, one, two]
    assert matching("attempt_ok", "^False$") == [zero]
    assert matching("foreach-stack", "=1") == [one]
    assert matching("foreach-execution-path", "^(?:divide:[12])$") == [one, two]
    assert matching("foreach-execution-path", "^1$") == []


def test_runs_are_filtered_by_tags_and_other_filters_are_refused(service: MetadataService) -> None:
    runs = ask(service, "/flows/FailedFlow/runs").body
    ask(
        service,
        f"/flows/FailedFlow/runs/{runs[1]['run_number']}/tag/mutate",
        "PATCH",
        {"tags_to_add": ["mine"]},
    )
    assert len(ask(service, "/flows/FailedFlow/runs?_tags=user:tester").body) == 2
    assert len(ask(service, "/flows/FailedFlow/runs?_tags=user:tester,mine").body) == 1
    assert len(ask(service, "/flows/FailedFlow/runs?_tags:any=mine,runtime:dev").body) == 2
    assert ask(service, "/flows/FailedFlow/runs?_tags=mine").headers["X-Limit"] == "50"
    assert ask(service, "/flows/FailedFlow/runs?status=failed").status == 501


def test_names_given_from_outside_are_strings_and_numbers_are_numbers() -> None:
    with MetadataService() as service:
        ask(service, "/flows/F", "POST", {})
        assert ask(service, "/flows/F", "POST", {}).status == 409
        run = ask(service, "/flows/F/run", "POST", {"run_number": "argo-x", "tags": []}).body
        assert (run["run_number"], run["last_heartbeat_ts"]) == ("argo-x", None)
        step = "/flows/F/runs/argo-x/steps/s"
        assert ask(service, f"{step}/step", "POST", {}).body["run_number"] == "argo-x"
        named = ask(service, f"{step}/task", "POST", {"task_id": "t-0"}).body
        numbered = ask(service, f"{step}/task", "POST", {}).body
        assert (named["task_id"], numbered["task_id"]) == ("t-0", 2)
        datum = {"field_name": "a b", "value": ["x=0", "y=a b"], "type": "t"}
        path = f"{step}/tasks/t-0/metadata"
        assert ask(service, path, "POST", [datum]).body == {"metadata_created": 1}
        [row] = ask(service, path).body
        assert (row["task_id"], row["value"]) == ("t-0", '{x=0,"y=a b"}')
        assert ask(service, f"{step}/filtered_tasks").body == ["F/argo-x/s/t-0"]
        service.bulk(
            "runs",
            [
                {
                    "run_number": 1001,
                    "flow_id": "F",
                    "run_id": "1001",
                    "ts_epoch": 9,
                    "tags": [],
                    "system_tags": [],
                }
            ],
        )
        assert ask(service, "/flows/F/runs/1001").body["run_number"] == "1001"
        page = ask(service, "/flows/F/runs?_limit=1")
        assert json.loads(b64decode(page.headers["X-Next-Cursor"]))["run_number"] == 1
        assert ask(service, "/flows/F/runs/nope/steps/s/step", "POST", {}).status == 500
        assert ask(service, "/flows/Nope/run", "POST", {}).status == 404


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["divisors=0"], "{divisors=0}"),
        (["a=1", 'say "hi"', "", None], '{a=1,"say \\"hi\\"","",NULL}'),
        (True, "true"),
        (3, "3"),
        ("as it is", "as it is"),
    ],
)
def test_metadata_values_are_stored_as_postgresql_would(value: object, text: str) -> None:
    assert as_text(value) == text


def test_tags_change_but_for_those_of_the_system(service: MetadataService, run: str) -> None:
    def mutate(**change: object) -> Reply:
        return ask(service, f"{run}/tag/mutate", "PATCH", change)

    assert mutate(tags_to_add=["b", "a"])[::2] == (200, {"tags": ["a", "b"]})
    assert mutate(tags_to_add=["c"], tags_to_remove=["a"]).body == {"tags": ["b", "c"]}
    assert mutate(tags_to_remove=["user:tester"]).status == 422
    assert mutate(tags_to_add="a").status == 400
    assert ask(service, f"{run}/steps/divide").body["tags"] == ["b", "c"]


def test_heartbeats_are_stored_once_they_are_due(service: MetadataService, run: str) -> None:
    task = f"{run}/steps/divide/tasks/{divide_tasks(service, run)[0]}"
    for table in ("runs", "tasks"):
        service.store.sql(f"UPDATE {table} SET last_heartbeat_ts = last_heartbeat_ts - 60000")
    before = int(time.time())
    due = ask(service, f"{task}/heartbeat", "POST", {})
    assert due.status == 200
    assert json.loads(due.body) == {"wait_time_in_seconds": 10}
    assert ask(service, task).body["last_heartbeat_ts"] >= before
    assert ask(service, run).body["last_heartbeat_ts"] >= before
    assert ask(service, f"{run}/heartbeat", "POST", {}).status == 404, "not due again so soon"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("500", 500, {"detail": "out of order", "status": 500}),
        ("503", 503, "503 Service Temporarily Unavailable"),
        ("404", 404, "404: Not Found"),
    ],
)
def test_a_fault_answers_everything_until_it_is_over(
    service: MetadataService, fault: Fault, status: int, body: object
) -> None:
    service.fault = fault
    assert ask(service, "/flows")[::2] == (status, body)
    assert ask(service, "/ping").status == status
    service.fault_on = "/runs"
    assert ask(service, "/flows").status == 200
    service.fault = None
    assert ask(service, "/flows/CatchFlow/runs").status == 200
    assert service.requests == [
        "GET /flows",
        "GET /ping",
        "GET /flows",
        "GET /flows/CatchFlow/runs",
    ]


def test_faults_of_those_in_between(service: MetadataService) -> None:
    service.fault = "login"
    page = ask(service, "/flows")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    service.fault = "garbage"
    assert isinstance(ask(service, "/flows").body, str)
    service.fault = "reset"
    with pytest.raises(ConnectionError):
        ask(service, "/flows")
    service.fault, service.delay = "slow", 0.3
    before = time.monotonic()
    assert ask(service, "/flows").status == 200
    assert time.monotonic() - before >= 0.3


def test_a_stopped_service_refuses_until_it_is_started_again(service: MetadataService) -> None:
    kept = http.client.HTTPConnection("127.0.0.1", int(service.url.rpartition(":")[2]), timeout=30)
    for _ in range(2):
        kept.request("GET", "/ping")
        assert kept.getresponse().read() == b"pong"
    service.stop()
    with pytest.raises(ConnectionResetError):
        kept.sock.recv(1)
    with pytest.raises(ConnectionRefusedError):
        ask(service, "/ping")
    service.start()
    assert ask(service, "/flows").status == 200


def test_requests_are_counted_by_endpoint(service: MetadataService, run: str) -> None:
    for task in divide_tasks(service, run):
        ask(service, f"{run}/steps/divide/tasks/{task}/metadata?_limit=1")
    tasks = "GET /flows/{flow}/runs/{run}/steps/{step}/tasks"
    assert service.counts == {tasks: 1, tasks + "/{task}/metadata": 3}
    service.reset()
    assert (service.requests, dict(service.counts)) == ([], {})


def test_metaflow_runs_through_it_and_reads_the_run(
    served: ServedRuns, service: MetadataService
) -> None:
    seen = served.read(service, "catch")
    assert served.exit_codes["catch"] == 0
    assert seen["successful"]
    assert seen["hidden"]
    assert seen["latest"] == served.pathspecs["catch"]
    assert (seen["tags"], seen["then"]) == ([], ["read"])
    assert sorted(seen["parents"], key=int) == [
        str(task) for task in divide_tasks(service, "/flows/CatchFlow/runs/" + seen["latest"][10:])
    ]
    assert set(seen["artifacts"]["join"]) >= {"name", "quotients"}


def test_a_run_resumes_from_one_it_serves(served: ServedRuns, service: MetadataService) -> None:
    assert served.exit_codes["failed"] == 1
    assert served.exit_codes["resumed"] == 0
    seen = served.read(service, "resumed")
    assert seen["successful"]
    assert set(seen["origin"].values()) == {served.pathspecs["failed"].partition("/")[2]}


def test_metaflow_runs_through_an_old_version_and_reads_the_run(
    served: ServedRuns, tmp_path: Path
) -> None:
    rows = served.database(tmp_path, "2.3.0")
    with MetadataService("2.3.0", paging=False, filtered_tasks=False, db=rows) as old:
        seen = served.read(old, "old")
        run = "/flows/LinearFlow/runs/" + served.pathspecs["old"].partition("/")[2]
        everything = ask(old, f"{run}/metadata?_limit=1&_cursor=garbage")
        filtered = ask(old, f"{run}/steps/start/filtered_tasks")
        assert shape(ask(old, run).body) == {k: v for k, v in RUN.items() if k != "user"} | {
            "tags": ["str"]
        }
    assert served.exit_codes["old"] == 0
    assert seen["successful"]
    assert len(everything.body) > 50
    assert "X-Limit" not in everything.headers
    assert everything.headers["METADATA_SERVICE_VERSION"] == "2.3.0"
    assert filtered[::2] == (404, "404: Not Found")


def test_a_run_grown_to_10000_tasks_is_answered_quickly(
    service: MetadataService, served: ServedRuns, run: str
) -> None:
    service.grow(served.pathspecs["catch"], "divide", 10_000)
    [(rows,)] = service.store.sql("SELECT count(*) FROM metadata")
    print(f"\n{rows} rows of metadata")
    ok = quote("^(?:True)$")
    for path in (
        "steps/divide/tasks",
        "steps/divide/tasks?_limit=500",
        "metadata?_limit=50",
        f"steps/divide/filtered_tasks?metadata_field_name=attempt_ok&pattern={ok}",
        "steps/divide/filtered_tasks?metadata_field_name=attempt&pattern=2",
        "artifacts?_limit=50",
    ):
        before = time.perf_counter()
        reply = ask(service, f"{run}/{path}")
        seconds = time.perf_counter() - before
        print(f"{seconds:.4f} s  {path}")
        assert reply.status == 200
        assert seconds < 1
    tasks = divide_tasks(service, run)
    assert len(tasks) == 10_000
    last = ask(service, f"{run}/steps/divide/tasks/{tasks[-1]}/metadata").body
    values = {row["field_name"]: row["value"] for row in last}
    assert values["foreach-stack"] == "{divisors=9999}"
    assert values["foreach-execution-path"] == "divide:9999"
    newest = ask(service, f"{run}/metadata?_limit=1").body[0]
    assert (newest["step_name"], newest["field_name"]) == ("end", "attempt-done")


def test_it_serves_from_the_command_line(served: ServedRuns, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.metadata_service"]
    with subprocess.Popen(
        [*command, "--db", str(served.database(tmp_path)), "--version", "2.4.0"],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/flows")
            response = connection.getresponse()
            assert response.headers["METADATA_SERVICE_VERSION"] == "2.4.0"
            assert len(json.loads(response.read())) == 14
            connection.close()
        finally:
            process.terminate()
