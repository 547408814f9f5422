"""Configuration: read once, every bad value named with its remedy."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from foundation.errors import InvalidSettings
from grading.settings import Settings

PROJECT = {"GOOGLE_CLOUD_PROJECT": "project"}


def test_only_the_project_is_required() -> None:
    settings = Settings.from_environment(PROJECT)
    assert str(settings.target("grading_runs")) == "project.nba_predictions.grading_runs"
    assert str(settings.input_table("box_scores_table")) == "project.nba_box_scores.player_game_summary"
    assert settings.event_max_age == 6 * 3600


def test_values_are_read_by_type() -> None:
    settings = Settings.from_environment(
        {
            **PROJECT,
            "EVENT_MAX_AGE": "60",
            "AUTO_REMEDIATE": "true",
            "AUTO_REMEDIATE_MAX_COUNT": "5",
            "BOX_SCORES_TABLE": "other-project.data.scores",
            "MIN_COVERAGE": "",
        }
    )
    assert (settings.event_max_age, settings.auto_remediate, settings.auto_remediate_max_count) == (60.0, True, 5)
    assert str(settings.input_table("box_scores_table")) == "other-project.data.scores"
    assert settings.min_coverage == 0.7


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"GOOGLE_CLOUD_PROJECT": ""}, "GOOGLE_CLOUD_PROJECT is not set"),
        ({"EVENT_MAX_AGE": "6h"}, "EVENT_MAX_AGE='6h' is not a valid float"),
        ({"AUTO_REMEDIATE": "yes"}, "AUTO_REMEDIATE='yes' is not a valid bool"),
        ({"LOCK_STORE": "redis"}, "LOCK_STORE='redis': use 'firestore' or 'sqlite'"),
        ({"LOCK_STORE": "sqlite"}, "LOCK_SQLITE_PATH is not set"),
        ({"MIN_KEYS_RATIO": "90"}, "MIN_KEYS_RATIO=90.0: use a share between 0 and 1"),
        ({"TIME_ZONE": "New York"}, "TIME_ZONE='New York': use an IANA name"),
        ({"FUNCTION_TIMEOUT_SECONDS": "60"}, "FUNCTION_TIMEOUT_SECONDS=60.0 leaves no time to wait for the lock"),
        ({"PREDICTIONS_TABLE": "predictions"}, "PREDICTIONS_TABLE='predictions': write dataset.table"),
        ({"TARGET_DATASET": "a`b"}, "'a`b' in the table name .* is not a valid BigQuery name"),
        ({"PREDICTIONS_TABLE": "none"}, "PREDICTIONS_TABLE='none': write dataset.table"),
        ({"PREDICTION_ACCURACY_TABLE": "a.b"}, "PREDICTION_ACCURACY_TABLE='a.b': write the table's name alone"),
        (
            {"PREDICTION_ACCURACY_TABLE": "player_prop_predictions"},
            "PREDICTION_ACCURACY_TABLE and PREDICTIONS_TABLE both name project.nba_predictions.player_prop_predictions",
        ),
        (
            {"PREDICTION_ACCURACY_TABLE": "system_daily_performance"},
            "SYSTEM_DAILY_PERFORMANCE_TABLE and PREDICTION_ACCURACY_TABLE both name",
        ),
        ({"COLUMN_MAP": "bookmaker"}, "COLUMN_MAP: 'bookmaker' is not target=prediction_column"),
        ({"COLUMN_MAP": "a=b,A=c"}, "COLUMN_MAP: 'A=c' is not target=prediction_column, each target once"),
        ({"COLUMN_MAP": "a=b c"}, "COLUMN_MAP: 'a=b c' is not target=prediction_column"),
        ({"ADOPT_FROM": "yesterday"}, "ADOPT_FROM='yesterday': write a date, YYYY-MM-DD"),
    ],
)
def test_a_bad_value_is_named_with_its_remedy(given: dict[str, str], error: str) -> None:
    with pytest.raises(InvalidSettings, match=error):
        Settings.from_environment({**PROJECT, **given})


def test_tables_of_others_are_named() -> None:
    settings = Settings.from_environment(
        {
            **PROJECT,
            "PREDICTION_ACCURACY_TABLE": "grades",
            "INJURY_REPORT_TABLE": "None",
            "ARCHETYPES_TABLE": "",
            "COLUMN_MAP": "Bookmaker=sportsbook, raw = confidence_score",
            "ADOPT_FROM": "2026-01-19",
        }
    )
    assert str(settings.target("prediction_accuracy")) == "project.nba_predictions.grades"
    assert str(settings.target("grading_runs")) == "project.nba_predictions.grading_runs"
    assert settings.is_without("injury_report_table")
    assert not settings.is_without("archetypes_table")
    assert settings.mapped_columns == {"bookmaker": "sportsbook", "raw": "confidence_score"}
    assert settings.first_own_date == date(2026, 1, 19)


def test_settings_are_frozen_and_hide_the_webhook() -> None:
    settings = Settings.from_environment({**PROJECT, "SLACK_WEBHOOK_URL": "https://hooks.example/secret"})
    assert "secret/" not in repr(settings)
    assert "hooks.example" not in repr(settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.environment = "x"  # type: ignore[misc]
