"""What a backfill plans, resumes and reports; and what is due, from what the tables hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import cast

import click
import pytest
from click.testing import CliRunner

from alerts import messages
from alerts.alert import Alert, Notifier
from foundation.clock import Clock, Deadline, SystemClock
from foundation.events import EventLog
from grading.batch import Ended
from grading.cli import commands
from grading.cli.backfill import message
from grading.cli.progress import state_line
from grading.dates.backfill import Backfill, BackfillResult, Plan, _left
from grading.dates.survey import DateState, Ledger, Published, Work, aggregate_due, grading_due
from grading.outcome import Outcome, Status, Written
from grading.processors import GRADING, PERFORMANCE_SUMMARY, PROCESSORS, SYSTEM_DAILY_PERFORMANCE, Processor
from grading.run import Request
from grading.service import GradingService
from grading.settings import Settings
from localdev.settings import local_settings
from tests.fakes import RecordingNotifier, Silent

DAYS = [date(2024, 1, day) for day in range(1, 5)]


def _state(day: date, *, with_box_score: int = 8, missing: int = 0, outdated: int = 0, grades: int = 8) -> DateState:
    return DateState(
        date=day, predictions=10, with_box_score=with_box_score, missing=missing, outdated=outdated, grades=grades
    )


def _ledger(published: Mapping[Processor, Mapping[date, tuple[int, int]]]) -> Ledger:
    return Ledger(
        read_ms=1000,
        published={p.name: {day: Published(*last) for day, last in days.items()} for p, days in published.items()},
    )


def _finished(*runs: tuple[Processor, date]) -> set[tuple[str, date]]:
    return {(processor.name, day) for processor, day in runs}


def _left_of(finished: set[tuple[str, date]]) -> list[tuple[str, date]]:
    phases = [[Work(processor=processor, date=day) for day in DAYS] for processor in PROCESSORS]
    return [(work.processor.name, work.date) for phase in _left(phases, finished) for work in phase]


class TestResume:
    """What an interrupted backfill has left."""

    def test_what_is_finished_is_not_left(self) -> None:
        """All grading is done, and one daily aggregate."""
        finished = _finished(*((GRADING, day) for day in DAYS), (SYSTEM_DAILY_PERFORMANCE, DAYS[0]))
        assert _left_of(finished) == [
            *((SYSTEM_DAILY_PERFORMANCE.name, day) for day in DAYS[1:]),
            *((PERFORMANCE_SUMMARY.name, day) for day in DAYS),
        ]

    def test_aggregates_of_grades_that_are_yet_to_come_are_left(self) -> None:
        """One date's grading failed, and all aggregates were computed: its own are out of date, and later summaries."""
        everything = _finished(*((processor, day) for processor in PROCESSORS for day in DAYS))
        assert _left_of(everything - {(GRADING.name, DAYS[2])}) == [
            (GRADING.name, DAYS[2]),
            (SYSTEM_DAILY_PERFORMANCE.name, DAYS[2]),
            (PERFORMANCE_SUMMARY.name, DAYS[2]),
            (PERFORMANCE_SUMMARY.name, DAYS[3]),
        ]

    def test_when_all_is_finished_nothing_is_left(self) -> None:
        """A second resume does nothing."""
        assert _left_of(_finished(*((processor, day) for processor in PROCESSORS for day in DAYS))) == []


