"""Every statement that the code can send is SQL that BigQuery accepts."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path

import pytest

from foundation.clock import Deadline, SystemClock
from grading.batch import Batch
from grading.hold import Hold
from grading.processors import PROCESSORS, Processor
from grading.run import Request, Run
from grading.settings import Settings
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.rules import rules
from grading.writing.staging import Staged
from localdev.bigquery import client_for
from localdev.settings import local_settings
from tests.zetasql_check import Judge, Refused
from warehouse.bigquery import Warehouse
from warehouse.statements import Folder, SqlFile, table

GRADING_SQL = Folder("grading.sql")
REPAIR_SQL = Folder("grading.maintenance.sql")
VALIDATION_SQL = Folder("validation.sql")
CHECKS = [GRADING_SQL.file("fence_check_newest"), REPAIR_SQL.file("fence_check_unchanged")]


@pytest.fixture
def plain_settings() -> Settings:
    return local_settings(bigquery_endpoint="http://127.0.0.1:1", lock_store="sqlite", lock_sqlite_path="x")


def _run(processor: Processor, settings: Settings) -> Run:
    nowhere = Warehouse(client_for(settings))
    request = Request(date=date(2024, 1, 15))
    return Run.start(processor, request, settings, nowhere, Deadline.after(60, SystemClock()), hold=Hold())


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: p.name)
@pytest.mark.parametrize(
    "fence_check",
    [GRADING_SQL.file("fence_check_newest"), REPAIR_SQL.file("fence_check_unchanged")],
    ids=["newest", "unchanged"],
)
def test_a_processors_own_statements_are_accepted(
    judge: Judge, plain_settings: Settings, processor: Processor, fence_check: SqlFile
) -> None:
    """Its rows, the staging checks, the publish script and the validation."""
    run = _run(processor, plain_settings)
    known = rules(plain_settings, run.date, run.date, run.date, days=[run.date])
    absent = {name: GRADING_SQL.fill(f"absent_{name}") for name in ("injury_report", "archetypes")}
    rows = GRADING_SQL.fill(processor.name, **{**run.values(), **known, **absent})
    into = run.staging_table()
    staging = {"staging": table(into), **run.values()}
    judge.check(GRADING_SQL.fill("stage", **staging, rows=rows).text)
    if processor.reads_predictions:
        measured = GRADING_SQL.fill("measure_staging", **staging)
        coverage = GRADING_SQL.fill("coverage", **{**staging, **known})
        judge.check(GRADING_SQL.fill("measure_graded", **staging, measured=measured, coverage=coverage).text)
    for name in ("measure_staging", "keep_one_per_key", "read_fence"):
        judge.check(GRADING_SQL.fill(name, **staging).text)
    for name in ("validate", "duplicate_samples"):
        judge.check(VALIDATION_SQL.fill(name, **staging).text)
    staged = Staged(table=into, token=1, columns=[processor.written_at], fence_check=fence_check)
    note = AuditNote(status="success", detail="it's \\ fine")
    judge.check(publish_script(Batch.of(run), staged, {run.date: note}).text)


def test_a_multi_column_in_is_caught(judge: Judge, plain_settings: Settings) -> None:
    """The statement that once stopped grading for six days: the emulator runs it, BigQuery refuses it."""
    accuracy = plain_settings.target("prediction_accuracy")
    with pytest.raises(Refused, match="only one output column"):
        judge.check(f"SELECT 1 FROM `{accuracy}` WHERE (game_id, run_id) IN (SELECT game_id, run_id FROM `{accuracy}`)")


def test_a_float_into_a_numeric_column_is_caught(judge: Judge, plain_settings: Settings) -> None:
    """The emulator coerces it silently."""
    accuracy = plain_settings.target("prediction_accuracy")
    with pytest.raises(Refused, match="FLOAT64"):
        judge.check(f"INSERT INTO `{accuracy}` (player_lookup, line_value) SELECT 'x', 1.5e0")


@pytest.mark.parametrize("kind", ["NUMERIC(38, 9)", "NUMERIC (5, 1)", "BIGNUMERIC(38)", "STRING(3)", "bytes(3)"])
def test_a_cast_with_parameters_is_caught(judge: Judge, kind: str) -> None:
    """BigQuery: Parameterized types are not allowed in CAST expressions."""
    with pytest.raises(Refused, match="Parameterized types are not allowed in CAST expressions"):
        judge.check_as_it_is(f"SELECT CAST(NULL AS {kind})")
    judge.check_as_it_is(f"CREATE TABLE made (column_of_the_table {kind})")


def test_an_unknown_column_is_caught(judge: Judge, plain_settings: Settings) -> None:
    accuracy = plain_settings.target("prediction_accuracy")
    with pytest.raises(Refused, match="Unrecognized name"):
        judge.check(f"SELECT lin_value FROM `{accuracy}` WHERE run_id = '{uuid.uuid4().hex}'")


def test_no_statement_of_a_script_is_passed_over(judge: Judge, plain_settings: Settings) -> None:
    """The last statement is read too, behind DDL, comments and transactions."""
    target = plain_settings.target("scratch")
    script = f"""-- a; comment
