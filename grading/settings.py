"""Configuration: read once, checked once, frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from foundation.errors import InvalidSettings
from warehouse.statements import TablePath

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
INPUT_SETTINGS = ("predictions_table", "box_scores_table")
OPTIONAL_INPUT_SETTINGS = ("injury_report_table", "archetypes_table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a deployment may choose. Each field is read from the upper-case variable of its name.

    Tables are `dataset.table`, in `google_cloud_project` unless written `project.dataset.table`.
    An optional input (`injury_report_table`, `archetypes_table`) may be `none`: the deployment is without it. The
    tables that the service writes are in `target_dataset`; a setting such as `prediction_accuracy_table` gives one
    another name. `column_map` fills further columns of the grades, as `target=prediction_column,…`. `adopt_from` is
    the first date (YYYY-MM-DD) that the service grades or repairs by itself.
    Durations are seconds. Raises `InvalidSettings` for a value that is missing, malformed or unsafe.
    """

    google_cloud_project: str
    environment: str = "production"
    time_zone: str = "America/New_York"

    predictions_table: str = "nba_predictions.player_prop_predictions"
    box_scores_table: str = "nba_box_scores.player_game_summary"
    injury_report_table: str = "nba_raw.nbac_injury_report"
    archetypes_table: str = "nba_analytics.player_archetypes"
    target_dataset: str = "nba_predictions"
    prediction_accuracy_table: str = ""
    system_daily_performance_table: str = ""
    prediction_performance_summary_table: str = ""
    column_map: str = ""
    adopt_from: str = ""
    staging_dataset: str = "nba_staging"
    bigquery_location: str = "US"
    bigquery_api_endpoint: str = ""
    staging_expiration_seconds: int = 86_400

    lock_store: str = "firestore"
    lock_sqlite_path: str = ""
    lock_lease_seconds: float = 60.0
    lock_max_wait_seconds: float = 300.0

    function_timeout_seconds: float = 300.0
    write_reserve_seconds: float = 120.0
    alert_reserve_seconds: float = 10.0
    event_max_age: float = 6 * 3600.0

    min_keys_ratio: float = 0.9
    min_coverage: float = 0.7
    auto_remediate: bool = False
    auto_remediate_max_count: int = 1000
    alert_repeat_seconds: float = 86_400.0
    breaker_threshold: int = 3
    breaker_cool_down_seconds: float = 300.0

    slack_webhook_url: str = field(default="", repr=False)
    slack_secret_id: str = "slack-webhook-url"  # noqa: S105 - the name of the secret, not the secret
    grading_complete_topic: str = ""
    publish_metrics: bool = False
    function_name: str = "phase5b-grading"
    function_region: str = "us-west2"

    def __post_init__(self) -> None:
        if not self.google_cloud_project:
            raise InvalidSettings("GOOGLE_CLOUD_PROJECT is not set: name the project that holds the tables")
        if self.lock_store not in ("firestore", "sqlite"):
            raise InvalidSettings(f"LOCK_STORE={self.lock_store!r}: use 'firestore' or 'sqlite'")
        if self.lock_store == "sqlite" and not self.lock_sqlite_path:
            raise InvalidSettings("LOCK_SQLITE_PATH is not set: name the file that holds the locks")
        for name in ("min_keys_ratio", "min_coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidSettings(f"{name.upper()}={getattr(self, name)}: use a share between 0 and 1")
        if self.write_reserve_seconds + self.alert_reserve_seconds >= self.function_timeout_seconds:
            raise InvalidSettings(
                f"FUNCTION_TIMEOUT_SECONDS={self.function_timeout_seconds} leaves no time to wait for the lock: "
                f"it must exceed WRITE_RESERVE_SECONDS + ALERT_RESERVE_SECONDS"
            )
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError) as error:
            raise InvalidSettings(f"TIME_ZONE={self.time_zone!r}: use an IANA name, as America/New_York") from error
        for name in (*INPUT_SETTINGS, *OPTIONAL_INPUT_SETTINGS):
            if name in INPUT_SETTINGS or not self.is_without(name):
                self.input_table(name)
        self._check_targets()
        self.staging("check")
        _ = self.mapped_columns
        _ = self.first_own_date

    def _check_targets(self) -> None:
        inputs = {str(self.input_table(name)): name for name in INPUT_SETTINGS}
        seen: dict[str, str] = {}
        for setting in fields(self):
            name = setting.name.removesuffix("_table")
            if setting.name in (*INPUT_SETTINGS, *OPTIONAL_INPUT_SETTINGS) or name == setting.name:
                continue
            value = getattr(self, setting.name)
            if "." in value:
                raise InvalidSettings(
                    f"{setting.name.upper()}={value!r}: write the table's name alone; it is in TARGET_DATASET"
                )
            path = str(self.target(name))
            if path in inputs:
                raise InvalidSettings(f"{setting.name.upper()} and {inputs[path].upper()} both name {path}")
            if path in seen:
                raise InvalidSettings(f"{setting.name.upper()} and {seen[path].upper()} both name {path}")
            seen[path] = setting.name

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from environment variables; unset or empty ones keep their defaults."""
        given: dict[str, Any] = {}
        for setting in fields(cls):
            text = environment.get(setting.name.upper(), "").strip()
            if text:
                given[setting.name] = _parse(setting.name, text, str(setting.type))
        given.setdefault("google_cloud_project", environment.get("GCP_PROJECT", ""))
        return cls(**given)

    def input_table(self, name: str) -> TablePath:
        """The path of an input table, by the name of its setting."""
        parts = str(getattr(self, name)).split(".")
        if len(parts) == 2:
            parts = [self.google_cloud_project, *parts]
        if len(parts) != 3:
            raise InvalidSettings(f"{name.upper()}={getattr(self, name)!r}: write dataset.table")
        return TablePath(*parts)

    def is_without(self, name: str) -> bool:
        """Whether the deployment is without an optional input, by the name of its setting."""
        return str(getattr(self, name)).lower() == "none"

    def target(self, table: str) -> TablePath:
        """The path of a table that the service writes, by its own name or by the one that a setting gives it."""
        named = getattr(self, f"{table}_table", "") or table
        return TablePath(self.google_cloud_project, self.target_dataset, named)

    @property
    def mapped_columns(self) -> Mapping[str, str]:
        """What `column_map` says: a column of the grades, and the column of the predictions that fills it."""
        pairs = [pair.strip() for pair in self.column_map.split(",") if pair.strip()]
        mapped: dict[str, str] = {}
        for pair in pairs:
            target, equals, source = (part.strip() for part in pair.partition("="))
            if not (equals and _NAME.fullmatch(target) and _NAME.fullmatch(source)) or target.lower() in mapped:
                raise InvalidSettings(
                    f"COLUMN_MAP: {pair!r} is not target=prediction_column, each target once; separate pairs by commas"
                )
            mapped[target.lower()] = source
        return mapped

    @property
    def first_own_date(self) -> date | None:
        """The first date that is graded and repaired without being asked; None if there is no such bound."""
        if not self.adopt_from:
            return None
        try:
            return date.fromisoformat(self.adopt_from)
        except ValueError as error:
            raise InvalidSettings(f"ADOPT_FROM={self.adopt_from!r}: write a date, YYYY-MM-DD") from error

    def staging(self, table: str) -> TablePath:
        """The path of a staging table."""
        return TablePath(self.google_cloud_project, self.staging_dataset, table)

    def local_date(self, moment: datetime) -> date:
        """The date of a moment in the configured time zone."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def lock_path(self) -> Path:
        return Path(self.lock_sqlite_path)


def _parse(name: str, text: str, kind: str) -> Any:
    try:
        match kind:
            case "bool":
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            case "int":
                return int(text)
            case "float":
                return float(text)
    except (KeyError, ValueError) as error:
        raise InvalidSettings(f"{name.upper()}={text!r} is not a valid {kind}") from error
    return text
