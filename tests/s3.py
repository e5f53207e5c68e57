"""S3 over HTTP, by moto: one server in the process of the tests, which can misbehave when told."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from flowtui.logs import remote

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}

_NUMBERS = itertools.count()


@dataclass
class Answer:
    """What was asked and how many bytes were answered."""

    method: str
    path: str
    range: str | None
    status: int = 0
    size: int = 0


@dataclass
class Trouble:
    """How the server misbehaves from now on."""

    refuse: tuple[str, bytes] | None = None
    """A status and a body for every request."""
    no_ranges: bool = False
    cut_after: int | None = None
    """Bytes of an answer after which the connection ends."""


@dataclass
class S3Server:
    """`url` is where it listens; `answers` is what it did."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)
    _moto: Any = None

    def start(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._moto = DomainDispatcherApplication(create_backend_app)
        server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = Answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_RANGE"))
        self.answers.append(answer)
        if self.trouble.refuse:
            status, body = self.trouble.refuse
            answer.status = int(status.split()[0])
            start_response(status, [("Content-Type", "application/xml")])
            return [body]
        if self.trouble.no_ranges:
            environ.pop("HTTP_RANGE", None)

        def started(status: str, *rest: Any) -> Any:
            answer.status = int(status.split()[0])
            return start_response(status, *rest)

        return self._counted(self._moto(environ, started), answer, self.trouble.cut_after)

    @staticmethod
    def _counted(body: Iterable[bytes], answer: Answer, limit: int | None) -> Iterator[bytes]:
        for piece in body:
            answer.size += len(piece)
            if limit is not None and answer.size > limit:
                yield piece[: limit - answer.size]
                raise ConnectionAbortedError
            yield piece

    def client(self) -> Any:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        )


@cache
def s3_server() -> S3Server:
    """The server of this process, started on the first call."""
    server = S3Server()
    server.start()
    return server


class Bucket:
    """A bucket of the server, from which one test reads."""

    def __init__(self, server: S3Server, name: str) -> None:
        self.server = server
        self.name = name
        self.root = f"s3://{name}/metaflow"
        self._client = server.client()
        self._client.create_bucket(Bucket=name)

    def put(self, path: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=f"metaflow/{path}", Body=content)

    def get(self, path: str) -> bytes:
        answer = self._client.get_object(Bucket=self.name, Key=f"metaflow/{path}")
        content: bytes = answer["Body"].read()
        return content

    def paths(self) -> list[str]:
        """The paths of all that is stored."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        found = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return [key.removeprefix("metaflow/") for key in found]

    def delete(self, path: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=f"metaflow/{path}")

    def asked(self) -> list[Answer]:
        """The answers since the last call."""
        taken, self.server.answers[:] = list(self.server.answers), []
        return taken


def new_bucket() -> Bucket:
    """A bucket that no other test knows."""
    return Bucket(s3_server(), f"bucket-{next(_NUMBERS)}")


def read_from(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the Metaflow of this process for the server, as its variables would."""
    from metaflow import metaflow_config

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(metaflow_config.DATATOOLS_CLIENT_PARAMS, "endpoint_url", server.url)
    monkeypatch.setattr(remote, "_s3", remote._S3Client())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket of the test's own, which Metaflow is configured to find."""
    bucket = new_bucket()
    read_from(bucket.server, monkeypatch)
    bucket.asked()
    yield bucket
    bucket.server.trouble = Trouble()
