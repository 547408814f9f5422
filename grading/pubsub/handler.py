"""Decides what becomes of an event: acknowledged by returning, redelivered by raising `Transient`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts import event_messages
from alerts.alert import Notifier
from foundation.clock import Clock, Deadline
from foundation.errors import InvalidMessage, Permanent, Transient
from foundation.events import EventLog
from grading.catch_up_window import is_looked_at_next
from grading.outcome import Outcome, Status
from grading.processors import AGGREGATES, GRADING
from grading.pubsub.message import Envelope, GradeDate, RunTask, open_envelope, parse
from grading.run import Request
from grading.service import GradingService
from grading.settings import Settings

Task = Callable[[RunTask, Deadline], object]


class Redeliver(Transient):
    """At least one processor failed in a way that a repeat can mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHandler:
    """Handles one Pub/Sub event at a time.

    `after(outcomes)` runs when a date was graded; `flush()` runs last, whatever happened.
    """

    settings: Settings
    clock: Clock
    events: EventLog
    notifier: Notifier
    service: GradingService
    tasks: Mapping[str, Task]
    after: Callable[[list[Outcome]], None]
    flush: Callable[[], None]

    def handle(self, data: Mapping[str, Any], event_id: str = "", event_time: str = "") -> None:
        """Do what the event asks for.

        Returns where the event is done with: graded, satisfied, or refused for good (logged and alerted).
        Raises `Transient` where it should be delivered again.
        """
        deadline = Deadline.after(
            self.settings.function_timeout_seconds - self.settings.alert_reserve_seconds, self.clock
        )
        try:
            self._handle(data, event_id, event_time, deadline)
        except InvalidMessage as error:
            self.events.emit("event_rejected", str(error), "ERROR", event_id=event_id)
            self.notifier.send(event_messages.invalid_message(str(error), message_id=event_id))
        except Permanent as error:
            self.events.emit("event_failed", str(error), "ERROR", event_id=event_id)
            self.notifier.send(event_messages.event_failed(str(error), message_id=event_id))
        finally:
            self.flush()

    def _handle(self, data: Mapping[str, Any], event_id: str, event_time: str, deadline: Deadline) -> None:
        now = self.clock.now()
        envelope = open_envelope(data, event_id, event_time, now)
        command = parse(envelope, self.settings, self.tasks.keys(), now)
        age = now - envelope.published_at
        if age > timedelta(seconds=self.settings.event_max_age):
            self._give_up(command, envelope, age)
        elif isinstance(command, RunTask):
            self.events.emit("task_started", f"task {command.task}", task=command.task, event_id=envelope.message_id)
            self.tasks[command.task](command, deadline)
        else:
            self._grade(command, envelope, deadline)

    def _grade(self, command: GradeDate, envelope: Envelope, deadline: Deadline) -> None:
        request = Request(
            date=command.target_date,
            trigger_source=command.trigger_source,
            event_id=envelope.message_id,
            published_ms=envelope.published_ms,
        )
        self.events.emit(
            "run_started",
            f"grading {request.date}",
            date=request.date.isoformat(),
            event_id=envelope.message_id,
            trigger_source=request.trigger_source,
        )
        processors = (GRADING, *AGGREGATES) if command.run_aggregation else (GRADING,)
        outcomes = self.service.grade(request, processors, deadline)
        self.after(outcomes)
        failed = [o for o in outcomes if o.status is Status.FAILED and o.transient]
        if failed:
            raise Redeliver("; ".join(f"{o.processor} {o.date}: {o.detail}" for o in failed))

    def _give_up(self, command: GradeDate | RunTask, envelope: Envelope, age: timedelta) -> None:
        day = command.target_date.isoformat() if isinstance(command, GradeDate) else None
        seconds, longest = age.total_seconds(), self.settings.event_max_age
        text = f"the event is {seconds:.0f} s old, more than EVENT_MAX_AGE={longest:.0f} s: it is given up"
        self.events.emit("event_too_old", text, "ERROR", event_id=envelope.message_id, date=day)
        self.notifier.send(
            event_messages.event_too_old(
                day,
                age_seconds=seconds,
                max_age_seconds=longest,
                message_id=envelope.message_id,
                caught_up=isinstance(command, GradeDate)
                and is_looked_at_next(command.target_date, self.clock.now(), self.settings.local_date),
            )
        )
