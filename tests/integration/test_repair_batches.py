"""Many dates repaired as one: as exact as one by one, each safe by itself, and what is wrong is put back by date."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from string import Template
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import InvalidSettings, ResourcesExceeded, StatementRefused, Transient
from grading.batch import Batch
from grading.cli import commands, dedupe, undo  # noqa: F401 - the commands must be loaded to be patched
from grading.locker import Locker
from grading.maintenance import comparison, repairer
from grading.maintenance.backup import Backup, make_backup
from grading.maintenance.repair_result import DateResult, Result
from grading.maintenance.repair_rows import DeduplicatedRows, RepairedState, RestoredRows
from grading.maintenance.repair_tables import PREDICTIONS, REPAIR_TABLES
from grading.processors import GRADING
from grading.settings import Settings
from grading.wiring import Application
from grading.writing import publish
from grading.writing.publish import Publisher
from grading.writing.staging import Staged
from localdev.environment import isolated
from localdev.settings import as_environment
from tests.fakes import RecordingSink
from tests.integration.conftest import rows_of
from tests.integration.damaged import at_terminal, execute, grades_with_copies
from tests.integration.slate import load, predictions
from warehouse import statements as statement_files
from warehouse.statements import SqlFile

ROOT = Path(__file__).parents[2]
DAYS = [date(2026, 1, 5) + timedelta(days=number) for number in range(5)]
BAD = DAYS[2]
REPAIRED = REPAIR_TABLES[GRADING.name]
DEDUPE = ("dedupe", "--table", GRADING.name, "--execute")
KEYS, EXCESS = 12, 5

Cli = Callable[..., str]
Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def cli(application: Application, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The commands on the test's application; returns what they print."""
    at_terminal(monkeypatch, "dedupe", application)

    def invoke(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(commands, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


def _target(settings: Settings) -> str:
    return str(settings.target(GRADING.name))


def _damage(client: bigquery.Client, settings: Settings, days: Sequence[date]) -> None:
    """Dates with the same keys, which differ in their times and in how often each row is there."""
    grades_with_copies(client, settings, days[0], keys=KEYS, excess=EXCESS)
    if len(days) > 1:
        execute(
            client,
            f"INSERT INTO `{_target(settings)}` SELECT graded.* REPLACE ("
            f" DATE_ADD(game_date, INTERVAL n DAY) AS game_date,"
            f" TIMESTAMP_ADD(graded_at, INTERVAL n DAY) AS graded_at)"
            f" FROM `{_target(settings)}` AS graded, UNNEST(GENERATE_ARRAY(1, {len(days) - 1})) AS n",
        )


@pytest.fixture
def damaged(application: Application, bigquery_client: bigquery.Client) -> Application:
    _damage(bigquery_client, application.settings, DAYS)
    return application


def _contents(application: Application, days: Sequence[date] = DAYS) -> dict[date, list[str]]:
    """Every row of each date, in every column."""
    sql = f"SELECT * FROM `{_target(application.settings)}` WHERE game_date >= DATE '2000-01-01'"
    found: dict[date, list[str]] = {day: [] for day in days}
    for row in rows_of(application.bigquery_client, sql):
        day = row["game_date"]
        assert isinstance(day, date)
        found[day].append(repr(row))
    return {day: sorted(rows) for day, rows in found.items()}


def _counts(application: Application, days: Sequence[date] = DAYS) -> list[int]:
    return [len(rows) for rows in _contents(application, days).values()]


def _steps(statements: Sequence[tuple[str, str]]) -> Counter[str]:
    return Counter(job_id.rsplit("-", 2)[1] for job_id, _ in statements)


def _deadline(application: Application, seconds: float = 60) -> Deadline:
    return Deadline.after(seconds, application.clock)


def _backup(application: Application) -> Backup:
    return make_backup(
        REPAIRED.path(application.settings), application.settings, application.jobs("backup", 60), days=1
    )


def _deduplicate(application: Application, backup: Backup | None = None) -> dict[date, DateResult]:
    ended = application.repairer.deduplicate(
        REPAIRED, DAYS, backup or _backup(application), _deadline(application), merge_differing=True
    )
    assert (ended.split, ended.held) == (None, [])
    return {result.date: result for result in ended.outcomes}


def _restore(application: Application, backup: Backup, done: Mapping[date, DateResult]) -> dict[date, DateResult]:
    over = {day: RepairedState(result.run_id, result.rows_after) for day, result in done.items()}
    ended = application.repairer.restore(
        REPAIRED, DAYS, backup, _backup(application), _deadline(application), over=over, overwrite=False
    )
    assert (ended.split, ended.held) == (None, [])
    return {result.date: result for result in ended.outcomes}


def _results(found: Mapping[date, DateResult]) -> dict[date, Result]:
    return {day: result.result for day, result in found.items()}


def _but(result: Result, others: Result = Result.REPAIRED) -> dict[date, Result]:
    """What each date is, if the bad one is this and the others are that."""
    return {day: result if day == BAD else others for day in DAYS}


def _grade_anew(application: Application, day: date = BAD) -> None:
    """Someone else's publish of a date: other rows, and another run in the fence."""
    settings, client = application.settings, application.bigquery_client
    execute(client, f"UPDATE `{_target(settings)}` SET predicted_points = 99 WHERE game_date = DATE '{day}'")
    _take_fence(application, day)


def _take_fence(application: Application, day: date = BAD) -> None:
    fence = f"{_target(application.settings)}_fence"
    execute(application.bigquery_client, f"DELETE FROM `{fence}` WHERE lock_key = '{day}'")
    execute(
        application.bigquery_client,
        f"INSERT INTO `{fence}` (lock_key, token, run_id, updated_at)"
        f" VALUES ('{day}', 7, 'other', CURRENT_TIMESTAMP())",
    )


def _append(application: Application, day: date = BAD) -> None:
    """A row of a writer that knows no fence."""
    execute(
        application.bigquery_client,
        f"INSERT INTO `{_target(application.settings)}` (player_lookup, game_id, game_date, system_id, graded_at)"
        f" VALUES ('late', 'game', DATE '{day}', 'old', TIMESTAMP '2030-01-01 00:00:00+00:00')",
    )


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Have something happen between a repair's staging and its publish, once."""

    def plan(happen: Callable[[], object]) -> None:
        todo = [happen]
        for source in (DeduplicatedRows, RestoredRows):
            monkeypatch.setattr(source, "stage", _then(source.stage, todo))

    return plan


def _then(real: Any, todo: list[Callable[[], object]]) -> Any:
    def stage(self: Any, batch: Batch) -> Staged:
        staged: Staged = real(self, batch)
        if todo:
            todo.pop()()
        return staged

    return stage


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[date]]]:
    """The dates that each publish was asked for."""
    real, asked = Publisher.publish, list[list[date]]()

    def noted(self: Publisher, batch: Batch, *rest: Any) -> Mapping[date, Transient]:
        found = real(self, batch, *rest)
        asked.append(list(batch.days))
        return found

    monkeypatch.setattr(Publisher, "publish", noted)
    return asked


