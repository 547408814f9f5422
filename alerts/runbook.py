"""Which section of the runbook an alert is about."""

from __future__ import annotations

PATH = "docs/runbook.md"

# Checks whose section has another name.
_SECTIONS = {
    "partial_coverage": "partial",
    "processor_failed": "failed",
    "event_failed": "failed",
    "lock_failure": "lock-timeout",
    "breaker": "breaker-open",
    "alert_failed": "alerts-undelivered",
}


def section_of(check: str) -> str:
    """The anchor of a check's section: the check's own name, unless another section reports it."""
    return _SECTIONS.get(check, check)


def link_of(check: str, address: str) -> str:
    """Where to read about a check: a web address, if the runbook has one (RUNBOOK_URL), else a path in the source."""
    return f"{address or PATH}#{section_of(check)}"