BEGIN TRANSACTION;
CREATE TABLE `{target}` (a INT64);
-- é
COMMIT TRANSACTION;
SELECT b FROM `{target}`;"""
    with pytest.raises(Refused, match="Unrecognized name"):
        judge.check(script)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM `{accuracy}` WHERE game_date IN (DATE '2024-01-15', 5)",
        "SELECT 1 FROM `{accuracy}` WHERE game_date IN (DATE '2024-01-15', DATE '2024-02-30')",
        "SELECT 1 FROM `{accuracy}` WHERE game_date IN ('2024-01-15', 'soon')",
        "SELECT 1 FROM UNNEST(ARRAY<STRUCT<a STRING, b DATE>>[('x', DATE '2024-01-15'), ('y', 5)])",
        "SELECT 1 FROM UNNEST(ARRAY<STRUCT<a STRING, b DATE>>[('x', DATE '2024-01-15'), ('y')])",
        "INSERT INTO `{accuracy}` (player_lookup, game_date) VALUES ('x', DATE '2024-01-15'), ('y')",
        "INSERT INTO `{accuracy}` (player_lookup, game_date) VALUES ('x', DATE '2024-01-15'), ('y', 5)",
        "INSERT INTO `{accuracy}` (player_lookup, game_date, game_id) SELECT 'x', '2024-02-30', 'z'",
        "SELECT TIMESTAMP '2024-01-15 01:02:61+00:00'",
    ],
)
def test_a_wrong_value_behind_a_right_one_is_caught(judge: Judge, plain_settings: Settings, statement: str) -> None:
    """Statements that differ only in values are analysed once: these differ in more."""
    accuracy = plain_settings.target("prediction_accuracy")
    for right in (
        "SELECT 1 FROM `{accuracy}` WHERE game_date IN (DATE '2024-01-15')",
        "SELECT 1 FROM `{accuracy}` WHERE game_date IN ('2024-01-15')",
        "SELECT 1 FROM UNNEST(ARRAY<STRUCT<a STRING, b DATE>>[('x', DATE '2024-01-15')])",
        "INSERT INTO `{accuracy}` (player_lookup, game_date) VALUES ('x', DATE '2024-01-15')",
        "INSERT INTO `{accuracy}` (player_lookup, game_date, game_id) SELECT 'x', DATE '2024-01-15', 'z'",
        "SELECT TIMESTAMP '2024-01-15 01:02:03+00:00'",
    ):
        judge.check(right.format(accuracy=accuracy))
    with pytest.raises(Refused):
        judge.check(statement.format(accuracy=accuracy))


def test_what_another_process_has_analysed_passes_only_with_the_same_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for columns in ("a INT64", "a INT64", "a STRING", "b INT64"):
        judge = Judge(shared=tmp_path)
        judge.check(f"CREATE TABLE `p.d.t` ({columns})")
        monkeypatch.setattr(judge, "check_as_it_is", lambda shape: asked.append(shape))
        judge.check("SELECT a FROM `p.d.t`")
    assert len(asked) == 3


def test_what_is_refused_is_refused_in_each_process(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refused, match="Unrecognized name"):
            Judge(shared=tmp_path).check("SELECT b")
