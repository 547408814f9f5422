"""The design that this project replaces, for comparison: DELETE the date, then load its rows, as two jobs.

Either job is fine alone, and the pair is idempotent. Two pairs at once are not safe: both DELETEs can run before
either load, and then every row is there twice.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from google.cloud import bigquery

from localdev.graded import GradedRow
from warehouse.statements import TablePath

_CALL_SECONDS = 60.0
_MEET_SECONDS = 30.0


def delete_then_load(
    client: bigquery.Client,
    table: TablePath,
    day: date,
    rows: Sequence[GradedRow],
    *,
    between: Callable[[], object] = lambda: None,
) -> None:
    """Replace a date's rows by two independent jobs.

    `between` is called after the first and before the second: where the replaced system was interrupted, or
    overtaken.
    """
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", day)])
    client.query_and_wait(f"DELETE FROM `{table}` WHERE game_date = @day", job_config=config, api_timeout=_CALL_SECONDS)
    between()
    body = "\n".join(json.dumps(row, default=_as_json) for row in rows).encode()
    load = client.load_table_from_file(
        io.BytesIO(body),
        str(table),
        job_config=bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=client.get_table(str(table), timeout=_CALL_SECONDS).schema,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        ),
        timeout=_CALL_SECONDS,
    )
    load.result(timeout=_CALL_SECONDS)


def race(
    make_client: Callable[[], bigquery.Client], table: TablePath, day: date, rows: Sequence[GradedRow], *, writers: int
) -> None:
    """Let several naive writers replace the same date at once: each DELETE is done before any load begins.

    Raises:
        Exception: what a writer failed with.
    """
    deleted = threading.Barrier(writers, timeout=_MEET_SECONDS)
    failures: list[Exception] = []

    def write() -> None:
        try:
            with make_client() as client:
                delete_then_load(client, table, day, rows, between=deleted.wait)
        except Exception as error:  # noqa: BLE001 - raised again by the caller's thread
            deleted.abort()
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _as_json(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case date() | datetime():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row")
