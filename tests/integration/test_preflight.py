"""The statements that `init` asks BigQuery about: all of them, and on a running system's tables all are accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from foundation.clock import Deadline, SystemClock
from foundation.errors import NotInitialised
from grading.maintenance.preflight import Preflight
from grading.settings import Settings
from grading.writing.declared import declared
from grading.writing.input_columns import INPUT_COLUMNS
from grading.writing.schema import table_statements
from grading.writing.schema_plan import plan_tables
from localdev.settings import local_settings
from localdev.slate import INPUT_TABLES
from tests.integration import existing
from tests.zetasql_check import Judge, Refused
from warehouse.bigquery import Warehouse
from warehouse.columns import Column, Table
from warehouse.jobs import Jobs
from warehouse.statements import Sql, TablePath

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("grading/sql", "grading/dates/sql", "grading/maintenance/sql", "grading/report/sql", "validation/sql")
# Not sent as statements of their own, or only on tables that do not exist yet.
_PARTS = {
    "absent_archetypes", "absent_box_scores", "absent_injury_report", "adapt", "aligned_backup", "all_rows",
    "counted_box_scores", "fence_check_newest", "fence_check_unchanged", "found_box_scores", "gradable", "input_rows",
    "join_covering",
    "is_kept", "is_push", "kept_predictions", "made_after_game", "newest_injury_reports", "placed_predictions",
    "read_as", "replaced_values", "teams_named", "typed_nulls", "why_not_graded",
}  # fmt: skip
_ELSEWHERE = {
    "accuracy": "asked by a person who types `accuracy`, and by nothing else",
    "add_column": "init's own DDL",
    "backups": "reads INFORMATION_SCHEMA",
    "inputs_now": "counts rows of tables that are asked about, as measure_found does",
    "keep_partitions": "init's own DDL",
    "keep_table": "init's own DDL",
    "compare_grades": "asked by a person, on a table that is named then",
    "last_runs": "asked under `status`",
    "probe_optional": "itself a dry run, asked whenever a date is graded",
    "record_duplicates": "its rows are literals; resolve_duplicates writes the same table",
    "staging_tables": "reads INFORMATION_SCHEMA",
    "stage": "CREATE TABLE around the rows, which are asked about",
    "stage_covering": "CREATE TABLE around the rows, which are asked about, and around the fence",
    "staged_range": "on a staging table of others, judged one by one",
    "unconsolidated": "on a staging table of others, judged one by one",
    "fence_check_unchanged": "part of a repair's publish",
    "rows_unchanged": "part of a repair's publish, around rows_moved, which is asked about",
    # What a person looks at: no event, check or repair needs it.
    **dict.fromkeys(("diff_counts", "diff_samples", "paired_rows", "rows_as_of", "rows_by_run"), "asked under `diff`"),
    "findings_of_date": "asked under `explain`",
    **dict.fromkeys(
        ("report_dates", "report_deciles", "report_duplicates", "report_runs", "report_systems"), "asked under `report`"
    ),
}


class Described:
    """A warehouse that describes tables, and answers nothing else."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables

    def find(self, path: TablePath, *, deadline: Deadline | None = None) -> Table | None:
        assert deadline is None or not deadline.expired
        return self.tables.get(str(path))

    described = find

    def describe(self, path: TablePath, *, deadline: Deadline | None = None) -> Table:
        found = self.find(path, deadline=deadline)
        if found is None:
            raise NotInitialised(f"there is no {path}")
        return found

    def columns(self, path: TablePath, *, deadline: Deadline | None = None) -> list[Column]:
        return list(self.describe(path, deadline=deadline).columns)

    def bytes_scanned(self, _sql: Sql, *, deadline: Deadline | None = None) -> int:
        assert deadline is None or not deadline.expired
        return 0


def _column(name: str, kind: str, mode: str) -> Column:
    repeated = kind.startswith("ARRAY<")
    base = kind.removeprefix("ARRAY<").rstrip(">")
    numbers = [int(number) for number in re.findall(r"\d+", base.partition("(")[2])]
    precision, scale = (*numbers, None, None)[:2]
    return Column(name, base.partition("(")[0], mode == "REQUIRED", repeated, precision, scale)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return local_settings(
        bigquery_endpoint="http://127.0.0.1:1",
        lock_store="sqlite",
        lock_sqlite_path="x",
        prediction_performance_summary_table="prediction_performance_summary_graded",
        column_map="line_bookmaker=sportsbook,raw_confidence_score=confidence_score",
    )


@pytest.fixture(scope="module")
def tables(settings: Settings) -> dict[str, Table]:
    """A running system's tables after `init`: theirs with the added columns, and ours."""
    clock = SystemClock()
    made = {}
    described = existing.described()
    for name, path in existing.paths(settings, described).items():
        columns = [_column(*column) for column in described[name]["columns"]]
        if name in ("prediction_accuracy", "system_daily_performance"):
            known = {column.name for column in columns}
            columns += [column for column in declared(name).columns if column.name not in known]
        made[str(path)] = Table(path=path, columns=tuple(columns), created_at=clock.now(), partition="game_date")
    for path, statement in table_statements(settings):
        name = statement.text.partition("(")[0]
        if str(path) not in made and "CREATE TABLE" in name:
            own = {"grading_runs", "grading_duplicate_audit"} & {path.table}
            kind = next(iter(own), "fence" if path.table.endswith("_fence") else "prediction_performance_summary")
            made[str(path)] = Table(path=path, columns=declared(kind).columns, created_at=clock.now())
    return made


