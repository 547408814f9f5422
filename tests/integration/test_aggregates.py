"""The two aggregates, against the same rules written in plain Python (`tests.integration.aggregates`)."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from grading.outcome import Status
from grading.processors import AGGREGATES, GRADING, PERFORMANCE_SUMMARY, PROCESSORS, SYSTEM_DAILY_PERFORMANCE, Processor
from grading.run import Request
from grading.wiring import Application
from localdev.load import load_slate
from localdev.sample_slate import SAMPLE_DATE, generate
from localdev.slate import read_slate
from tests.integration.aggregates import Row, daily_performance, performance_summary
from tests.integration.conftest import DAY, rows_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
_OF_THE_RUN = {"computed_at", "run_id", "fence_token"}
_AS_OF = date(2023, 10, 5)


def _run(application: Application, processor: Processor, day: date) -> None:
    outcome = application.service.run(processor, Request(date=day), Deadline.after(90, application.clock))
    assert outcome.status is Status.SUCCESS, outcome.detail
    assert outcome.duplicates
    assert outcome.duplicates.clean


def _table(application: Application, processor: Processor, day: date, *, whole: bool = False) -> list[Row]:
    """A date's rows by business key, without what differs from run to run unless `whole`."""
    path = application.settings.target(processor.name)
    sql = f"SELECT * FROM `{path}` WHERE {processor.partition_column} = DATE '{day}'"
    rows = rows_of(application.bigquery_client, sql)
    kept = [{name: value for name, value in row.items() if whole or name not in _OF_THE_RUN} for row in rows]
    return sorted(kept, key=lambda row: [str(row[name]) for name in processor.business_key])


def _grades(application: Application) -> list[Row]:
    path = application.settings.target(GRADING.name)
    return rows_of(application.bigquery_client, f"SELECT * FROM `{path}` WHERE game_date >= DATE '2000-01-01'")


def _by_key(rows: Sequence[Row], processor: Processor) -> list[Row]:
    return sorted(rows, key=lambda row: [str(row[name]) for name in processor.business_key])


def _assert_both_as_computed(application: Application, day: date, archetypes: dict[str, str]) -> None:
    grades = _grades(application)
    expected = {
        SYSTEM_DAILY_PERFORMANCE: daily_performance(grades, day),
        PERFORMANCE_SUMMARY: performance_summary(grades, day, archetypes),
    }
    for processor, rows in expected.items():
        theirs = _by_key(list(rows), processor)
        ours = _table(application, processor, day)
        assert len(theirs) > 0
        assert [row[processor.business_key[-1]] for row in ours] == [row[processor.business_key[-1]] for row in theirs]
        for mine, computed in zip(ours, theirs, strict=True):
            assert mine == computed


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which is not part of the repository")
def test_both_aggregates_of_a_real_slate_equal_an_independent_computation(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """Every column of every row."""
    load_slate(bigquery_client, application.settings, read_slate(SHARED, DAY))
    for processor in PROCESSORS:
        _run(application, processor, DAY)
    _assert_both_as_computed(application, DAY, {})


def _load_grades(client: bigquery.Client, application: Application, rows: Sequence[dict[str, Any]]) -> None:
    target = application.settings.target(GRADING.name)
    schema = [field for field in client.get_table(str(target)).schema if field.name in rows[0]]
    body = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    config = bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON, schema=schema)
    client.load_table_from_file(body, str(target), job_config=config).result(timeout=30)


