"""Pickles of plain data are read as they are; anything else is refused, and never executed."""

from __future__ import annotations

import contextlib
import datetime
import math
import pickle
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.sources.plain_pickle import MAX_BITS, MAX_BYTES, MAX_DEPTH, NotPlain, loads

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.binary(max_size=30),
)
HASHABLE = st.one_of(SCALARS, st.tuples(SCALARS, SCALARS), st.frozensets(SCALARS, max_size=3))
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(value=PLAIN, protocol=st.integers(4, 5))
def test_plain_data_comes_back_as_it_was(value: Any, protocol: int) -> None:
    assert loads(pickle.dumps(value, protocol)) == value


JSON_LIKE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(value=JSON_LIKE, protocol=st.integers(2, 3))
def test_what_a_graph_is_made_of_comes_back_also_from_the_protocols_metaflow_writes(
    value: Any, protocol: int
) -> None:
    assert loads(pickle.dumps(value, protocol)) == value


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(NotPlain):
        loads(data)


@settings(max_examples=100, deadline=None)
@given(value=JSON_LIKE, cut=st.floats(0, 1))
def test_what_is_cut_off_is_refused(value: Any, cut: float) -> None:
    whole = pickle.dumps(value, 4)
    with pytest.raises(NotPlain):
        loads(whole[: math.floor(cut * (len(whole) - 1))])


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(6))
def test_what_would_run_code_is_refused_before_it_runs(protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "exploded"
    bomb = pickle.dumps({"deep": [1, (Bomb(mark),)]}, protocol)
    with pytest.raises(NotPlain):
        loads(bomb)
    assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists(), "the bomb was a dud: the test shows nothing"


@pytest.mark.parametrize(
    "value", [len, datetime.date(2026, 1, 1), 1j, range(3), ValueError("x"), Path("/")], ids=repr
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_objects_and_functions_are_no_plain_data(value: Any, protocol: int) -> None:
    with pytest.raises(NotPlain, match="which plain data does not need"):
        loads(pickle.dumps(value, protocol))


PROTO = b"\x80\x04"

HOSTILE: dict[str, bytes] = {
    "GLOBAL": b"cos\nsystem\n(S'true'\ntR.",
    "INST": b"(S'true'\nios\nsystem\n.",
    "STACK_GLOBAL": PROTO + b"\x8c\x02os\x8c\x06system\x93.",
    "EXT1": PROTO + b"\x82\x01.",
    "EXT2": PROTO + b"\x83\x01\x00.",
    "EXT4": PROTO + b"\x84\x01\x00\x00\x00.",
    "PERSID": b"Pname\n.",
    "BINPERSID": PROTO + b"Nq\x00Q.",
    "BUILD": PROTO + b"}}b.",
    "NEWOBJ": PROTO + b"N)\x81.",
    "BYTEARRAY8 of a terabyte": PROTO + b"\x96" + struct.pack("<Q", 2**40) + b".",
    "BINBYTES8 of a terabyte": PROTO + b"\x8e" + struct.pack("<Q", 2**40) + b".",
    "BINUNICODE8 of a terabyte": PROTO + b"\x8d" + struct.pack("<Q", 2**40) + b".",
    "LONG4 of two gigabytes": PROTO + b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "a memo of four billion": PROTO + b"Nr\xff\xff\xff\xff.",
    "a memo of a billion in text": b"Np1000000000\n.",
    "a negative memo": b"Np-1\n.",
    "a memo that was never written": PROTO + b"h\x05.",
    "a frame longer than the file": PROTO + b"\x95" + struct.pack("<Q", 2**60) + b"N.",
    "an unhashable key": PROTO + b"}]Ns.",
    "items for what is no list": PROTO + b"N(Ne.",
    "nothing on the stack": PROTO + b".",
    "an unknown protocol": b"\x80\xffN.",
    "no pickle": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pickle_is_refused_and_takes_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(NotPlain):
            loads(data)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_billion_laughs_are_cut_short() -> None:
    value: list[Any] = ["ha"]
    for _ in range(40):
        value = [value] * 10
    data = pickle.dumps(value)
    assert len(data) < 2000
    with pytest.raises(NotPlain, match="more than 2000000 parts"):
        loads(data)


def test_a_list_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotPlain, match="nested deeper"):
        loads(pickle.dumps(value))


def test_depth_is_bounded_because_what_reads_the_value_recurses() -> None:
    def nested(depth: int) -> bytes:
        return PROTO + b"]" * depth + b"a" * (depth - 1) + b"."

    assert loads(nested(MAX_DEPTH)) is not None
    for depth in (MAX_DEPTH + 1, sys.getrecursionlimit() * 100):
        with pytest.raises(NotPlain, match="nested deeper"):
            loads(nested(depth))


def test_integers_that_cannot_be_written_are_refused() -> None:
    assert loads(pickle.dumps(2**MAX_BITS - 1)) == 2**MAX_BITS - 1
    with pytest.raises(NotPlain, match="an integer of"):
        loads(pickle.dumps(-(2 ** (MAX_BITS + 1))))


def test_what_is_too_large_is_not_even_looked_at() -> None:
    with pytest.raises(NotPlain, match="more than the"):
        loads(pickle.dumps(b"x" * MAX_BYTES))
