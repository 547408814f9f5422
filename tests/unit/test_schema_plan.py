"""What `init` says of tables that exist, word for word; no warehouse is asked."""

# ruff: noqa: E501, ISC004 - messages stand as they are shown

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from foundation.errors import InvalidSettings
from grading.maintenance.adoption import Plan, make_plan
from grading.processors import GRADING, PERFORMANCE_SUMMARY
from grading.settings import Settings
from grading.writing.adapt import sources_of
from grading.writing.declared import declared
from grading.writing.input_columns import INPUT_COLUMNS
from grading.writing.input_plan import check_inputs, check_location
from grading.writing.schema_plan import Action, Finding, TablePlan, plan_tables
from warehouse.bigquery import Warehouse
from warehouse.columns import Column, Table
from warehouse.jobs import Jobs
from warehouse.statements import TablePath

SETTINGS = Settings(google_cloud_project="project")
NOW = datetime(2026, 1, 20, 17, tzinfo=UTC)
ACCURACY = SETTINGS.target(GRADING.name)


class Described:
    """Tables by their paths, as a warehouse describes them; datasets by their places."""

    def __init__(self, *tables: Table, places: Mapping[str, str] | None = None) -> None:
        self.known = {table.path: table for table in tables}
        self.places = places or {}

    def find(self, path: TablePath) -> Table | None:
        return self.known.get(path)

    def dataset_location(self, _project: str, dataset: str) -> str | None:
        return self.places.get(dataset)


def warehouse(*tables: Table, places: Mapping[str, str] | None = None) -> Warehouse:
    return cast("Warehouse", Described(*tables, places=places))


def column(text: str) -> Column:
    """A column by its text, as in `line_value NUMERIC(5, 1)`."""
    found = re.fullmatch(r"(\w+) (ARRAY<)?(\w+)(?:\((\d+)(?:, (\d+))?\))?>?( NOT NULL)?", text)
    assert found, text
    name, repeated, kind, first, second, required = found.groups()
    is_text = kind == "STRING"
    return Column(
        name,
        kind,
        required is not None,
        repeated=repeated is not None,
        precision=int(first) if first and not is_text else None,
        scale=int(second) if second else None,
        max_length=int(first) if first and is_text else None,
    )


def table(name: str, path: TablePath, *changed: str, without: Sequence[str] = (), **facts: Any) -> Table:
    """A table as the service declares it, with columns changed or added."""
    other = {one.name: one for one in map(column, changed)}
    own = [other.pop(one.name, one) for one in declared(name).columns if one.name not in without]
    facts = {"partition": declared(name).partition, "partition_type": "DAY", "created_at": NOW, **facts}
    return Table(path=path, columns=(*own, *other.values()), **facts)


def inputs(drop: tuple[str, str] = ("", ""), **changed: str) -> list[Table]:
    """The input tables with every column that is read, but for one."""
    made = []
    for setting, needed in INPUT_COLUMNS.items():
        columns = [
            column(f"{name} {changed.get(name, need.type)}") for name, need in needed.items() if (setting, name) != drop
        ]
        made.append(Table(path=SETTINGS.input_table(setting), columns=tuple(columns), created_at=NOW))
    return made


def findings(found: Table, *others: Table, settings: Settings = SETTINGS) -> list[Finding]:
    plan = next(plan for plan in plan_tables(settings, warehouse(found, *others)) if plan.path == found.path)
    return [finding for finding in plan.findings if finding.action is not Action.UNCHANGED]


def why(found: Table, *others: Table, settings: Settings = SETTINGS) -> str:
    """The one finding, in one line."""
    (finding,) = findings(found, *others, settings=settings)
    return f"{finding.action}: {finding.column}: {finding.why}"


WAYS_OUT = (
    "Rename the existing table: bq query --use_legacy_sql=false 'ALTER TABLE `project.nba_predictions.prediction_accuracy`"
    " RENAME TO `prediction_accuracy_before`' - or name another table for the service: "
    "PREDICTION_ACCURACY_TABLE=prediction_accuracy_graded"
)


