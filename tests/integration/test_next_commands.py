"""Each alert's command, read from what Slack got and pasted as it stands, mends the matter or shows its cause.

`tests/golden/alerts.md` is the table: situation, command, and the state before and after it.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts import event_messages, messages, upkeep_messages
from foundation.clock import Deadline
from foundation.commands import only_looks
from grading.cli import commands
from grading.dates.backfill import plan_recompute
from grading.dates.unfinished import unfinished_backfills
from grading.processors import AGGREGATES, GRADING
from grading.run import Request
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.load import create_input_tables
from localdev.settings import local_settings
from localdev.slack_sink import SlackSink, plain_text
from tests.integration.damaged import NOON, count, execute, graded_weeks
from tests.integration.events import pubsub_event
from tests.integration.prepared import DAMAGED, DAYS, LATE, NOW, PLAYERS, Prepared, prepare
from tests.integration.slate import box_scores, load, predictions
from tests.integration.test_quality import ACCURACY, BOX_SCORES, BROKEN, PREDICTIONS
from validation.checks import CHECKS

GOLDEN = Path(__file__).parents[1] / "golden" / "alerts.md"
EMPTY, WAITING, FORGOTTEN = date(2026, 1, 10), date(2026, 1, 11), date(2026, 1, 12)
PLACE = {"table": GRADING.name, "processor": GRADING.name}
_SECONDS = 90.0

State = Callable[[Prepared], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is wrong, how the alert comes about, and by what it is seen to be over.

    `reported` makes the situation and lets the service report it; `then` is what happens before the person gets to it;
    `state` puts the state into words, which must differ after the command; `shows` is in the output of a command that
    only looks; `after` ends the situation.
    """

    name: str
    reported: Callable[[Prepared], object]
    then: Callable[[Prepared], object] = lambda _: None
    state: State | None = None
    after: Callable[[Prepared], object] = lambda _: None
    shows: str = ""


def _run(state: Prepared, day: date) -> object:
    application = state.application
    return application.service.run(GRADING, Request(date=day), Deadline.after(_SECONDS, application.clock))


def _duplicates(state: Prepared) -> str:
    target = state.application.settings.target(GRADING.name)
    key = "CONCAT(CAST(game_date AS STRING), player_lookup, system_id)"
    return f"{count(state.client, f'SELECT COUNT(*) - COUNT(DISTINCT {key}) FROM `{target}`')} excess rows"


def _grades(day: date) -> State:
    def of(state: Prepared) -> str:
        target = state.application.settings.target(GRADING.name)
        return f"{count(state.client, f'SELECT COUNT(*) FROM `{target}` WHERE game_date = {day.isoformat()!r}')} grades"

    return of


def _due(state: Prepared) -> str:
    application = state.application
    deadline = Deadline.after(_SECONDS, application.clock)
    plan = plan_recompute(application.service, DAYS[0], DAYS[-1], AGGREGATES, deadline)
    return f"{len(plan.dates)} dates with aggregates out of date"


def _left(state: Prepared) -> str:
    application = state.application
    found = unfinished_backfills(application.settings, application.jobs("unfinished", _SECONDS))
    return f"{sum(backfill.left for backfill in found)} runs left"


def _fence(state: Prepared) -> str:
    fence = state.application.settings.target("prediction_accuracy_fence")
    sentinels = count(state.client, f"SELECT COUNT(*) FROM `{fence}` WHERE lock_key = '__sentinel__'")
    return f"{sentinels} fence sentinels"


def _send(state: Prepared, alert: object) -> object:
    return state.application.notifier.send(alert)  # type: ignore[arg-type]


def _without_fence(state: Prepared) -> None:
    execute(state.client, f"DELETE FROM `{state.application.settings.target('prediction_accuracy_fence')}` WHERE TRUE")
    _run(state, DAYS[0])


def _shrinks(state: Prepared) -> None:
    table = state.application.settings.input_table("box_scores_table")
    execute(state.client, f"DELETE FROM `{table}` WHERE game_date = '{DAYS[1]}' AND player_lookup > 'player0010'")
    _run(state, DAYS[1])


