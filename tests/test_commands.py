"""The catalogue of commands: which of them a key reaches, and what the key bar shows."""

from __future__ import annotations

from itertools import combinations

import pytest

from flowtui.catalogue import Catalogue
from flowtui.commands import COMMANDS, Scope

DEFAULT = Catalogue()


def ids(found: object) -> list[str]:
    return [command.id for command in found]  # type: ignore[attr-defined]


def test_no_two_commands_have_the_same_id() -> None:
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("scope", list(Scope))
def test_within_a_scope_a_key_means_one_thing(scope: Scope) -> None:
    for one, other in combinations(DEFAULT.commands(scope), 2):
        assert not {*one.keys.split(",")} & {*other.keys.split(",")}


def test_a_key_is_the_first_scope_s() -> None:
    reached = ids(
        DEFAULT.within_reach(Scope.EXCEPTION, Scope.BACK, Scope.ATTEMPT, Scope.LOG, Scope.APP)
    )
    assert {"copy_exception", "code", "search", "save", "back", "help"} <= {*reached}
    assert not {"copy", "copy_log", "pager"} & {*reached}
    of_log = ids(DEFAULT.within_reach(Scope.LOG, Scope.BACK, Scope.ATTEMPT, Scope.APP))
    assert {"copy_log", "pager", "why"} <= {*of_log}
    assert not {"copy", "code", "copy_exception"} & {*of_log}


def test_the_key_bar_shows_what_is_within_reach_by_rank() -> None:
    shown = DEFAULT.key_bar(Scope.EXCEPTION, Scope.BACK, Scope.ATTEMPT, Scope.LOG, Scope.APP)
    ranks = [command.rank or 0 for command in shown]
    assert ranks == sorted(ranks)
    assert ids(shown)[:4] == ["back", "unfold_exception", "why", "code"]
    assert "next_match" not in ids(shown)


def test_read_only_there_is_nothing_that_acts() -> None:
    assert {"resume", "stop"} <= {*ids(DEFAULT.within_reach(Scope.RUN))}
    assert not {"resume", "stop"} & {*ids(DEFAULT.within_reach(Scope.RUN, read_only=True))}