def test_a_table_of_ours_is_unchanged() -> None:
    assert findings(table(GRADING.name, ACCURACY)) == []


def test_missing_columns_are_added_last() -> None:
    old = table(GRADING.name, ACCURACY, without=("run_id", "fence_token", "is_voided"))
    (plan,) = [plan for plan in plan_tables(SETTINGS, warehouse(old)) if plan.path == ACCURACY]
    assert [one.name for one in plan.add] == ["is_voided", "run_id", "fence_token"]
    assert not plan.adopted
    assert [one.name for one in plan.columns][-3:] == ["is_voided", "run_id", "fence_token"]


def test_a_wrong_partition_names_both_ways_out() -> None:
    path = SETTINGS.target(PERFORMANCE_SUMMARY.name)
    old = table(PERFORMANCE_SUMMARY.name, path, without=("as_of_date",), partition="computed_at")
    assert why(old) == (
        "refused: as_of_date: the table is partitioned by computed_at, and the service replaces it by as_of_date. Rename "
        "the existing table: bq query --use_legacy_sql=false 'ALTER TABLE "
        "`project.nba_predictions.prediction_performance_summary` RENAME TO `prediction_performance_summary_before`' - or "
        "name another table for the service: PREDICTION_PERFORMANCE_SUMMARY_TABLE=prediction_performance_summary_graded"
    )


@pytest.mark.parametrize(
    ("facts", "by"),
    [
        ({"partition": None, "partition_type": ""}, "the table is not partitioned"),
        ({"partition": "_PARTITIONTIME"}, "the table is partitioned by _PARTITIONTIME"),
        ({"partition": None, "ranged_by": "actual_points"}, "the table is partitioned by actual_points"),
        ({"partition": "graded_at"}, "the table is partitioned by graded_at"),
    ],
)
def test_every_other_partition_is_refused(facts: dict[str, Any], by: str) -> None:
    text = f"refused: game_date: {by}, and the service replaces it by game_date. {WAYS_OUT}"
    assert why(table(GRADING.name, ACCURACY, **facts)) == text


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("actual_points STRING", "refused: actual_points: it is STRING, and the service writes INT64. {}"),
        ("team_abbr INT64", "refused: team_abbr: it is INT64, and the service writes STRING. {}"),
        ("graded_at DATETIME", "refused: graded_at: it is DATETIME, and the service writes TIMESTAMP. {}"),
        (
            "model_version ARRAY<STRING>",
            "refused: model_version: it is ARRAY<STRING>, and the service writes STRING. {}",
        ),
        ("is_voided STRING", "refused: is_voided: it is STRING, and the service writes BOOL. {}"),
        (
            "predicted_points NUMERIC(2, 1)",
            "refused: predicted_points: NUMERIC(2, 1) has room for 1 digits before the point, and the values have up to 3."
            " {}",
        ),
        (
            "confidence_score INT64",
            "refused: confidence_score: INT64 keeps no digit after the point, and the values are shares from 0 to 1. {}",
        ),
        (
            "line_value NUMERIC(5, 0)",
            "refused: line_value: NUMERIC(5, 0) keeps no digit after the point: two lines would become one business key."
            " {}",
        ),
        ("run_id STRING(8)", "refused: run_id: STRING(8) is too short for run ids of 32 characters. {}"),
        (
            "prediction_correct BOOL NOT NULL",
            "refused: prediction_correct: it is REQUIRED, and the service leaves it NULL at times. Relax it: ALTER TABLE "
            "`nba_predictions.prediction_accuracy` ALTER COLUMN prediction_correct DROP NOT NULL - or: {}",
        ),
        (
            "extra STRING NOT NULL",
            "refused: extra: it is REQUIRED, and it has no source. Name its source in COLUMN_MAP, or relax it: ALTER TABLE "
            "`nba_predictions.prediction_accuracy` ALTER COLUMN extra DROP NOT NULL",
        ),
        (
            "confidence_score NUMERIC(4, 3)",
            "warned: confidence_score: NUMERIC(4, 3) rounds the values to 3 digits after the point",
        ),
        ("line_value NUMERIC(5, 1)", "warned: line_value: NUMERIC(5, 1) rounds the values to 1 digit after the point"),
        ("minutes_played FLOAT64", "warned: minutes_played: FLOAT64 holds the values approximately"),
        ("team_abbr STRING(3)", "warned: team_abbr: STRING(3): a longer value fails the write"),
        (
            "notes JSON",
            "warned: : no source: notes keep the values of the rows that are replaced, and are NULL in new rows. To fill "
            "one from the predictions: COLUMN_MAP",
        ),
    ],
)
def test_what_a_column_can_hold(changed: str, text: str) -> None:
    assert why(table(GRADING.name, ACCURACY, changed)) == text.format(WAYS_OUT)


