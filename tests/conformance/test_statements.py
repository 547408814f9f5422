"""Every statement of the conformance run is SQL that BigQuery accepts."""

from __future__ import annotations

from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable

from conformance.place import SQL
from conformance.scripts import held_open, statements
from foundation.clock import Deadline, SystemClock
from grading.batch import Batch
from grading.processors import GRADING
from grading.run import Request, Run
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.staging import Staged
from localdev.bigquery import client_for
from localdev.settings import local_settings
from tests.zetasql_check import Judge
from warehouse.bigquery import Warehouse
from warehouse.statements import Folder, Sql, literal, table


def _run() -> Run:
    settings = local_settings(bigquery_endpoint="http://127.0.0.1:1", lock_store="sqlite", lock_sqlite_path="x")
    nowhere = Warehouse(client_for(settings.bigquery_api_endpoint))
    return Run.start(GRADING, Request(date=date(2024, 1, 15)), settings, nowhere, Deadline.after(60, SystemClock()))


def _script(run: Run) -> Sql:
    staged = Staged(table=run.staging_table(), token=1, columns=[GRADING.written_at])
    return publish_script(Batch.of(run), staged, {run.date: AuditNote(status="success")})


def test_every_file_is_accepted(judge: Judge) -> None:
    run = _run()
    values = {
        **run.values(),
        "predictions": table(run.settings.input_table("predictions_table")),
        "box_scores": table(run.settings.input_table("box_scores_table")),
        "first": literal(date(2024, 1, 1)),
        "last": literal(date(2024, 1, 2)),
        "appended": literal("x"),
        "once": table(run.settings.staging("once")),
    }
    names = sorted(path.name.removesuffix(".sql") for path in _files() if path.name != "without_end.sql")
    for name in sorted(names, key=lambda name: not name.startswith("create")):
        judge.check(SQL.fill(name, **values).text)


def _files() -> list[Traversable]:
    return [path for path in resources.files(Folder("conformance.sql").package).iterdir() if path.name.endswith(".sql")]


def test_a_script_that_is_held_open_is_ours_and_a_loop() -> None:
    """Between its DELETE and its INSERT, and nothing else is changed."""
    script = _script(_run())
    held = held_open(script).text
    loop = SQL.fill("without_end").text
    assert held.replace(f"{loop}\n", "") == ";\n".join(statements(script)) + ";"
    assert held.index("DELETE FROM") < held.index("WHILE TRUE") < held.rindex("INSERT INTO")


def test_the_statements_of_a_script_are_all_of_it() -> None:
    script = _script(_run())
    parts = statements(script)
    assert parts[0].endswith("BEGIN TRANSACTION")
    assert parts[-1] == "COMMIT TRANSACTION"
    assert "".join(";".join(parts).split()) == "".join(script.text.rstrip(";").split())
