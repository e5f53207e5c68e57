"""Plain requests to the tests' metadata service, and what their answers look like."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.metadata_service import MetadataService


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


def ask(service: MetadataService, path: str, method: str = "GET", body: object = None) -> Reply:
    """One request, on a connection of its own."""
    port = int(service.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    try:
        return Reply(response.status, dict(response.headers), json.loads(text))
    except ValueError:
        return Reply(response.status, dict(response.headers), text)


def walk(service: MetadataService, path: str, limit: int) -> list[dict[str, Any]]:
    """All rows of all pages."""
    rows, query = [], {"_limit": str(limit)}
    while True:
        reply = ask(service, f"{path}?{urlencode(query)}")
        assert reply.status == 200
        assert len(reply.body) <= limit
        rows += reply.body
        if "X-Next-Cursor" not in reply.headers:
            return rows
        query["_cursor"] = reply.headers["X-Next-Cursor"]


def shape(value: object) -> object:
    """The types of an answer's values; of a list, each shape its items have."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        shapes: list[object] = []
        for item in map(shape, value):
            if item not in shapes:
                shapes.append(item)
        return shapes
    return "null" if value is None else type(value).__name__
