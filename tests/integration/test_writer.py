"""The writer's promises: whole or not at all, newest data wins, never a hole, never a duplicate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import bigquery

from foundation.clock import Deadline
from foundation.errors import (
    InvalidRow,
    LeaseLost,
    NotInitialised,
    OutcomeUnknown,
    PublishConflict,
    StagingOutdated,
    StatementRefused,
    Transient,
    WarehouseUnavailable,
)
from grading.api import PredictionAccuracyProcessor
from grading.batch import Batch
from grading.hold import Hold, NotHeld
from grading.outcome import Outcome, Status
from grading.processors import GRADING
from grading.run import Request, Run
from grading.wiring import Application
from grading.writing import publish
from grading.writing.publish_script import AuditNote, publish_script
from grading.writing.rules import compute
from grading.writing.staging import QueriedRows, Staged
from tests.integration.conftest import DAY, RecordingNotifier, RecordingSink, rows_of
from tests.integration.slate import GAME, box_scores, load, load_day, predictions
from warehouse.bigquery import Warehouse
from warehouse.job_end import JobResult
from warehouse.statements import Sql, TablePath

NOTE = AuditNote(status="success")


def new_run(application: Application, **request: Any) -> Run:
    deadline = Deadline.after(60, application.clock)
    return Run.start(
        GRADING, Request(date=DAY, **request), application.settings, application.warehouse, deadline, hold=Hold()
    )


def grade(application: Application, **request: Any) -> Outcome:
    return application.service.run(GRADING, Request(date=DAY, **request), Deadline.after(60, application.clock))


def table(application: Application) -> list[dict[str, Any]]:
    """The date's rows in a fixed order."""
    target = application.settings.target(GRADING.name)
    sql = f"SELECT * FROM `{target}` WHERE game_date = DATE '{DAY}' ORDER BY player_lookup, system_id, line_value"
    return rows_of(application.bigquery_client, sql)


def published_runs(application: Application) -> list[dict[str, Any]]:
    runs = application.settings.target("grading_runs")
    return rows_of(application.bigquery_client, f"SELECT * FROM `{runs}` WHERE committed_at IS NOT NULL")


def stage(application: Application, run: Run) -> Staged:
    return QueriedRows(compute(Batch.of(run))).stage(Batch.of(run))


def publish_one(application: Application, run: Run, staged: Staged) -> None:
    """Publish a batch of one; raises why it was not published."""
    refused = application.writer.publisher.publish(Batch.of(run), staged, {run.date: NOTE}, application.events)
    for error in refused.values():
        raise error


@pytest.fixture
def ten_graded(application: Application, bigquery_client: bigquery.Client) -> Application:
    """A date with ten graded rows."""
    load_day(bigquery_client, application.settings, DAY, 10)
    assert grade(application).status is Status.SUCCESS
    return application


def test_a_graded_date_tells_the_same_story_everywhere(ten_graded: Application) -> None:
    """Rows, fence and audit carry one run id and one token; no staging table is left."""
    rows = table(ten_graded)
    [run] = published_runs(ten_graded)
    fence = ten_graded.settings.target("prediction_accuracy_fence")
    [entry] = rows_of(ten_graded.bigquery_client, f"SELECT * FROM `{fence}` WHERE lock_key = '{DAY}'")
    assert len(rows) == 10
    assert {(row["run_id"], row["fence_token"]) for row in rows} == {(run["run_id"], run["fence_token"])}
    assert (entry["run_id"], entry["token"]) == (run["run_id"], run["fence_token"])
    assert (run["rows_inserted"], run["rows_deleted"], run["status"]) == (10, 0, "success")
    left = ten_graded.bigquery_client.list_tables(ten_graded.settings.staging_dataset, timeout=20)
    assert list(left) == []


def test_a_rerun_replaces_the_rows_and_leaves_one_a_key(ten_graded: Application) -> None:
    before = table(ten_graded)
    assert grade(ten_graded).status is Status.SUCCESS
    after = table(ten_graded)
    assert len(after) == 10
    assert {row["run_id"] for row in before} & {row["run_id"] for row in after} == set()


