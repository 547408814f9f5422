"""The five situations of the worst hour, each from its Slack message to cause and cure in at most three commands.

A person reads dates from the message, and types what the message, the runbook's first line (`explain DATE`) or the
output before names. `tests/golden/worst-hour.md` is the record.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from foundation import figures
from foundation.clock import Deadline
from grading.cli import commands
from grading.outcome import Outcome, Status
from grading.outcome_alerts import alerts_of
from grading.processors import GRADING
from grading.run import Request, Run
from grading.writing.validate import validate
from localdev.bigquery import BigQueryEmulator
from localdev.slack_sink import SlackSink, plain_text
from tests.integration.damaged import count
from tests.integration.prepared import DAMAGED, DAYS, LATE, PLAYERS, Prepared, prepare
from tests.integration.slate import box_scores, load, predictions

GOLDEN = Path(__file__).parents[1] / "golden" / "worst-hour.md"
WAITING = date(2026, 1, 11)
AT_MOST = 3
_SECONDS = 90.0
_COMMAND = re.compile(r"^ +python -m (grading .+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is wrong, what the person reads as its cause, and by what it is seen to be over.

    `alerted` lets the service send its message; `day` is what a person reads in it; `meanwhile` happens after the
    first command. `looks` is typed first: the message's own command if it is None.
    """

    name: str
    alerted: Callable[[Prepared], object]
    check: str
    looks: str | None = None
    cause: str
    meanwhile: Callable[[Prepared], object] | None = None
    state: Callable[[Prepared], str]


def _validated(state: Prepared) -> None:
    """A run's check after the write finds what another program wrote."""
    application = state.application
    deadline = Deadline.after(_SECONDS, application.clock)
    run = Run.start(GRADING, Request(date=DAMAGED), application.settings, application.warehouse, deadline)
    found = Outcome(
        processor=GRADING.name, date=DAMAGED, status=Status.SUCCESS, run_id=run.run_id, duplicates=validate(run)
    )
    for alert in alerts_of(run, found, application.clock.now().date()):
        application.notifier.send(alert)


def _waits(state: Prepared) -> None:
    load(state.client, state.application.settings, predictions(WAITING, PLAYERS), [])
    application = state.application
    application.service.run(GRADING, Request(date=WAITING), Deadline.after(_SECONDS, application.clock))


def _hangs(state: Prepared) -> None:
    state.free()
    state.lock(f"{DAYS[0]}", 700, operation=f"prediction_accuracy:{DAYS[0]}:schedule")
    state.application.upkeep.stuck_locks()


def _checked(state: Prepared) -> None:
    state.application.upkeep.quality_check(Deadline.after(_SECONDS, state.application.clock))


def _unfinished(state: Prepared) -> None:
    state.application.upkeep.unfinished_backfills(Deadline.after(_SECONDS, state.application.clock))


def _grades(day: date) -> Callable[[Prepared], str]:
    def of(state: Prepared) -> str:
        target = state.application.settings.target(GRADING.name)
        return f"{count(state.client, f'SELECT COUNT(*) FROM `{target}` WHERE game_date = {day.isoformat()!r}')} grades"

    return of


def _locks(state: Prepared) -> str:
    return figures.counted(len(state.application.lock_store.list("grading_locks", timeout=5)), "lock")


def _left(_: Prepared) -> str:
    listed = _type("grading backfill --unfinished")
    return "a backfill is unfinished" if "--resume" in listed else "none is unfinished"


SITUATIONS = (
    Situation(
        name="duplicates", alerted=_validated, check="duplicates", looks=f"grading explain {DAMAGED}",
        cause="3 of its business keys have more than one row", state=_grades(DAMAGED),
    ),
    Situation(
        name="a date is missing", alerted=_checked, check="quality_grading_completeness",
        looks=f"grading explain {LATE}", cause="It is behind its inputs", state=_grades(LATE),
    ),
    Situation(
        name="a lock is stuck", alerted=_hangs, check="stuck_lock", cause="worker-7", state=_locks,
    ),
    Situation(
        name="a backfill died", alerted=_unfinished, check="backfill_unfinished", looks="grading backfill --unfinished",
        cause="2026-01-15", state=_left,
    ),
    Situation(
        name="box scores are late", alerted=_waits, check="no_actuals", looks=f"grading explain {WAITING}",
        cause="predictions wait: no box score is in yet",
        meanwhile=lambda state: load(state.client, state.application.settings, [], box_scores(WAITING, PLAYERS)),
        state=_grades(WAITING),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def state(
    bigquery_emulator: BigQueryEmulator, slack: SlackSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    prepared = prepare(bigquery_emulator, tmp_path_factory.mktemp("worst"), slack_webhook_url=slack.url)
    yield prepared
    prepared.client.close()


def _type(command: str) -> str:
    """What a command prints; questions are answered with yes."""
    result = CliRunner().invoke(commands, shlex.split(command)[1:], prog_name="python -m grading", input="y\n")
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.timeout(600)
def test_each_takes_at_most_three_commands_from_its_message_to_the_cure(
    state: Prepared, slack: SlackSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["grading.cli.output"], "application_for_terminal", lambda *_: state.application)
    table = io.StringIO()
    table.write("# The worst hour: from the Slack message to the cure\n\n")
    table.write("| situation | message | commands typed | cause, as it was read | before | after |\n")
    table.write("|---|---|---|---|---|---|\n")
    for situation in SITUATIONS:
        sent = len(slack.delivered)
        situation.alerted(state)
        messages = [plain_text(message) for message in slack.delivered[sent:]]
        message = next(text for text in messages if f"Check: {situation.check}\n" in text)
        named = _COMMAND.findall(message)
        before = situation.state(state)
        first = situation.looks or named[-1]
        for day in re.findall(r"\d{4}-\d\d-\d\d", first):
            assert day in message, f"{situation.name}: a person cannot know {day}"
        typed = [first]
        said = _type(first)
        assert situation.cause in " ".join(said.split()), f"{situation.name}: {said}"
        if situation.meanwhile:
            situation.meanwhile(state)
            typed.append(first)
            said = _type(first)
        typed.append(_COMMAND.findall(said)[-1])
        _type(typed[-1])
        after = situation.state(state)
        assert after != before, f"{situation.name}: {typed} changes nothing"
        assert len(typed) <= AT_MOST, typed
        shown = "<br>".join(f"`python -m {command}`" for command in typed)
        table.write(f"| {situation.name} | {situation.check} | {shown} | {situation.cause} | {before} | {after} |\n")
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(table.getvalue(), encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == table.getvalue()
