"""Settings for the local stack, and the same as an environment for its processes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from grading.settings import Settings
from localdev.bigquery import LOCAL_PROJECT


def local_settings(*, bigquery_endpoint: str, dataset_suffix: str = "", **given: Any) -> Settings:
    """Settings that reach nothing but this machine.

    Args:
        bigquery_endpoint: the emulator's.
        dataset_suffix: makes the names of all datasets unique, so that tests share an emulator and no table.
        given: any field of `Settings`, in place of the local choice.
    """
    predictions = f"nba_predictions{dataset_suffix}"
    chosen: dict[str, Any] = {
        "google_cloud_project": LOCAL_PROJECT,
        "environment": "local",
        "predictions_table": f"{predictions}.player_prop_predictions",
        "box_scores_table": f"nba_box_scores{dataset_suffix}.player_game_summary",
        "injury_report_table": f"nba_raw{dataset_suffix}.nbac_injury_report",
        "archetypes_table": f"nba_analytics{dataset_suffix}.player_archetypes",
        "target_dataset": predictions,
        "staging_dataset": f"nba_staging{dataset_suffix}",
        "bigquery_api_endpoint": bigquery_endpoint,
    }
    return Settings(**{**chosen, **given})


def as_environment(settings: Settings) -> dict[str, str]:
    """The environment variables from which `Settings.from_environment` makes the same settings."""
    values = {setting.name.upper(): getattr(settings, setting.name) for setting in fields(settings)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}
