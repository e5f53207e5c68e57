"""What the inspector tells of a step, a task, a run: sections and entries, by hand."""

from __future__ import annotations

from flowtui.model import (
    Artifact,
    Artifacts,
    Attempt,
    Decorator,
    Fact,
    Graph,
    Ms,
    Node,
    RunDescription,
    State,
    Task,
)
from flowtui.store import RunStore
from flowtui.views.inspection import (
    LONGEST,
    Section,
    of_artifacts,
    of_records,
    of_run,
    of_step,
    of_task,
    written,
)
from tests.scripted_run import START, work


def told(section: Section) -> dict[str, str]:
    return {entry.name: "\n".join(entry.lines) for entry in section.entries}


def test_a_step_with_all_that_a_flow_can_say_of_it() -> None:
    node = Node(
        "check",
        "split-switch",
        ("publish", "alarm"),
        (
            Decorator("retry", {"times": 2, "minutes_between_retries": 0}),
            Decorator("kubernetes", {"image": None, "labels": {"team": "a"}}),
            Decorator("card"),
        ),
        condition="verdict",
        switch_cases={"good": "publish", "bad": "alarm"},
        matching_join="end",
        doc="\nLooks at it.\nTwice.\n",
        line=12,
        source_file="flow.py",
    )
    step, decorators = of_step(node)
    assert step.title == "Step check"
    assert told(step) == {
        "type": "split-switch",
        "doc": "Looks at it.\nTwice.",
        "next": "publish, alarm",
        "condition": "verdict",
        "case good": "publish",
        "case bad": "alarm",
        "joined by": "end",
        "code": "flow.py:12",
    }
    assert [(entry.name, entry.lines, entry.inner) for entry in decorators.entries] == [
        ("@retry", (), False),
        ("times", ("2",), True),
        ("minutes_between_retries", ("0",), True),
        ("@kubernetes", (), False),
        ("image", ("None",), True),
        ("labels", ("{'team': 'a'}",), True),
        ("@card", (), False),
    ]


def test_a_step_of_which_nothing_is_known_but_its_name() -> None:
    step, decorators = of_step(Node("odd", "unknown"))
    assert told(step) == {"type": "unknown"}
    assert (decorators.entries, decorators.note) == ((), "None.")


def test_the_run_with_its_parameters_and_tags() -> None:
    run = RunDescription(
        *("F", "3", "local"),
        user="ada",
        tags=("prod", "nightly"),
        system_tags=("user:ada",),
        created_at=Ms(START),
        graph=Graph(),
        parameters={"alpha": 0.5, "cities": ["a", "b"]},
        origin_runs=("1", "2"),
    )
    parameters, described = of_run(RunStore(run))
    assert told(parameters) == {"alpha": "0.5", "cities": "['a', 'b']"}
    assert [(entry.name, *entry.lines) for entry in described.entries] == [
        ("pathspec", "F/3"),
        ("user", "ada"),
        ("created", "2026-11-21T09:50:04.000Z"),
        ("resumed from", "2"),
        ("resumed from", "1"),
        ("tag", "prod"),
        ("tag", "nightly"),
        ("system tag", "user:ada"),
        ("read by", "local"),
    ]


def test_a_task_with_its_attempts() -> None:
    store = RunStore(RunDescription("F", "3", "local", graph=Graph()))
    attempts = (
        Attempt(0, State.FAILED, "attempt_ok=False", Ms(START), Ms(START + 1500)),
        Attempt(1, State.RUNNING, "no outcome yet", Ms(START + 2000)),
    )
    task = Task("work", "7", State.RUNNING, "runs", attempts, 2, ("a=1", "b=2"), "F/2/work/5")
    section = of_task(store, task)
    assert section.title == "Task work/7"
    assert [entry.lines[0] for entry in section.entries if entry.name == "foreach"] == [
        "a=1",
        "b=2",
    ]
    shown = told(section)
    assert (shown["index"], shown["cloned from"]) == ("2", "F/2/work/5")
    assert shown["attempt 0"].startswith("failed, started ")
    assert shown["attempt 0"].endswith("took 1.5s\nattempt_ok=False")
    assert "ended" not in shown["attempt 1"]


def test_metadata_by_attempt_the_one_chosen_unfolded_and_nothing_twice() -> None:
    task = Task("work", "7", State.SUCCEEDED, "", (Attempt(0, State.FAILED, ""),
                                                   Attempt(1, State.SUCCEEDED, "")))  # fmt: skip
    facts = [
        Fact("user", "ada", 1, Ms(START)),
        Fact("attempt_ok", "False", 0, START),
        Fact("user", "ada", 1, Ms(START + 5)),
        Fact("exit", "exit code 1", 0, None),
        Fact("heartbeat", "3 s ago", None, START),
    ]
    one, zero, none = of_records(task, facts, 1)
    assert [(s.title, s.open) for s in (one, zero, none)] == [
        ("Metadata of attempt 1", True),
        ("Metadata of attempt 0", False),
        ("Metadata of the task", True),
    ]
    assert [(entry.name, entry.at) for entry in one.entries] == [("user", START)]
    assert [entry.name for entry in zero.entries] == ["attempt_ok", "exit"]
    (reading,) = of_records(task, None, 1)
    assert reading.note == "Reading …"
    (trouble,) = of_records(task, "The service is away.", 1)
    assert (trouble.note, trouble.tone) == ("The service is away.", State.LOST)


def artifact(name: str) -> Artifact:
    return Artifact("work", "7", 0, name, "int", 5, "0" * 40, "local", "/root")


def test_what_metaflow_stores_for_itself_comes_after_what_the_flow_does() -> None:
    task = work(7)
    stored = Artifacts((artifact("_task_ok"), artifact("cities")), "No sizes.")
    section = of_artifacts(task.attempts[0], stored, task, 0)
    assert [entry.name for entry in section.entries] == ["cities", "_task_ok"]
    assert (section.note, section.tone, section.open) == ("No sizes.", State.LOST, True)
    assert not of_artifacts(task.attempts[0], stored, task, 1).open


def test_why_there_are_no_artifacts() -> None:
    for state, note in (
        (State.RUNNING, "None yet: they are stored when it ends."),
        (State.LOST, "None are recorded."),
    ):
        task = work(7, state)
        assert of_artifacts(task.attempts[0], Artifacts(), task, 0).note == note


def test_of_a_long_value_so_many_lines_are_written() -> None:
    lines = written([{"number": number, "text": "x" * 30} for number in range(5000)] * 3)
    assert (len(lines), lines[-1]) == (LONGEST + 1, "… and more")
    assert written("short") == ("'short'",)