class TestDue:
    """What catch-up and recompute find behind."""

    def test_grades_are_due_where_box_scores_say_more_than_they_do(self) -> None:
        """Never graded, box scores that came late, box scores that were corrected; not without any."""
        states = [
            _state(DAYS[0]),
            _state(DAYS[1], missing=3),
            _state(DAYS[2], outdated=2),
            _state(DAYS[3], with_box_score=0, grades=0),
        ]
        ledger = _ledger({GRADING: {DAYS[1]: (1, 2), DAYS[2]: (1, 2)}})
        assert [(work.date, work.reason) for work in grading_due(states, ledger)] == [
            (DAYS[0], "never graded"),
            (DAYS[1], "3 predictions have a box score and no grade"),
            (DAYS[2], "2 grades are of older box scores"),
        ]

    def test_complete_dates_are_not_due(self) -> None:
        """Nothing is missing, nothing is outdated, every aggregate was staged after its grades were published."""
        states = [_state(day) for day in DAYS]
        ledger = _ledger(
            {
                GRADING: dict.fromkeys(DAYS, (100, 110)),
                SYSTEM_DAILY_PERFORMANCE: dict.fromkeys(DAYS, (120, 130)),
                PERFORMANCE_SUMMARY: dict.fromkeys(DAYS, (120, 130)),
            }
        )
        assert list(grading_due(states, ledger)) == []
        for processor in (SYSTEM_DAILY_PERFORMANCE, PERFORMANCE_SUMMARY):
            assert list(aggregate_due(processor, states, ledger)) == []

    @pytest.mark.parametrize(
        ("processor", "due"), [(SYSTEM_DAILY_PERFORMANCE, [DAYS[1]]), (PERFORMANCE_SUMMARY, DAYS[1:])]
    )
    def test_grades_published_after_an_aggregate_was_staged_make_it_due(
        self, processor: Processor, due: list[date]
    ) -> None:
        """Even if the aggregate was published later: its data is older. A summary reads earlier dates too."""
        states = [_state(day) for day in DAYS]
        ledger = _ledger(
            {
                GRADING: {**dict.fromkeys(DAYS, (100, 110)), DAYS[1]: (115, 125)},
                processor: dict.fromkeys(DAYS, (120, 130)),
            }
        )
        assert [work.date for work in aggregate_due(processor, states, ledger)] == due

    @pytest.mark.parametrize("processor", [SYSTEM_DAILY_PERFORMANCE, PERFORMANCE_SUMMARY])
    @pytest.mark.parametrize("moved", [(90, 95, "late"), (100, 110, "repair")], ids=["an older token", "a repair"])
    def test_other_grades_than_an_aggregate_covers_make_it_due_whatever_the_clocks_say(
        self, processor: Processor, moved: tuple[int, int, str]
    ) -> None:
        """A token that was committed late is older than the aggregate, and a repair keeps the token."""
        before = dict.fromkeys(DAYS, (100, 110, "run"))
        covers = {day: _ledger({GRADING: before}).covered_now(processor, day) for day in DAYS}
        aggregates = {day: (120, 130, "sum", covers[day]) for day in DAYS}
        states = [_state(day) for day in DAYS]
        assert list(aggregate_due(processor, states, _ledger({GRADING: before, processor: aggregates}))) == []
        after = _ledger({GRADING: {**before, DAYS[0]: moved}, processor: aggregates})
        due = DAYS if processor is PERFORMANCE_SUMMARY else DAYS[:1]
        assert [work.date for work in aggregate_due(processor, states, after)] == list(due)

    def test_a_date_without_grades_has_no_aggregate_to_compute(self) -> None:
        """There is nothing to sum up."""
        states = [_state(DAYS[0], grades=0)]
        assert list(aggregate_due(SYSTEM_DAILY_PERFORMANCE, states, _ledger({}))) == []


def _outcome(day: date, status: Status, processor: Processor = GRADING) -> Outcome:
    return Outcome(
        processor=processor.name, date=day, status=status, run_id="r", written=Written(status=status, staged_keys=5)
    )


def _message(*outcomes: Outcome, not_reached: tuple[Work, ...] = (), alerts: tuple[Alert, ...] = ()) -> Alert:
    plan = Plan(trigger="backfill:x", start=DAYS[0], end=DAYS[-1], phases=[])
    result = BackfillResult(outcomes=outcomes, not_reached=not_reached, alerts=alerts, duration_seconds=90)
    return message(plan, result, "the resume command")


class TestMessage:
    """The one message for the whole backfill."""

    def test_a_date_ends_as_the_worst_of_its_runs(self) -> None:
        """Counted once, however many processors it took."""
        told = _message(
            _outcome(DAYS[0], Status.SUCCESS),
            _outcome(DAYS[0], Status.FAILED, SYSTEM_DAILY_PERFORMANCE),
            _outcome(DAYS[1], Status.SUCCESS),
        )
        assert told.severity == "CRITICAL"
        assert list(told.samples) == ["2024-01-01"]
        assert dict(told.facts)["Dates success"] == "1"
        assert dict(told.facts)["Dates failed"] == "1"
        assert told.next_command == "the resume command"

    def test_an_interrupted_one_says_how_to_go_on(self) -> None:
        """No date failed, but some were not reached."""
        told = _message(_outcome(DAYS[0], Status.SUCCESS), not_reached=(Work(processor=GRADING, date=DAYS[1]),))
        assert told.severity == "WARNING"
        assert told.next_command == "the resume command"

    def test_alerts_of_single_dates_are_counted_in_it(self) -> None:
        """They are not sent one by one."""
        kept = Alert(check="no_actuals", severity="WARNING", title="t", what_happened="w")
        told = _message(_outcome(DAYS[0], Status.NO_ACTUALS), alerts=(kept, kept))
        assert dict(told.facts)["Alerts: no_actuals"] == "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class _FailsOnce:
    """A service whose first run of a date fails in passing and alerts; one date's second run, too."""

    fails_again: date
    notifier: Notifier
    clock: Clock = field(default_factory=SystemClock)
    events: EventLog = field(default_factory=EventLog)
    settings: Settings = field(default_factory=lambda: local_settings(bigquery_endpoint="http://nowhere"))
    seen: set[date] = field(default_factory=set)

    def run_all(self, processor: Processor, requests: Sequence[Request], _deadline: Deadline) -> Ended[Outcome]:
        return Ended([self._run(processor, request.date) for request in requests])

    def _run(self, processor: Processor, day: date) -> Outcome:
        if day in self.seen and day != self.fails_again:
            return _outcome(day, Status.SUCCESS, processor)
        self.seen.add(day)
        self.notifier.send(messages.lock_failure(day, lock_type="grading", reason="unavailable"))
        self.notifier.send(messages.processor_failed(day, processor=processor.name, error="503", transient=True))
        return replace(_outcome(day, Status.FAILED, processor), transient=True)


