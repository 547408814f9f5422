"""A reader that polls the date without a pause until its standard input closes: `python -m bench.reader TABLE ROWS`.

The environment names the warehouse. Prints one JSON object: for how long the date was empty, in part there, or had
too many rows, in milliseconds. A state lasts from the answer that showed it until the next answer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter

from bench.generated_date import DAY
from grading.settings import Settings
from localdev.bigquery import client_for


def main() -> None:
    """Poll, and print what was seen."""
    table, rows = sys.argv[1], int(sys.argv[2])
    settings = Settings.from_environment(os.environ)
    stop = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    sql = f"SELECT COUNT(*) FROM `{table}` WHERE game_date = DATE '{DAY}'"
    milliseconds: Counter[str] = Counter()
    polls, longest = 0, 0.0
    with client_for(settings.bigquery_api_endpoint, settings.google_cloud_project) as client:
        state, since = "", time.perf_counter()
        while not stop.is_set():
            found = int(next(iter(client.query_and_wait(sql, api_timeout=60.0, wait_timeout=60.0)))[0])
            now = time.perf_counter()
            milliseconds[state] += round((now - since) * 1000) if state else 0
            longest = max(longest, now - since)
            state, since = _state(found, rows), now
            polls += 1
            if polls == 1:
                print("reading", flush=True)
    print(json.dumps({"polls": polls, "longest_ms": round(longest * 1000), **milliseconds}))


def _state(found: int, rows: int) -> str:
    if found == rows:
        return "whole"
    if found == 0:
        return "empty"
    return "doubled" if found > rows else "partial"


if __name__ == "__main__":
    main()
