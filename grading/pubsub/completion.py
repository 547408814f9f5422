"""Publishes a message when a date is done, for what comes after grading."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from foundation.events import EventLog
from grading.outcome import Outcome, Status
from grading.processors import GRADING

_ANSWER_SECONDS = 5.0


class Publisher(Protocol):
    """The part of Google's Pub/Sub publisher that is used."""

    def publish(self, topic: str, data: bytes) -> Future[str]: ...


@dataclass(frozen=True, slots=True)
class Completion:
    """Publishes `{"date", "status", "rows", "run_id"}` to a topic once a date has been graded.

    At least once: an event that is delivered again is reported again, as `superseded`. A date that failed and will
    be tried again is not reported yet. A topic that does not answer is logged, and harms nothing.

    Args:
        publisher: builds the client, when there is something to publish.
        topic: `projects/{project}/topics/{topic}`, or a topic of `project`.
        project: where a bare topic name belongs.
        events: logs what was published, or could not be.
    """

    publisher: Callable[[], Publisher]
    topic: str
    project: str
    events: EventLog

    def announce(self, outcomes: Sequence[Outcome]) -> None:
        """Publish a date's outcomes. Never raises; waits at most 5 s."""
        graded = next((outcome for outcome in outcomes if outcome.processor == GRADING.name), None)
        if not self.topic or graded is None or any(_comes_again(outcome) for outcome in outcomes):
            return
        day = graded.date.isoformat()
        message = {"date": day, "status": graded.status.value, "rows": graded.rows_inserted, "run_id": graded.run_id}
        try:
            sent = self.publisher().publish(self._topic_path(), json.dumps(message).encode())
            # Before the function returns: afterwards its process may be frozen.
            sent.result(timeout=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 - the date is graded, whoever hears of it
            self.events.emit("completion_failed", f"{self.topic} did not receive {day}: {error}", "ERROR", date=day)
        else:
            self.events.emit("completion_published", f"{self.topic} received {day}", date=day)

    def _topic_path(self) -> str:
        return self.topic if "/" in self.topic else f"projects/{self.project}/topics/{self.topic}"


def _comes_again(outcome: Outcome) -> bool:
    return outcome.status is Status.FAILED and outcome.transient
