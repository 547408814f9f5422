"""Decides what becomes of an event: acknowledged by returning, redelivered by raising `Transient`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from alerts import event_messages
from alerts.alert import Notifier
from foundation.clock import AlertTime, Clock, Deadline
from foundation.errors import InvalidMessage, Permanent, Transient
from foundation.events import EventLog
from foundation.text import valid, whole
from grading.catch_up_window import is_looked_at_next
from grading.memory import Memory
from grading.outcome import Outcome, Status
from grading.processors import AGGREGATES, GRADING
from grading.pubsub.message import Envelope, GradeDate, Header, RunTask, open_header, parse
from grading.run import Request
from grading.service import GradingService
from grading.settings import Settings

# Of an invocation's time, for what comes after its alerts.
_ANSWER_SECONDS = 1.0

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
    memory: Memory
    alert_time: AlertTime

    def handle(self, data: Mapping[str, Any], event_id: str = "", event_time: str = "") -> None:
        """Do what the event asks for.

        Returns if the event is done with: graded, satisfied, or refused for good (logged and alerted).
        Raises `Transient` if it should be delivered again; so does any error that nobody has foreseen, after it was
        logged whole and alerted once. All of it ends within FUNCTION_TIMEOUT_SECONDS, alerts included.
        """
        self.alert_time.end_within(self.settings.function_timeout_seconds - _ANSWER_SECONDS)
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
        except Transient:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {valid(str(error))}"
            self.events.emit("unexpected_error", text, "CRITICAL", event_id=event_id, stack_trace=whole(error))
            self.notifier.send(event_messages.unexpected_error(text, where="the event's handler", message_id=event_id))
            raise
        finally:
            self.flush()

    def _handle(self, data: Mapping[str, Any], event_id: str, event_time: str, deadline: Deadline) -> None:
        now = self.clock.now()
        header = open_header(data, event_id, event_time, now)
        published_at = header.published_at or self.memory.first_seen(header.message_id)
        age = now - published_at
        if age > timedelta(seconds=self.settings.event_max_age):
            self._give_up(header, published_at, age)
            return
        envelope = header.envelope(published_at)
        command = parse(envelope, self.settings, self.tasks.keys(), now)
        if isinstance(command, RunTask):
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

    def _give_up(self, header: Header, published_at: datetime, age: timedelta) -> None:
        day = self._date_of(header, published_at)
        seconds, longest = age.total_seconds(), self.settings.event_max_age
        text = f"the event is {seconds:.0f} s old, more than EVENT_MAX_AGE={longest:.0f} s: it is given up"
        self.events.emit("event_too_old", text, "ERROR", event_id=header.message_id, date=day)
        self.notifier.send(
            event_messages.event_too_old(
                day,
                age_seconds=seconds,
                max_age_seconds=longest,
                message_id=header.message_id,
                caught_up=day is not None
                and is_looked_at_next(date.fromisoformat(day), self.clock.now(), self.settings.local_date),
            )
        )

    def _date_of(self, header: Header, published_at: datetime) -> str | None:
        """The date that an event is about, if it can be read: an event that cannot be read gets too old, too."""
        try:
            command = parse(header.envelope(published_at), self.settings, self.tasks.keys(), self.clock.now())
        except Exception:  # noqa: BLE001 - whatever it is that cannot be read, the event ends here
            return None
        return command.target_date.isoformat() if isinstance(command, GradeDate) else None
