"""`python -m grading locks`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from foundation import commands, figures
from grading.cli.options import DAY, GivenDay
from grading.cli.output import Column, Output, fail, with_output
from grading.maintenance.stuck_locks import LOCK_TYPES, alert_stuck_locks
from grading.wiring import Application
from locking.status import LockStatus
from locking.stuck import StuckLock, check_for_stuck_locks

_STYLES = {"live": "green", "expired": "yellow", "stuck": "red"}
# What may be a date: a key that is none, such as a table's name, is left as it is.
_DATE_LIKE = re.compile(r"today|yesterday|\d{4}-\d{2}-\d{2}")

_LOCKS: tuple[Column[LockStatus], ...] = (
    Column(name="lock_type", heading="Type", value=lambda lock: lock.lock_type),
    Column(name="lock_key", heading="Key", value=lambda lock: lock.lock_key),
    Column(name="state", heading="State", value=lambda lock: lock.state, style=lambda lock: _STYLES[lock.state]),
    Column(name="host", heading="Host", value=lambda lock: lock.host),
    Column(name="process", heading="Process", value=lambda lock: lock.process, show=str, number=True),
    Column(
        name="held_seconds", heading="Held", value=lambda lock: round(lock.held_seconds, 1), show=figures.span,
        number=True,
    ),
    Column(
        name="heartbeat_age_seconds", heading="Renewed", value=lambda lock: round(lock.heartbeat_age_seconds, 1),
        show=lambda seconds: f"{figures.span(seconds)} ago", number=True,
    ),
    Column(name="operation_id", heading="Operation", value=lambda lock: lock.operation_id, wide=True),
    Column(name="holder_id", heading="Holder", value=lambda lock: lock.holder_id, wide=True),
    Column(name="token", heading="Token", value=lambda lock: lock.token, show=str, number=True, wide=True),
)  # fmt: skip
_STUCK: tuple[Column[StuckLock], ...] = (
    Column(name="lock_type", heading="Type", value=lambda stuck: stuck.lock.lock_type),
    Column(name="lock_key", heading="Key", value=lambda stuck: stuck.lock.lock_key),
    Column(name="host", heading="Host", value=lambda stuck: stuck.lock.host),
    Column(name="process", heading="Process", value=lambda stuck: stuck.lock.process, show=str, number=True),
    Column(
        name="held_seconds", heading="Held", value=lambda stuck: round(stuck.lock.held_seconds, 1), show=figures.span,
        number=True,
    ),
    Column(name="removed", heading="Removed", value=lambda stuck: stuck.removed),
)  # fmt: skip


@click.group(invoke_without_command=True)
@with_output(warehouse=False)
def locks(out: Output) -> None:
    """List the locks: who holds which, on which host, since when, and whether the holder lives.

    \b
    live      its holder renews it
    expired   its holder is silent for longer than the lease: whoever wants it takes it over
    stuck     held for over 10 minutes, longer than any run

    All ages are the lock server's.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    found = _all(out.application, LOCK_TYPES)
    out.table("locks", _LOCKS, found, empty="No lock is held.")
    if found:
        out.line("To release one by force (it asks first; an expired one needs no help):")
    for lock in found:
        out.command(commands.release_lock(lock.lock_key, lock.lock_type))


@locks.command()
@click.argument("lock_key", metavar="DATE")
@click.option("--type", "lock_type", required=True, type=click.Choice(LOCK_TYPES), help="The type of the lock.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_output(warehouse=False)
def release(out: Output, lock_key: str, lock_type: str, yes: bool) -> None:
    """Remove one lock by force: for a holder that is known to be dead.

    Exactly the lock that is shown is removed. If its holder renews it in between, nothing happens. A holder that
    lives after all notices the loss and stops before it writes; its write would be refused anyway, if newer data
    is published by then. DATE is the lock's key as `locks` lists it.
    """
    application = out.application
    key = _key(lock_key, application)
    found = [lock for lock in _all(application, [lock_type]) if lock.lock_key == key]
    out.fact("removed", False)
    if not found:
        out.line(f"No {lock_type} lock of {key} is held.")
        return
    (lock,) = found
    out.table("locks", _LOCKS, found)
    if lock.state == "live":
        out.problem("Its holder renews it: it lives, and is at work.")
    if not yes:
        click.confirm("Remove this lock?", abort=True, err=True)
    if not application.lock(lock_type).force_release(key, if_version=lock.version):
        out.problem("It has changed since it was shown: nothing was removed. Look again.")
        fail()
    out.fact("removed", True)
    out.line(f"Removed {lock.key}.")


@locks.command()
@click.option("--alert", is_flag=True, help="Send an alert for each stuck lock.")
@with_output(warehouse=False)
def check(out: Output, alert: bool) -> None:
    """Find locks held for over 10 minutes; remove those held for over 15 whose holder is silent."""
    application = out.application
    found = check_for_stuck_locks(application.lock_store, LOCK_TYPES, events=application.events)
    out.table("stuck", _STUCK, found)
    if alert:
        alert_stuck_locks(found, application.notifier)
    removed = sum(stuck.removed for stuck in found)
    out.line(
        f"{figures.counted(len(found), 'stuck lock')}, {removed} removed; the holder of the others may live."
        if found
        else "No lock is stuck."
    )


def _key(text: str, application: Application) -> str:
    """The lock's key: a date is checked as everywhere, anything else is taken as it is."""
    if not _DATE_LIKE.fullmatch(text):
        return text
    given = DAY.convert(text, None, None)
    assert isinstance(given, GivenDay)
    return given.resolve(application.settings.local_date(application.clock.now())).isoformat()


def _all(application: Application, types: Sequence[str]) -> list[LockStatus]:
    return [lock for lock_type in types for lock in application.lock(lock_type).list_locks()]