def _preflight(settings: Settings, tables: Mapping[str, Table]) -> Preflight:
    warehouse = cast("Warehouse", Described(tables))
    jobs = cast("Jobs", SimpleNamespace(warehouse=warehouse, deadline=Deadline.after(60, SystemClock()), number=_one))
    return Preflight(settings, jobs, plan_tables(settings, warehouse))


def _one() -> int:
    return 1


@pytest.fixture(scope="module")
def judge_of_existing(settings: Settings, tables: dict[str, Table]) -> Judge:
    """The analyzer, with a running system's tables alone."""
    judge = Judge()
    for path, table in tables.items():
        columns: list[str] = [f"{column.name} {column.type}" for column in table.columns]
        judge.check(f"CREATE TABLE `{path}` ({', '.join(columns)})")
    judge.check(f"CREATE TABLE `{settings.input_table('archetypes_table')}` (player_lookup STRING, archetype STRING)")
    return judge


def test_the_analyzer_accepts_every_statement_on_a_running_systems_tables(
    settings: Settings, tables: dict[str, Table], judge_of_existing: Judge
) -> None:
    """JSON, arrays and FLOAT64 among their columns, NUMERIC(5, 1) and FLOAT64 where we write NUMERIC."""
    statements = list(_preflight(settings, tables).statements())
    assert len(statements) > 80
    for statement in statements:
        judge_of_existing.check(statement.sql.text)


def test_every_file_of_sql_is_asked_about_or_listed_with_a_reason(settings: Settings, tables: dict[str, Table]) -> None:
    asked = {statement.purpose.rpartition(": ")[2] for statement in _preflight(settings, tables).statements()}
    asked |= {"publish", "ungraded"}
    processors = {"prediction_accuracy", "system_daily_performance", "prediction_performance_summary"}
    files = {path.stem for folder in _FOLDERS for path in (_ROOT / folder).glob("*.sql")}
    assert files - asked - _PARTS - set(_ELSEWHERE) - processors == set()


def test_the_columns_that_are_read_are_those_that_the_sql_names() -> None:
    """Every statement is analysed against the slate's tables: what they lack, no statement can name."""
    for table in INPUT_TABLES:
        unread = {"reason", "game_id"} if table.optional else set()
        assert {column.name for column in table.columns} - unread == set(INPUT_COLUMNS[table.setting])


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("JSON is grouped", "SELECT j, COUNT(*) FROM (SELECT JSON '1' AS j) GROUP BY j"),
        ("JSON is distinct", "SELECT DISTINCT j FROM (SELECT JSON '1' AS j)"),
        ("JSON is compared", "SELECT 1 FROM (SELECT JSON '1' AS j) WHERE j = j"),
        ("JSON is ordered", "SELECT j FROM (SELECT JSON '1' AS j) ORDER BY j"),
        ("JSON has a minimum", "SELECT MIN(j) FROM (SELECT JSON '1' AS j)"),
        ("JSON partitions a window", "SELECT ROW_NUMBER() OVER (PARTITION BY j) FROM (SELECT JSON '1' AS j)"),
        ("FLOAT64 partitions a window", "SELECT ROW_NUMBER() OVER (PARTITION BY f) FROM (SELECT 1.5e0 AS f)"),
        ("an array is grouped", "SELECT a, COUNT(*) FROM (SELECT ['x'] AS a) GROUP BY a"),
        ("an array is compared", "SELECT 1 FROM (SELECT ['x'] AS a) WHERE a = a"),
        ("a struct is grouped", "SELECT s, COUNT(*) FROM (SELECT STRUCT(1 AS x) AS s) GROUP BY s"),
        ("GEOGRAPHY is grouped", "SELECT g, COUNT(*) FROM (SELECT CAST(NULL AS GEOGRAPHY) AS g) GROUP BY g"),
        ("GEOGRAPHY is compared", "SELECT 1 FROM (SELECT CAST(NULL AS GEOGRAPHY) AS g) WHERE g = g"),
        ("a number is concatenated", "SELECT CONCAT(1, 'a')"),
        ("a type of another dialect", "SELECT CAST(1 AS INT32)"),
    ],
)
def test_the_analyzer_refuses_what_bigquery_refuses(judge: Judge, kind: str, statement: str) -> None:
    with pytest.raises(Refused):
        judge.check(statement)
    assert kind


def test_their_json_text_is_accepted(judge: Judge) -> None:
    judge.check("SELECT TO_JSON_STRING(j) AS j, COUNT(*) AS n FROM (SELECT JSON '1' AS j) GROUP BY TO_JSON_STRING(j)")
