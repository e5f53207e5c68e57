"""Payloads as names, labels, ids, tags, cases and files of a run, on the screens that show them."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path

import pytest

from tests.hostile import file_names, payloads, short_payloads
from tests.hostile_runs import LocalRun, graph_info
from tests.program import assert_restored, monitor, wait_for_focus
from tests.raw_terminal import assert_framed, assert_harmless, odd_characters
from tests.terminal import Terminal

SIZE = (160, 90)
HEADER = "HostileFlow/17"

IDS = [payload.text for payload in file_names()[::3]]
LABELS = [payload.text for payload in short_payloads() if payload.text not in set(IDS)]
PAIRS = list(zip(LABELS[::2], LABELS[1::2], strict=False))
"""Two labels for each task, as of a foreach in a foreach."""

LAST = f"#{999 + len(PAIRS)}"


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    """A foreach of many failed tasks, between steps that are payloads themselves."""
    texts = [payload.text for payload in short_payloads()]
    made = LocalRun(
        tmp_path / "metaflow", row={"tags": texts[::9], "system_tags": ["user:tester", *texts[::7]]}
    )
    info = graph_info(
        {
            "doc": texts[3],
            "decorators": [
                {"name": "catch", "attributes": {"var": "[/bold]\x1b]52;c;cHduZWQ=\x07"}},
                *({"name": text, "attributes": {text: text}} for text in texts[::90]),
            ],
        },
        file="[/bold]\x1b]0;pwned\x07\u202eflow.py",
    )
    steps = info["steps"]
    steps["start"]["foreach_artifact"] = "[@click=app.quit]\x9b2J"
    # The graph is on show all the time: no steps on whose width terminals do not agree.
    names = [payload for payload in file_names() if payload.kind != "wide"]
    for at, payload in enumerate(names[::200]):
        name = f"s{at}-{payload.text}"
        steps[name] = {**steps["work"], "type": "split-switch", "condition": payload.text}
        steps[name] |= {"next": ["end"], "switch_cases": {texts[at * 100]: "end"}}
        made.step(name)
        made.task(name, "1", {"attempt_ok": "False"})
    made.graph(info)
    made.step("start")
    made.step("work")
    made.task("start", "1", {"attempt_ok": "True", "origin-run-id": "\x1b]0;pwned\x07[bold]"})
    for number, ((first, second), name) in enumerate(zip(PAIRS, cycle(IDS), strict=False), 1000):
        fields = {"attempt_ok": "False", "foreach-stack": [f"#{number} {first}", second]}
        made.task("work", f"{number}-{name}", fields)
    return made


def _numbers(shown: str) -> list[str]:
    return re.findall(r"#\d{4}\b", shown)


def _current(shown: str) -> str:
    """The number of the selected task."""
    return "".join(re.findall(r"▸ (\d{4})", shown))


def paged(screen: Terminal) -> None:
    """Go down the tasks page by page, to the last one."""
    screen.press("g")
    screen.wait_until(lambda now: _current(now) == "1000", "the first task")
    while LAST not in screen.text():
        before = _current(screen.text())
        screen.press(" ")
        screen.wait_until(lambda now, before=before: _current(now) != before, "the next page")  # type: ignore[misc]


def test_every_name_is_shown_and_does_nothing(run: LocalRun, tmp_path: Path) -> None:
    assert len({*IDS, *LABELS}) > len(payloads()) - 100
    target = f"{run.pathspec}/work"
    with monitor(target, root=run.root, home=tmp_path, size=SIZE) as screen:
        screen.wait_for(HEADER, "#1000", f"{len(PAIRS):,} tasks")
        assert_framed(screen, header=HEADER, keys="? help")
        wait_for_focus(screen, "work · foreach")
        screen.press("z")
        screen.wait_until(lambda now: "stdout ·" not in now, "the tasks alone are shown")
        paged(screen)
        # Where terminals do not agree on widths, of flags and families, a border may be off here.
        screen.press("g", "z")
        screen.wait_for("stdout ·")

        screen.press(":")
        screen.wait_for("Search for commands")
        screen.press("step s0")
        screen.wait_for("step s0-")
        screen.press("escape")
        screen.wait_until(lambda now: "step s0-" not in now, "the palette is closed")
        assert_framed(screen, header=HEADER, keys="? help")
        screen.press("r")
        screen.wait_for("flow file", "command")
        screen.press("escape")
        screen.wait_until(lambda now: "flow file" not in now, "the dialog is closed")
        screen.press("y")
        screen.wait_for(f"Copied: {HEADER}/work/")
        screen.press("d")
        screen.wait_for("only one attempt")
        screen.press("L")
        screen.wait_for("esc back", "tasks shown")
        screen.press("escape")
        wait_for_focus(screen, "work · foreach")
        screen.press("I")
        screen.wait_for("Metadata of attempt 0", "Step work", "Decorators")
        screen.press("G")
        screen.wait_for("system tag")
        screen.press("escape")
        wait_for_focus(screen, "work · foreach")
        screen.press("4")
        screen.wait_for("all steps", "share")
        screen.press("g", "enter")
        screen.wait_for("esc back", f"{HEADER}/work/1000")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)
    written = assert_harmless(screen.raw, SIZE, copies=1)
    assert not odd_characters(written.copied[0])
    assert {f"#{number}" for number in range(1000, 1000 + len(PAIRS))} <= {*_numbers(written.text)}
    assert "[/bold]" in written.text
