"""`python -m localdev`: the local stack, until Ctrl-C, with the variables that point a shell at it."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from pathlib import Path

from localdev.processes import StartFailed
from localdev.stack import LocalStack


def _tell(line: str) -> None:
    sys.stderr.write(f"  {line}\n")


def main() -> int:
    """Run the stack; returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="grading-stack-") as directory:
        try:
            with LocalStack(Path(directory), tell=_tell) as stack:
                for name, value in sorted(stack.service_environment.items()):
                    sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
                sys.stdout.flush()
                sys.stderr.write(f"Logs: {directory}\nThe stack runs until Ctrl-C.\n")
                signal.pause()
        except StartFailed as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
