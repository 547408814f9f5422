"""SIGTERM: what runs is finished, or given up if it can be, and the lock is released; then the process ends.

Cloud Run sends SIGTERM, and SIGKILL 10 s after it
(https://cloud.google.com/run/docs/container-contract#instance-shutdown). The signal brings every deadline of the
process forward. So a step that runs may still end; the next one is refused with `DeadlineExceeded`, the lock is
released and the event is redelivered. A publish that does not end in time is cancelled, and its lock is released
only if it is known that it can commit no more; otherwise the lock is left to expire.

The 10 s: 3 until the deadline, at most 4.5 to cancel a job, 1 to release the lock; the rest is the answer's.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

from foundation.clock import SystemClock

FINISH_SECONDS = 3.0


def stop_on_sigterm(clock: SystemClock) -> bool:
    """From now on SIGTERM ends the deadlines of this clock, and then does what it did before.

    If nothing else handles the signal, a second one ends the process at once. Returns whether it is so: only a
    process's main thread may handle signals, which is why the function is served by one thread a process.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        clock.end_within(FINISH_SECONDS)
        if callable(before):
            before(number, frame)
        else:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, stop)
    return True
