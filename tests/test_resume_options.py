"""Options of a resume: what they become in the command, and what is refused before it starts."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from flowtui.actions.errors import ActionError
from flowtui.actions.resume import ResumeOptions, plan
from flowtui.model import Graph, Node, RunDescription

RUN = RunDescription(
    "F",
    "17",
    "local",
    graph=Graph((Node("start", "start", ("end",)), Node("end", "end")), "start", "end"),
    parameters={"alpha": 1, "learning_rate": 2},
)


def argv(options: ResumeOptions, run: RunDescription = RUN) -> tuple[str, ...]:
    """The command from `resume` on."""
    planned = plan(
        run, Path("f.py"), cwd=Path("/"), environment={}, options=options, live_logs=False
    )
    return planned.argv[2:]


def refused(options: ResumeOptions, run: RunDescription = RUN) -> str:
    with pytest.raises(ActionError) as error:
        argv(options, run)
    return str(error.value)


def test_each_option_becomes_words_of_the_command() -> None:
    options = ResumeOptions("end", ("a", "b"), ("retry:times=3",), 4, ("--max-log-size", "7"))
    assert argv(options) == (
        *("resume", "end", "--origin-run-id", "17"),
        *("--tag=a", "--tag=b", "--with", "retry:times=3", "--max-workers", "4"),
        *("--max-log-size", "7"),
    )
    assert argv(ResumeOptions()) == ("resume", "--origin-run-id", "17")


@pytest.mark.parametrize(
    "value", ["a b", "it's", '"', "$(id)", "a\nb", "-x", "--", "--step", "*", "\\", "`id`", "ü"]
)
def test_a_value_stays_one_argument_whatever_it_holds(value: str) -> None:
    options = ResumeOptions(None, (value,), (value,), None, ("--max-num-splits", value))
    assert argv(options)[3:] == (f"--tag={value}", "--with", value, "--max-num-splits", value)
    planned = plan(RUN, Path("f.py"), cwd=Path.cwd(), environment={}, options=options)
    assert shlex.split(planned.command_line)[-5:] == [*argv(options)[3:]]


@pytest.mark.parametrize("step", ["nope", "", "-x", "--help", "start end", "_parameters"])
def test_a_step_that_the_run_does_not_have_is_refused(step: str) -> None:
    said = f"Run F/17 has no step {step!r}. Steps: start, end."
    assert refused(ResumeOptions(step)) == said


def test_a_step_is_refused_where_a_graph_names_what_is_none_or_is_not_known() -> None:
    odd = RunDescription("F", "17", "local", graph=Graph((Node("--tag"),)))
    assert "has no step '--tag'" in refused(ResumeOptions("--tag"), odd)
    assert refused(ResumeOptions("start"), RunDescription("F", "17", "local")) == (
        "Run F/17 has no step 'start'. Steps: none yet."
    )


REFUSED = {
    "an empty tag": (ResumeOptions(tags=("a", "")), "A tag is empty. Give it a text, or"),
    "a long tag": (ResumeOptions(tags=("x" * 501,)), "has 501 characters, Metaflow takes 500."),
    "many tags": (
        ResumeOptions(tags=tuple(map(str, range(51)))),
        "Metaflow does not take these tags: Cannot increase size of tag set beyond 50.",
    ),
    "a tag that is no text": (ResumeOptions(tags=("\udcff",)), "Tags must be UTF-8 encodable."),
    "no decorator": (ResumeOptions(decorators=(" ",)), "--with needs a decorator's name"),
    "no worker": (ResumeOptions(max_workers=0), "--max-workers is 0: at least 1 has to work."),
    "fewer workers": (ResumeOptions(max_workers=-2), "--max-workers is -2"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_metaflow_would_not_take_is_refused(what: str) -> None:
    options, says = REFUSED[what]
    assert says in refused(options)


def test_tags_as_long_and_as_many_as_metaflow_takes_them_are_taken() -> None:
    assert len(argv(ResumeOptions(tags=tuple(f"{at:0>500}" for at in range(50))))) == 53


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--origin-run-id 3", "flowtui gives --origin-run-id itself: leave it out."),
        ("--tag x --run-id-file=f", "flowtui gives --run-id-file itself"),
        ("--runner-attribute-file f", "flowtui gives --runner-attribute-file itself"),
        ("--alpha 3", "--alpha is a parameter, and resume keeps the run's parameters."),
        ("--alpha=3", "To run with others: flowtui run FLOW.py --alpha …"),
        ("--learning-rate 3", "--learning-rate is a parameter"),
        ("--learning_rate 3", "--learning_rate is a parameter"),
        ("start", "'start' is no option of resume. The step to resume from goes with --step."),
        ("--clone-only start", "'start' is no option"),
        ("--tag=x start", "'start' is no option"),
        ("--tag x start", "'start' is no option"),
        ("--new x start", "'start' is no option"),
        ("-- start", "'--' is no option"),
        ("--max-workers 2 --tag", "--tag needs a value."),
    ],
)
def test_arguments_that_would_mean_something_else_are_refused(words: str, says: str) -> None:
    assert says in refused(ResumeOptions(arguments=tuple(words.split())))


@pytest.mark.parametrize(
    "words",
    [
        "--tag --alpha",
        "--tag=--alpha --max-log-size 3",
        "--with --run-id-file",
        "--new-in-an-extension value --other",
        "--no-clone-only --tag start",
        "-x",
    ],
)
def test_other_arguments_are_left_to_metaflow(words: str) -> None:
    assert argv(ResumeOptions(arguments=tuple(words.split())))[3:] == tuple(words.split())
