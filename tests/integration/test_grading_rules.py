"""The grading rules, against answers that an independent implementation computed."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import GRADING
from grading.run import Request
from grading.wiring import Application
from localdev.load import load_slate
from localdev.slate import read_slate
from tests.integration.conftest import DAY, rows_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
EXPECTED = SHARED / f"expected_prediction_accuracy_{DAY}.csv"
pytestmark = pytest.mark.skipif(
    not EXPECTED.is_file(), reason="needs ../shared/data, which is not part of the repository"
)


def _plain(text: str) -> object:
    """A CSV cell by value: numbers as numbers, empty as None, the rest as text."""
    if text == "":
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def _cell(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return Decimal(value)
        case None:
            return None
    return str(value)


def test_a_real_slate_equals_the_expected_grades_in_every_column(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """2,009 rows, 33 columns, numbers compared by value."""
    load_slate(bigquery_client, application.settings, read_slate(SHARED, DAY))
    outcome = application.service.run(GRADING, Request(date=DAY), Deadline.after(60, application.clock))
    assert outcome.status is Status.SUCCESS, outcome.detail
    target = application.settings.target(GRADING.name)
    graded = rows_of(bigquery_client, f"SELECT * FROM `{target}` WHERE game_date = DATE '{DAY}'")
    with EXPECTED.open(newline="") as file:
        expected = [{name: _plain(text) for name, text in row.items()} for row in csv.DictReader(file)]
    columns = list(expected[0])
    ours = [{name: _cell(row[name]) for name in columns} for row in graded]

    def key(row: dict[str, object]) -> tuple[str, ...]:
        line = row["line_value"]
        return (
            str(row["player_lookup"]),
            str(row["game_id"]),
            str(row["system_id"]),
            f"{-1 if line is None else line:.3f}",
        )

    assert len(ours) == 2009
    for mine, theirs in zip(sorted(ours, key=key), sorted(expected, key=key), strict=True):
        assert mine == theirs
    assert outcome.duplicates is not None
    assert outcome.duplicates.clean
