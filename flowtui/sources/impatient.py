"""HTTP with time-outs, and with an eye on what time it is where the answers come from."""

from __future__ import annotations

import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

TIMEOUT = 20.0
"""Seconds after which a request to a metaflow-service counts as unanswered."""

CLOCK_SLACK = 5_000
"""Milliseconds by which clocks may differ unnoticed: an answer tells whole seconds, and is old."""

interrupted = threading.Event()
"""Set once Ctrl-C came while a request waited: Metaflow takes it for a failure of the service."""


class Impatient(HTTPAdapter):
    """Gives every request a time-out; `ahead` is how much the service's clock is ahead of this
    machine's, in milliseconds, as its last answer told."""

    ahead = 0

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        try:
            answer = super().send(request, *args, **{**kwargs, "timeout": TIMEOUT})
        except KeyboardInterrupt:
            interrupted.set()
            raise
        Impatient.ahead = _ahead(answer.headers.get("Date"))
        return answer


def make_impatient(session: Session) -> None:
    """Let everything that a session asks for have a time-out."""
    session.mount("http://", Impatient())
    session.mount("https://", Impatient())


def _ahead(date: str | None) -> int:
    """Milliseconds from this machine's clock to an answer's `Date`; 0 where they nearly agree."""
    try:
        told = parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return 0
    difference = int((told - time.time()) * 1000)
    return difference if abs(difference) > CLOCK_SLACK else 0