@pytest.mark.parametrize("changed", ["graded_at TIMESTAMP NOT NULL", "line_value BIGNUMERIC", "actual_points NUMERIC"])
def test_a_column_that_holds_the_values_is_unchanged(changed: str) -> None:
    assert findings(table(GRADING.name, ACCURACY, changed)) == []


def test_an_expiration_is_warned_of() -> None:
    old = table(GRADING.name, ACCURACY, partitions_expire_after=timedelta(days=90))
    assert why(old) == (
        "warned: : its partitions are deleted after 90 days: older dates are refused. To keep them: ALTER TABLE "
        "`nba_predictions.prediction_accuracy` SET OPTIONS (partition_expiration_days = NULL)"
    )
    assert old.would_expire(date(2025, 10, 1), NOW)
    assert old.would_expire(date(2025, 10, 22), NOW)
    assert not old.would_expire(date(2025, 10, 23), NOW)
    assert "the table is deleted at 2026-02-01 00:00 UTC" in why(
        table(GRADING.name, ACCURACY, expires_at=datetime(2026, 2, 1, tzinfo=UTC))
    )


@pytest.mark.parametrize(
    ("setting", "name"), [(setting, name) for setting, needed in INPUT_COLUMNS.items() for name in needed]
)
def test_a_missing_input_column_is_named_with_its_table_and_its_purpose(setting: str, name: str) -> None:
    (finding,) = check_inputs(SETTINGS, warehouse(*inputs((setting, name))))
    path = SETTINGS.input_table(setting)
    assert (finding.table, finding.column) == (f"{path.dataset}.{path.table}", name)
    assert finding.why.startswith(f"the table lacks it: needed for {INPUT_COLUMNS[setting][name].purpose}")
    required = setting in ("predictions_table", "box_scores_table")
    assert finding.action is (Action.REFUSED if required else Action.WARNED)


def test_inputs_as_they_should_be_have_no_finding() -> None:
    assert check_inputs(SETTINGS, warehouse(*inputs())) == []
    assert check_inputs(SETTINGS, warehouse(*inputs(current_points_line="FLOAT64", points="NUMERIC(5, 1)"))) == []


def test_an_input_of_another_type_is_named() -> None:
    (finding,) = check_inputs(SETTINGS, warehouse(*inputs(predicted_points="STRING")))
    assert finding.why == "it is STRING, and grading reads NUMERIC: needed for the errors of a prediction"


def test_a_missing_input_table_is_refused_and_an_optional_one_warned_of() -> None:
    found = {finding.table: finding for finding in check_inputs(SETTINGS, warehouse())}
    missing = found["nba_predictions.player_prop_predictions"]
    assert (missing.action, missing.why) == (
        Action.REFUSED,
        "there is no table project.nba_predictions.player_prop_predictions: create it, or name the right one in "
        "PREDICTIONS_TABLE",
    )
    assert found["nba_raw.nbac_injury_report"].action is Action.WARNED
    without = replace(SETTINGS, injury_report_table="none", archetypes_table="NONE")
    assert {finding.table for finding in check_inputs(without, warehouse())} == {
        "nba_predictions.player_prop_predictions",
        "nba_box_scores.player_game_summary",
    }


