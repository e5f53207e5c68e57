"""Loops of blocking work in threads of their own.

The threads are daemons: Python does not wait for them when the program ends, so that quitting is
immediate also while a provider takes its time.
"""

from __future__ import annotations

import threading


class Loop:
    """A daemon thread that calls `turn` again and again, and sleeps between on an event."""

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._paused = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the loop as soon as what it waits for returns; does not wait for that."""
        self._stopped.set()
        self._wake.set()

    def wake(self) -> None:
        """Take the next turn now."""
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Take no turns for a while; `wake` still takes one."""
        if paused:
            self._paused.set()
        else:
            self._paused.clear()
            self._wake.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def paused(self) -> bool:
        return self._paused.is_set()

    def turn(self) -> float | None:
        """Do one turn; returns the seconds until the next, or None when there is none."""
        raise NotImplementedError

    def surprised(self, sentence: str) -> float | None:
        """Say that a turn broke off with an error nobody foresaw; returns what `turn` returns."""
        raise NotImplementedError

    def finish(self) -> None:
        """Called in the thread when the loop ends."""

    def _run(self) -> None:
        while not self.stopped:
            self._wake.clear()
            # Looked at again: `stop` may have come just before its wake-up was cleared away.
            if self.stopped:
                break
            try:
                pause = self.turn()
            except Exception as error:  # A thread must not end unheard, whoever made the mistake.
                pause = self.surprised(f"Unexpected {type(error).__name__}: {error}")
            if pause is None:
                break
            self._wake.wait(pause)
            while self.paused and not self._wake.is_set():
                self._wake.wait()
        self.finish()
