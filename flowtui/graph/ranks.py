"""Gives every step its layer, so that edges are short: the fewer layers they pass, the fewer of
them can cross."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_ROUNDS = 4
_GROUP = 20
"""Steps that are moved as one at most; larger groups seldom help, and cost their size."""


def ranks(ahead: Mapping[str, Sequence[str]], order: Sequence[str]) -> dict[str, int]:
    """Step → layer, counted from 0. `ahead` is without cycles and `order` is topological.

    Every step begins as far up as its edges allow. Then steps move down and up, each with those
    that are in its way, where that makes edges shorter altogether.
    """
    behind: dict[str, list[str]] = {name: [] for name in ahead}
    for name, targets in ahead.items():
        for target in targets:
            behind[target].append(name)
    rank: dict[str, int] = {}
    for name in order:
        rank[name] = max((rank[source] + 1 for source in behind[name]), default=0)
    due = set(order)
    for _ in range(_ROUNDS):
        moved = [_move(name, ahead, behind, rank, 1) for name in reversed(order) if name in due]
        moved += [_move(name, behind, ahead, rank, -1) for name in order if name in due]
        due = {step for group in moved for step in group}
        due |= {other for step in due for other in (*ahead[step], *behind[step])}
    top = min(rank.values(), default=0)
    return {name: found - top for name, found in rank.items()}


_Near = Mapping[str, Sequence[str]]


def _move(
    name: str, towards: _Near, away: _Near, rank: dict[str, int], way: int
) -> Collection[str]:
    """Moves a step as far as it can with those that are in its way, if edges get shorter.

    Returns what has moved.
    """
    if not towards[name]:
        return ()
    group, stack = {name}, [name]
    while stack:
        step = stack.pop()
        next_rank = rank[step] + way
        for other in towards[step]:
            if rank[other] == next_rank and other not in group:
                group.add(other)
                stack.append(other)
        if len(group) > _GROUP:
            return ()
    shorter = [
        way * (rank[other] - rank[step]) - 1
        for step in group
        for other in towards[step]
        if other not in group
    ]
    longer = sum([other not in group for step in group for other in away[step]])
    if len(shorter) <= longer:
        return ()
    for step in group:
        rank[step] += way * min(shorter)
    return group