def _tried_twice() -> BackfillResult:
    phase = [Work(processor=GRADING, date=day) for day in DAYS]
    plan = Plan(trigger="backfill:x", start=DAYS[0], end=DAYS[-1], phases=[phase])
    service = cast("GradingService", _FailsOnce(fails_again=DAYS[2], notifier=RecordingNotifier()))
    return Backfill(service=service, plan=plan, concurrency=1, progress=Silent()).run()


def test_what_failed_in_passing_and_then_succeeded_is_no_alert_of_the_backfill() -> None:
    result = _tried_twice()
    assert [outcome.date for outcome in result.failed] == [DAYS[2]]
    failures = [alert.date for alert in result.alerts if alert.check == "processor_failed"]
    assert failures == [f"{DAYS[2]}"]


def test_what_else_was_found_at_the_first_try_stays_an_alert() -> None:
    """A lock store that is down is reported once, for all dates of the batch: by one that may be tried again."""
    result = _tried_twice()
    locks = [alert.date for alert in result.alerts if alert.check == "lock_failure"]
    assert locks == [*(f"{day}" for day in DAYS), f"{DAYS[2]}"]


_COMMANDS = ["backfill", "catch-up", "grade", "recompute", "status"]


class TestHelp:
    """`python -m grading --help`, and that of each command."""

    @pytest.mark.parametrize("name", _COMMANDS)
    def test_the_overview_has_a_whole_sentence_for_it(self, name: str) -> None:
        """Not cut short for lack of room."""
        said = CliRunner().invoke(commands, ["--help"], prog_name="python -m grading").output
        assert re.search(rf"^  {name} +[A-Z].*[^.][.]$", said, re.MULTILINE)

    @pytest.mark.parametrize("name", _COMMANDS)
    def test_each_option_says_what_it_is_for(self, name: str) -> None:
        """And the command explains itself in more than one sentence."""
        command = commands.commands[name]
        assert command.help
        assert command.help.count(".") > 1
        assert all(option.help for option in command.params if isinstance(option, click.Option))

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["backfill", "--start", "2024-01-05", "--end", "2024-01-01"], "--start 2024-01-05 is after --end"),
            (["backfill", "--start", "2024-01-05", "--end", "2999-01-01"], "--end 2999-01-01 is in the future"),
            (["backfill", "--start", "2024-01-05"], "--start and --end are needed"),
            (["status", "--date", "2024-01-05", "--last", "3"], "--date and --last exclude each other"),
            (["grade", "--date", "16/01/2026"], "--date '16/01/2026' is not a date"),
            (["status", "--date", "2024-02-30"], "--date 2024-02-30 does not exist in the calendar"),
            (["ungraded", "--start", "2024-01-05", "--end", "2024-01-01"], "is after --end 2024-01-01: swap them"),
            (["dedupe", "--table", GRADING.name, "--start", "2999-01-01"], "--start 2999-01-01 is in the future"),
            (["recompute", "--start", "2024-01-01", "--processor", GRADING.name], "is not one of"),
        ],
    )  # fmt: skip
    def test_wrong_usage_exits_with_2_and_says_what_is_wrong(
        self, arguments: list[str], error: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before anything is asked of the warehouse."""
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
        monkeypatch.setenv("BIGQUERY_API_ENDPOINT", "http://127.0.0.1:1")
        monkeypatch.setenv("LOCK_STORE", "sqlite")
        monkeypatch.setenv("LOCK_SQLITE_PATH", "/nonexistent/locks")
        done = CliRunner().invoke(commands, arguments)
        assert done.exit_code == 2
        assert error in done.output


def test_a_date_that_would_lose_values_is_not_said_to_have_fewer_keys() -> None:
    """Its keys may be as many as before: what counts is what only the replaced rows have."""
    written = Written(
        status=Status.SHRUNK,
        staged_keys=12,
        present_keys=12,
        lost_rows=2,
        detail="2 rows hold values that only they have",
    )
    outcome = replace(_outcome(DAYS[0], Status.SHRUNK), written=written, detail=written.detail)
    said = state_line(outcome).plain
    assert "2 rows hold values that only they have" in said
    assert "would replace" not in said