@pytest.mark.parametrize("lock", ["held", NotHeld.NOT_REQUESTED, NotHeld.UNAVAILABLE])
@pytest.mark.parametrize("first", ["older", "newer"])
def test_the_later_staging_wins_whichever_publishes_first(
    application: Application, bigquery_client: bigquery.Client, first: str, lock: str
) -> None:
    """With the lock, without it, and with its service down: older data never replaces newer data."""
    load_day(bigquery_client, application.settings, DAY, 10)
    older, newer = new_run(application), new_run(application)
    old = stage(application, older)
    new = stage(application, newer)
    assert old.token < new.token

    def publish_now(run: Run, staged: Staged) -> None:
        with ExitStack() as stack:
            hold = Hold(failure=NotHeld(lock) if lock != "held" else None)
            if lock == "held":
                locked = application.locker.hold(GRADING, run.request, run.deadline, application.events)
                hold = stack.enter_context(locked)
                assert hold.locked
            publish_one(application, replace(run, hold=hold), staged)

    if first == "older":
        publish_now(older, old)
        publish_now(newer, new)
    else:
        publish_now(newer, new)
        with pytest.raises(StagingOutdated):
            publish_now(older, old)
    assert {row["run_id"] for row in table(application)} == {newer.run_id}
    tokens = [run["fence_token"] for run in sorted(published_runs(application), key=lambda run: run["committed_at"])]
    assert tokens == sorted(tokens)


def test_an_equal_token_of_another_run_is_refused(application: Application, bigquery_client: bigquery.Client) -> None:
    load_day(bigquery_client, application.settings, DAY, 3)
    one, other = new_run(application), new_run(application)
    first = stage(application, one)
    second = replace(stage(application, other), token=first.token)
    publish_one(application, one, first)
    with pytest.raises(StagingOutdated):
        publish_one(application, other, second)


class PublishedMeanwhile(QueriedRows):
    """Rows of a run that is overtaken between its staging and its publish, once."""

    overtaken: Callable[[], object]

    def stage(self, batch: Batch) -> Staged:
        staged = super().stage(batch)
        overtake, type(self).overtaken = type(self).overtaken, staticmethod(lambda: None)
        overtake()
        return staged


@pytest.mark.parametrize(
    ("published_ms", "expected"), [(None, Status.SUCCESS), (0, Status.SUPERSEDED), (2**52, Status.SUCCESS)]
)
def test_a_refused_run_stages_again_or_ends_as_superseded(
    application: Application,
    bigquery_client: bigquery.Client,
    published_ms: int | None,
    expected: Status,
    statements: list[tuple[str, str]],
) -> None:
    """Superseded only if what is published is as new as the event asks for."""
    load_day(bigquery_client, application.settings, DAY, 5)
    run = new_run(application, published_ms=published_ms)
    PublishedMeanwhile.overtaken = staticmethod(lambda: grade(application))
    source = PublishedMeanwhile(compute(Batch.of(run)))
    written = application.writer.write(run, source, application.events)
    assert written.status is expected
    publishes = [job_id for job_id, _ in statements if f"{run.run_id}-publish" in job_id]
    assert len(publishes) == (1 if expected is Status.SUPERSEDED else 2)
    assert len(table(application)) == 5


class LosesAnswers(Warehouse):
    """A warehouse whose publish answers get lost after the job ran (or before, if `runs` is False)."""

    lost = 1
    runs = True
    error: type[Exception] = PublishConflict
    publishes: tuple[str, ...] = ()

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        if "-publish" in job_id:
            self.publishes = (*self.publishes, job_id)
        if "-publish" in job_id and self.lost:
            self.lost -= 1
            if self.runs:
                super().run(sql, job_id=job_id, deadline=deadline)
            raise self.error("Transaction is aborted due to concurrent update against table")
        return super().run(sql, job_id=job_id, deadline=deadline)


