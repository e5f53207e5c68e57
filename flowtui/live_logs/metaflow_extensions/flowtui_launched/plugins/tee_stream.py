"""One stream of a task, on its way into the log and on to Metaflow's runtime."""

import errno
import os
import time

CHUNK = 128 * 1024
"""Bytes read at a time: twice what a pipe holds."""

LONGEST_HELD = 4 * 1024 * 1024
"""Bytes of an unfinished line that are kept; a longer line is passed on while it comes."""

REST = 0.1
"""Seconds after which what has come of an unfinished line is put into the log."""

TRUNCATED = b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"
"""The line that ends a log of the greatest size (`TruncatedBuffer` of Metaflow's runtime)."""

RUNTIME_HEADER = len("[MFLOG|0|2026-11-21T05:24:35.971000Z|runtime|") + 36 + len("]")
"""Bytes that each line counts in the size of a log on top of its own, as the runtime counts."""


class Stream:
    """One stream of the task: `source` is where it comes from, `sink` where it is passed on.

    `pending` is what was read and is not passed on yet; nothing more is read as long as there is
    any, so that a slow reader slows the task as it would through a single pipe. `at_end` is set
    when nothing more will be read.

    A line is passed on once it is complete. One that is not (a progress bar, which redraws itself
    behind carriage returns) is put into the log as far as it has come, and goes on there: `due` is
    when, by the monotonic clock, None while there is nothing to put there.
    """

    def __init__(self, source, sink, path, max_size):
        self.source = source
        self.sink = sink
        self.pending = b""
        self.at_end = False
        self.due = None
        self._path = path
        self._file = None
        self._storing = True
        self._max_size = max_size
        self._size = 0
        self._truncated = False
        self._held = bytearray()
        self._begun = None
        self._begun_header = b""
        self._written = 0
        self._unfinished = b""
        self._long_line = None
        self._count = 0
        self._time = 0.0
        self._second = None
        self._second_text = ""

    def read(self):
        """Take in what there is, at most `CHUNK`; gives whether there was anything."""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return False
        if data:
            self.pending += self._take(data)
            if len(self._held) == self._written:
                self.due = None
            elif self.due is None:
                self.due = time.monotonic() + REST
        else:
            self.end()
        return bool(data)

    def put_unfinished(self):
        """Put into the log what has come of an unfinished line since the last time."""
        self.due = None
        if self._truncated or _may_be_structured(self._held):
            return
        if self._size + len(self._held) + RUNTIME_HEADER >= self._max_size:
            if self._begun is not None:
                self._take_back()
                self._truncate()
            return
        end = _whole_characters(self._held)
        if end > self._written and not self._put(end):
            self.pending += self._held
            self._held = bytearray()

    def write(self):
        """Pass on as much as the reader takes now; one that is gone ends the stream."""
        try:
            written = os.write(self.sink, self.pending)
        except BlockingIOError:
            return
        except OSError:
            # The task will learn of it as it would without this program: by its next write.
            self.pending = b""
            self._held = bytearray()
            self._begun = None
            self.end()
            return
        self.pending = self.pending[written:]

    def end(self):
        """There is no more; an unfinished last line is left to the runtime.

        It goes on in that line with what it has to say itself (`Task failed.`). A line of which a
        part is in the log already is completed there.
        """
        if not self.at_end:
            self.at_end = True
            self.due = None
            os.close(self.source)
            fits = self._size + len(self._held) + RUNTIME_HEADER < self._max_size
            if self._begun is not None:
                self.pending += self._complete(fits, b"")
            elif self._held:
                if not fits and not _structured(self._held):
                    self._truncate()
                if self._truncated and not _structured(self._held):
                    self.pending += self._header() + self._held
                else:
                    self._unfinished = bytes(self._held)
                    self.pending += self._unfinished
                self._held = bytearray()

    def give_up(self):
        """Do not pass on the rest, provided that it is in the log, or can be put there."""
        if self._storing:
            if self._unfinished and not self._store(self._header() + self._unfinished):
                return
            self.pending = self._unfinished = b""

    def _take(self, data):
        """Store what was read; gives what to pass on for it."""
        if not self._storing and self._long_line is None:
            return data
        passed = b""
        if self._long_line is not None:
            rest, newline, data = data.partition(b"\n")
            passed = self._go_on(rest + newline)
            if newline:
                self._long_line = None
            if not data:
                return passed
            if not self._storing:
                return passed + data
        if self._begun is not None:
            rest, newline, data = data.partition(b"\n")
            self._held += rest
            if newline:
                length = len(self._held) + 1 + RUNTIME_HEADER
                passed += self._complete(self._size + length < self._max_size, b"\n")
                if not self._storing:
                    return passed + data
        complete, newline, rest = data.rpartition(b"\n")
        if newline:
            block, self._held = bytes(self._held) + complete, bytearray()
            self.due = None
            passed += self._take_lines(block)
            if not self._storing:
                return passed + rest
            self._held += rest
        else:
            self._held += rest
        if len(self._held) > LONGEST_HELD:
            passed += self._begin_long_line()
        return passed

    def _take_lines(self, block):
        """Store complete lines, the last one without its newline."""
        if self._truncated and b"[MFLOG|" not in block:
            header = self._header()
            return header + block.replace(b"\n", b"\n" + header) + b"\n"
        lines = block.split(b"\n")
        size = self._size + len(block) + 1 + len(lines) * RUNTIME_HEADER
        if b"[MFLOG|" in block or size >= self._max_size:
            return self._take_each(block, lines)
        header = self._stamp()
        first = self._count
        self._count += len(lines)
        stored = b"".join(
            [b"%s%012d]%s\n" % (header, number, line) for number, line in enumerate(lines, first)]
        )
        if not self._store(stored):
            return block + b"\n"
        self._size = size
        return stored

    def _take_each(self, block, lines):
        """`_take_lines` where some line is a structured one already, or one too many."""
        stored, passed = [], []
        size, truncated = self._size, self._truncated
        for line in lines:
            if _structured(line):
                # Whoever wrote it decides whether the runtime stores it.
                passed.append(line + b"\n")
                continue
            entry = self._header() + line + b"\n"
            passed.append(entry)
            length = len(line) + 1 + RUNTIME_HEADER
            if truncated:
                continue
            if size + length < self._max_size:
                size += length
                stored.append(entry)
            else:
                truncated = True
                stored.append(self._header() + TRUNCATED + b"\n")
        if stored and not self._store(b"".join(stored)):
            return block + b"\n"
        self._size, self._truncated = size, truncated
        return b"".join(passed)

    def _put(self, end):
        """Bring the unfinished line in the log to its first `end` bytes.

        Gives whether it is there; if not, nothing of the line is.
        """
        if self._begun is not None:
            if self._store(bytes(self._held[self._written : end])):
                self._written = end
                return True
            self._begun, self._written = None, 0
            return False
        header = self._header()
        if not self._store(header + self._held[:end]):
            return False
        self._begun = os.fstat(self._file).st_size - len(header) - end
        self._begun_header, self._written = header, end
        return True

    def _complete(self, fits, newline):
        """The unfinished line that the log has a part of is at its end; gives what to pass on."""
        line, header = bytes(self._held), self._begun_header
        if not fits:
            self._take_back()
            self._truncate()
        elif not self._store(line[self._written :] + b"\n"):
            header = b""
        else:
            self._size += len(line) + len(newline) + RUNTIME_HEADER
        self._held, self._begun, self._written = bytearray(), None, 0
        self.due = None
        return (header if self._storing else b"") + line + newline

    def _take_back(self):
        """Take the part of the unfinished line out of the log again."""
        self._cut(self._begun)
        self._begun, self._written = None, 0

    def _begin_long_line(self):
        """Store and pass on what there is of a line, so that it need not be held as a whole."""
        if self._begun is not None:
            return self._turn_into_long_line()
        held, self._held = bytes(self._held), bytearray()
        if _structured(held):
            self._long_line = -1
            return held
        header = self._header()
        size = self._size + len(held) + RUNTIME_HEADER
        if self._truncated or size >= self._max_size:
            self._truncate()
            self._long_line = -1
            return (header if self._storing else b"") + held
        if not self._store(header + held):
            self._long_line = -1
            return held
        self._long_line = os.fstat(self._file).st_size - len(header) - len(held)
        self._size = size
        return header + held

    def _turn_into_long_line(self):
        """`_begin_long_line` for a line that the log has a part of already."""
        held, header, start = bytes(self._held), self._begun_header, self._begun
        size = self._size + len(held) + RUNTIME_HEADER
        if size >= self._max_size:
            self._take_back()
            self._truncate()
            start = -1
        elif self._put(len(held)):
            self._size = size
        else:
            start = -1
        self._long_line, self._held = start, bytearray()
        self._begun, self._written = None, 0
        return (header if self._storing else b"") + held

    def _go_on(self, data):
        """More of a long line. `_long_line` is where it starts in the file, -1 if it is not there.

        Its beginning was passed on, so that the rest has to be, whatever becomes of the file.
        """
        if self._long_line != -1:
            self._size += len(data)
            if self._size >= self._max_size:
                self._cut(self._long_line)
                self._truncate()
                self._long_line = -1
            elif not self._store(data):
                self._long_line = -1
        return data

    def _truncate(self):
        if not self._truncated:
            self._truncated = self._store(self._header() + TRUNCATED + b"\n")

    def _stamp(self):
        """What precedes the number of a line: `[MFLOG|0|<time>Z|task|`.

        Metaflow sorts the lines of a log by time, then by id: neither ever decreases here.
        """
        self._time = max(self._time, time.time())
        second = int(self._time)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        microsecond = int((self._time - second) * 1000000)
        return b"[MFLOG|0|%s.%06dZ|task|" % (self._second_text.encode("ascii"), microsecond)

    def _header(self):
        self._count += 1
        return b"%s%012d]" % (self._stamp(), self._count - 1)

    def _store(self, data):
        """Append to the log; gives whether all of it is there. If not, nothing is tried again."""
        end = None
        try:
            if self._file is None:
                self._file = _open(self._path)
            status = os.fstat(self._file)
            if not status.st_nlink:
                raise FileNotFoundError(errno.ENOENT, "the log was deleted")
            end = status.st_size
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            if end is not None:
                # A line that is there in part goes as a whole: it is passed on as it is.
                self._cut(end if self._begun is None else self._begun)
            if self._file is not None:
                os.close(self._file)
            self._file = None
            self._storing = False
            return False
        return True

    def _cut(self, end):
        try:
            if os.fstat(self._file).st_size > end:
                os.ftruncate(self._file, end)
        except OSError:
            pass


def _structured(line):
    """Whether Metaflow takes the line for one with an mflog header (`mflog.is_structured`)."""
    return line.startswith((b"[MFLOG|", b"[![MFLOG|"))


def _may_be_structured(held):
    """Whether a line that begins like this is a structured one, or may become one."""
    start = bytes(held[:9])
    return _structured(held) or b"[MFLOG|".startswith(start) or b"[![MFLOG|".startswith(start)


def _whole_characters(held):
    """How much of it does not end within a character of UTF-8.

    Metaflow's client decodes a log as a whole, and fails where it cannot.
    """
    for back, byte in enumerate(reversed(held[-3:]), 1):
        if byte >= 0xC0:
            length = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return len(held) - back if length > back else len(held)
        if byte < 0x80:
            break
    return len(held)


def _open(path):
    # Not to wait for a reader, should the path be a pipe.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)
