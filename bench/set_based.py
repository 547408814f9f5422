"""The set-based writes that people use instead: no lock, no fence, no check. All of them grade with our SELECT."""

from __future__ import annotations

import uuid

from google.cloud import bigquery

from bench.prepared import Prepared
from grading.processors import GRADING
from grading.settings import Settings
from warehouse.statements import dates_list

_CALL_SECONDS = 300.0


def two_jobs(client: bigquery.Client, settings: Settings, prepared: Prepared) -> None:
    """DELETE the dates, then INSERT the rows that we publish: two jobs, bare."""
    target = settings.target(GRADING.name)
    names = ", ".join(prepared.columns)
    _run(client, f"DELETE FROM `{target}` WHERE game_date IN ({dates_list(prepared.days)})")
    _run(client, f"INSERT INTO `{target}` ({names}) {prepared.select}")


def merge(client: bigquery.Client, settings: Settings, prepared: Prepared) -> None:
    """One MERGE on the business key, which also deletes what is no longer graded."""
    names = ", ".join(prepared.columns)
    # Equality that a hash join can use, with NULL lines counted as equal.
    same = " AND ".join(
        f"old.{name} = new.{name}"
        if name != "line_value"
        else "IFNULL(old.line_value, -1) = IFNULL(new.line_value, -1)"
        for name in GRADING.business_key
    )
    changes = ", ".join(f"{name} = new.{name}" for name in prepared.columns if name not in GRADING.business_key)
    _run(
        client,
        f"MERGE `{settings.target(GRADING.name)}` AS old USING ({prepared.select}) AS new "
        f"ON old.game_date = new.game_date AND {same} "
        f"WHEN MATCHED THEN UPDATE SET {changes} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({', '.join(f'new.{name}' for name in prepared.columns)}) "
        f"WHEN NOT MATCHED BY SOURCE AND old.game_date IN ({dates_list(prepared.days)}) THEN DELETE",
    )


def replace_table(client: bigquery.Client, settings: Settings, prepared: Prepared) -> None:
    """Fill a staging table, then CREATE OR REPLACE the target from its other dates and the staging table."""
    target = settings.target(GRADING.name)
    staging = settings.staging(f"replace_{uuid.uuid4().hex}")
    names = ", ".join(prepared.columns)
    _run(client, f"CREATE TABLE `{staging}` AS {prepared.select}")
    _run(
        client,
        f"CREATE OR REPLACE TABLE `{target}` PARTITION BY game_date CLUSTER BY system_id, player_lookup AS "
        f"SELECT {names} FROM `{target}` WHERE game_date NOT IN ({dates_list(prepared.days)}) "
        f"UNION ALL SELECT {names} FROM `{staging}`",
    )
    client.delete_table(str(staging), timeout=_CALL_SECONDS)


def _run(client: bigquery.Client, sql: str) -> None:
    client.query_and_wait(sql, api_timeout=_CALL_SECONDS, wait_timeout=_CALL_SECONDS)
