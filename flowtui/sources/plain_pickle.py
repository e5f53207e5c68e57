"""Reads artifacts that hold plain data, and nothing else: no import, no call, no object.

Metaflow stores artifacts as pickles, and unpickling a stranger's file runs his code. Here a pickle
is looked through opcode by opcode first; only those that build containers and scalars of the
standard library are let through, so that what follows cannot do anything but build them.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

MAX_BYTES = 16 * 1024 * 1024
"""Pickles above this many bytes are not read."""

MAX_ITEMS = 2_000_000
"""Values with more parts than this, shared parts counted at each place, are not returned."""

MAX_DEPTH = 100
"""Containers within containers beyond this are not returned: much that walks a value recurses."""

MAX_BITS = 4096
"""Integers of more bits are not returned: Python refuses to write them in decimal."""

_ALLOWED = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "POP",
        "POP_MARK",
        "DUP",
        "MEMOIZE",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "GET",
        "BINGET",
        "LONG_BINGET",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "LIST",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "EMPTY_SET",
        "ADDITEMS",
        "FROZENSET",
    ]
)

_MEMO_WRITES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


class NotPlain(ValueError):  # noqa: N818
    """The pickle holds more than plain data, is too large, or is damaged."""


def loads(data: bytes) -> Any:
    """The value of a pickle made of builtin containers and scalars; raises NotPlain otherwise."""
    if len(data) > MAX_BYTES:
        raise NotPlain(f"{len(data)} bytes, more than the {MAX_BYTES} that are read")
    try:
        _check(data)
        # Safe by the check above: no opcode is left that could import or call anything.
        value = pickle.loads(data)  # noqa: S301
        _count(value)
    except NotPlain:
        raise
    except Exception as error:
        raise NotPlain(f"damaged: {type(error).__name__}") from error
    return value


def _check(data: bytes) -> None:
    for number, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
        if opcode.name not in _ALLOWED:
            raise NotPlain(f"holds {opcode.name}, which plain data does not need")
        # The C unpickler allocates its memo up to the index written: a huge one takes the memory.
        if opcode.name in _MEMO_WRITES and int(argument or 0) > number:
            raise NotPlain("writes outside its memo")


def _count(value: Any) -> None:
    """Bound what walking the value costs: a few bytes can nest one list a billion times."""
    left, level = MAX_ITEMS, [value]
    for _ in range(MAX_DEPTH):
        left -= len(level)
        inner: list[Any] = []
        for item in level:
            if isinstance(item, int) and item.bit_length() > MAX_BITS:
                raise NotPlain(f"an integer of {item.bit_length()} bits")
            if isinstance(item, dict):
                inner.extend(item.keys())
                inner.extend(item.values())
            elif isinstance(item, (list, tuple, set, frozenset)):
                inner.extend(item)
            if len(inner) > left:
                raise NotPlain(f"more than {MAX_ITEMS} parts")
        if not inner:
            return
        level = inner
    raise NotPlain(f"nested deeper than {MAX_DEPTH}")