def losing(application: Application) -> LosesAnswers:
    """Replace the application's warehouse by one that loses answers."""
    warehouse = LosesAnswers(application.bigquery_client, observe=application._observe)
    application.__dict__["warehouse"] = warehouse
    return warehouse


def test_a_publish_whose_answer_was_lost_is_recognised_as_done(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """The retry finds its own token and run id in the fence: published once, audited once."""
    load_day(bigquery_client, application.settings, DAY, 10)
    losing(application)
    outcome = grade(application)
    assert outcome.status is Status.SUCCESS
    assert len(table(application)) == 10
    assert len(published_runs(application)) == 1


def test_an_aborted_transaction_is_retried_under_a_new_job_id(
    application: Application, bigquery_client: bigquery.Client
) -> None:
    """BigQuery remembers the id of an aborted job, and would answer 409 to a second one."""
    load_day(bigquery_client, application.settings, DAY, 10)
    warehouse = losing(application)
    warehouse.lost, warehouse.runs = 3, False
    assert grade(application).status is Status.SUCCESS
    assert len(table(application)) == 10
    assert len(warehouse.publishes) == len(set(warehouse.publishes)) == 4


def test_an_unknown_end_of_a_publish_leaves_the_lock_to_expire(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """A write that may still commit is not left without its lock, and the event is redelivered."""
    load_day(bigquery_client, application.settings, DAY, 10)
    losing(application).error = OutcomeUnknown
    outcome = grade(application)
    assert (outcome.status, outcome.transient) == (Status.FAILED, True)
    [held] = application.lock("grading").list_locks()
    assert held.key.document_id == f"grading_{DAY}"
    assert notifier.checks() == ["processor_failed"]


class LostLease:
    """A lease that someone else has taken over."""

    holder_id = "us"

    def ensure_held(self) -> None:
        raise LeaseLost

    def abandon(self) -> None:
        raise AssertionError("there is nothing left to abandon")


def test_a_lost_lease_stops_the_write_before_it_is_published(ten_graded: Application) -> None:
    """Someone else is at work on the date: the run ends, and its event comes again."""
    before = table(ten_graded)
    run = replace(new_run(ten_graded), hold=Hold(lease=LostLease()))
    with pytest.raises(LeaseLost):
        ten_graded.writer.write(run, QueriedRows(compute(Batch.of(run))), ten_graded.events)
    assert table(ten_graded) == before
    assert issubclass(LeaseLost, Transient)


def test_without_the_sentinel_nothing_is_published(ten_graded: Application) -> None:
    before = table(ten_graded)
    fence = ten_graded.settings.target("prediction_accuracy_fence")
    ten_graded.bigquery_client.query_and_wait(f"DELETE FROM `{fence}` WHERE lock_key = '__sentinel__'", api_timeout=20)
    outcome = grade(ten_graded)
    assert (outcome.status, outcome.transient) == (Status.FAILED, False)
    assert "python -m grading init" in outcome.detail
    assert table(ten_graded) == before
    run = new_run(ten_graded)
    with pytest.raises(NotInitialised):
        publish_one(ten_graded, run, stage(ten_graded, run))


def test_a_token_from_the_future_is_refused(ten_graded: Application) -> None:
    """One wrong clock must not block the date for everyone."""
    run = new_run(ten_graded)
    staged = stage(ten_graded, run)
    before = table(ten_graded)
    with pytest.raises(publish.TokenFromTheFuture, match="60 s ahead"):
        publish_one(ten_graded, run, replace(staged, token=staged.token + 120_000))
    assert table(ten_graded) == before


def test_the_script_takes_the_fence_first_and_commits_last(application: Application) -> None:
    """Without a change of the sentinel, two publishes would not conflict: order and content are part of the promise."""
    run = new_run(application)
    staged = Staged(table=run.staging_table(), token=1, columns=["player_lookup"])
    script = publish_script(Batch.of(run), staged, {run.date: NOTE}).text
    code = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    verbs = [part.split()[0] + " " + part.split()[1] for part in code.split(";") if part.strip()]
    assert verbs[:2] == ["BEGIN TRANSACTION", f"MERGE `{run.fence}`"]
    assert verbs[-3:] == ["DELETE FROM", "INSERT INTO", "COMMIT TRANSACTION"]
    taking = code.split(";")[1]
    assert "[\n  ('__sentinel__', NULL, 1, " in taking
    assert f"('{DAY}', DATE '{DAY}', 1, '{run.run_id}', '')\n]" in taking
    assert "WHEN MATCHED THEN\n  UPDATE SET token = taken.token" in taking
    assert "grading:fence_newer" in taking


def test_no_predictions_publishes_nothing(ten_graded: Application, notifier: RecordingNotifier) -> None:
    """The date keeps what it had, and the alert says why and what to type."""
    before = table(ten_graded)
    predictions_table = ten_graded.settings.input_table("predictions_table")
    ten_graded.bigquery_client.query_and_wait(f"DELETE FROM `{predictions_table}` WHERE TRUE", api_timeout=20)
    assert grade(ten_graded).status is Status.NO_PREDICTIONS
    assert table(ten_graded) == before
    [alert] = notifier.alerts
    assert alert.check == "no_predictions"
    assert "keeps what it had" in alert.what_happened
    assert alert.next_command.startswith("python -m grading ")


def test_no_box_scores_publishes_nothing(ten_graded: Application, notifier: RecordingNotifier) -> None:
    before = table(ten_graded)
    box = ten_graded.settings.input_table("box_scores_table")
    ten_graded.bigquery_client.query_and_wait(f"DELETE FROM `{box}` WHERE TRUE", api_timeout=20)
    outcome = grade(ten_graded)
    assert outcome.status is Status.NO_ACTUALS
    assert outcome.coverage.ungraded["game_not_played"] == 10
    assert table(ten_graded) == before
    assert notifier.alerts[0].next_command.startswith("python -m grading ")


def test_no_box_scores_leaves_the_date_as_it_is_even_where_it_may_shrink(ten_graded: Application) -> None:
    before = table(ten_graded)
    box = ten_graded.settings.input_table("box_scores_table")
    ten_graded.bigquery_client.query_and_wait(f"DELETE FROM `{box}` WHERE TRUE", api_timeout=20)
    assert grade(ten_graded, allow_shrink=True).status is Status.NO_ACTUALS
    assert table(ten_graded) == before


def test_a_date_that_would_shrink_is_refused_until_it_is_allowed(
    ten_graded: Application, notifier: RecordingNotifier
) -> None:
    """8 of 10 keys are below 90 %: an upstream table was being reloaded."""
    before = table(ten_graded)
    box = ten_graded.settings.input_table("box_scores_table")
    ten_graded.bigquery_client.query_and_wait(
        f"DELETE FROM `{box}` WHERE player_lookup IN ('player0001', 'player0002')", api_timeout=20
    )
    outcome = grade(ten_graded)
    assert outcome.status is Status.SHRUNK
    assert (outcome.written.staged_keys, outcome.written.present_keys) == (8, 10)
    assert table(ten_graded) == before
    assert notifier.alerts[0].next_command == f"python -m grading backfill --start {DAY} --end {DAY} --dry-run"
    assert grade(ten_graded, allow_shrink=True).status is Status.SUCCESS
    assert len(table(ten_graded)) == 8


def test_ninety_percent_of_the_keys_is_enough(ten_graded: Application) -> None:
    """Exactly at the bound; and duplicates that are there already do not count as keys."""
    box = ten_graded.settings.input_table("box_scores_table")
    target = ten_graded.settings.target(GRADING.name)
    client = ten_graded.bigquery_client
    client.query_and_wait(f"DELETE FROM `{box}` WHERE player_lookup = 'player0001'", api_timeout=20)
    client.query_and_wait(f"INSERT INTO `{target}` SELECT * FROM `{target}` WHERE game_date = '{DAY}'", api_timeout=20)
    assert grade(ten_graded).status is Status.SUCCESS
    assert len(table(ten_graded)) == 9


def test_staged_duplicates_are_told_and_one_row_a_key_is_kept(
    application: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """Rows that are computed twice are staged twice; nobody ever sees them."""
    load(bigquery_client, application.settings, predictions(DAY, 5), box_scores(DAY, 5))
    computed = compute(Batch.of(new_run(application)))
    rows = computed.select
    again = f"SELECT * FROM (SELECT * FROM ({rows}) ORDER BY player_lookup LIMIT 2)"
    doubled = QueriedRows(replace(computed, select=Sql(f"SELECT * FROM ({rows}) UNION ALL {again}")))
    deadline = Deadline.after(60, application.clock)
    outcome = application.service.run(GRADING, Request(date=DAY), deadline, source=doubled)
    assert outcome.status is Status.SUCCESS
    assert (outcome.written.staged_duplicate_keys, outcome.written.staged_excess_rows) == (2, 2)
    assert outcome.duplicates.clean
    assert len(table(application)) == 5
    assert notifier.checks() == ["staged_duplicates"]
    [run] = published_runs(application)
    assert run["duplicate_keys"] == 2


class Duplicating(Warehouse):
    """A warehouse whose date gets two rows of one key right after the publish, from a writer without fence."""

    target: TablePath
    refuses_samples = False

    def run(self, sql: Any, *, job_id: str, deadline: Deadline) -> JobResult:
        if "-samples-" in job_id and self.refuses_samples:
            raise WarehouseUnavailable("503")
        result = super().run(sql, job_id=job_id, deadline=deadline)
        if "-publish-" in job_id:
            for _ in range(2):
                self._client.query_and_wait(
                    f"INSERT INTO `{self.target}` (player_lookup, game_id, game_date, system_id, graded_at) "
                    f"VALUES ('nobody', '{GAME}', '{DAY}', 's', CURRENT_TIMESTAMP())",
                    api_timeout=20,
                )
        return result


@pytest.fixture
def duplicating(ten_graded: Application, notifier: RecordingNotifier, sink: RecordingSink) -> Application:
    settings = ten_graded.settings
    application = Application(settings, sinks=(sink,), notifier=notifier, observe=ten_graded._observe)
    application.__dict__["warehouse"] = warehouse = Duplicating(ten_graded.bigquery_client)
    warehouse.target = settings.target(GRADING.name)
    return application


def test_duplicates_in_the_table_are_told_with_samples_and_audited(
    duplicating: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    """NULL line values count as equal; the run itself does not fail."""
    outcome = grade(duplicating)
    assert outcome.status is Status.SUCCESS
    assert (outcome.duplicates.duplicate_keys, outcome.duplicates.excess_rows) == (1, 1)
    [sample] = outcome.duplicates.samples
    assert sample.key == {"player_lookup": "nobody", "game_id": GAME, "system_id": "s", "line_value": None}
    assert sample.written_at.count(",") == 1
    [alert] = notifier.alerts
    assert "nobody" in alert.samples[0]
    audit = rows_of(bigquery_client, f"SELECT * FROM `{duplicating.settings.target('grading_duplicate_audit')}`")
    assert [(row["player_lookup"], row["duplicate_occurrence_count"]) for row in audit] == [("nobody", 2)]


def test_duplicates_are_told_also_where_their_samples_cannot_be_had(
    duplicating: Application, bigquery_client: bigquery.Client, notifier: RecordingNotifier
) -> None:
    duplicating.warehouse.refuses_samples = True  # type: ignore[attr-defined]
    outcome = grade(duplicating)
    assert (outcome.duplicates.duplicate_keys, outcome.duplicates.excess_rows) == (1, 1)
    assert outcome.duplicates.samples == ()
    assert notifier.checks() == ["duplicates"]
    audit = rows_of(bigquery_client, f"SELECT * FROM `{duplicating.settings.target('grading_duplicate_audit')}`")
    assert [(row["player_lookup"], row["duplicate_count"]) for row in audit] == [(None, 1)]


ROW = {
    "player_lookup": "x",
    "game_id": GAME,
    "game_date": DAY,
    "system_id": "s",
    "line_value": 9.5,
    "predicted_points": 10.25,
}


def test_rows_given_from_python_are_published(ten_graded: Application) -> None:
    """Through the same fence: provenance is the writer's, and NULL lines are keys of their own."""
    api = PredictionAccuracyProcessor(ten_graded)
    given = [{**ROW, "player_lookup": f"g{number}"} for number in range(9)] + [{**ROW, "line_value": None}]
    outcome = api.write_graded_results(given, DAY)
    assert outcome.status is Status.SUCCESS, outcome.detail
    rows = table(ten_graded)
    assert len(rows) == 10
    assert {row["run_id"] for row in rows} == {outcome.run_id}
    assert float(rows[0]["predicted_points"]) == 10.25


def test_writing_without_the_lock_is_logged_as_a_warning(ten_graded: Application, sink: RecordingSink) -> None:
    given = [{**ROW, "player_lookup": f"g{number}"} for number in range(9)]
    outcome = PredictionAccuracyProcessor(ten_graded).write_graded_results(given, str(DAY), use_lock=False)
    assert (outcome.status, outcome.locked) == (Status.SUCCESS, False)
    [event] = sink.named("lock_skipped")
    assert event.severity == "WARNING"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"player_lookup": None}, r"row 2, column 'player_lookup': NULL is not allowed"),
        ({"game_date": "2024-01-16"}, r"row 2, column 'game_date': '2024-01-16' is another date than 2024-01-15"),
        ({"game_date": "2024-02-30"}, r"row 2, column 'game_date': '2024-02-30' is not a valid DATE"),
        ({"line_value": "nine"}, r"row 2, column 'line_value': 'nine' is not a valid NUMERIC"),
        ({"line_value": float("nan")}, r"row 2, column 'line_value': nan is not a valid NUMERIC"),
        ({"line_value": 10**30}, r"row 2, column 'line_value': .* is not a valid NUMERIC"),
        ({"actual_points": 1.5}, r"row 2, column 'actual_points': 1.5 is not a valid INTEGER"),
        ({"actual_points": 2**63}, r"row 2, column 'actual_points': .* is not a valid INTEGER"),
        ({"is_voided": "no"}, r"row 2, column 'is_voided': 'no' is not a valid BOOLEAN"),
        ({"graded_at": "noon"}, r"row 2, column 'graded_at': 'noon' is not a valid TIMESTAMP"),
        ({"colour": "red"}, r"row 2 has column 'colour', which prediction_accuracy does not have"),
        ({"line_value": ...}, r"row 2 lacks column 'line_value'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_one_bad_row_refuses_the_whole_call(
    ten_graded: Application, broken: dict[str, Any], message: str, statements: list[tuple[str, str]]
) -> None:
    """The error names row and column, nothing is sent, and the date keeps what it had."""
    before = table(ten_graded)
    statements.clear()
    bad = {name: value for name, value in {**ROW, **broken}.items() if value is not ...}
    with pytest.raises(InvalidRow, match=message):
        PredictionAccuracyProcessor(ten_graded).write_graded_results([ROW, bad], DAY)
    assert statements == []
    assert table(ten_graded) == before


def test_staging_rows_of_another_date_is_refused(ten_graded: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor whose SQL forgot its date filter publishes nothing."""
    before = table(ten_graded)
    run = new_run(ten_graded)
    other = "SELECT * REPLACE (DATE '2024-01-14' AS game_date)"
    computed = compute(Batch.of(run))
    wrong = QueriedRows(replace(computed, select=Sql(f"{other}\nFROM (\n{computed.select}\n)")))
    with pytest.raises(StatementRefused, match="do not belong to 2024-01-15"):
        ten_graded.writer.write(run, wrong, ten_graded.events)
    assert table(ten_graded) == before