def _spoil(monkeypatch: pytest.MonkeyPatch, name: str, text: str, instead: str) -> None:
    """A mistake in an SQL file."""
    real = statement_files._load

    def load_file(package: str, file: str) -> SqlFile:
        found = real(package, file).template.template
        if file == name:
            assert text in found
            found = found.replace(text, instead)
        return SqlFile(Template(found))

    monkeypatch.setattr(statement_files, "_load", load_file)


@pytest.mark.timeout(600)
def test_dates_in_batches_are_as_dates_one_by_one(
    application: Application, bigquery_client: bigquery.Client, cli: Cli, statements: list[tuple[str, str]]
) -> None:
    """60 dates: the same rows, an audit row and a result for each; dedupe and undo take the jobs of one date."""
    settings = application.settings
    days = [date(2025, 11, 1) + timedelta(days=number) for number in range(60)]
    _damage(bigquery_client, settings, days)
    before = _contents(application, days)
    sent = len(statements)

    text = cli(*DEDUPE)

    assert _steps(statements[sent:]) == {
        "damage": 1, "backup": 1, "create": 2, "record": 1,
        "fence": 1, "compare": 1, "stage": 1, "measure": 1, "publish": 1, "verify": 1, "resolve": 1,
    }  # fmt: skip
    assert text.count(f"repaired           {KEYS + EXCESS}          {KEYS}  verified") == len(days)
    together = _contents(application, days)
    assert set(map(len, together.values())) == {KEYS}
    runs = rows_of(bigquery_client, f"SELECT * FROM `{settings.target('grading_runs')}`")
    assert sorted(str(run["game_date"]) for run in runs) == list(map(str, days))
    assert {(run["status"], run["rows_deleted"], run["rows_inserted"]) for run in runs} == {
        ("repaired", KEYS + EXCESS, KEYS)
    }
    assert len({run["run_id"] for run in runs}) == len(days)
    entries = rows_of(bigquery_client, f"SELECT * FROM `{_target(settings)}_fence` WHERE lock_key != '__sentinel__'")
    assert {(row["lock_key"], row["run_id"]) for row in entries} == {
        (str(run["game_date"]), run["run_id"]) for run in runs
    }
    findings = rows_of(bigquery_client, f"SELECT * FROM `{settings.target('grading_duplicate_audit')}`")
    notes = {str(run["game_date"]): f"deduplicated by run {run['run_id']}, backup {run['detail']}" for run in runs}
    assert {str(row["game_date"]): row["resolution_notes"] for row in findings} == notes
    assert None not in {row["resolved_at"] for row in findings}

    sent = len(statements)
    backup = str(runs[0]["detail"])
    cli("undo", backup, "--execute")
    assert _contents(application, days) == before
    assert _steps(statements[sent:]) == {
        "changes": 1, "backup": 1,
        "compare": 3, "fence": 1, "stage": 1, "measure": 1, "publish": 1,
    }  # fmt: skip

    sent = len(statements)
    cli(*DEDUPE, "--batch-dates", "1")
    assert _contents(application, days) == together
    assert _steps(statements[sent:])["publish"] == len(days)
    assert len(statements[sent:]) == 5 + 7 * len(days)
    del statements[sent + 30 :]  # those of the first dates are analysed: the others differ in the date


