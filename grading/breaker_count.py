"""Counts how runs ended in the circuit breaker of their processor."""

from __future__ import annotations

from dataclasses import dataclass

from alerts import event_messages, upkeep_messages
from alerts.alert import Notifier
from foundation.events import EventLog
from grading.breaker import GradingCircuitBreaker
from grading.outcome import Outcome, Status
from grading.settings import Settings


@dataclass(frozen=True, slots=True)
class BreakerCount:
    """Counts runs, and tells a person of what only a row of them shows."""

    settings: Settings
    events: EventLog
    notifier: Notifier

    def count(self, breaker: GradingCircuitBreaker, outcome: Outcome) -> None:
        """Count the run in its breaker; whoever made it open or close reports it."""
        if outcome.unknown and not breaker.probing:
            self._count_unknown(breaker, outcome)
            return
        if outcome.status is Status.FAILED and outcome.transient:
            transition = breaker.record_failure(outcome.detail)
        else:
            transition = breaker.record_success()
        if transition == "opened":
            self.notifier.send(
                upkeep_messages.breaker_opened(
                    outcome.processor,
                    failures=self.settings.breaker_threshold,
                    cool_down_seconds=self.settings.breaker_cool_down_seconds,
                    error=outcome.detail,
                )
            )
        elif transition == "closed":
            self.notifier.send(upkeep_messages.breaker_closed(outcome.processor))

    def _count_unknown(self, breaker: GradingCircuitBreaker, outcome: Outcome) -> None:
        """What is not known may lie in the date: it does not stop others. Alike in a row, a person must know."""
        times = breaker.record_unknown(outcome.detail)
        if times >= self.settings.breaker_threshold:
            self.events.emit(
                "unknown_error_repeats",
                f"{outcome.processor} failed {times} times alike in a row: {outcome.detail}",
                "CRITICAL",
                processor=outcome.processor,
                date=outcome.date.isoformat(),
            )
            threshold = self.settings.breaker_threshold
            self.notifier.send(
                event_messages.unexpected_error(outcome.detail, where=outcome.processor, times=threshold)
            )
