"""What an alert is, and what can carry one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

AlertSeverity = Literal["INFO", "WARNING", "CRITICAL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message to the person on call, free of any transport.

    `check` names what was checked (`duplicates`, `lock_failure`, `shrunk`, …); with `table` and `date` it
    identifies the alert, so that it can be grouped and resolved. `subject` distinguishes alerts that share
    these (two unreadable messages). `what_happened` says what became of the write; `next_command` is what
    to type next. `repeats` is True for news that is reported each time (a backfill ended), False for a state
    that is reported once until it changes. `grows` is True for a state that is reported again only if `count` grew.

    `lasting` is True for a state that lasts for days, such as what a daily check found. It is reported again only if it
    gets worse: a higher severity, twice the count, or one of `names` that was not there before. Time alone, a smaller
    count or a name that is gone is no news.
    """

    check: str
    severity: AlertSeverity
    title: str
    what_happened: str
    date: str | None = None
    table: str | None = None
    processor: str | None = None
    subject: str | None = None
    count: int | None = None
    facts: Sequence[tuple[str, str]] = ()
    samples: Sequence[str] = ()
    next_command: str | None = None
    repeats: bool = False
    grows: bool = False
    lasting: bool = False
    names: Sequence[str] = ()


class Notifier(Protocol):
    """Carries alerts. Must return within a few seconds and must not raise: an alert never harms the work."""

    def send(self, alert: Alert) -> bool:
        """Deliver before returning; False if it could not be delivered (which is logged)."""


class Resolver(Protocol):
    """A notifier that also remembers which alerts are open."""

    def resolve(self, check: str, table: str | None, date: str | None, subject: str | None = None) -> bool:
        """Report that a check passes again, if an alert of it was open; True if one was."""