def _made_up_grades() -> list[dict[str, Any]]:
    """Grades around a season's start: more players than are kept, ties, edges of the tiers, and NULLs."""
    chance = random.Random(7)
    days = [_AS_OF - timedelta(days=back) for back in (0, 2, 4, 5, 6, 7, 29, 30, 40)]
    rows = []
    for player in range(230):
        # Of two players with as many predictions, the one that is first by name is kept.
        for day in days if player % 3 else days[:7]:
            # The system "three" has voids alone, and "four" pushes alone.
            system = chance.choice(("one",) * 30 + ("two", "three", "four"))
            correct = None if system in ("three", "four") else chance.choice((True, False, None))
            voided = system == "three" or (system != "four" and correct is None and chance.random() < 0.4)
            margin = 0 if system == "four" else chance.choice((0, 2)) if correct is None else (2 if correct else -2)
            error = None if chance.random() < 0.1 else Decimal(chance.randrange(-90, 90)) / 10
            home = player % 2 == 0
            rows.append(
                {
                    "player_lookup": f"player{player:03}",
                    "game_id": f"{day:%Y%m%d}_AAA_BBB" if player % 4 else f"{day:%Y%m%d}_CCC_DDD",
                    "game_date": day.isoformat(),
                    "system_id": system,
                    "box_score_game_id": f"{day:%Y%m%d}_BBB_AAA" if player % 5 == 0 else None,
                    "actual_margin": str(margin),
                    "team_abbr": None if player % 50 == 0 else ("BBB" if home else "AAA"),
                    "confidence_score": chance.choice(("0", "0.5499", "0.55", "0.6999", "0.7", "1", "1.2", None)),
                    "recommendation": chance.choice(("OVER", "UNDER", "PASS", "HOLD"))
                    if correct is None
                    else chance.choice(("OVER", "UNDER")),
                    "line_value": "9.5",
                    "absolute_error": None if error is None else str(abs(error)),
                    "signed_error": None if error is None else str(error),
                    "prediction_correct": correct,
                    "within_3_points": None if error is None else abs(error) <= 3,
                    "within_5_points": None if error is None else abs(error) <= 5,
                    "is_voided": voided,
                }
            )
    return rows


def test_periods_slices_and_limits_around_the_start_of_a_season(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """Rolling periods reach into the last season, the 200 players of ties by name, archetypes listed twice."""
    archetypes = {f"player{player:03}": ("guard" if player % 2 else "big") for player in range(200)}
    archetypes |= {"player001": "alone", "player229": "alone"}  # on fewer than ten predictions in a short period
    path = application.settings.input_table("archetypes_table")
    bigquery_client.create_dataset(f"{path.project}.{path.dataset}", exists_ok=True)
    # A nameless archetype is one of its own, not that of the players who have none.
    archetypes |= dict.fromkeys(("player003", "player005", "player007"), "")
    listed = [*archetypes.items(), ("player002", "zebra")]
    values = ", ".join(f"('{player}', '{archetype}')" for player, archetype in listed)
    rows_of(bigquery_client, f"CREATE TABLE `{path}` (player_lookup STRING, archetype STRING)")
    rows_of(bigquery_client, f"INSERT INTO `{path}` VALUES {values}")
    _load_grades(bigquery_client, application, _made_up_grades())

    for processor in AGGREGATES:
        _run(application, processor, _AS_OF)

    _assert_both_as_computed(application, _AS_OF, archetypes)
    summary = _table(application, PERFORMANCE_SUMMARY, _AS_OF)
    players = [row for row in summary if row["player_lookup"] and row["period_type"] == "rolling_30d"]
    assert sum(row["system_id"] == "one" for row in players) == 200
    assert {row["period_value"] for row in summary if row["period_type"] == "season"} == {"2023-24"}


def test_a_rerun_on_any_later_day_leaves_one_row_a_key_and_other_dates_alone(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """The replaced system deleted by the day of computing, and so doubled a date that it computed again later."""
    other = SAMPLE_DATE - timedelta(days=3)
    for day in (other, SAMPLE_DATE):
        slate = {setting: [_json_row(row) for row in rows] for setting, rows in generate(day).items()}
        load_slate(bigquery_client, application.settings, slate)
        for processor in PROCESSORS:
            _run(application, processor, day)
    before = {p: _table(application, p, SAMPLE_DATE) for p in PROCESSORS}
    untouched = {p: _table(application, p, other, whole=True) for p in PROCESSORS}
    for processor in PROCESSORS:  # as if all of it had been computed ten days ago
        path = application.settings.target(processor.name)
        moved = f"{processor.written_at} = TIMESTAMP_SUB({processor.written_at}, INTERVAL 10 DAY)"
        rows_of(
            bigquery_client, f"UPDATE `{path}` SET {moved} WHERE {processor.partition_column} = DATE '{SAMPLE_DATE}'"
        )

    for processor in PROCESSORS:
        _run(application, processor, SAMPLE_DATE)

    for processor in PROCESSORS:
        written = {"graded_at"}
        assert _without(_table(application, processor, SAMPLE_DATE), written) == _without(before[processor], written)
        assert _table(application, processor, other, whole=True) == untouched[processor]


def _json_row(cells: dict[str, str]) -> dict[str, str | bool | None]:
    return {name: (text == "true" if text in ("true", "false") else text or None) for name, text in cells.items()}


def _without(rows: list[Row], names: set[str]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]
