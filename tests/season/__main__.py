"""`make season`: replay a season of daily runs, and print its messages by kind.

SHORT=1 replays nine dates; OUT=file.json also writes each message.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from localdev.bigquery import BigQueryEmulator
from localdev.settings import local_settings
from tests.season.plan import SEASON, SHORT
from tests.season.replay import replay


def main() -> int:
    """Replay, and print the table. 1 if an incident was reported late or never, or a state twice."""
    plan = SHORT if os.environ.get("SHORT") else SEASON
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with BigQueryEmulator(log_directory=directory) as emulator, emulator.client() as client:
            settings = local_settings(
                bigquery_endpoint=emulator.endpoint,
                lock_store="sqlite",
                lock_sqlite_path=str(directory / "locks.sqlite3"),
            )
            replayed = replay(settings, client, plan, tell=lambda line: print(line, file=sys.stderr, flush=True))
    print(*replayed.table(), sep="\n", flush=True)
    if out := os.environ.get("OUT"):
        messages = [
            {"day": m.day, "check": m.alert.check, "title": m.alert.title, "samples": list(m.alert.samples)}
            for m in replayed.messages
        ]
        Path(out).write_text(json.dumps(messages, indent=2))
    late = [name for name, (day, reported) in replayed.incidents.items() if reported is None or reported > day + 1]
    return 1 if late or replayed.reported_twice else 0


if __name__ == "__main__":
    sys.exit(main())
