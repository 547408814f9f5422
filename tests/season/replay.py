"""Runs a season day by day, as the schedule would, and keeps each message with the day on which it was sent.

It uses only what earlier versions of the service have as well, so that the same replay can be run on one of them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from google.cloud import bigquery

from alerts.alert import Alert
from foundation.clock import Deadline, SystemClock
from grading.processors import PROCESSORS
from grading.run import Request
from grading.settings import Settings
from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.load import create_input_tables, load_rows
from localdev.slate import BOX_SCORES, INJURY_REPORT, PREDICTIONS, Row
from locking import sqlite_store
from tests.season import plan as plans
from tests.season.plan import Game, Plan, day_of, games

_SECONDS = 290.0
_NEW_YORK = ZoneInfo("America/New_York")
_CORRECTED_AFTER = 12


class _Clock(SystemClock):
    """The machine's clock, but for the wall time, which the replay sets."""

    wall = datetime(2025, 10, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, and the number of the day on which it was sent."""

    day: int
    alert: Alert

    @property
    def state(self) -> tuple[object, ...]:
        """What it reports: two messages with one state say the same twice."""
        alert = self.alert
        return (alert.check, alert.table, alert.date, alert.subject, alert.severity, alert.title, *alert.samples[:20])


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Every message of a season."""

    plan: Plan
    messages: Sequence[Message]

    @property
    def by_kind(self) -> Mapping[str, list[Message]]:
        """Messages by check; the end of a state is a kind of its own."""
        found: dict[str, list[Message]] = defaultdict(list)
        for message in self.messages:
            over = " (over)" if message.alert.title.startswith("Resolved:") else ""
            found[message.alert.check + over].append(message)
        return dict(sorted(found.items()))

    @property
    def reported_twice(self) -> list[Message]:
        """Messages that say what an earlier one said."""
        counted = Counter[tuple[object, ...]]()
        twice = []
        for message in self.messages:
            counted[message.state] += 1
            if counted[message.state] > 1:
                twice.append(message)
        return twice

    def first(self, checks: Sequence[str], since: int) -> int | None:
        """The day of the first message of one of these checks that day `since` or later, its end not counted."""
        days = [
            message.day
            for message in self.messages
            if message.alert.check in checks and message.day >= since and "Resolved" not in message.alert.title
        ]
        return min(days, default=None)

    @property
    def incidents(self) -> Mapping[str, tuple[int, int | None]]:
        """For each incident, the day on which it could be seen first, and that on which it was reported."""
        duplicates = ("quality_recent_duplicate_keys", "duplicates", "duplicate_trend")
        game = ("quality_silent_games", "silent_game", "games_ungraded", "partial_coverage")
        plan = self.plan
        seen = {
            "accident": (plan.copied, duplicates),
            "outage": (plan.outage[0] + 1, ("quality_freshness", "no_predictions")),
            "silent game": (plan.silent + 1, game),
        }
        return {name: (day, self.first(checks, day)) for name, (day, checks) in seen.items()}

    def table(self) -> Iterator[str]:
        """The messages by kind, and when the incidents were reported."""
        yield f"{'message':<44}{'sent':>5}  days"
        for kind, messages in self.by_kind.items():
            days = [str(message.day) for message in messages]
            shown = ", ".join(days[:6]) + (f", and {len(days) - 6} more" if len(days) > 6 else "")
            yield f"{kind:<44}{len(messages):>5}  {shown}"
        yield f"{'all':<44}{len(self.messages):>5}  of which reported twice: {len(self.reported_twice)}"
        for name, (day, reported) in self.incidents.items():
            when = "never reported" if reported is None else f"reported on day {reported}"
            yield f"{name}: could be seen on day {day}, {when}"


def replay(
    settings: Settings, client: bigquery.Client, plan: Plan, tell: Callable[[str], None] = lambda _line: None
) -> Replayed:
    """Grade a season in tables of its own. The lock store's time is the replay's, so that a day is a day to it."""
    clock = _Clock()
    real_now = sqlite_store._now

    def stored_now(database: sqlite3.Connection) -> int:
        (last,) = database.execute("SELECT version FROM clock").fetchone()
        return max(round(clock.wall.timestamp() * 1_000_000), int(last))

    sqlite_store._now = stored_now
    try:
        return _Replay(settings, client, plan, clock, tell).run()
    finally:
        sqlite_store._now = real_now


class _Replay:
    def __init__(
        self, settings: Settings, client: bigquery.Client, plan: Plan, clock: _Clock, tell: Callable[[str], None]
    ) -> None:
        known = {setting.name for setting in fields(Settings)}
        breaks = f"{day_of(plan.breaks[0])}/{day_of(plan.breaks[1])}"
        chosen: dict[str, Any] = {"season_breaks": breaks} if "season_breaks" in known else {}
        self.settings = replace(settings, **chosen)
        self.client, self.plan, self.clock, self.tell = client, plan, clock, tell
        self.messages: list[Message] = []
        self.day = 0
        self.application = Application(self.settings, clock=clock, sinks=(), notifier=self)

    def send(self, alert: Alert) -> bool:
        self.messages.append(Message(day=self.day, alert=alert))
        return True

    def run(self) -> Replayed:
        create_input_tables(self.client, self.settings)
        create_tables(self.settings, self.application.jobs("init", _SECONDS))
        for number in range(1, self.plan.days + 1):
            self._one_day(number)
            if number % 10 == 0:
                kinds = Counter(message.alert.check for message in self.messages)
                self.tell(f"day {number} of {self.plan.days}: {len(self.messages)} messages, {dict(kinds)}")
        self.application.bigquery_client.close()
        return Replayed(plan=self.plan, messages=self.messages)

    def _one_day(self, number: int) -> None:
        """The morning after date `number - 1`: inputs, the scheduled run, late inputs, catch-up, the checks."""
        plan, self.day = self.plan, number
        self._arrive(number, "early")
        self._at(number, time(6, 30))
        self._grade(day_of(number - 1))
        self._arrive(number, "late")
        self._at(number, time(11, 0))
        self.application.catch_up.run(7, self._deadline())
        self._at(number, time(12, 0))
        self.application.upkeep.quality_check(self._deadline(), alert=True)
        if day_of(number).weekday() == 0:
            self.application.upkeep.duplicate_trend(self._deadline())
        self._at(number, time(15, 0))
        if number == plan.copied:
            target = self.settings.target("prediction_accuracy")
            self._execute(
                f"INSERT INTO `{target}` SELECT * FROM `{target}` WHERE game_date = '{day_of(plan.accident)}'"
            )
        # What the person on call does, a day after it could be known.
        if number == plan.copied + 1:
            self._grade(day_of(plan.accident))
        if number == plan.corrected + _CORRECTED_AFTER + 1:
            self._grade(day_of(plan.corrected))

    def _arrive(self, number: int, when: str) -> None:
        """Load what comes before the scheduled run of a day (`early`), or after it and before catch-up (`late`)."""
        plan, last = self.plan, number - 1
        predicted: list[Row] = []
        played: list[Game] = []
        if when == "early":
            if not plan.in_outage(number):
                predicted += plans.predictions(plan, number)
            if number == 1:
                predicted += plans.predictions(plan, 0)
            load_rows(self.client, self.settings, INJURY_REPORT, list(plans.injury_report(plan, last)))
            if last - 1 in plan.late_days:
                played += games(plan, last - 1)
            played += [game for game in games(plan, last) if self._comes(game) == "early"]
        else:
            played += [game for game in games(plan, last) if self._comes(game) == "late"]
            if last == plan.outage[1]:
                for lost in range(plan.outage[0], plan.outage[1] + 1):
                    predicted += plans.predictions(plan, lost)
                    played += games(plan, lost)
            if number == plan.corrected + _CORRECTED_AFTER:
                box = self.settings.input_table("box_scores_table")
                self._execute(f"UPDATE `{box}` SET points = points + 2 WHERE game_date = '{day_of(plan.corrected)}'")
        load_rows(self.client, self.settings, PREDICTIONS, predicted)
        rows = [row for game in played for row in plans.box_scores(plan, game)]
        load_rows(self.client, self.settings, BOX_SCORES, rows)

    def _comes(self, game: Game) -> str:
        plan, number = self.plan, game.number
        if plan.in_outage(number) or number in plan.late_days or (number == plan.silent and game.index == 0):
            return "not on its morning"
        return "late" if number in plan.late_hours or (number in plan.half_late and game.index % 2) else "early"

    def _grade(self, day: date) -> None:
        self.application.service.grade(Request(date=day, trigger_source="schedule"), PROCESSORS, self._deadline())

    def _at(self, number: int, when: time) -> None:
        self.clock.wall = datetime.combine(day_of(number), when, _NEW_YORK).astimezone(UTC)

    def _deadline(self) -> Deadline:
        return Deadline.after(_SECONDS, self.clock)

    def _execute(self, sql: str) -> None:
        self.client.query_and_wait(sql, api_timeout=60)
