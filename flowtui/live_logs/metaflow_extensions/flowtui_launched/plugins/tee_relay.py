"""Passes on what a task writes until it has ended, and then ends like it."""

import os
import select
import stat
import sys
import time

from tee_stream import Stream
from tee_task import Task, execute

LAST_READS = 8
"""Chunks that are read at most of a pipe that others hold open when the task has ended."""

PATIENCE = 500
"""Milliseconds without a line being taken after which the output of a failed task is given up on.

It is in the log. Metaflow's runtime does not read while it waits for interrupted tasks to end.
"""


def relay(task, streams):
    """Pass on what the task writes until it has ended and its output with it.

    Metaflow's runtime waits until one of the two pipes is closed, then until the process has ended,
    and then takes what is left in the other pipe, which a process in the background may hold open:
    so does this. A signal for a task that has ended already ends this at once.
    """
    while True:
        poll = select.poll()
        poll.register(task.fileno(), select.POLLIN)
        for stream in streams:
            if stream.pending:
                poll.register(stream.sink, select.POLLOUT)
            elif not stream.at_end:
                poll.register(stream.source, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(_until_due(streams))}
        for stream in streams:
            if stream.pending:
                if stream.sink in ready:
                    stream.write()
            elif not stream.at_end and stream.source in ready and stream.read():
                stream.write()
            if stream.due is not None and stream.due <= time.monotonic():
                stream.put_unfinished()
        if task.fileno() in ready and task.attend():
            return
        if task.returned is not None and any(stream.at_end for stream in streams):
            break
    for stream in streams:
        # What has been in the pipe, not what goes on coming.
        for _ in range(LAST_READS):
            if stream.at_end or not stream.read():
                break
        stream.end()
    patience = PATIENCE if task.returned else None
    while any(stream.pending for stream in streams):
        poll = select.poll()
        poll.register(task.fileno(), select.POLLIN)
        for stream in streams:
            if stream.pending:
                poll.register(stream.sink, select.POLLOUT)
        ready = {fd for fd, _ in poll.poll(patience)}
        if not ready:
            patience = None
            for stream in streams:
                stream.give_up()
        for stream in streams:
            if stream.pending and stream.sink in ready:
                stream.write()
        if task.fileno() in ready and task.attend():
            return


def _until_due(streams):
    """Milliseconds until an unfinished line is to be put into its log, None when there is none."""
    due = [stream.due for stream in streams if stream.due is not None]
    return max(0, (min(due) - time.monotonic()) * 1000) if due else None


def main(arguments):
    prefix, max_size, interpreter = arguments[:3]
    started_as = getattr(sys, "orig_argv", [sys.executable])[0]
    command = [started_as if interpreter == "-" else interpreter, *arguments[3:]]
    try:
        streams, ends = [], []
        for sink, name in ((1, "stdout"), (2, "stderr")):
            source, end = os.pipe()
            path = "%s.task_%s.log" % (prefix, name)
            streams.append(Stream(source, sink, path, int(max_size)))
            ends.append(end)
        task = Task(command, *ends)
    except OSError:
        # No room for another process or pipe: the task matters more than its log.
        execute(command)
    for end in ends:
        os.close(end)
    os.close(0)
    for stream in streams:
        os.set_blocking(stream.source, False)
        if stat.S_ISFIFO(os.fstat(stream.sink).st_mode):
            os.set_blocking(stream.sink, False)
    relay(task, streams)
    task.end_alike()
