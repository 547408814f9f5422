"""The accuracy of each system equals an independent computation in plain Python."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from dataclasses import asdict
from datetime import date, timedelta
from string import Template
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from foundation.clock import Clock
from grading.cli import commands
from grading.outcome import Status
from grading.report.accuracy import SystemAccuracy, accuracy_of
from grading.settings import Settings
from grading.wiring import Application
from localdev.slate import PREDICTIONS, statement
from tests.integration.cases import grade, load, played, predicted
from tests.integration.damaged import NOON, TODAY, at_terminal, execute

REAL = ("ACTUAL_PROP", "ODDS_API", "BETTINGPROS")
Grade = dict[str, Any]


@pytest.fixture
def clock() -> Clock:
    return NOON


def _grades() -> list[Grade]:
    """Voids, pushes, passes, several lines a player, confidences that are missing; all-void and all-push systems."""
    draw = random.Random(16)
    rows: list[Grade] = []
    for system in ("alpha", "beta", "allpush", "allvoid", "nobets"):
        for days_ago in (1, 5, 29):
            for player in range(14):
                points = draw.randint(0, 30)
                for moved in range(draw.choice((1, 1, 2, 3))):
                    line = None if draw.random() < 0.15 else draw.choice((9.5, 14.0, 17.5, 22.0)) + moved
                    if system == "allpush":
                        line = float(points)
                    voided = system == "allvoid" or (system != "allpush" and draw.random() < 0.1)
                    recommendation = "PASS" if system == "nobets" else draw.choice(("OVER", "OVER", "UNDER", "PASS"))
                    correct = None
                    if line is not None and not voided and points != line and recommendation != "PASS":
                        correct = (points > line) == (recommendation == "OVER")
                    confidence = None if draw.random() < 0.1 else round(draw.uniform(0.3, 1), 4)
                    rows.append(
                        {
                            "system_id": system,
                            "game_date": TODAY - timedelta(days=days_ago),
                            "player_lookup": f"player{player}",
                            "line_value": line,
                            "confidence_score": confidence,
                            "confidence_decile": None if confidence is None else min(10, int(confidence * 10) + 1),
                            "recommendation": recommendation,
                            "prediction_correct": correct,
                            "actual_points": points,
                            "absolute_error": round(draw.uniform(0, 12), 2),
                            "is_voided": voided,
                            "line_source": "NO_PROP_LINE" if line is None or draw.random() < 0.2 else draw.choice(REAL),
                            "made": moved,
                        }
                    )
    unique = {(r["system_id"], r["game_date"], r["player_lookup"], r["line_value"]): r for r in rows}
    return list(unique.values())


def _expected(rows: list[Grade]) -> dict[tuple[str, bool, int | None], Grade]:
    """Hit rate, Wilson's interval, Brier score, error and return, by their textbook formulas."""
    bets: dict[tuple[object, ...], Grade] = {}
    for row in rows:
        key = (row["system_id"], row["game_date"], row["player_lookup"])
        other = bets.get(key)
        if other is None or (row["line_value"] is not None, row["made"]) > (
            other["line_value"] is not None,
            other["made"],
        ):
            bets[key] = row
    parts: dict[tuple[str, bool, int | None], list[Grade]] = defaultdict(list)
    for row in bets.values():
        parts[(row["system_id"], True, None)].append(row)
        parts[(row["system_id"], False, row["confidence_decile"])].append(row)
    return {key: _measured(part) for key, part in parts.items()}


