"""Runs one command, and ends it with whoever started it.

Started by `localdev.processes` as a process of its own session, with a pipe to its parent as standard input.
The pipe closes when the parent ends, however it ends (SIGKILL too); then the whole process group is ended:
emulators leave Java children behind otherwise. Uses the standard library only, and no import of this package.
"""

import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 3.0


def main(command: list[str]) -> int:
    """Run `command`; returns its exit status."""
    # A handler, not SIG_IGN: an ignored signal would stay ignored in the child.
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_parent() -> None:
        # Not sys.stdin: its lock, held here, would break the interpreter's shutdown.
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=end_with_parent, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