def _whole_again(state: Prepared) -> None:
    missing = [row for row in box_scores(DAYS[1], PLAYERS) if str(row["player_lookup"]) > "player0010"]
    load(state.client, state.application.settings, [], missing)


def _too_old(state: Prepared) -> None:
    load(state.client, state.application.settings, predictions(FORGOTTEN, PLAYERS), box_scores(FORGOTTEN, PLAYERS))
    event = pubsub_event({"target_date": FORGOTTEN.isoformat()}, NOW - timedelta(hours=7))
    state.application.handler.handle(event)


def _late(state: Prepared) -> None:
    load(state.client, state.application.settings, predictions(WAITING, PLAYERS), [])
    _run(state, WAITING)


def _stuck(age: float, day: date) -> Callable[[Prepared], None]:
    def make(state: Prepared) -> None:
        state.free()
        state.lock(day.isoformat(), age, operation=f"prediction_accuracy:{day}:schedule")
        state.application.upkeep.stuck_locks()

    return make


def _forget(state: Prepared, day: date) -> None:
    for table in (GRADING.name, f"{GRADING.name}_fence"):
        column = "lock_key" if table.endswith("fence") else "game_date"
        execute(state.client, f"DELETE FROM `{state.application.settings.target(table)}` WHERE {column} = '{day}'")


def _removed(state: Prepared) -> None:
    _forget(state, DAYS[3])
    _stuck(1200, DAYS[3])(state)


def _closed(state: Prepared) -> None:
    _forget(state, DAYS[3])
    _send(state, upkeep_messages.breaker_closed(GRADING.name))


def _regraded(state: Prepared) -> None:
    _run(state, DAMAGED)
    repaired = upkeep_messages.remediation_succeeded
    _send(state, repaired(DAMAGED, duplicate_keys=1, rows_removed=1, **PLACE))


def _failed_backfill(state: Prepared) -> None:
    fence = state.application.settings.target("system_daily_performance_fence")
    execute(state.client, f"DELETE FROM `{fence}` WHERE TRUE")
    _paste(f"python -m grading backfill --start {DAYS[0]} --end {DAYS[1]}", code=1)


def _killed_backfill(state: Prepared) -> None:
    """One that began an hour ago, and of which nothing is heard since its first run."""
    began = NOW + timedelta(hours=1)
    trigger = f"backfill:{DAYS[0]}:{DAYS[1]}:{began:%Y%m%dT%H%M%SZ}"
    execute(
        state.client,
        f"INSERT INTO `{state.application.settings.target('grading_runs')}` (run_id, processor, game_date,"
        f" trigger_source, started_at, committed_at, status, rows_inserted, rows_deleted, duplicate_keys) VALUES"
        f" ('killed', '{GRADING.name}', '{DAYS[0]}', '{trigger}', TIMESTAMP '{began:%Y-%m-%d %H:%M:%S}+00:00',"
        f" TIMESTAMP '{began:%Y-%m-%d %H:%M:%S}+00:00', 'success', {PLAYERS}, {PLAYERS}, 0)",
    )
    _set_clock(state, began + timedelta(hours=1))
    state.application.upkeep.unfinished_backfills(Deadline.after(_SECONDS, state.application.clock))


def _set_clock(state: Prepared, now: datetime) -> None:
    vars(state.application.clock)["wall"] = now