def _measured(part: list[Grade]) -> Grade:
    decided = [row for row in part if row["prediction_correct"] is not None]
    n, hits = len(decided), sum(row["prediction_correct"] for row in decided)
    low = high = rate = None
    if n:
        z, rate = 1.959963984540054, hits / n
        centre = rate + z * z / (2 * n)
        half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        low, high = (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
    scored = [
        (row["confidence_score"] - float(row["prediction_correct"])) ** 2
        for row in decided
        if row["confidence_score"] is not None
    ]
    errors = [row["absolute_error"] for row in part if not row["is_voided"]]
    real = [
        row
        for row in part
        if row["line_source"] in REAL
        and row["line_value"] is not None
        and not row["is_voided"]
        and row["recommendation"] in ("OVER", "UNDER")
    ]
    won = sum(row["prediction_correct"] is True for row in real)
    lost = sum(row["prediction_correct"] is False for row in real)
    return {
        "predictions": len(part),
        "decided": n,
        "hits": hits,
        "hit_rate": rate,
        "hit_rate_low": low,
        "hit_rate_high": high,
        "brier_score": sum(scored) / len(scored) if scored else None,
        "mae": sum(errors) / len(errors) if errors else None,
        "real_bets": len(real),
        "units": won * 100 / 110 - lost,
    }


def _load(client: bigquery.Client, settings: Settings, rows: list[Grade]) -> None:
    def sql(value: object) -> str:
        if value is None:
            return "NULL"
        return str(value).upper() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else str(value)

    graded, predicted = [], []
    for row in rows:
        day = f"DATE '{row['game_date']}'"
        line = "CAST(NULL AS NUMERIC)" if row["line_value"] is None else f"NUMERIC '{row['line_value']}'"
        names = (
            "system_id", "player_lookup", "confidence_score", "confidence_decile", "recommendation",
            "prediction_correct", "actual_points", "absolute_error", "is_voided", "line_source",
        )  # fmt: skip
        graded.append(f"({day}, 'game', {line}, {', '.join(sql(row[name]) for name in names)})")
        made = f"TIMESTAMP '2026-01-01 0{row['made']}:00:00+00:00'"
        who = f"'{row['system_id']}', '{row['player_lookup']}'"
        predicted.append(f"({day}, 'game', {line}, {who}, {made}, 'p{len(predicted)}')")
    execute(
        client,
        f"INSERT INTO `{settings.target('prediction_accuracy')}` (game_date, game_id, line_value, {', '.join(names)})"
        f" VALUES {', '.join(graded)}",
    )
    execute(
        client,
        f"INSERT INTO `{settings.input_table('predictions_table')}` (game_date, game_id, current_points_line,"
        f" system_id, player_lookup, created_at, prediction_id) VALUES {', '.join(predicted)}",
    )


def _close(value: Any) -> Any:
    return pytest.approx(float(value), abs=1e-6) if isinstance(value, int | float) else value


def _part(row: SystemAccuracy) -> tuple[str, bool, int | None]:
    return (row.system_id, row.is_total, row.confidence_decile)


def test_every_number_equals_an_independent_computation(
    application: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for systems whose bets are all void, all pushed, or none; and the command prints the same."""
    rows = _grades()
    _load(bigquery_client, application.settings, rows)
    found = accuracy_of(
        application.settings, application.jobs("test", 60), TODAY - timedelta(days=30), TODAY - timedelta(days=1)
    )
    expected = _expected(rows)
    assert sorted(map(repr, expected)) == sorted(repr(_part(row)) for row in found)
    for row in found:
        wanted = expected[_part(row)]
        got = {name: value for name, value in asdict(row).items() if name in wanted}
        assert got == {name: _close(value) for name, value in wanted.items()}, row

    at_terminal(monkeypatch, "accuracy", application)
    printed = CliRunner().invoke(commands, ["accuracy", "--last", "30", "--format", "json"])
    assert printed.exit_code == 0, printed.output
    for row, shown in zip(found, json.loads(printed.output)["systems"], strict=True):
        assert shown == {name: _close(value) for name, value in asdict(row).items()}
    text = CliRunner().invoke(commands, ["accuracy", "--last", "30"]).output
    assert "alpha" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_no_grades_name_the_command_that_makes_them(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    at_terminal(monkeypatch, "accuracy", application)
    output = CliRunner().invoke(commands, ["accuracy", "--last", "3"]).output
    assert output.startswith("No grades from 2026-01-17 to 2026-01-19.")


def _bets(application: Application, day: date) -> SystemAccuracy:
    """The line of the one system over all its bets on a date."""
    found = accuracy_of(application.settings, application.jobs("test", 60), day, day)
    (total,) = [row for row in found if row.is_total]
    return total


def test_the_newest_line_is_that_of_the_predictions_that_were_graded(application: Application) -> None:
    """A later copy of the first line that was withdrawn makes it no newer: the line that moved counts, and lost."""
    day = TODAY - timedelta(days=1)
    later = f"{day}T18:00:00Z"
    load(
        application,
        [
            predicted(day, "moved", "10.5"),
            predicted(day, "moved", "14.5", created_at=f"{day}T16:00:00Z"),
            predicted(day, "moved", "10.5", created_at=later, prediction_id="withdrawn", is_active=False),
            predicted(day, "moved", "10.5", created_at=later, prediction_id="wrong", invalidation_reason="wrong line"),
        ],
        [played(day, "moved", 12)],
    )
    assert grade(application, day).status is Status.SUCCESS
    found = _bets(application, day)
    assert found.hit_rate_low == 0
    assert (found.predictions, found.decided, found.hits) == (1, 1, 0)


def test_of_lines_that_were_all_withdrawn_the_newest_counts(application: Application) -> None:
    """The grades are still there, and one of them is the bet."""
    day = TODAY - timedelta(days=1)
    load(
        application,
        [predicted(day, "moved", "14.5"), predicted(day, "moved", "10.5", created_at=f"{day}T16:00:00Z")],
        [played(day, "moved", 12)],
    )
    assert grade(application, day).status is Status.SUCCESS
    assert _bets(application, day).hits == 1
    predictions = application.settings.input_table("predictions_table")
    execute(application.bigquery_client, f"UPDATE `{predictions}` SET is_active = FALSE WHERE game_date = '{day}'")
    assert _bets(application, day).hits == 1


def test_a_prediction_made_after_the_game_makes_no_line_newer(application: Application) -> None:
    day = TODAY - timedelta(days=1)
    path = application.settings.input_table("predictions_table")
    execute(application.bigquery_client, f"DROP TABLE `{path}`")
    ddl = statement(PREDICTIONS.statement).replace(
        "\n)\nPARTITION", ",\n  prediction_made_before_game BOOL\n)\nPARTITION"
    )
    execute(application.bigquery_client, Template(ddl).substitute(table=f"`{path}`"))
    load(
        application,
        [
            predicted(day, "moved", "10.5"),
            predicted(day, "moved", "14.5", created_at=f"{day}T16:00:00Z"),
            predicted(day, "moved", "10.5", created_at=f"{TODAY}T09:00:00Z", prediction_id="after"),
        ],
        [played(day, "moved", 12)],
    )
    execute(
        application.bigquery_client,
        f"UPDATE `{path}` SET prediction_made_before_game = FALSE WHERE prediction_id = 'after'",
    )
    assert grade(application, day).status is Status.SUCCESS
    assert _bets(application, day).hits == 0
