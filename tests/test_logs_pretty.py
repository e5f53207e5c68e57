"""JSON in a line is spread over rows, whatever is in it and however it was made."""

from __future__ import annotations

import json
import time

import pytest

from flowtui.logs.pretty import MOST_ROWS, pretty_rows


def rows(line: str | bytes) -> list[str] | None:
    found = pretty_rows(line if isinstance(line, bytes) else line.encode())
    return None if found is None else [row.plain for row in found]


def test_keys_and_values_have_rows_of_their_own() -> None:
    assert rows(' {"loss": 0.5, "steps": [1, -2], "ok": true, "note": null, "": {}}\r') == [
        "{",
        '  "loss": 0.5,',
        '  "steps": [',
        "    1,",
        "    -2",
        "  ],",
        '  "ok": true,',
        '  "note": null,',
        '  "": {}',
        "}",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain",
        "12",
        '"text"',
        "{'a': 1}",
        "[1, 2",
        "[1] trailing",
        "{",
        b'{"a": "\xff"}',
        b"[\xff]",
        "[" + "1" * 5000 + "]",
        "[" * 300 + "]" * 300,
        "[" * 60_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "[" + "1," * 40_000 + "1]",
    ],
    ids=lambda line: f"{line[:12]!r}",
)
def test_other_lines_stay_as_they_are(line: str | bytes) -> None:
    assert rows(line) is None


def test_of_a_long_array_the_first_rows_are_shown_and_the_rest_is_counted() -> None:
    found = rows(json.dumps(list(range(2000))))
    assert found is not None
    assert found[:2] == ["[", "  0,"]
    assert found[MOST_ROWS:] == ["… (+1,502 rows)"]


def test_what_json_does_not_know_but_python_writes_is_read() -> None:
    assert rows('{"a": NaN, "b": -Infinity}') == ["{", '  "a": NaN,', '  "b": -Infinity', "}"]
    big = "9" * 4000
    assert rows(f"[{big}]") == ["[", "  " + big, "]"] or rows(f"[{big}]") is not None


def test_strings_are_harmless_and_stay_in_their_rows() -> None:
    hostile = {"\x1b[31m": "\x9b2J\u202e[bold]", "two": "a\nb\t\u2028", "sep": '": "', "end": "\\"}
    found = rows(json.dumps(hostile))
    assert found is not None
    assert len(found) == 6
    assert found[3:] == [r'  "sep": "\": \"",', r'  "end": "\\"', "}"]
    assert all(character.isprintable() for row in found for character in row)
    assert rows(r'["\ud800"]') == ["[", '  "\ufffd"', "]"]


def test_many_brackets_in_a_string_are_no_depth_when_they_close() -> None:
    assert rows(json.dumps({"text": "[]" * 5000})) is not None


def test_keys_strings_numbers_and_words_look_different() -> None:
    found = pretty_rows(b'{"k": "s", "n": 1, "w": null}')
    assert found is not None
    styles = [{str(span.style) for span in row.spans} for row in found[1:4]]
    assert len({frozenset(style) for style in styles}) == 3
    assert all("bold" in style for style in styles)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 99 + "1," * 32_000 + "1" + "]" * 99,
        "[" * 900 + "1," * 31_000 + "1" + "]" * 900,
        "[" + "[]," * 21_000 + "[]]",
        "[" + '{"a":{}},' * 7000 + "0]",
        '["' + "x" * 65_000 + '"]',
        '["' + "\\" * 65_000 + '"]',
        "{" * 65_000,
    ],
    ids=["deep", "too deep", "many", "more", "string", "backslashes", "open"],
)
def test_no_line_takes_long(line: str) -> None:
    began = time.process_time()
    found = rows(line)
    assert time.process_time() - began < 1
    assert found is None or len(found) <= MOST_ROWS + 1
