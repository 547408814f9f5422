"""Delivers alerts to a Slack incoming webhook, within a few seconds and without ever raising.

The whole delivery (address, tries, waits) runs under one budget. It works on a thread of its own that is
waited for, because no socket timeout bounds a name lookup or a server that drips its answer. The address
is a secret: errors of the HTTP library quote it, so that only their type is reported.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import HTTPError

from alerts.alert import Alert
from alerts.blocks import as_text, slack_payload, slack_text
from alerts.webhook import WebhookSource, WebhookUnavailable, WebhookUrl
from foundation.clock import AlertTime, Clock, Deadline
from foundation.events import EventLog

_ATTEMPT_SECONDS = 2.5
_FIRST_PAUSE_SECONDS = 0.25
_LEAST_SECONDS = 0.2
_REVOKED = (403, 404, 410)
_REFUSED_BLOCKS = 400


class _Answer(NamedTuple):
    """How one try ended: a status, or the name of the error that came instead."""

    status: int | None
    text: str
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def worth_repeating(self) -> bool:
        return self.status is None or self.status == 429 or self.status >= 500


class SlackNotifier:
    """Sends each alert to Slack before returning.

    Args:
        webhook: where the address comes from.
        session: the HTTP session to use.
        events: receives `alert_sent` and `alert_failed`.
        clock: measures the budget.
        environment: named in each message, so that a test system is never taken for production.
        runbook_url: where the runbook is to be read; each message links its section.
        budget_seconds: the longest that `send` takes, everything included.
        time_left: how long alerts may take in all; what has no time left is logged as not sent.
        sleep: pauses between tries, in seconds.

    A 429 is tried again after its `Retry-After` and a 5xx or a broken connection after a short pause, as
    long as the budget lasts. A try whose answer was lost may have been delivered: a repeat is the lesser
    evil. If Slack refuses the blocks, the plain text is sent; if it refuses the address, the address is
    fetched anew, once.
    """

    def __init__(
        self,
        webhook: WebhookSource,
        session: requests.Session,
        events: EventLog,
        clock: Clock,
        *,
        environment: str,
        runbook_url: str = "",
        budget_seconds: float = 5.0,
        time_left: AlertTime | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._webhook = webhook
        self._session = session
        self._events = events
        self._clock = clock
        self._environment = environment
        self._runbook_url = runbook_url
        self._budget_seconds = budget_seconds
        self._time_left = time_left or AlertTime(clock)
        self._sleep = sleep

    def send(self, alert: Alert) -> bool:
        """Deliver the alert; False, and an `alert_failed` event, if that failed within the budget."""
        started = self._clock.monotonic()
        budget = self._time_left.left(self._budget_seconds)
        outcome: list[str | None] = []
        if budget < _LEAST_SECONDS:
            outcome.append("the invocation has no time left")
        else:
            worker = threading.Thread(
                target=self._deliver, args=(alert, outcome, budget), name="slack-alert", daemon=True
            )
            try:
                worker.start()
                worker.join(budget)
            except RuntimeError:
                outcome.append("no thread could be started")
        reason = outcome[0] if outcome else f"no answer within {budget:.3g} s"
        about: dict[str, Any] = {
            "check": alert.check,
            "alert_severity": alert.severity,
            "date": alert.date,
            "table": alert.table,
            "processor": alert.processor,
            "duration_ms": round((self._clock.monotonic() - started) * 1000),
        }
        if reason is None:
            self._events.emit("alert_sent", f"Alert sent: {alert.title}", **about)
            return True
        text = as_text(alert, environment=self._environment)
        self._events.emit("alert_failed", f"Alert not sent: {reason}", "ERROR", reason=reason, alert=text, **about)
        return False

    def _deliver(self, alert: Alert, outcome: list[str | None], budget: float) -> None:
        """Append None once delivered, else the reason, free of the address."""
        try:
            outcome.append(self._try_until_delivered(alert, Deadline.after(budget, self._clock)))
        except WebhookUnavailable as error:
            outcome.append(str(error))
        except Exception as error:  # noqa: BLE001 - an alert never harms the work; the text may hold the address
            outcome.append(type(error).__name__)

    def _try_until_delivered(self, alert: Alert, deadline: Deadline) -> str | None:
        url = self._webhook.get()
        payload = slack_payload(alert, environment=self._environment, runbook_url=self._runbook_url)
        pause = _FIRST_PAUSE_SECONDS
        plain = fetched_anew = False
        while True:
            answer = self._post(url, payload, timeout=min(_ATTEMPT_SECONDS, deadline.remaining()))
            if answer.delivered:
                return None
            wait = 0.0
            if answer.status == _REFUSED_BLOCKS and not plain:
                payload, plain = slack_text(alert, environment=self._environment, runbook_url=self._runbook_url), True
            elif answer.status in _REVOKED and not fetched_anew:
                self._webhook.forget()
                url, fetched_anew = self._webhook.get(), True
            elif answer.worth_repeating:
                wait = pause if answer.retry_after is None else answer.retry_after
                pause *= 2
            else:
                return answer.text
            if wait >= deadline.remaining():
                return answer.text
            self._sleep(wait)

    def _post(self, url: WebhookUrl, payload: Mapping[str, Any], *, timeout: float) -> _Answer:
        with _PathHidden(url):
            try:
                with self._session.post(
                    url.reveal(), json=payload, timeout=timeout, allow_redirects=False, stream=True
                ) as response:
                    text = url.hide_in(f"Slack answered {response.status_code} {_said(response)}".strip())
                    return _Answer(response.status_code, text, _seconds(response.headers.get("Retry-After")))
            except (requests.RequestException, OSError) as error:
                return _Answer(None, f"Slack was not reached ({type(error).__name__})")


class _PathHidden(logging.Filter):
    """While a request runs, keeps its path out of the HTTP library's own debug log."""

    _LOGGER = logging.getLogger("urllib3.connectionpool")

    def __init__(self, url: WebhookUrl) -> None:
        super().__init__()
        self._url = url

    def __enter__(self) -> None:
        self._LOGGER.addFilter(self)

    def __exit__(self, *_: object) -> None:
        self._LOGGER.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._url.hide_in(record.getMessage()), ()
        return True


class LogNotifier:
    """Stands in if no webhook is configured: the alert goes to the log, and counts as not delivered."""

    def __init__(self, events: EventLog, *, environment: str) -> None:
        self._events = events
        self._environment = environment

    def send(self, alert: Alert) -> bool:
        self._events.emit(
            "alert_not_configured",
            f"No Slack webhook is configured. {as_text(alert, environment=self._environment)}",
            "WARNING",
            check=alert.check,
            alert_severity=alert.severity,
            date=alert.date,
            table=alert.table,
            processor=alert.processor,
        )
        return False


def _said(response: requests.Response) -> str:
    """The first words of a refusal (`invalid_blocks`, `no_service`); never a reason to fail."""
    if response.ok:
        return ""
    try:
        return str(response.raw.read(200, decode_content=True).decode("utf-8", "replace")).strip()
    except (HTTPError, OSError):
        return ""


def _seconds(retry_after: str | None) -> float | None:
    """The header in seconds; None if it is absent or a date."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
