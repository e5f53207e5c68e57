"""Values of plain data in lines: Python reads them back, and no more is done than looked at."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.views.value_lines import compact, lines

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=90)
) | st.binary(max_size=60)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=9) | st.integers(), inner, max_size=5)
        | st.frozensets(st.integers(), max_size=40)
    ),
    max_leaves=25,
)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(10, 60))
def test_one_line_is_what_python_writes_or_there_is_none(value: Any, room: int) -> None:
    written = compact(value, room)
    assert written == (repr(value) if len(repr(value)) <= room else None)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(30, 90))
def test_python_reads_the_lines_back(value: Any, width: int) -> None:
    written = list(lines(value, width))
    assert eval("(" + "\n".join(written) + "\n)") == value


@pytest.mark.parametrize(
    "value",
    [set(), frozenset(), {1}, frozenset({1}), (), (1,), [], {}, {"a": (1, 2)}, "it's", None],
)
def test_small_values_stand_in_one_line(value: Any) -> None:
    assert list(lines(value, 80)) == [repr(value)]


def test_a_table_by_hand() -> None:
    value = {"name": "a forecast", "errors": [*range(20)], "inner": {"text": "one\ntwo\n" * 3}}
    assert list(lines(value, 40)) == [
        "{",
        "  'name': 'a forecast',",
        "  'errors': [",
        "    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,",
        "    12, 13, 14, 15, 16, 17, 18, 19,",
        "  ],",
        "  'inner': {",
        "    'text': 'one\\n'",
        "            'two\\n'",
        "            'one\\n'",
        "            'two\\n'",
        "            'one\\n'",
        "            'two\\n',",
        "  },",
        "}",
    ]


def test_of_what_is_huge_only_what_is_looked_at_is_written() -> None:
    parts: Any = [0]
    for _ in range(60):
        parts = [parts] * 10
    assert list(islice(lines(parts, 80), 3)) == ["[", "  [", "    ["]
    long = list(lines("x" * 1_000_000, 80))
    assert (len(long) < 300, long[-1]) == (True, "… 980,000 more")
    assert len(list(islice(lines(dict.fromkeys(range(10**6)), 80), 5))) == 5
    assert len("".join(islice(lines({"k" * 10**6: 1}, 80), 2))) < 200
