"""The installed program: what it prints, what it says when something is wrong, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flowtui import __version__
from tests.metadata_service import MetadataService
from tests.runs import RecordedRun, eventually, flow_environment

PROGRAM = str(Path(sys.executable).parent / "flowtui")
DONE, FAILURE, USAGE, NOT_FOUND, UNREACHABLE, UNSUCCESSFUL = 0, 1, 2, 3, 4, 5
INTERRUPTED, CLOSED_PIPE, TERMINATED = 130, 141, 143


@dataclass(frozen=True)
class Cli:
    """Runs the program where the recorded runs are."""

    environment: dict[str, str]
    directory: Path

    def __call__(
        self, *arguments: str, program: Sequence[str] = (PROGRAM,), **changed: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments],
            env={**self.environment, **changed},
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def without(self, name: str) -> Cli:
        kept = {key: value for key, value in self.environment.items() if key != name}
        return Cli(kept, self.directory)


@pytest.fixture(scope="module")
def cli(runs: dict[str, RecordedRun], tmp_path_factory: pytest.TempPathFactory) -> Cli:
    environment = flow_environment(runs["linear"].root)
    for name in ("FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING", "COLUMNS"):
        environment.pop(name, None)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment |= {"PYTHONUTF8": "1", "XDG_CONFIG_HOME": str(elsewhere / "config")}
    return Cli(environment, elsewhere)


def complaint(ended: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr of a program that ended with `code` and printed nothing."""
    assert ended.stdout == ""
    assert ended.stderr.startswith("flowtui: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == code, ended.stderr
    return ended.stderr.removeprefix("flowtui: ").removesuffix("\n")


# What comes out


@pytest.mark.parametrize("program", [(PROGRAM,), (sys.executable, "-m", "flowtui")])
def test_the_version_is_that_of_the_package(cli: Cli, program: tuple[str, ...]) -> None:
    ended = cli("--version", program=program)
    assert (ended.returncode, ended.stdout) == (DONE, f"flowtui, version {__version__}\n")


def test_help_names_what_there_is(cli: Cli) -> None:
    ended = cli("--help")
    assert ended.returncode == DONE
    for word in ("FLOW/RUN", "@latest", "show", "demo"):
        assert word in ended.stdout
    of_show = cli("show", "--help")
    for option in ("--json", "--plain", "--metadata", "--namespace", "--source", "--ascii"):
        assert option in of_show.stdout


def test_show_prints_a_picture_or_a_document(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    target = runs["linear"].pathspec
    for arguments in ((), ("--plain",)):
        plain = cli("show", target, *arguments)
        assert (plain.returncode, plain.stderr) == (DONE, "")
        assert plain.stdout.startswith(f"{target}  ✓ succeeded")
    document = cli("show", target, "--json")
    assert (document.returncode, document.stderr) == (DONE, "")
    assert json.loads(document.stdout)["pathspec"] == target


def test_latest_is_the_newest_run(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    newest = max(runs["failed"].run, runs["resumed"].run)
    document = json.loads(cli("show", "FailedFlow/@latest", "--json").stdout)
    assert document["run"] == newest


def test_a_picture_fits_a_terminal_without_unicode(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    target = runs["catch"].pathspec
    for ended in (
        cli("show", target, "--ascii"),
        cli("show", target, PYTHONIOENCODING="ascii", PYTHONUTF8="0"),
    ):
        assert (ended.returncode, ended.stderr) == (DONE, "")
        assert ended.stdout.isascii()
        assert "xxc" in ended.stdout


# What can be wrong with what was typed

MALFORMED = {
    "LinearFlow/": "is not a run",
    "/1": "is not a run",
    "a//b": "is not a run",
    "": "is not a flow, and no run",
    "a b/c": "is not a run",
    "a/b c": "is not a run",
    "a/b\x1b[31m": "is not a run",
    "a/b\n": "is not a run",
    "a/..": "is not a run",
    "../a": "is not a run",
    "a/b/c/d/e": "has too many parts",
    "@latest/1": "has @latest where no run is",
}


@pytest.mark.parametrize("target", MALFORMED, ids=repr)
def test_a_malformed_target_is_refused_with_an_example(cli: Cli, target: str) -> None:
    said = complaint(cli("show", target), USAGE)
    assert MALFORMED[target] in said
    assert "write " in said
    assert said.isprintable()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "There is no terminal to draw on. Use: flowtui show"),
        (("MyFlow",), "There is no terminal to draw on. Use: flowtui show MyFlow"),
        (("[bold]/",), "is not a run"),
        (("@latest",), "'@latest' is not a flow, and no run: write FLOW or FLOW/RUN."),
        (("",), "'' is not a flow"),
        (("logs",), "Missing argument 'TARGET'"),
        (("logs", "A"), "'A' names no run: write A/@latest"),
        (("watch", "A/1/start"), "A/1/start is a part of a run, and runs are watched: A/1."),
        (("show", "A/1", "--limit", "3"), "--limit is for lists of runs, as in: flowtui show A"),
        (("show", "--limit", "0"), "'--limit': 0 is not in the range"),
        (("show", "A/1", "B/2"), "unexpected extra argument"),
        (("show", "A/1", "--json", "--plain"), "Pass one of --json, --plain and --svg."),
        (("show", "A/1", "--bogus"), "No such option"),
        (("--bogus",), "No such option"),
        (
            ("A/1", "--interval", "0"),
            "--interval: This wants a number of seconds from 0.1 to 3600, not 0.",
        ),
        (("A/1", "--interval", "soon"), "'--interval': 'soon' is not"),
        (("A/1", "--interval", "nan"), "--interval: This wants a number of seconds"),
        (("A/1", "--theme", "plaid"), "There is no theme 'plaid'. Themes: textual-dark"),
        (("A/1", "--palette", "gaudy"), "--palette: This wants one of default, high-contrast,"),
        (("demo", "--theme", "plaid"), "There is no theme 'plaid'. Themes: textual-dark"),
        (
            ("show", "A/1", "--source", "magic"),
            "Invalid value for '--source': 'magic' is not one of",
        ),
        (("show", "A/1", "--metadata", "magic"), "There is no metadata provider 'magic'. Pass"),
        (("A/1",), "There is no terminal to draw on. Use: flowtui show A/1"),
        (("demo",), "There is no terminal to draw on."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_told_in_one_line(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    assert says in complaint(cli(*arguments), USAGE)


# What is not there


def test_an_unknown_flow_is_named_with_the_nearest_one(cli: Cli) -> None:
    assert "Did you mean LinearFlow?" in complaint(cli("show", "LinerFlow/1"), NOT_FOUND)
    assert "Known flows: " in complaint(cli("show", "Quite/1"), NOT_FOUND)


def test_an_unknown_run_is_named_with_the_newest_ones(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    said = complaint(cli("show", "LinearFlow/12"), NOT_FOUND)
    assert said.startswith("Flow LinearFlow has no run '12'. Newest runs: ")
    assert runs["linear"].run in said


def test_an_unknown_step_or_task_is_named_with_what_there_is(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    run = runs["linear"].pathspec
    assert complaint(cli("show", f"{run}/nope"), NOT_FOUND) == (
        f"Run {run} has no step 'nope'. Steps: start, middle, end."
    )
    assert complaint(cli("show", f"{run}/middle/9"), NOT_FOUND) == (
        "Step middle has no task '9'. Tasks: 2."
    )


def test_a_namespace_without_runs_says_how_to_look_in_all(cli: Cli) -> None:
    said = complaint(cli("show", "LinearFlow/@latest", "--namespace", "user:none"), NOT_FOUND)
    assert said == (
        "Flow LinearFlow has no runs in namespace 'user:none'. "
        "Pass --namespace '' to look in all namespaces."
    )


def test_without_metadata_it_says_where_to_look(cli: Cli, tmp_path: Path) -> None:
    root = "METAFLOW_DATASTORE_SYSROOT_LOCAL"
    said = complaint(cli("show", "A/1", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path)), NOT_FOUND)
    assert str(tmp_path) in said
    assert root in said
    assert "--metadata local@DIR" in complaint(cli.without(root)("show", "A/1"), NOT_FOUND)
    said = complaint(cli("show", "A/1", "--metadata", f"local@{tmp_path}"), NOT_FOUND)
    assert said == f"No Metaflow metadata in {tmp_path}: it has no .metaflow folder."


# What does not answer


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"service@http://127.0.0.1:{server.getsockname()[1]}"


def test_a_closed_port_is_unreachable(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"service@http://127.0.0.1:{server.getsockname()[1]}"
    said = complaint(cli("show", "A/1", "--metadata", address), UNREACHABLE)
    assert said.startswith(f"{address} does not answer: ")


def test_a_provider_that_cannot_be_had_is_a_matter_of_configuration(cli: Cli) -> None:
    said = complaint(cli("show", "A/1", METAFLOW_DEFAULT_METADATA="service"), USAGE)
    assert "METAFLOW_SERVICE_URL" in said
    said = complaint(cli("show", "A/1", METAFLOW_DEFAULT_METADATA="magic"), USAGE)
    assert "'magic'" in said


# Where it reads from


def lines(ended: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What `info` printed, by the name at the head of each line."""
    assert ended.returncode == DONE, ended.stderr
    return {
        name: text for name, _, text in (row.partition(" ") for row in ended.stdout.split("\n"))
    }


def test_info_names_versions_and_how_local_metadata_is_read(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    told = lines(cli("info"))
    assert told["flowtui"].strip().startswith(__version__)
    assert told["metaflow"].strip()
    assert told["provider"].strip() == f"local@{runs['linear'].root}/.metaflow"
    assert told["namespace"].strip() == "user:tester"
    assert told["source"].strip().startswith("local: files of local metadata")
    assert "client: " in lines(cli("info", "--source", "client"))["source"]


@pytest.mark.parametrize(
    ("paging", "filtered_tasks", "how"),
    [
        (True, True, "service: queries for the first look, then the newest rows"),
        (True, False, "this service has no queries"),
        (False, False, "slow for thousands of tasks: this service has no pages"),
    ],
)
def test_info_says_what_a_service_can_do(
    cli: Cli, paging: bool, filtered_tasks: bool, how: str
) -> None:
    with MetadataService("2.4.9", paging=paging, filtered_tasks=filtered_tasks) as service:
        told = lines(cli("info", **service.environment))
    assert told["service"].strip() == "2.4.9"
    assert told["source"].strip().endswith(how)


def test_info_of_a_service_that_is_away_still_tells_the_versions(cli: Cli) -> None:
    with MetadataService() as service:
        away = service.environment
    ended = cli("info", **away)
    assert ended.returncode == UNREACHABLE
    assert ended.stdout.startswith("flowtui")
    assert f"{away['METAFLOW_SERVICE_URL']} does not answer" in ended.stderr


def test_the_key_for_a_service_is_sent(cli: Cli) -> None:
    with MetadataService() as service:
        service.key = "open sesame"
        told = lines(cli("info", METAFLOW_SERVICE_AUTH_KEY=service.key, **service.environment))
        assert told["service"].strip() == "2.5.1"
        refused = cli("info", METAFLOW_SERVICE_AUTH_KEY="wrong", **service.environment)
    assert refused.returncode == UNREACHABLE
    assert "HTTP status 403" in refused.stderr


def test_a_profile_of_metaflow_leads_to_its_service(cli: Cli, tmp_path: Path) -> None:
    with MetadataService() as service:
        profile = {name: str(value) for name, value in service.environment.items()}
        (tmp_path / "config_work.json").write_text(json.dumps(profile))
        unset = cli.without("METAFLOW_DEFAULT_METADATA")
        told = lines(unset("info", METAFLOW_HOME=str(tmp_path), METAFLOW_PROFILE="work"))
    assert told["provider"].strip() == f"service@{service.url}"


# How it ends when it is stopped


def test_an_interrupted_show_ends_without_a_word(cli: Cli, silent: str) -> None:
    port = silent.rpartition(":")[2]
    with subprocess.Popen(
        [PROGRAM, "show", "A/1", "--metadata", silent],
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        eventually(lambda: _has_connected(process.pid, int(port)), "it asks the server", 20)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr.strip()) == (INTERRUPTED, "", "")


def _has_connected(pid: int, port: int) -> bool:
    return any(
        connection.raddr and connection.raddr.port == port
        for connection in psutil.Process(pid).net_connections("tcp")
    )
