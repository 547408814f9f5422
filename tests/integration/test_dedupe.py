"""`dedupe` and `undo`: what they promise while nothing goes wrong, while others write, and when they are killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from string import Template

import pytest
from click.testing import CliRunner
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import Transient
from grading.batch import Batch
from grading.cli import commands
from grading.hold import NOT_REQUESTED
from grading.maintenance.backup import make_backup
from grading.maintenance.repair_result import DateResult, Result
from grading.maintenance.repair_rows import DeduplicatedRows
from grading.maintenance.repair_tables import PREDICTIONS, REPAIR_TABLES
from grading.outcome import Status
from grading.processors import AGGREGATES, GRADING
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.publish import Publisher
from grading.writing.staging import Staged
from localdev.bigquery import client_for
from localdev.environment import isolated
from localdev.settings import as_environment
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.damaged import at_terminal, count, execute, grades_with_copies
from tests.integration.slate import box_scores, load, predictions
from warehouse import statements
from warehouse.statements import SqlFile

ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 16)
REPAIRED = REPAIR_TABLES[GRADING.name]
TABLE = ["--table", GRADING.name]

KEYS, EXCESS, ALL_EXCESS, ALL_ROWS = 263_274, 188_946, 190_815, 497_304
OTHER_DATES, OTHER_ROWS = 20, 45_084


@pytest.fixture
def cli(application: Application, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The commands on the test's application."""
    for command in ("dedupe", "undo", "recompute"):
        at_terminal(monkeypatch, command, application)
    return CliRunner()


