"""What the tests' metadata service answers with: bodies, headers, cursors, as version 2.5.1."""

from __future__ import annotations

import json
import traceback
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """A response: its text, and whether the service puts its version into the headers.

    The real service sends even JSON as text/plain, and some endpoints leave the version out.
    """

    text: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    versioned: bool = True


NOT_FOUND = Answer("404: Not Found", 404, versioned=False)


def json_answer(body: object, status: int = 200, versioned: bool = True) -> Answer:
    """A JSON body; a text is a JSON string, quotes included."""
    return Answer(json.dumps(body), status, versioned=versioned)


def rows_answer(rows: list[str], versioned: bool = True) -> Answer:
    """A list of rows that are JSON already."""
    return Answer(f"[{', '.join(rows)}]", versioned=versioned)


def page_answer(rows: list[str], limit: int, following: dict[str, object] | None) -> Answer:
    """A page of rows; the headers tell its size and where the next begins, if there is one."""
    headers = {"X-Limit": str(limit)}
    if following is not None:
        cursor = b64encode(json.dumps(following).encode()).decode()
        headers["X-Next-Cursor"] = cursor
    return Answer(f"[{', '.join(rows)}]", headers=headers)


def cursor_key(cursor: str, names: Sequence[str]) -> list[object]:
    """What a page comes after: time and the named columns. ValueError or KeyError if unreadable."""
    held = json.loads(b64decode(cursor).decode())
    return [int(held["ts_epoch"]), *(held[name] for name in names)]


def failure(error: Exception) -> Answer:
    """The real service's answer to whatever it trips over."""
    body = {
        "traceback": "".join(traceback.format_exception(error)),
        "detail": str(error),
        "status": 500,
        "title": "Internal Server Error",
        "type": "about:blank",
    }
    return json_answer(body, 500)
