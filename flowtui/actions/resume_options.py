"""What a resume can be asked for beyond its run, and what of it would go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowtui.actions.errors import ActionError
from flowtui.actions.launch import ATTRIBUTES_OPTION, RUN_ID_OPTION
from flowtui.model import RunDescription

ORIGIN_OPTION = "--origin-run-id"

_GIVEN_BY_FLOWTUI = (ORIGIN_OPTION, RUN_ID_OPTION, ATTRIBUTES_OPTION)

_TAKE_A_VALUE = frozenset(
    {
        "--tag",
        "--with",
        "--max-workers",
        "--max-num-splits",
        "--max-log-size",
        "--run-id",
        "--resume-identifier",
    }
)
"""Options of `resume` in Metaflow's `cli_components/run_cmds.py`; what is no flag takes a value."""

_FLAGS = frozenset({"--clone-only", "--no-clone-only", "--reentrant", "--no-reentrant", "--help"})


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """Options of Metaflow's `resume`; every value reaches it as it is, whatever it holds.

    `step` and all steps after it run again, also where they succeeded. `tags` are for the new run,
    which has none of its origin's. `decorators` are those of `--with`, as typed
    (`retry:times=3`). `arguments` is anything else, as typed.
    """

    step: str | None = None
    tags: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    max_workers: int | None = None
    arguments: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """All but the step, as words of a command line."""
        # With `=`, so that no tag looks like an option to a person either.
        tags = [f"--tag={tag}" for tag in self.tags]
        decorators = [word for name in self.decorators for word in ("--with", name)]
        workers = [] if self.max_workers is None else ["--max-workers", str(self.max_workers)]
        return (*tags, *decorators, *workers, *self.arguments)


def check_options(options: ResumeOptions, description: RunDescription) -> None:
    """Raise `ActionError` for what Metaflow would refuse, or take for something else.

    Imports Metaflow where there are tags.
    """
    step = options.step
    if step is not None and (step not in description.graph or not step.isidentifier()):
        steps = ", ".join(node.name for node in description.graph.nodes) or "none yet"
        raise ActionError(f"Run {description.pathspec} has no step {step!r}. Steps: {steps}.")
    if options.tags:
        _check_tags(options.tags)
    if not all(name.strip() for name in options.decorators):
        raise ActionError("--with needs a decorator's name, as in --with retry:times=3.")
    if options.max_workers is not None and options.max_workers < 1:
        raise ActionError(f"--max-workers is {options.max_workers}: at least 1 has to work.")
    _check_arguments(options.arguments, description)


def _check_tags(tags: Sequence[str]) -> None:
    from metaflow.exception import MetaflowTaggingError
    from metaflow.tagging_util import MAX_TAG_SIZE, validate_tags

    for tag in tags:
        if not tag:
            raise ActionError("A tag is empty. Give it a text, or leave it out.")
        if len(tag) > MAX_TAG_SIZE:
            raise ActionError(
                f"The tag {tag[:20]!r}… has {len(tag)} characters, Metaflow takes {MAX_TAG_SIZE}. "
                "Shorten it."
            )
    try:
        validate_tags(tags)
    except MetaflowTaggingError as error:
        raise ActionError(f"Metaflow does not take these tags: {error.message}.") from error


def _check_arguments(words: Sequence[str], description: RunDescription) -> None:
    parameters = {name.replace("_", "-") for name in description.parameters}
    value_of: str | None = None
    unknown = False
    for word in words:
        name, equals, _ = word.partition("=")
        if value_of is not None:
            value_of = None
        elif name in _GIVEN_BY_FLOWTUI:
            raise ActionError(f"flowtui gives {name} itself: leave it out.")
        elif name in _TAKE_A_VALUE:
            value_of = None if equals else name
        elif name.startswith("--") and name[2:].replace("_", "-") in parameters:
            raise ActionError(
                f"{name} is a parameter, and resume keeps the run's parameters. "
                f"To run with others: flowtui run FLOW.py {name} …"
            )
        elif word == "--" or not (word.startswith("-") or unknown):
            raise ActionError(
                f"{word!r} is no option of resume. The step to resume from goes with --step."
            )
        # What an option that is not known here takes, Metaflow or an extension of it has to say.
        unknown = word.startswith("-") and name not in _TAKE_A_VALUE | _FLAGS and not equals
    if value_of is not None:
        raise ActionError(f"{value_of} needs a value.")