def test_a_date_written_since_the_backup_is_left_out_and_named(
    damaged: Application, cli: Cli, monkeypatch: pytest.MonkeyPatch, statements: list[tuple[str, str]]
) -> None:
    """The others are repaired by one transaction; the same command goes on with the one that is left."""
    real = vars(sys.modules["grading.cli.dedupe"])["make_backup"]

    def then_written(*given: Any, **options: Any) -> Backup:
        backup: Backup = real(*given, **options)
        _append(damaged)
        return backup

    monkeypatch.setattr(sys.modules["grading.cli.dedupe"], "make_backup", then_written)
    text = cli(*DEDUPE, code=1)
    assert f"1 rows of {BAD} were written after backup-" in text
    assert text.count("repaired") - text.count("not repaired") == len(DAYS) - 1
    assert "Some dates were not repaired; the same command goes on with what is left." in text
    assert _counts(damaged) == [KEYS, KEYS, KEYS + EXCESS + 1, KEYS, KEYS]
    assert _steps(statements)["publish"] == 1

    monkeypatch.setattr(sys.modules["grading.cli.dedupe"], "make_backup", real)
    assert cli(*DEDUPE).count("repaired") == 1
    assert _counts(damaged) == [KEYS, KEYS, KEYS + 1, KEYS, KEYS]


