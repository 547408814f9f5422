"""Calls made later, by one thread of the process.

A lease renews for the first time after 20 s, and most are released before that. A thread for each would
cost an uncontended acquisition a third of its time; a reminder costs microseconds, and the lease starts its
thread only when it is reminded.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count


class Reminder:
    """One call to come."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Do not call any more. It may be under way already."""
        self._call = None

    def fire(self) -> None:
        """Call, unless cancelled."""
        call = self._call
        if call is not None:
            call()


class Reminders:
    """A heap of calls and a daemon thread that makes them; the thread starts with the first call.

    What is called must return at once and not raise.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._heap: list[tuple[float, int, Reminder]] = []
        self._order = count()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], None]) -> Reminder:
        """Call in `seconds`."""
        reminder = Reminder(call)
        with self._news:
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._order), reminder))
            if self._thread is None or not self._thread.is_alive():  # also in a forked child
                self._thread = threading.Thread(target=self._run, name="lock-reminders", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is reminder:
                self._news.notify()
        return reminder

    def _run(self) -> None:
        while True:
            with self._news:
                while not self._heap:
                    self._news.wait()
                left = self._heap[0][0] - time.monotonic()
                if left > 0:
                    self._news.wait(left)
                    continue
                reminder = heapq.heappop(self._heap)[2]
            reminder.fire()


REMINDERS = Reminders()
