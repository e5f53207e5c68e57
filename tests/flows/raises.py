"""Foreach tasks that each raise in another way: first uncaught, then, in attempt 1, into @catch.

What is no `Exception`, or kills the process, ends in the fallback of @catch in attempt 2.
"""

import faulthandler
import json
import logging

from metaflow import FlowSpec, catch, retry, step
from metaflow.exception import MetaflowException


class DataError(Exception):
    pass


def chained():
    try:
        json.loads("{")
    except json.JSONDecodeError as error:
        raise DataError("no JSON in countries.json:\n\n  line 1 of 1, 2 * 3 * 4") from error


def grouped():
    error = ExceptionGroup("2 of 3 files", [ValueError("a.csv"), OSError(2, "gone", "b.csv")])
    error.add_note("c.csv was read")
    raise error


def recursing(depth=0):
    return recursing(depth + 1)


def logged_first():
    try:
        chained()
    except DataError:
        logging.exception("read again")
    raise KeyError("population")


def of_metaflow():
    raise MetaflowException("no table *countries*\nin the warehouse")


def interrupted():
    raise KeyboardInterrupt


def crashed():
    faulthandler.enable()
    faulthandler._sigsegv()


KINDS = [chained, grouped, recursing, logged_first, of_metaflow, interrupted, crashed]


class RaisesFlow(FlowSpec):
    @step
    def start(self):
        self.kinds = [*[kind.__name__ for kind in KINDS], "missing"]
        self.next(self.fail, foreach="kinds")

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def fail(self):
        for kind in KINDS:
            if kind.__name__ == self.input:
                kind()
        print(self.no_such_artifact)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RaisesFlow()
