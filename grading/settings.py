"""Configuration: read once, checked once, frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from foundation.errors import InvalidSettings
from grading.season import Season
from validation.checks import limits_of
from warehouse.statements import TablePath

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
INPUT_SETTINGS = ("predictions_table", "box_scores_table")
OPTIONAL_INPUT_SETTINGS = ("injury_report_table", "archetypes_table")

RULES_VERSION = "2026-11"
"""Changed with each change of what the same inputs are graded as."""


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
    """The project that holds the tables and the locks. `GCP_PROJECT` is read if it is unset."""
    environment: str = "production"
    """The name of the deployment, shown in alerts; alerts of different ones never suppress each other."""
    time_zone: str = "America/New_York"
    """IANA name: what `today` and `yesterday` mean, and when a date is over."""

    predictions_table: str = "nba_predictions.player_prop_predictions"
    """Input: the predictions."""
    box_scores_table: str = "nba_box_scores.player_game_summary"
    """Input: the box scores."""
    injury_report_table: str = "nba_raw.nbac_injury_report"
    """Input, optional: the injury report."""
    archetypes_table: str = "nba_analytics.player_archetypes"
    """Input, optional: the archetype of each player."""
    target_dataset: str = "nba_predictions"
    """The dataset of the tables that the service writes."""
    prediction_accuracy_table: str = ""
    """The name of the grades' table in it; empty: prediction_accuracy."""
    system_daily_performance_table: str = ""
    """The name of the table of each system's days in it; empty: system_daily_performance."""
    prediction_performance_summary_table: str = ""
    """The name of the summaries' table in it; empty: prediction_performance_summary."""
    column_map: str = ""
    """Columns of the grades and the columns of the predictions that fill them, as `their=ours,other=column`."""
    adopt_from: str = ""
    """The first date, YYYY-MM-DD, that the service grades and repairs by itself; empty: all dates."""
    staging_dataset: str = "nba_staging"
    """The dataset of staging tables and backups; it must be ours alone."""
    bigquery_location: str = "US"
    """The location of the datasets."""
    bigquery_api_endpoint: str = ""
    """An emulator's address instead of BigQuery's."""
    staging_expiration_seconds: int = 86_400
    """Seconds after which a staging table that a crash left deletes itself."""

    placeholder_lines: str = "20"
    """Lines that stand for no line, as `20,0.5`; the word `none`: there are none."""
    graded_lines: str = "all"
    """A row for each line of a player, game and system (`all`), or one row, of the newest line (`latest`).

    Switching changes what dates hold: `backfill --allow-shrink`."""
    grade_after_game: bool = True
    """Whether (`true`) a prediction that was made after the game is graded if there is no other."""

    lock_store: str = "firestore"
    """Where locks live: `firestore`, or `sqlite` for a single machine."""
    lock_sqlite_path: str = ""
    """The file of the SQLite lock store, on a local disk."""
    lock_lease_seconds: float = 60.0
    """Seconds after which a dead holder is replaced; renewed every third of it."""
    lock_max_wait_seconds: float = 300.0
    """The longest wait for a lock, in seconds; never past the deadline less WRITE_RESERVE_SECONDS."""

    function_timeout_seconds: float = 300.0
    """Seconds that an invocation may take; the same as the deployed function's timeout."""
    write_reserve_seconds: float = 120.0
    """Seconds of it that are kept for the write: the lock is waited for no longer."""
    alert_reserve_seconds: float = 10.0
    """Seconds of it that are kept for alerts."""
    event_max_age: float = 6 * 3600.0
    """Seconds after which an event is alerted and acknowledged instead of retried."""

    min_keys_ratio: float = 0.9
    """Share from 0 to 1: if fewer of the present keys were staged, the publish is refused as `shrunk`."""
    min_coverage: float = 0.7
    """Share from 0 to 1: if fewer gradable predictions have a box score, the run is `partial`."""
    season: str = "10-20/06-25"
    """The first and the last day of a season, month and day: dates outside it need no games."""
    season_breaks: str = ""
    """Dates without games in a season, as `2026-02-13:2026-02-18`, separated by commas."""
    check_limits: str = ""
    """Limits of the daily checks that differ from the defaults, as `freshness=1:3`: name, warn, fail."""
    milestone_mae: float = 4.5
    """The mean absolute error, in points, that each system must not exceed."""
    milestone_win_rate: float = 0.524
    """Share from 0 to 1: the win rate that each system must reach."""
    late_box_scores_days: int = 60
    """How many days back the daily check looks for box scores that came after catch-up's days."""
    duplicate_growth_allowed: float = 0.10
    """Share from 0 to 1: how much the weekly rate of duplicates may grow before it is alerted."""
    auto_remediate: bool = False
    """Whether (`true`) duplicates that are found after a write are removed at once, under its lock."""
    auto_remediate_max_count: int = 1000
    """The most excess rows that are removed without a person."""
    alert_repeat_seconds: float = 86_400.0
    """Seconds after which an alert whose state has not changed is sent again."""
    breaker_threshold: int = 3
    """Failed events in a row that open the circuit breaker of a processor."""
    breaker_cool_down_seconds: float = 300.0
    """Seconds that it stays open before one event is let through."""

    slack_webhook_url: str = field(default="", repr=False)
    """The Slack webhook itself; use SLACK_SECRET_ID in production."""
    slack_secret_id: str = "slack-webhook-url"  # noqa: S105 - the name of the secret, not the secret
    """The secret that holds the Slack webhook."""
    runbook_url: str = ""
    """The address of docs/runbook.md, for the links in alerts; empty: no links."""
    grading_complete_topic: str = ""
    """The Pub/Sub topic that receives a message for each date that is done; empty: none."""
    publish_metrics: bool = False
    """Whether (`true`) lock waits and failures go to Cloud Monitoring."""
    function_name: str = "phase5b-grading"
    """The name of the deployed function, for logs and links."""
    function_region: str = "us-west2"
    """The region of the deployed function."""
    code_version: str = ""
    """The version of the code, recorded with each run; empty: the revision of the deployed function."""

    def __post_init__(self) -> None:
        if not self.google_cloud_project:
            raise InvalidSettings("GOOGLE_CLOUD_PROJECT is not set: name the project that holds the tables")
        if self.lock_store not in ("firestore", "sqlite"):
            raise InvalidSettings(f"LOCK_STORE={self.lock_store!r}: use 'firestore' or 'sqlite'")
        if self.lock_store == "sqlite" and not self.lock_sqlite_path:
            raise InvalidSettings("LOCK_SQLITE_PATH is not set: name the file that holds the locks")
        if self.graded_lines not in ("all", "latest"):
            raise InvalidSettings(f"GRADED_LINES={self.graded_lines!r}: use 'all' or 'latest'")
        _ = self.placeholders
        for name in ("min_keys_ratio", "min_coverage", "milestone_win_rate"):
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
        self._check_further()

    def _check_further(self) -> None:
        self.games()
        limits_of(self.check_limits)
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
        given.setdefault("code_version", environment.get("K_REVISION", ""))
        return cls(**given)

    def games(self) -> Season:
        """When games are expected."""
        return Season.parse(self.season, self.season_breaks)

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

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The lines that stand for none, as decimal numbers in ascending order. Raises `InvalidSettings`."""
        words = [word.strip() for word in self.placeholder_lines.split(",") if word.strip()]
        if [word.lower() for word in words] == ["none"]:
            return ()
        try:
            numbers = sorted({Decimal(word) for word in words})
        except InvalidOperation:
            numbers = []
        if not numbers or any(not n.is_finite() or abs(n) >= 1000 or n != round(n, 9) for n in numbers):
            raise InvalidSettings(
                f"PLACEHOLDER_LINES={self.placeholder_lines!r}: write lines, as 20 or 20,0.5, or none"
            )
        return tuple(f"{number.normalize():f}" for number in numbers)

    @property
    def rules_version(self) -> str:
        """The rules that grades are made by: their date, and each setting that differs from its default."""
        placeholders = ",".join(self.placeholders)
        chosen = [
            f"lines={self.graded_lines}" if self.graded_lines != "all" else "",
            f"placeholders={placeholders or 'none'}" if placeholders != "20" else "",
            "" if self.grade_after_game else "after_game=no",
        ]
        return " ".join([RULES_VERSION, *filter(None, chosen)])

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