def _invoke(cli: CliRunner, *arguments: str, code: int = 0) -> str:
    result = cli.invoke(commands, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def _backup_in(output: str) -> str:
    found = re.search(r"undo ([0-9a-f]{6}) --execute", output)
    assert found, output
    return found[1]


def _target(settings: Settings) -> str:
    return str(settings.target(GRADING.name))


def _rows(client: bigquery.Client, settings: Settings, day: date = DAY) -> int:
    return count(client, f"SELECT COUNT(*) FROM `{_target(settings)}` WHERE game_date = '{day}'")


def _checksum(client: bigquery.Client, settings: Settings) -> set[tuple[object, ...]]:
    """Every row, with its number of copies."""
    rows = rows_of(
        client,
        f"SELECT player_lookup, system_id, line_value, graded_at, run_id, COUNT(*) AS n FROM `{_target(settings)}`"
        f" WHERE game_date >= '2000-01-01' GROUP BY player_lookup, system_id, line_value, graded_at, run_id",
    )
    return {tuple(row.values()) for row in rows}


@contextmanager
def _reader(settings: Settings, day: date) -> Iterator[set[int]]:
    """Reads the date's row count all the time, on a connection of its own; yields every count that was seen."""
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        with client_for(settings.bigquery_api_endpoint) as client:
            while not stop.wait(0.02):
                seen.add(_rows(client, settings, day))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(60)


def _process(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; the last line of its output is its peak memory in KiB.

    Linux's VmHWM begins anew with the program; getrusage() would tell the peak of the test's process, if greater.
    """
    code = (
        "import pathlib, re, resource, sys\n"
        "from grading.cli import main\n"
        "sys.argv[0] = 'grading'\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "try:\n    main()\n"
        "finally:\n"
        "    peak = re.search(r'VmHWM:\\s+(\\d+)', status.read_text()) if status.exists() else None\n"
        "    print(peak[1] if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env=isolated() | as_environment(settings), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_the_table_of_the_accident_is_repaired_and_brought_back(
    application: Application, bigquery_client: bigquery.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """497,304 rows, 190,815 of them in excess, 188,946 on one date: preview, repair, undo, seen by a reader.

    The process's memory does not grow with the table: the same repair of a small one takes as much.
    """
    settings = application.settings
    per_date = OTHER_ROWS // OTHER_DATES
    grades_with_copies(bigquery_client, settings, DAY, keys=KEYS, excess=EXCESS)
    for number in range(OTHER_DATES):
        excess = (ALL_EXCESS - EXCESS) // 3 if number < 3 else 0
        rows = per_date + (OTHER_ROWS - per_date * OTHER_DATES if number == 0 else 0)
        day = DAY - timedelta(days=number + 1)
        grades_with_copies(bigquery_client, settings, day, keys=rows - excess, excess=excess)
    before = count(bigquery_client, f"SELECT COUNT(*) FROM `{_target(settings)}` WHERE game_date > '2000-01-01'")
    assert before == ALL_ROWS

    preview = _process(settings, "dedupe", *TABLE)
    assert preview.returncode == 0, preview.stderr
    assert "497,304 rows, 306,489 of them to keep, 190,815 excess rows on 4 dates" in preview.stdout
    assert re.search(rf"{DAY} +452,220 .* 188,946 ", preview.stdout)
    assert "Nothing was changed" in preview.stdout

    started = application.clock.monotonic()
    with _reader(settings, DAY) as seen:
        repair = _process(settings, "dedupe", *TABLE, "--execute")
    repair_seconds = application.clock.monotonic() - started
    assert repair.returncode == 0, repair.stdout + repair.stderr
    assert seen == {452_220, KEYS}
    unique = rows_of(
        bigquery_client,
        f"SELECT SUM(copies) AS n, COUNT(*) AS k, MAX(late) AS late FROM ("
        f" SELECT COUNT(*) AS copies, MAX(TIMESTAMP_DIFF(graded_at, TIMESTAMP(game_date), SECOND)) AS late"
        f" FROM `{_target(settings)}` WHERE game_date > '2000-01-01'"
        f" GROUP BY game_date, player_lookup, game_id, system_id, line_value)",
    )
    # Copies were graded hours later than the first row of a key, which was graded within a minute after noon.
    assert unique == [{"n": 306_489, "k": 306_489, "late": 12 * 3600 + 59}]

    started = application.clock.monotonic()
    with _reader(settings, DAY) as seen:
        undone = _process(settings, "undo", _backup_in(repair.stdout), "--execute")
    undo_seconds = application.clock.monotonic() - started
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert seen == {KEYS, 452_220}
    after = count(bigquery_client, f"SELECT COUNT(*) FROM `{_target(settings)}` WHERE game_date > '2000-01-01'")
    assert after == ALL_ROWS

    execute(bigquery_client, f"DELETE FROM `{_target(settings)}` WHERE game_date > '2000-01-01'")
    grades_with_copies(bigquery_client, settings, DAY, keys=500, excess=300)
    small = _process(settings, "dedupe", *TABLE, "--execute")
    peak, small_peak = (int(process.stdout.splitlines()[-1]) / 1024 for process in (repair, small))
    with capsys.disabled():
        print(
            f"\ndedupe of 497,304 rows: {repair_seconds:.1f} s, undo {undo_seconds:.1f} s, "
            f"client peak {peak:.0f} MiB ({small_peak:.0f} MiB for 800 rows)"
        )
    assert peak - small_peak < 20


def test_a_preview_changes_nothing_at_all(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client, statements: list[tuple[str, str]]
) -> None:
    """Not even an audit row or a backup: it only sends queries."""
    grades_with_copies(bigquery_client, application.settings, DAY, keys=40, excess=10)
    _invoke(cli, "dedupe", *TABLE)
    _invoke(cli, "undo")
    assert statements
    assert all(re.match(r"(--.*\n)*SELECT", sql) for _, sql in statements)


def test_rows_that_differ_in_more_than_their_time_are_reported_apart(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client
) -> None:
    """With the columns in which they differ, and what becomes of them."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=40, excess=10)
    execute(
        bigquery_client,
        f"UPDATE `{_target(settings)}` SET actual_points = 99, confidence_score = NULL"
        f" WHERE game_date = '{DAY}' AND run_id = 'run1' AND player_lookup = 'player0' AND system_id = 'system3'",
    )
    output = _invoke(cli, "dedupe", *TABLE)
    assert "1 key has rows that differ in more than their time: the earliest row is kept" in output
    assert re.search(r"player_lookup=player0.*system_id=system3.*: 2 rows, differ in confidence_score, actual_points|"
                     r"player_lookup=player0.*system_id=system3.*: 2 rows, differ in actual_points, confidence_score",
                     output)  # fmt: skip


def test_a_repair_leaves_the_table_its_audit_and_its_token(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client
) -> None:
    """The published run says so with its backup; findings are recorded and resolved; the rows keep their own run."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=40, excess=10)
    created = application.bigquery_client.get_table(_target(settings)).created
    backup = _backup_in(_invoke(cli, "dedupe", *TABLE, "--execute"))
    (run,) = rows_of(bigquery_client, f"SELECT * FROM `{settings.target('grading_runs')}`")
    assert (run["status"], run["trigger_source"], str(run["detail"]).split("-")[2], run["fence_token"]) == (
        "repaired",
        "dedupe",
        backup,
        0,
    )
    assert (run["rows_deleted"], run["rows_inserted"]) == (50, 40)
    audit = rows_of(bigquery_client, f"SELECT * FROM `{settings.target('grading_duplicate_audit')}`")
    assert len(audit) == 10
    assert {row["duplicate_count"] for row in audit} == {10}
    assert None not in {row["resolved_at"] for row in audit}
    kept = rows_of(bigquery_client, f"SELECT DISTINCT run_id FROM `{_target(settings)}` WHERE game_date = '{DAY}'")
    assert kept == [{"run_id": "run0"}]
    table = application.bigquery_client.get_table(_target(settings))
    assert table.created == created
    assert table.time_partitioning.field == "game_date"


def test_the_backups_are_listed_and_an_undo_can_be_undone(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client
) -> None:
    """Dedupe, undo, undo the undo: each time exactly the state before; a second undo finds nothing to do."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=40, excess=10)
    damaged = _checksum(bigquery_client, settings)
    backup = _backup_in(_invoke(cli, "dedupe", *TABLE, "--execute"))
    clean = _checksum(bigquery_client, settings)
    assert backup in _invoke(cli, "undo")
    assert "10 rows come back" in _invoke(cli, "undo", backup)
    assert _checksum(bigquery_client, settings) == clean
    own = _backup_in(_invoke(cli, "undo", backup, "--execute"))
    assert _checksum(bigquery_client, settings) == damaged
    assert "as in the backup already" in _invoke(cli, "undo", backup, "--execute")
    _invoke(cli, "undo", own, "--execute")
    assert _checksum(bigquery_client, settings) == clean


@pytest.mark.parametrize("name", ["backup", "backup-x; DROP TABLE", "prediction_accuracy"])
def test_a_name_that_is_no_backup_is_refused(cli: CliRunner, name: str) -> None:
    """Before anything is sent."""
    result = cli.invoke(commands, ["undo", name])
    assert "is not the name of a backup" in result.output
    assert result.exit_code == 2


def _grade(application: Application) -> Status:
    return application.service.run(GRADING, Request(date=DAY), Deadline.after(60, application.clock)).status


@pytest.fixture
def gradable(application: Application, bigquery_client: bigquery.Client) -> Application:
    """A date that was graded once, then damaged by copies of its rows."""
    settings = application.settings
    load(bigquery_client, settings, predictions(DAY, 20), box_scores(DAY, 20))
    assert _grade(application) is Status.SUCCESS
    table = _target(settings)
    execute(
        bigquery_client,
        f"INSERT INTO `{table}` SELECT * REPLACE (TIMESTAMP_ADD(graded_at, INTERVAL 1 HOUR) AS graded_at)"
        f" FROM `{table}` WHERE game_date = '{DAY}' AND MOD(actual_points, 2) = 0",
    )
    return application


def _repair_meanwhile(application: Application, meanwhile: Callable[[], object]) -> DateResult:
    """Deduplicate the date; `meanwhile()` runs between its staging and its publish, once."""
    todo = [meanwhile]
    real = DeduplicatedRows.stage

    def stage(self: DeduplicatedRows, batch: Batch) -> Staged:
        staged = real(self, batch)
        if todo:
            todo.pop()()
        return staged

    settings, jobs = application.settings, application.jobs("test", 60)
    deadline = jobs.deadline
    backup = make_backup(REPAIRED.path(settings), settings, jobs, days=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeduplicatedRows, "stage", stage)
        # The worst case: neither run holds the date's lock.
        patch.setattr(type(application.locker), "hold", _without_lock)
        ended = application.repairer.deduplicate(REPAIRED, [DAY], backup, deadline, merge_differing=True)
        [result] = ended.outcomes
        return result


@contextmanager
def _without_lock(*_: object, **__: object) -> Iterator[object]:
    yield NOT_REQUESTED


def _published_by(client: bigquery.Client, settings: Settings) -> list[object]:
    rows = rows_of(client, f"SELECT DISTINCT run_id FROM `{_target(settings)}` WHERE game_date = '{DAY}'")
    return [row["run_id"] for row in rows]


def test_a_grading_run_that_publishes_while_a_repair_works_keeps_its_rows(
    gradable: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """The repair's publish is refused, it looks again, and finds the date written anew and clean."""
    result = _repair_meanwhile(gradable, lambda: _grade(gradable))
    assert result.result is Result.UNCHANGED
    assert sink.named("publish_refused")
    last = sink.named("write_published")[-1].fields["run_id"]
    assert _published_by(bigquery_client, gradable.settings) == [last]
    assert _rows(bigquery_client, gradable.settings) == 20


def test_a_grading_run_staged_before_a_repair_publishes_still_wins_after_it(
    gradable: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair keeps the token of what it read, so the newer staging is not refused."""
    real = Publisher.publish
    repaired: list[DateResult] = []

    def publish(self: Publisher, batch: Batch, *rest: object) -> Mapping[date, Transient]:
        if batch.lead.request.trigger_source == "manual" and not repaired:
            repaired.append(_repair_meanwhile(gradable, lambda: None))
        return real(self, batch, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "publish", publish)
    outcome = gradable.service.run(GRADING, Request(date=DAY), Deadline.after(60, gradable.clock), use_lock=False)
    assert [result.result for result in repaired] == [Result.REPAIRED]
    assert outcome.status is Status.SUCCESS
    assert _published_by(bigquery_client, gradable.settings) == [outcome.run_id]


def test_rows_of_a_writer_that_knows_no_fence_are_not_lost(
    gradable: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """An old two-job writer moves neither token nor run id; the row count and newest timestamp give it away."""
    table = _target(gradable.settings)

    def foreign() -> None:
        execute(
            bigquery_client,
            f"INSERT INTO `{table}` (player_lookup, game_id, game_date, system_id, line_value, graded_at)"
            f" VALUES ('late', 'game', DATE '{DAY}', 'old', NULL, TIMESTAMP '2030-01-01 00:00:00+00:00')",
        )

    result = _repair_meanwhile(gradable, foreign)
    assert result.result is Result.WRITTEN_SINCE
    assert sink.named("publish_refused")
    assert (
        count(bigquery_client, f"SELECT COUNT(*) FROM `{table}` WHERE game_date = '{DAY}' AND system_id = 'old'") == 1
    )


def test_a_repair_and_a_grading_run_at_once_leave_the_newly_graded_rows(
    gradable: Application, bigquery_client: bigquery.Client
) -> None:
    """Two processes, with locks as in production: both end well, and the date holds one run's rows, the newest."""
    settings = gradable.settings
    table = _target(settings)
    environment = isolated() | as_environment(settings)
    grade = ["grade", "--date", DAY.isoformat(), "--no-aggregation"]
    for _ in range(2):
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "grading", *arguments],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for arguments in (["dedupe", *TABLE, "--execute"], grade)
        ]  # fmt: skip
        for process in processes:
            output, _ = process.communicate(timeout=100)
            assert process.returncode == 0, output
        (newest, *_) = rows_of(
            bigquery_client,
            f"SELECT run_id FROM `{settings.target('grading_runs')}` WHERE status = 'success'"
            " ORDER BY committed_at DESC",
        )
        assert _published_by(bigquery_client, settings) == [newest["run_id"]]
        assert _rows(bigquery_client, settings) == 20
        execute(
            bigquery_client,
            f"INSERT INTO `{table}` SELECT * FROM `{table}` WHERE game_date = '{DAY}' AND MOD(actual_points, 2) = 0",
        )


def test_a_publish_that_looks_alike_is_noticed_by_its_run(
    gradable: Application, bigquery_client: bigquery.Client, sink: RecordingSink
) -> None:
    """Rows given from Python may keep count and times; the fence names their run."""
    table = _target(gradable.settings)

    def alike() -> None:
        execute(bigquery_client, f"UPDATE `{table}` SET predicted_points = 1 WHERE game_date = '{DAY}'")
        execute(bigquery_client, f"UPDATE `{table}_fence` SET run_id = 'other' WHERE lock_key = '{DAY}'")

    result = _repair_meanwhile(gradable, alike)
    assert result.result is Result.WRITTEN_SINCE
    assert sink.named("publish_refused")
    changed = f"SELECT COUNT(*) FROM `{table}` WHERE game_date = '{DAY}' AND predicted_points = 1"
    assert count(bigquery_client, changed) == 30


def test_an_undo_does_not_put_older_rows_over_a_later_grading_run(
    gradable: Application, cli: CliRunner, bigquery_client: bigquery.Client
) -> None:
    """The date is left alone and the command fails; --overwrite gives the newer rows up."""
    backup = _backup_in(_invoke(cli, "dedupe", *TABLE, "--execute"))
    assert _grade(gradable) is Status.SUCCESS
    newest = _checksum(bigquery_client, gradable.settings)
    assert "written since" in _invoke(cli, "undo", backup, "--execute", code=1)
    assert _checksum(bigquery_client, gradable.settings) == newest
    _invoke(cli, "undo", backup, "--execute", "--overwrite")
    assert _rows(bigquery_client, gradable.settings) == 30


def test_a_repair_that_does_not_verify_is_taken_back(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that kept the latest row, or lost one, is noticed; the old state returns and the command says so."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=40, excess=10)
    damaged = _checksum(bigquery_client, settings)
    real = statements._load

    def broken(package: str, name: str) -> SqlFile:
        text = real(package, name).template.template
        return SqlFile(Template(text.replace("${keep_order}", "graded_at DESC") if name == "deduplicated" else text))

    monkeypatch.setattr(statements, "_load", broken)
    output = _invoke(cli, "dedupe", *TABLE, "--execute", code=1)
    assert "put back" in output
    assert "10 of 40 keys are not as they should be: the old state was put back" in output
    assert _checksum(bigquery_client, settings) == damaged


@pytest.mark.parametrize(
    ("step", "when", "limit", "left"),
    [
        ("-backup-", "after", (), (37, 50)),
        ("-stage-", "after", (), (37, 50)),
        ("-publish-", "before", (), (37, 50)),
        ("-publish-", "after", (), (30, 40)),
        ("-verify-", "after", (), (30, 40)),
        ("-publish-", "before", ("--batch-dates", "1"), (37, 50)),
        ("-publish-", "after", ("--batch-dates", "1"), (30, 50)),
        ("-verify-", "after", ("--batch-dates", "1"), (30, 50)),
    ],
)
def test_killed_at_any_step_the_table_is_whole_and_the_same_command_finishes(
    application: Application,
    bigquery_client: bigquery.Client,
    cli: CliRunner,
    step: str,
    when: str,
    limit: tuple[str, ...],
    left: tuple[int, int],
) -> None:
    """SIGKILL: each date has its old rows or the repaired ones, a batch's all of them; then the command completes."""
    settings = application.settings
    grades_with_copies(bigquery_client, settings, DAY, keys=40, excess=10)
    grades_with_copies(bigquery_client, settings, DAY - timedelta(days=1), keys=30, excess=7)
    environment = isolated() | as_environment(settings) | {"LOCK_LEASE_SECONDS": "2"}
    killed = subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.repair_process"),
            *(step, when, "dedupe", *TABLE, "--execute", *limit),
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert (_rows(bigquery_client, settings, DAY - timedelta(days=1)), _rows(bigquery_client, settings)) == left
    _invoke(cli, "dedupe", *TABLE, "--execute")
    assert _rows(bigquery_client, settings) == 40
    assert _rows(bigquery_client, settings, DAY - timedelta(days=1)) == 30


def test_predictions_keep_revisions_and_rows_that_are_never_graded(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client
) -> None:
    """Copies go, the earliest created_at stays; revised, withdrawn and unpriced rows are not touched."""
    settings = application.settings
    copies = [
        row | {"prediction_id": f"{row['prediction_id']}-again", "created_at": "2024-01-15T13:00:00Z"}
        for row in predictions(DAY, 5)
    ]
    revised = predictions(DAY, 2, predicted=11.0, created="2024-01-15T14:00:00Z")
    withdrawn = [row | {"is_active": False} for row in predictions(DAY, 3, created="2024-01-15T11:00:00Z")]
    load(bigquery_client, settings, [*predictions(DAY, 10), *copies, *revised, *withdrawn, *withdrawn], [])
    output = _invoke(cli, "dedupe", "--table", PREDICTIONS.name)
    assert "17 rows, 12 of them to keep, 5 excess rows on 1 date\n" in output
    assert "2 keys have rows that differ in more than their time: revisions, which stay" in output
    backup = _backup_in(_invoke(cli, "dedupe", "--table", PREDICTIONS.name, "--execute"))
    table = settings.input_table("predictions_table")
    left = rows_of(
        bigquery_client,
        f"SELECT created_at, is_active, predicted_points, COUNT(*) AS n FROM `{table}` WHERE game_date = '{DAY}'"
        f" GROUP BY created_at, is_active, predicted_points ORDER BY created_at",
    )
    assert [(f"{row['created_at']:%H}", row["is_active"], row["n"]) for row in left] == [
        ("11", False, 6),
        ("12", True, 10),
        ("14", True, 2),
    ]
    _invoke(cli, "undo", backup, "--execute")
    assert count(bigquery_client, f"SELECT COUNT(*) FROM `{table}` WHERE game_date = '{DAY}'") == 23


def test_predictions_that_arrive_during_a_repair_stay(
    application: Application, bigquery_client: bigquery.Client, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their writers know no fence: the guard on the rows refuses the publish."""
    settings = application.settings
    load(bigquery_client, settings, [*predictions(DAY, 5), *predictions(DAY, 5)], [])
    deadline = Deadline.after(60, application.clock)
    application.repairer.prepare(PREDICTIONS, deadline)
    path = PREDICTIONS.path(settings)
    backup = make_backup(path, settings, application.jobs("test", 60), days=1)
    real = DeduplicatedRows.stage
    late = predictions(DAY, 9)[8:]

    def stage(self: DeduplicatedRows, batch: Batch) -> Staged:
        staged = real(self, batch)
        if late:
            load(bigquery_client, settings, [late.pop()], [])
        return staged

    monkeypatch.setattr(DeduplicatedRows, "stage", stage)
    [result] = application.repairer.deduplicate(PREDICTIONS, [DAY], backup, deadline, merge_differing=False).outcomes
    assert result.result is Result.WRITTEN_SINCE
    assert sink.named("publish_refused")
    assert count(bigquery_client, f"SELECT COUNT(*) FROM `{path}` WHERE game_date = '{DAY}'") == 11


@pytest.mark.parametrize("name", ["system_daily_performance", "prediction_performance_summary"])
def test_the_aggregates_can_be_repaired_too(
    cli: CliRunner, application: Application, bigquery_client: bigquery.Client, name: str
) -> None:
    """One row of each key stays: the one computed first."""
    target = application.settings.target(name)
    values = {
        "system_daily_performance": "(game_date, system_id, predictions_count, computed_at) SELECT",
        "prediction_performance_summary": (
            "(as_of_date, summary_key, total_predictions, computed_at, system_id, period_type, period_value) SELECT"
        ),
    }[name]
    rest = ", 's', 'season', '2025'" if "summary" in name else ""
    execute(
        bigquery_client,
        f"INSERT INTO `{target}` {values} DATE '{DAY}', k, 7, TIMESTAMP_ADD(TIMESTAMP '2026-01-17 00:00:00+00:00',"
        f" INTERVAL n HOUR){rest} FROM UNNEST(['a', 'b']) AS k, UNNEST([1, 2, 3]) AS n",
    )
    output = _invoke(cli, "dedupe", "--table", name, "--execute")
    assert "6 rows, 2 of them to keep, 4 excess rows on 1 date\n" in output
    column = "as_of_date" if "summary" in name else "game_date"
    left = rows_of(
        bigquery_client, f"SELECT COUNT(*) AS n, MAX(computed_at) AS at FROM `{target}` WHERE {column} = '{DAY}'"
    )
    assert (left[0]["n"], f"{left[0]['at']:%H}") == (2, "01")


def test_the_aggregates_of_repaired_dates_are_named_and_recomputed(
    gradable: Application, cli: CliRunner, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """Without --recompute the command is printed; with it, the sums over the damaged rows are put right."""
    settings = gradable.settings
    daily = settings.target("system_daily_performance")
    gradable.service.grade(Request(date=DAY), AGGREGATES, Deadline.after(60, gradable.clock))
    counted = f"SELECT SUM(predictions_count) FROM `{daily}` WHERE game_date = '{DAY}'"
    assert count(bigquery_client, counted) == 30
    assert f"recompute --start {DAY}" not in _invoke(cli, "dedupe", *TABLE)
    output = _invoke(cli, "dedupe", *TABLE, "--execute", "--recompute")
    assert f"The aggregates of 1 date are out of date: {DAY}" in output
    assert count(bigquery_client, counted) == 20