@pytest.mark.parametrize("command", ["dedupe", "undo"])
def test_a_date_that_someone_holds_is_done_at_the_end(
    damaged: Application, cli: Cli, published: list[list[date]], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Nobody waits for it while he holds the others; it is released when these are published."""
    before = _contents(damaged)
    arguments = DEDUPE
    if command == "undo":
        cli(*DEDUPE)
        [backup] = {str(row["detail"]) for row in rows_of(
            damaged.bigquery_client, f"SELECT detail FROM `{damaged.settings.target('grading_runs')}`")}  # fmt: skip
        arguments = ("undo", backup, "--execute")
    published.clear()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with damaged.lock(GRADING.lock_type).acquire(BAD, "someone else", 0):
            held.set()
            done.wait(60)

    real = Locker.hold_all
    asked = list[list[date]]()

    def hold_all(self: Locker, batch: Batch, *rest: Any, **given: Any) -> Any:
        asked.append(list(batch.days))
        if len(asked) == 2:
            done.set()
        return real(self, batch, *rest, **given)

    monkeypatch.setattr(Locker, "hold_all", hold_all)
    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(60)
    try:
        cli(*arguments)
    finally:
        done.set()
        other.join(60)
    assert asked == [DAYS, [BAD]]
    assert published == [[day for day in DAYS if day != BAD], [BAD]]
    if command == "undo":
        assert _contents(damaged) == before
    else:
        assert _counts(damaged) == [KEYS] * len(DAYS)


def test_a_date_whose_fence_moved_is_staged_again_and_no_other(
    damaged: Application, meanwhile: Meanwhile, published: list[list[date]], statements: list[tuple[str, str]],
    sink: RecordingSink,
) -> None:  # fmt: skip
    """The others are published from the same staging; what was read of the one is looked at anew."""
    backup = _backup(damaged)
    sent = len(statements)
    meanwhile(lambda: _take_fence(damaged))
    assert set(_results(_deduplicate(damaged, backup)).values()) == {Result.REPAIRED}
    assert published == [DAYS, [BAD]]
    assert [event.fields["date"] for event in sink.named("publish_refused")] == [BAD.isoformat()]
    assert _steps(statements[sent:])["stage"] == 2
    assert _counts(damaged) == [KEYS] * len(DAYS)
    fence = rows_of(damaged.bigquery_client, f"SELECT * FROM `{_target(damaged.settings)}_fence`")
    assert {row["lock_key"]: row["token"] for row in fence if row["lock_key"] != "__sentinel__"} == {
        day.isoformat(): 7 if day == BAD else 0 for day in DAYS
    }


def test_a_date_that_was_graded_meanwhile_keeps_its_rows(damaged: Application, meanwhile: Meanwhile) -> None:
    meanwhile(lambda: _grade_anew(damaged))
    found = _deduplicate(damaged)
    assert _results(found) == _but(Result.WRITTEN_SINCE)
    assert found[BAD].detail.startswith(f"{KEYS + EXCESS} rows of {BAD} were written after backup-")
    assert _counts(damaged) == [KEYS, KEYS, KEYS + EXCESS, KEYS, KEYS]


def test_dates_that_were_written_clean_meanwhile_need_no_repair(damaged: Application, meanwhile: Meanwhile) -> None:
    """One date has duplicates still, between two that have none."""

    def replace() -> None:
        where = f"game_date BETWEEN DATE '{DAYS[1]}' AND DATE '{DAYS[3]}'"
        execute(
            damaged.bigquery_client,
            f"DELETE FROM `{_target(damaged.settings)}`"
            f" WHERE {where} AND game_date != DATE '{BAD}' AND run_id != 'run0'",
        )
        for day in DAYS[1:4]:
            _grade_anew(damaged, day)

    meanwhile(replace)
    found = _deduplicate(damaged)
    assert [result.result for result in found.values()] == [
        Result.REPAIRED, Result.UNCHANGED, Result.WRITTEN_SINCE, Result.UNCHANGED, Result.REPAIRED
    ]  # fmt: skip
    assert found[DAYS[1]].detail == "written anew meanwhile, without duplicates"


def test_rows_of_a_writer_without_a_fence_keep_their_date_back_and_no_other(
    damaged: Application, meanwhile: Meanwhile, published: list[list[date]]
) -> None:
    meanwhile(lambda: _append(damaged))
    assert _results(_deduplicate(damaged)) == _but(Result.WRITTEN_SINCE)
    assert published == [DAYS]
    assert _counts(damaged) == [KEYS, KEYS, KEYS + EXCESS + 1, KEYS, KEYS]


@pytest.mark.parametrize("command", ["dedupe", "undo"])
def test_what_is_read_of_a_date_is_noted_with_it_and_compared_with_it(damaged: Application, command: str) -> None:
    """How many rows, and how new: of each date its own, though all are read at once."""
    backup, client = _backup(damaged), damaged.bigquery_client
    source = (
        DeduplicatedRows(repaired=REPAIRED, backup=backup, merge_differing=True)
        if command == "dedupe"
        else RestoredRows(repaired=REPAIRED, backup=backup, over={})
    )
    batch = damaged.repairer._batch(REPAIRED, DAYS, command, _deadline(damaged))
    staged = source.stage(batch)
    newest = f"TIMESTAMP_DIFF(newest_read, TIMESTAMP(game_date), SECOND) AS late FROM `{staged.table}`"
    read = rows_of(client, f"SELECT DISTINCT game_date, rows_read, {newest} ORDER BY game_date")
    assert [(row["game_date"], row["rows_read"]) for row in read] == [(day, KEYS + EXCESS) for day in DAYS]
    assert len({row["late"] for row in read}) == 1
    assert staged.rows_moved
    assert publish._moved(batch, staged, staged.rows_moved) == set()
    _append(damaged)
    assert publish._moved(batch, staged, staged.rows_moved) == {BAD}
    damaged.warehouse.drop(staged.table)


def test_of_predictions_the_dates_that_nobody_writes_are_repaired(
    application: Application, bigquery_client: bigquery.Client, meanwhile: Meanwhile
) -> None:
    """Their writers know no fence, and write one date while several are repaired."""
    settings = application.settings
    load(bigquery_client, settings, [row for day in DAYS for row in [*predictions(day, 3), *predictions(day, 3)]], [])
    application.repairer.prepare(PREDICTIONS, _deadline(application))
    path = PREDICTIONS.path(settings)
    backup = make_backup(path, settings, application.jobs("backup", 60), days=1)
    meanwhile(lambda: load(bigquery_client, settings, predictions(BAD, 9)[8:], []))
    ended = application.repairer.deduplicate(PREDICTIONS, DAYS, backup, _deadline(application), merge_differing=False)
    assert {result.date: result.result for result in ended.outcomes} == _but(Result.WRITTEN_SINCE)
    sql = f"SELECT game_date, COUNT(*) AS n FROM `{path}` WHERE game_date >= '2000-01-01' GROUP BY game_date"
    assert {row["game_date"]: row["n"] for row in rows_of(bigquery_client, sql)} == {
        day: 7 if day == BAD else 3 for day in DAYS
    }


LATEST = f"IF(game_date = DATE '{BAD}', -UNIX_SECONDS(graded_at), UNIX_SECONDS(graded_at))"


def test_a_date_that_does_not_verify_is_put_back_and_the_others_stay_repaired(
    damaged: Application, cli: Cli, monkeypatch: pytest.MonkeyPatch, statements: list[tuple[str, str]]
) -> None:
    """The latest row of each key is kept on one date, by mistake."""
    before = _contents(damaged)
    _spoil(monkeypatch, "deduplicated", "${keep_order}", LATEST)
    text = cli(*DEDUPE, code=1)
    assert f"{EXCESS} of {KEYS} keys are not as they should be: the old state was put back" in text
    after = _contents(damaged)
    assert after[BAD] == before[BAD]
    assert [len(rows) for day, rows in after.items() if day != BAD] == [KEYS] * 4
    assert _steps(statements)["verify"] == 1
    assert _steps(statements)["publish"] == 2


def test_after_a_date_that_was_put_back_no_batch_is_begun(
    damaged: Application, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(monkeypatch, "deduplicated", "${keep_order}", LATEST)
    text = cli(*DEDUPE, "--batch-dates", "2", code=1)
    assert "put back" in text
    # The last date has a line of what is damaged, and none of results.
    assert [text.count(f"\n{day}") for day in DAYS] == [2, 2, 2, 2, 1]
    assert _counts(damaged) == [KEYS, KEYS, KEYS + EXCESS, KEYS, KEYS + EXCESS]


def test_a_date_that_was_written_after_it_was_repaired_wrongly_is_not_put_back(
    damaged: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two dates do not verify, and one of them was written by someone else since."""
    first = DAYS[0]
    before = _contents(damaged)
    _spoil(monkeypatch, "deduplicated", "${keep_order}", LATEST.replace("= DATE", f"IN (DATE '{first}', DATE").replace(
        f"'{BAD}',", f"'{BAD}'),"))  # fmt: skip
    real = repairer.wrong_keys

    def then_written(batch: Batch, *given: Any, **options: Any) -> Mapping[date, str]:
        found = real(batch, *given, **options)
        _grade_anew(damaged)
        return found

    monkeypatch.setattr(repairer, "wrong_keys", then_written)
    found = _deduplicate(damaged)
    assert found[first].result is Result.PUT_BACK
    assert found[BAD].detail.startswith("written anew meanwhile") or found[BAD].detail.startswith("repaired, and then")
    after = _contents(damaged)
    assert after[first] == before[first]
    assert len(after[BAD]) == KEYS


def test_a_date_that_the_verification_does_not_name_is_not_taken_for_verified(
    damaged: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _contents(damaged)
    _spoil(monkeypatch, "verify", "GROUP BY day", f"HAVING day != DATE '{BAD}'")
    _spoil(monkeypatch, "verify", "HAVING", "GROUP BY day HAVING")
    found = _deduplicate(damaged)
    assert _results(found) == _but(Result.PUT_BACK)
    assert found[BAD].detail == "none of the keys is there: the old state was put back"
    assert _contents(damaged)[BAD] == before[BAD]


def test_a_verification_that_is_too_much_at_once_is_asked_in_parts(
    damaged: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published is neither published again nor put back for that; one date that cannot be verified says so."""
    real, asked = comparison.wrong_keys, list[list[date]]()

    def wrong_keys(batch: Batch, *given: Any, **options: Any) -> Mapping[date, str]:
        asked.append(list(batch.days))
        if BAD in batch.days:
            raise ResourcesExceeded("too much for one")
        return real(batch, *given, **options)

    monkeypatch.setattr(repairer, "wrong_keys", wrong_keys)
    found = _deduplicate(damaged)
    assert [len(days) for days in asked] == [5, 3, 2, 1, 2]
    assert _results(found) == _but(Result.FAILED)
    assert found[BAD].detail.startswith("not verified, and not put back: too much for one. To put it back: ")
    assert _counts(damaged) == [KEYS] * len(DAYS)


def test_a_batch_is_halved_until_the_date_that_fails_is_alone(
    damaged: Application, cli: Cli, monkeypatch: pytest.MonkeyPatch, sink: RecordingSink
) -> None:
    real, staged = DeduplicatedRows.stage, list[list[date]]()

    def stage(self: DeduplicatedRows, batch: Batch) -> Staged:
        staged.append(list(batch.days))
        if BAD in batch.days:
            raise StatementRefused("Bad double value: x")
        return real(self, batch)

    monkeypatch.setattr(DeduplicatedRows, "stage", stage)
    text = cli(*DEDUPE, code=1)
    assert "Bad double value: x" in text
    assert [len(days) for days in staged] == [5, 3, 2, 1, 2]
    assert len(sink.named("batch_halved")) == 2
    assert _counts(damaged) == [KEYS, KEYS, KEYS + EXCESS, KEYS, KEYS]


def test_many_dates_fit_one_batch_only_if_their_rows_do(
    damaged: Application, cli: Cli, published: list[list[date]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sized as a backfill's are: by the rows of the dates, and by `--batch-dates`."""
    monkeypatch.setattr(sys.modules["grading.cli.repairs"], "BatchSize", _small(2 * (KEYS + EXCESS)))
    cli(*DEDUPE)
    assert published == [DAYS[0:2], DAYS[2:4], DAYS[4:]]
    backup = str(rows_of(damaged.bigquery_client, f"SELECT detail FROM `{damaged.settings.target('grading_runs')}`")[0][
        "detail"])  # fmt: skip
    published.clear()
    cli("undo", backup, "--execute")
    assert published == [DAYS[0:2], DAYS[2:4], DAYS[4:]]


def _small(rows: int) -> Callable[..., Any]:
    real = vars(sys.modules["grading.cli.repairs"])["BatchSize"]
    return lambda dates: real(dates=dates, rows=rows)


def test_an_undo_leaves_out_the_date_that_was_graded_since(
    damaged: Application, statements: list[tuple[str, str]]
) -> None:
    before, backup = _contents(damaged), _backup(damaged)
    done = _deduplicate(damaged, backup)
    _grade_anew(damaged)
    sent = len(statements)
    found = _restore(damaged, backup, done)
    assert _results(found) == _but(Result.WRITTEN_SINCE)
    assert found[BAD].detail == f"{KEYS} rows of {BAD} were written after {backup.name} was made; they stay"
    after = _contents(damaged)
    assert {day: rows for day, rows in after.items() if day != BAD} == {
        day: rows for day, rows in before.items() if day != BAD
    }
    assert len(after[BAD]) == KEYS
    assert _steps(statements[sent:])["publish"] == 1


def test_an_undo_says_what_to_type_for_the_dates_that_it_left_alone(damaged: Application, cli: Cli) -> None:
    before = _contents(damaged)
    undone = _undo_command(cli(*DEDUPE))
    _grade_anew(damaged)
    said = cli(*undone, code=1)
    assert "Dates that were written since are left alone." in said
    assert f"  python -m grading {' '.join(undone)} --overwrite\n" in said
    assert "goes on with what is left" not in said
    assert "Dates that were written since" not in cli(*undone, "--overwrite")
    assert _contents(damaged) == before


def test_the_list_of_backups_says_of_an_undone_undo_that_duplicates_come_back(damaged: Application, cli: Cli) -> None:
    redo = _undo_command(cli(*_undo_command(cli(*DEDUPE))))
    again = _undo_command(cli(*redo))
    effects = {found["backup"]: found["effect"] for found in json.loads(cli("undo", "--format", "json"))["backups"]}
    duplicates = EXCESS * len(DAYS)
    assert effects[redo[1]] == f"repairs again: {duplicates} duplicates removed"
    assert effects[again[1]] == f"restores duplicates: {duplicates} rows come back"


@pytest.mark.parametrize("option", [(), ("--execute",)], ids=["preview", "execute"])
def test_an_undo_without_its_backup_begins_nothing(
    damaged: Application, cli: Cli, statements: list[tuple[str, str]], option: Sequence[str]
) -> None:
    """Also if it is named in full, as the record of what it was made for still does."""
    backup = _backup(damaged)
    _deduplicate(damaged, backup)
    after = _contents(damaged)
    damaged.bigquery_client.delete_table(str(backup.path(damaged.settings)), timeout=30, retry=None)
    statements.clear()
    with pytest.raises(InvalidSettings, match=f"there is no backup {backup.name}: `python -m grading undo` lists them"):
        CliRunner().invoke(commands, ["undo", backup.name, *option], catch_exceptions=False)
    assert not statements
    assert _contents(damaged) == after


def test_ctrl_c_finishes_the_dates_in_flight_and_names_what_was_done_and_what_is_left(
    damaged: Application, cli: Cli, meanwhile: Meanwhile
) -> None:
    """Of a repair and of an undo: the aggregates of what was done are named, and what goes on with the rest."""
    before = _contents(damaged)

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    meanwhile(press)
    said = cli(*DEDUPE, "--batch-dates", "2", "--recompute", code=1)
    assert _counts(damaged) == [KEYS] * 2 + [KEYS + EXCESS] * 3
    assert "Finishing the dates in flight" in said
    assert [line for line in said.splitlines() if line.startswith("  python -m grading dedupe")] == [
        f"  python -m grading {' '.join(DEDUPE)}"
    ]
    assert f"The aggregates of 2 dates are out of date: {DAYS[0]}, {DAYS[1]}\n" in said
    assert f"  python -m grading recompute --start {DAYS[0]} " in said
    assert "Some dates were not repaired" in said
    undone = _undo_command(said)
    cli(*DEDUPE)
    assert _counts(damaged) == [KEYS] * len(DAYS)

    meanwhile(press)
    said = cli(*undone, "--batch-dates", "1", code=1)
    assert _counts(damaged) == [KEYS + EXCESS, *[KEYS] * 4]
    assert "Some dates were not put back; the same command goes on with what is left:" in said
    cli(*undone)
    assert {day: rows for day, rows in _contents(damaged).items() if day in DAYS[:2]} == {
        day: before[day] for day in DAYS[:2]
    }


def _undo_command(said: str) -> tuple[str, ...]:
    """The command that a repair names to undo it."""
    (command,) = re.findall(r"  python -m grading (undo [0-9a-f]{6} --execute)$", said, re.MULTILINE)
    return tuple(command.split())


def test_an_undo_restores_only_what_is_not_as_in_the_backup(damaged: Application, published: list[list[date]]) -> None:
    before, backup = _contents(damaged), _backup(damaged)
    done = _deduplicate(damaged, backup)
    execute(damaged.bigquery_client, f"DELETE FROM `{_target(damaged.settings)}` WHERE game_date = DATE '{BAD}'")
    one = damaged.repairer.restore(
        REPAIRED, DAYS[:1], backup, _backup(damaged), _deadline(damaged),
        over={DAYS[0]: RepairedState(done[DAYS[0]].run_id, KEYS)}, overwrite=False,
    )  # fmt: skip
    assert [result.result for result in one.outcomes] == [Result.REPAIRED]
    published.clear()
    found = _restore(damaged, backup, done)
    assert [result.result for result in found.values()] == [Result.UNCHANGED, *[Result.REPAIRED] * 4]
    assert published == [DAYS[1:]]
    assert _contents(damaged) == before


def test_an_undo_that_loses_a_row_of_one_date_puts_that_date_back(
    damaged: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, backup = _contents(damaged), _backup(damaged)
    done = _deduplicate(damaged, backup)
    clean = _contents(damaged)
    real = RestoredRows.stage
    todo = [True]

    def stage(self: RestoredRows, batch: Batch) -> Staged:
        staged = real(self, batch)
        if todo:
            todo.pop()
            where = f"game_date = DATE '{BAD}' AND player_lookup = 'player0'"
            execute(damaged.bigquery_client, f"DELETE FROM `{staged.table}` WHERE {where}")
        return staged

    monkeypatch.setattr(RestoredRows, "stage", stage)
    found = _restore(damaged, backup, done)
    assert _results(found) == _but(Result.PUT_BACK)
    assert "rows are not as in backup-" in found[BAD].detail
    assert _contents(damaged) == {day: clean[day] if day == BAD else before[day] for day in DAYS}


@pytest.mark.parametrize(
    ("step", "when", "left"),
    [
        ("-stage-", "after", KEYS),
        ("-publish-", "before", KEYS),
        ("-publish-", "after", KEYS + EXCESS),
    ],
)
def test_an_undo_that_is_killed_leaves_each_date_whole_and_a_second_one_finishes(
    damaged: Application, cli: Cli, step: str, when: str, left: int
) -> None:
    """All dates of the batch as they were, or all as in the backup; then only what is left is done."""
    before = _contents(damaged)
    cli(*DEDUPE)
    backup = str(rows_of(damaged.bigquery_client, f"SELECT detail FROM `{damaged.settings.target('grading_runs')}`")[0][
        "detail"])  # fmt: skip
    environment = isolated() | as_environment(damaged.settings) | {"LOCK_LEASE_SECONDS": "2"}
    killed = subprocess.run(
        [*(sys.executable, "-m", "tests.integration.repair_process"), *(step, when, "undo", backup, "--execute")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert _counts(damaged) == [left] * len(DAYS)
    text = cli("undo", backup, "--execute")
    assert text.count("as in the backup already") == (len(DAYS) if left > KEYS else 0)
    assert _contents(damaged) == before
