"""`make faults`: the fault storm, long, and its negative control.

ROUNDS and SEED come from the environment: 40 rounds, and a seed drawn anew. A failure prints the command that
replays it: the seed draws every task and every fault; when exactly each one hits is the machine's.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

from localdev.sdk import FIRESTORE_LAUNCHER, launcher, why_missing
from tests.faults.storm.storm import Storm

_ROUNDS = 40
# A reader meets the control's holes, some milliseconds each, in most rounds, not in each.
_CONTROL_ROUNDS = 40
# What the batches of a long run must have met.
_LONG = 200
_LEAST_MET = {"left out": 50, "leases lost": 20, "halvings": 10}


def main() -> int:
    """Run both storms; 0 if ours has no violation, and the control has."""
    rounds = int(os.environ.get("ROUNDS") or _ROUNDS)
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    if launcher(FIRESTORE_LAUNCHER) is None:
        missing = why_missing(FIRESTORE_LAUNCHER, "cloud-firestore-emulator")
        print(f"Locks live in a SQLite file, and no fault of Firestore is injected: {missing}.", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        with Storm(Path(directory), seed) as storm:
            report = storm.run(rounds, tell=lambda line: print(line, file=sys.stderr, flush=True))
        print(*report.lines(), sep="\n", flush=True)
        for violation in report.violations:
            print(f"  {violation}")
        for what, least in _LEAST_MET.items():
            if rounds >= _LONG and report.batches[what] < least:
                report.violations.append(f"the run does not count: {what} {report.batches[what]} times, not {least}")
                print(f"  {report.violations[-1]}")
        with Storm(Path(directory), seed, naive=True) as storm:
            control = storm.run(_CONTROL_ROUNDS, until_violated=True)
    print(
        f"negative control (plain lock, DELETE and INSERT as two jobs): first violation in round "
        f"{control.first_violation}, of at most {_CONTROL_ROUNDS}:"
    )
    for violation in control.violations:
        print(f"  {violation}")
    if report.violations or control.first_violation is None:
        print(f"FAILED. To replay: make faults ROUNDS={rounds} SEED={seed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
