"""Reports a state once: not again until it changes or a day has passed, and once more when it is over.

What was told is one document per fingerprint (environment, table, check, date) in the lock's store, so that
all instances share it. A telling is three steps: claim the document by compare-and-swap, deliver, mark it
told. Of two instances at once one wins the claim and delivers. A delivery that fails is owed: the next
occurrence is reported again. A claim whose process died is void after a minute. Ages are the server's. Whenever
the store does not answer, the alert is delivered: to repeat is a lesser evil than to be silent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from alerts import messages
from alerts.alert import Alert, Notifier
from foundation.clock import AlertTime, Clock
from foundation.errors import LockStoreUnavailable
from foundation.events import EventLog
from locking.shared_state import update
from locking.store import Document, DocumentStore, Fields, Key, StoreContended

COLLECTION = "grading_alerts"

AlertState = Literal["telling", "told", "owed", "resolving"]

_ATTEMPTS = 5
_SEVERITIES = ("INFO", "WARNING", "CRITICAL")
_LEAST_SECONDS = 0.1
_KEPT_FOR = timedelta(days=90)


class _Claim(NamedTuple):
    """The document is ours until this version moves; `before` is what it said."""

    key: Key
    version: int
    before: Document | None


class SuppressingNotifier:
    """A `Notifier` in front of another one.

    Args:
        inner: what delivers.
        store: where it is kept what was reported.
        events: receives `alert_suppressed` and `alert_state_unavailable`.
        clock: for the documents' expiry alone; no age is judged by it.
        environment: part of the fingerprint.
        interval_seconds: after which an unchanged alert is reported again.
        claim_seconds: how long a delivery may take; after it, a claim counts as abandoned.
        store_timeout_seconds: the longest wait for one answer of the store.
        time: how long alerts may take in all.
    """

    def __init__(
        self,
        inner: Notifier,
        store: DocumentStore,
        events: EventLog,
        clock: Clock,
        *,
        environment: str,
        interval_seconds: float = 86_400.0,
        claim_seconds: float = 60.0,
        store_timeout_seconds: float = 2.0,
        time: AlertTime | None = None,
    ) -> None:
        self._inner = inner
        self._store = store
        self._events = events
        self._clock = clock
        self._environment = environment
        self._interval_seconds = interval_seconds
        self._claim_seconds = claim_seconds
        self._timeout = store_timeout_seconds
        self._time = time or AlertTime(clock)

    def send(self, alert: Alert) -> bool:
        """Deliver unless it was reported already. True if it was delivered, now or before."""
        if alert.repeats:
            return self._inner.send(alert)
        key = self._key(alert.check, alert.table, alert.date, alert.subject)
        try:
            claim = self._claim_telling(key, alert)
        except LockStoreUnavailable as error:
            self._unavailable(alert.check, error)
            return self._inner.send(alert)
        if claim is None:
            self._narrow(key, alert)
            self._events.emit(
                "alert_suppressed",
                f"Reported already: {alert.title}",
                check=alert.check,
                table=alert.table,
                date=alert.date,
                fingerprint=key.document_id,
            )
            return True
        before = claim.before
        delivered = self._inner.send(_in_conversation(alert, before))
        self._conclude(claim, self._fields(alert, "told", before) if delivered else _still(claim.before, "owed"))
        return delivered

    def resolve(self, check: str, table: str | None, date: str | None, subject: str | None = None) -> bool:
        """The check passes: say so once, if an alert of it was reported. True if that was delivered now."""
        key = self._key(check, table, date, subject)
        try:
            claim = self._claim_resolving(key)
        except LockStoreUnavailable as error:
            self._unavailable(check, error)
            return False
        if claim is None or claim.before is None:
            return False
        first = _first(claim.before)
        delivered = self._inner.send(messages.resolved(check, table=table, date=date, title=first))
        self._conclude(claim, None if delivered else _still(claim.before, "told"))
        return delivered

    @property
    def _call_seconds(self) -> float:
        return max(_LEAST_SECONDS, self._time.left(self._timeout))

    def _claim_telling(self, key: Key, alert: Alert) -> _Claim | None:
        """The claim to report this alert; None if it is reported, or being reported, in the same words."""

        def claim(document: Document | None) -> Fields | None:
            known = document is not None and not self._is_news(alert, document)
            return None if known else self._fields(alert, "telling", document)

        return self._claim(key, claim)

    def _is_news(self, alert: Alert, document: Document) -> bool:
        told = document.fields
        if alert.grows and told.get("state") == "told":
            return (alert.count or 0) > int(told.get("count") or 0)
        if alert.lasting:
            if self._is_worse(alert, told):
                return True
        elif (told.get("count"), told.get("severity")) != (alert.count, alert.severity):
            return True
        match told.get("state"):
            case "telling":
                return document.age_seconds > self._claim_seconds
            case "told":
                return not alert.lasting and document.age_seconds > self._interval_seconds
            case _:
                # Owed, or back again while its end is being reported.
                return True

    @staticmethod
    def _is_worse(alert: Alert, told: Fields) -> bool:
        return (
            bool(set(alert.names) - _names(told))
            or (alert.count or 0) >= 2 * int(told.get("count") or 0) > 0
            or _SEVERITIES.index(alert.severity) > _SEVERITIES.index(told.get("severity") or "INFO")
        )

    def _narrow(self, key: Key, alert: Alert) -> None:
        """Drop the names that are gone: if one comes back, it is news."""

        def narrowed(document: Document | None) -> Fields | None:
            if document is None or document.fields.get("state") != "told":
                return None
            gone = _names(document.fields) - set(alert.names)
            return {**document.fields, "names": "\n".join(alert.names)} if gone else None

        try:
            if alert.lasting:
                update(self._store, key, narrowed, timeout=self._call_seconds)
        except LockStoreUnavailable as error:
            self._unavailable(alert.check, error)

    def _claim_resolving(self, key: Key) -> _Claim | None:
        """The claim to report the end; None if nothing was reported, or someone else reports the end."""

        def claim(document: Document | None) -> Fields | None:
            if document is None:
                return None
            in_flight = document.fields.get("state") in ("telling", "resolving")
            if in_flight and document.age_seconds <= self._claim_seconds:
                return None
            return {**document.fields, "state": "resolving"}

        return self._claim(key, claim)

    def _claim(self, key: Key, claim: Callable[[Document | None], Fields | None]) -> _Claim | None:
        made = update(self._store, key, claim, timeout=self._call_seconds)
        return None if made is None else _Claim(key, made.version, made.before)

    def _conclude(self, claim: _Claim, fields: Fields | None) -> None:
        """Write the outcome, or delete what is over; a failure leaves a claim that is void after a minute."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if fields is None:
                    self._store.delete(claim.key, if_version=claim.version, timeout=self._call_seconds)
                else:
                    self._store.replace(claim.key, fields, if_version=claim.version, timeout=self._call_seconds)
                return
            except LockStoreUnavailable as error:
                if not isinstance(error, StoreContended) or attempt == _ATTEMPTS:
                    self._unavailable(claim.key.document_id, error)
                    return

    def _fields(self, alert: Alert, state: AlertState, before: Document | None) -> dict[str, Any]:
        told = {} if before is None else before.fields
        now = self._clock.now()
        return {
            "first_title": told.get("first_title") or told.get("title") or alert.title,
            "first_at": told.get("first_at") or now,
            "state": state,
            "environment": self._environment,
            "check": alert.check,
            "table": alert.table,
            "date": alert.date,
            "count": alert.count,
            "severity": alert.severity,
            "names": "\n".join(alert.names),
            "title": alert.title,
            "expires_at": now + _KEPT_FOR,
        }

    def _key(self, check: str, table: str | None, date: str | None, subject: str | None) -> Key:
        parts = [self._environment, table, check, date, *([subject] if subject is not None else [])]
        exact = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", "_".join(part or "" for part in parts))
        return Key(COLLECTION, f"{readable[:100]}_{exact}")

    def _unavailable(self, about: str, error: LockStoreUnavailable) -> None:
        self._events.emit(
            "alert_state_unavailable",
            f"It is not known what was reported before: {error}",
            "WARNING",
            check=about,
            error=type(error).__name__,
        )


def _names(told: Fields) -> set[str]:
    return set(str(told.get("names") or "").split("\n")) - {""}


def _first(document: Document) -> str | None:
    """The alert that first reported a state: its title, and when that was."""
    title = document.fields.get("first_title") or document.fields.get("title")
    at = document.fields.get("first_at")
    if not title:
        return None
    return f"{title} (reported {at:%Y-%m-%d %H:%M} UTC)" if isinstance(at, datetime) else str(title)


def _in_conversation(alert: Alert, before: Document | None) -> Alert:
    """The alert as a further message about a state that was reported before; as it is, if it is the first."""
    first = None if before is None else _first(before)
    return alert if first is None else replace(alert, facts=[*alert.facts, ("First reported as", first)])


def _still(before: Document | None, state: AlertState) -> Fields | None:
    """What the document said before, in another state; None if there was none."""
    return None if before is None else {**before.fields, "state": state}
