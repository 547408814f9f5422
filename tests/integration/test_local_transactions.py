"""The local BigQuery's transactions: all or nothing, as BigQuery's are."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from foundation.clock import Deadline, SystemClock
from grading.settings import Settings
from grading.writing.schema import create_datasets
from tests.integration.conftest import rows_of
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs

BEGIN = "BEGIN TRANSACTION;"
CHANGE = "DELETE FROM `{table}` WHERE n = 1; INSERT INTO `{table}` VALUES (3); UPDATE `{table}` SET n = 4 WHERE n = 2;"
BEFORE, AFTER = [1, 2], [3, 4]


@pytest.fixture
def table(settings: Settings, bigquery_client: bigquery.Client) -> str:
    """A table that holds 1 and 2."""
    create_datasets(settings, Jobs.of(Warehouse(bigquery_client), "init", Deadline.after(60, SystemClock())))
    name = str(settings.staging("numbers"))
    bigquery_client.query_and_wait(f"CREATE TABLE `{name}` (n INT64)", api_timeout=30)
    bigquery_client.query_and_wait(f"INSERT INTO `{name}` VALUES (1), (2)", api_timeout=30)
    return name


def run(client: bigquery.Client, script: str) -> None:
    client.query(script, timeout=30).result(timeout=30)


def held(client: bigquery.Client, table: str) -> list[Any]:
    return sorted(row["n"] for row in rows_of(client, f"SELECT n FROM `{table}`"))


@pytest.mark.parametrize(
    ("end", "expected"),
    [("COMMIT TRANSACTION;", AFTER), ("", AFTER), ("ROLLBACK TRANSACTION;", BEFORE)],
    ids=["commit", "the script's end", "rollback"],
)
def test_a_transaction_ends_as_it_says(
    bigquery_client: bigquery.Client, table: str, end: str, expected: list[int]
) -> None:
    script = f"{BEGIN} {CHANGE.format(table=table)} {end}"
    run(bigquery_client, script)
    assert held(bigquery_client, table) == expected


@pytest.mark.parametrize(
    "failing",
    ["SELECT ERROR('no')", "SELECT 1 FROM `nowhere.at_all`", "SELECT CAST('x' AS INT64)"],
    ids=["raised", "a missing table", "a bad value"],
)
def test_an_error_undoes_all_of_it_and_the_next_script_is_its_own(
    bigquery_client: bigquery.Client, table: str, failing: str
) -> None:
    script = f"{BEGIN} {CHANGE.format(table=table)} {failing}; COMMIT TRANSACTION;"
    with pytest.raises(exceptions.GoogleAPICallError):
        run(bigquery_client, script)
    assert held(bigquery_client, table) == BEFORE
    run(bigquery_client, f"{BEGIN} {CHANGE.format(table=table)} COMMIT TRANSACTION;")
    assert held(bigquery_client, table) == AFTER


def test_what_comes_after_the_commit_is_no_part_of_it(bigquery_client: bigquery.Client, table: str) -> None:
    script = f"{BEGIN} {CHANGE.format(table=table)} COMMIT TRANSACTION; SELECT ERROR('no');"
    with pytest.raises(exceptions.GoogleAPICallError):
        run(bigquery_client, script)
    assert held(bigquery_client, table) == AFTER