def test_column_map_names_columns_that_are_there() -> None:
    accuracy = table(GRADING.name, ACCURACY, "bookmaker STRING", "raw NUMERIC")
    settings = replace(SETTINGS, column_map="bookmaker=model_version, raw=confidence_score")
    assert check_inputs(settings, warehouse(accuracy, *inputs())) == []
    predictions = inputs()[0]
    sources = sources_of(GRADING, accuracy, predictions, settings)
    assert sources.predicted == {"bookmaker": "model_version", "raw": "confidence_score"}
    assert sources.carried == ()
    for given, text in (
        ("nothing=model_version", "COLUMN_MAP: the table has no column nothing"),
        ("bookmaker=nothing", "COLUMN_MAP: the predictions have no column nothing"),
        ("team_abbr=model_version", "COLUMN_MAP: team_abbr is computed by the service; leave it out"),
    ):
        (finding,) = check_inputs(replace(SETTINGS, column_map=given), warehouse(accuracy, *inputs()))
        assert finding.why == text
    wrong = replace(SETTINGS, column_map="raw=model_version,bookmaker=model_version")
    assert why(accuracy, predictions, settings=wrong) == (
        "refused: raw: COLUMN_MAP fills it by model_version, which is STRING: it is NUMERIC(38, 9)"
    )


def test_a_column_of_the_same_name_and_type_is_filled_from_the_predictions() -> None:
    predictions = replace(inputs()[0], columns=(column("tags ARRAY<STRING>"), column("tier STRING"), column("n INT64")))
    accuracy = table(GRADING.name, ACCURACY, "tags ARRAY<STRING>", "tier INT64", "n INT64")
    sources = sources_of(GRADING, accuracy, predictions, SETTINGS)
    assert sources.predicted == {"tags": "tags", "n": "n"}
    assert [one.name for one in sources.carried] == ["tier"]


@pytest.mark.parametrize(
    ("places", "text"),
    [
        (
            {"nba_predictions": "EU", "nba_raw": "EU"},
            "BIGQUERY_LOCATION=US, and the datasets are in EU (nba_predictions, nba_raw in EU): set it to EU",
        ),
        (
            {"nba_predictions": "US", "nba_raw": "europe-west1"},
            "BIGQUERY_LOCATION=US, and the datasets are in several places (nba_predictions in US; nba_raw in "
            "europe-west1): one query reads one place only; copy the datasets to one place, or name others",
        ),
    ],
)
def test_datasets_elsewhere_are_an_error_that_names_both_places(places: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        check_location(SETTINGS, warehouse(places=places))
    assert str(raised.value) == text
    assert "init" not in text


def test_datasets_in_the_right_place_are_none() -> None:
    check_location(SETTINGS, warehouse(places={"nba_predictions": "us", "nba_raw": "US"}))
    check_location(SETTINGS, warehouse())


def test_a_table_with_rows_of_others_waits_for_its_writers() -> None:
    """One that the service has written before does not: its writers name their columns."""
    theirs = table(GRADING.name, ACCURACY, without=("run_id", "fence_token"), rows=5)
    ours = table(GRADING.name, ACCURACY, without=("is_voided",), rows=5)
    empty = table(GRADING.name, ACCURACY, without=("run_id",))
    waiting = [Plan(plan_tables(SETTINGS, warehouse(one)), [], []).waiting for one in (theirs, ours, empty)]
    assert [[plan.path for plan in plans] for plans in waiting] == [[ACCURACY], [], []]
    assert all(isinstance(plan, TablePlan) for plans in waiting for plan in plans)


def test_a_plan_begins_with_the_datasets_places() -> None:
    jobs = cast("Jobs", SimpleNamespace(warehouse=warehouse(places={"nba_predictions": "EU"})))
    with pytest.raises(InvalidSettings):
        make_plan(SETTINGS, jobs)