SITUATIONS = (
    Situation(
        name="a business key has several rows",
        reported=lambda s: (s.damage(), _send(s, messages.duplicates_found(DAMAGED, duplicate_keys=3, **PLACE))),
        state=_duplicates,
    ),
    Situation(
        name="duplicates that could not be repaired by themselves",
        reported=lambda s: (
            s.damage(),
            _send(s, upkeep_messages.remediation_failed(DAMAGED, duplicate_keys=3, error="no answer", **PLACE)),
        ),
        state=_duplicates,
    ),
    Situation(
        name="duplicates were repaired: what was computed from them is old", reported=_regraded, state=_due
    ),
    Situation(
        name="the inputs gave a key twice",
        reported=lambda s: _send(s, messages.staged_duplicates(DAMAGED, duplicate_keys=2, **PLACE)),
        shows="duplicate_source_keys",
    ),
    Situation(
        name="a lock was not free in time",
        reported=lambda s: (
            s.free(), s.lock(f"{DAMAGED}", 30),
            _send(s, messages.lock_failure(DAMAGED, lock_type="grading", reason="timeout", held_by="w", **PLACE)),
        ),
        shows=f"python -m grading locks release {DAMAGED} --type grading",
    ),
    Situation(
        name="the lock service was down",
        reported=lambda s: (
            s.free(), _send(s, messages.lock_failure(DAYS[3], lock_type="grading", reason="unavailable", **PLACE)),
        ),
        shows="No lock is held.",
    ),
    Situation(name="a date would shrink", reported=_shrinks, shows="11 rows to grade", after=_whole_again),
    Situation(
        name="box scores were late, and are there now", reported=_late,
        then=lambda s: load(s.client, s.application.settings, [], box_scores(WAITING, PLAYERS)),
        state=_grades(WAITING),
    ),
    Situation(
        name="half of the box scores are there",
        reported=lambda s: _run(s, LATE),
        shows="no_box_score_for_player",
    ),
    Situation(name="a fence is missing", reported=_without_fence, state=_fence),
    Situation(
        name="a processor failed in passing",
        reported=lambda s: _send(
            s, messages.processor_failed(DAYS[0], error="503 no answer", transient=True, **PLACE)
        ),
        shows=f"{DAYS[0]}",
    ),
    Situation(
        name="an event failed for good",
        reported=lambda s: _send(s, event_messages.event_failed("a column has changed")),
        shows=f"{DAYS[0]}",
    ),
    Situation(name="an event was too old", reported=_too_old, state=_grades(FORGOTTEN)),
    Situation(
        name="an event that no one can read",
        reported=lambda s: s.application.handler.handle(pubsub_event({"target_date": "2026-02-30"}, NOW)),
    ),
    Situation(name="a lock is held for too long", reported=_stuck(700, DAYS[2]), shows="stuck"),
    Situation(name="the lock of a dead run was removed", reported=_removed, state=_grades(DAYS[3])),
    Situation(
        name="the circuit breaker opened",
        reported=lambda s: _send(s, upkeep_messages.breaker_opened(GRADING.name, failures=3, cool_down_seconds=300)),
        shows="Processor",
    ),
    Situation(
        name="the circuit breaker closed; a date was missed meanwhile", reported=_closed, state=_grades(DAYS[3])
    ),
    Situation(
        name="a backfill failed in part; its cause is mended", reported=_failed_backfill,
        then=lambda _: _paste("python -m grading init"), state=_left,
    ),
    Situation(
        name="a backfill was killed", reported=_killed_backfill, state=_left, after=lambda s: _set_clock(s, NOW),
    ),
    Situation(
        name="a backfill is done",
        reported=lambda s: _send(
            s,
            upkeep_messages.backfill_finished(
                DAYS[0], DAYS[1], dates_by_status={"success": 2}, rows=80, duration_seconds=9
            ),
        ),
        shows=f"{DAYS[1]}",
    ),
    Situation(
        name="duplicates grow from week to week",
        reported=lambda s: _send(
            s, upkeep_messages.duplicate_trend(table=GRADING.name, this_week_rate=0.02, last_week_rate=0.01)
        ),
        shows="recent_duplicate_keys",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def state(
    bigquery_emulator: BigQueryEmulator, slack: SlackSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    prepared = prepare(bigquery_emulator, tmp_path_factory.mktemp("alerts"), slack_webhook_url=slack.url)
    # Each situation makes its own damage, and its own dead backfill is the prepared one.
    _run(prepared, DAMAGED)
    yield prepared
    prepared.client.close()


def _paste(command: str, code: int | None = 0) -> str:
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "grading"]
    result = CliRunner().invoke(commands, words[3:], prog_name="python -m grading")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert code is None or result.exit_code == code, result.output
    return result.output


def _sent(slack: SlackSink) -> tuple[str, str]:
    """The heading and the command of the latest message; both empty if it names none."""
    text = plain_text(slack.delivered[-1])
    found = re.search(r"^(Look at first|Next command):\n    (.+)$", text, re.MULTILINE)
    assert "Runbook: docs/runbook.md#" in text
    return (found[1], found[2]) if found else ("", "")


def _at_terminal(patch: pytest.MonkeyPatch, application: Application) -> None:
    patch.setattr(sys.modules["grading.cli.output"], "application_for_terminal", lambda *_: application)


@pytest.mark.timeout(600)
def test_each_next_command_does_what_the_alert_needs(
    state: Prepared, slack: SlackSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is taken from the payload, and the table of all of them is kept to be read."""
    _at_terminal(monkeypatch, state.application)
    table = io.StringIO()
    table.write("# Each alert's command, tried\n\n| situation | command | before | after |\n|---|---|---|---|\n")
    for situation in SITUATIONS:
        sent = len(slack.delivered)
        situation.reported(state)
        assert len(slack.delivered) > sent, situation.name
        heading, command = _sent(slack)
        situation.then(state)
        before = situation.state(state) if situation.state else "–"
        if not command:
            after = "the alert names what to look at, not a command"
        elif situation.state:
            assert heading == "Next command", situation.name
            said = _paste(command, code=None)
            after = situation.state(state)
            assert after != before, f"{situation.name}: {command} changes nothing: {said}"
        else:
            assert heading == "Look at first", situation.name
            assert only_looks(command)
            assert situation.shows in _paste(command, code=None), situation.name
            after = f"shows `{situation.shows}`"
        situation.after(state)
        state.free()
        table.write(f"| {situation.name} | {f'`{command}`' if command else '–'} | {before} | {after} |\n")
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(table.getvalue(), encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == table.getvalue()


def test_each_quality_alert_says_what_its_figure_is_and_its_command_helps(
    bigquery_emulator: BigQueryEmulator, slack: SlackSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is broken at once; each command that mends is pasted; then these checks pass."""
    settings = local_settings(
        bigquery_endpoint=bigquery_emulator.endpoint, dataset_suffix="_quality_alerts", lock_store="sqlite",
        lock_sqlite_path=str(tmp_path / "locks.sqlite3"), slack_webhook_url=slack.url,
    )  # fmt: skip
    application = Application(settings, clock=NOON, sinks=())
    client = application.bigquery_client
    create_input_tables(client, settings)
    create_tables(settings, application.jobs("init", 60))
    graded_weeks(client, settings, players=16)
    names = {
        ACCURACY: settings.target(GRADING.name),
        PREDICTIONS: settings.input_table("predictions_table"),
        BOX_SCORES: settings.input_table("box_scores_table"),
    }
    mends = ("duplicate_source_keys", "duplicate_grades", "recent_duplicate_keys", "confidence_above_one",
             "placeholder_lines_graded", "grading_completeness")  # fmt: skip
    for name in mends:
        for sql in BROKEN[name]:
            if name == "duplicate_source_keys":  # player1's are withdrawn to break another check
                sql = sql.replace("'player1'", "'player2'")
            for placeholder, table in names.items():
                sql = sql.replace(placeholder, str(table))
            execute(client, sql)
    _at_terminal(monkeypatch, application)
    sent = len(slack.delivered)
    found_wrong = application.upkeep.quality_check(Deadline.after(_SECONDS, application.clock))
    meaning = {check.name: check.meaning for check in CHECKS}
    pasted = []
    for message in slack.delivered[sent:]:
        text = plain_text(message)
        found = re.search(r"^Check: quality_(\w+)$", text, re.MULTILINE)
        assert found
        assert meaning[found[1]] in text.replace("\n", " ")
        command = re.search(r"^(Look at first|Next command):\n    (.+)$", text, re.MULTILINE)
        assert command
        assert (command[1] == "Next command") is not only_looks(command[2])
        pasted.append((found[1], command[2]))
    assert {name for name, _ in pasted} >= set(mends), [
        (found.check.name, found.verdict, found.figure) for found in found_wrong
    ]
    for _, command in pasted:
        _paste(command, code=None)
    after = {
        result.check.name: result.verdict
        for result in application.upkeep.quality_check(Deadline.after(_SECONDS, application.clock), alert=False)
    }
    assert {name: after[name] for name in mends} == dict.fromkeys(mends, "pass")
    client.close()
