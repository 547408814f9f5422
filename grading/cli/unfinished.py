"""Backfills that have something left, and the locks that their dead runs left behind."""

from __future__ import annotations

from collections.abc import Sequence

from foundation import figures
from grading.cli.output import Column, Output
from grading.dates.unfinished import UnfinishedBackfill, locks_of, unfinished_backfills
from grading.processors import PROCESSORS
from grading.wiring import Application
from locking.status import LockStatus

_READ_SECONDS = 300.0

_COLUMNS: tuple[Column[UnfinishedBackfill], ...] = (
    Column(name="start", heading="First", value=lambda found: found.start, whole=True),
    Column(name="end", heading="Last", value=lambda found: found.end, whole=True),
    Column(name="done", heading="Runs done", value=lambda found: found.done, number=True),
    Column(name="left", heading="Left", value=lambda found: found.left, number=True),
    Column(name="last_seen", heading="Last run (UTC)", value=lambda found: found.last_seen),
    Column(name="at_work", heading="State", value=lambda found: "at work" if found.at_work else "ended"),
    Column(name="resume_command", heading="Resume", value=lambda found: found.resume_command, show=lambda _: ""),
)


def held_locks(application: Application) -> list[LockStatus]:
    """The locks that grading runs hold."""
    types = dict.fromkeys(processor.lock_type for processor in PROCESSORS)
    return [lock for lock_type in types for lock in application.lock(lock_type).list_locks()]


def list_unfinished(out: Output) -> None:
    """Show the backfills with something left, each with the command that goes on with it."""
    application = out.application
    with out.waiting("Reading the backfills of the last 14 days"):
        found = unfinished_backfills(
            application.settings, application.jobs("unfinished", _READ_SECONDS), held_locks(application)
        )
    out.table("unfinished", _COLUMNS, found, empty="No backfill of the last 14 days has anything left.")
    for backfill in found:
        out.line("It is at work; should it die:" if backfill.at_work else f"To go on with {backfill.range_text}:")
        out.command(backfill.resume_command)


def tell_who_is_waited_for(out: Output, trigger: str, locks: Sequence[LockStatus]) -> None:
    """Say which locks the earlier process of a backfill left behind, and how long they can last."""
    held = locks_of(trigger, locks)
    if not held:
        return
    longest = max(max(0.0, lock.lease_seconds - lock.heartbeat_age_seconds) for lock in held)
    holders = sorted({f"process {lock.process} on {lock.host}" for lock in held})
    keys = ", ".join(sorted(lock.lock_key for lock in held))
    out.fact("waits_for", [{"lock_key": lock.lock_key, "host": lock.host, "process": lock.process} for lock in held])
    if longest:
        out.line(
            f"{keys}: locked by the earlier {' and '.join(holders)}. If that is dead, its "
            f"{'lease ends' if len(held) == 1 else 'leases end'} within {figures.span(longest)}; the other dates go on "
            "meanwhile."
        )
    else:
        out.line(f"{keys}: the locks of the earlier {' and '.join(holders)} have expired, and are taken over at once.")
