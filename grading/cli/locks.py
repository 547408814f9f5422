"""`python -m grading locks`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.table import Table

from grading.cli.console import ConsoleSink
from grading.cli.repairs import console
from grading.maintenance.stuck_locks import LOCK_TYPES, alert_stuck_locks
from grading.wiring import Application, application_for_terminal
from locking.status import LockStatus
from locking.stuck import check_for_stuck_locks


@click.group(invoke_without_command=True)
@click.pass_context
def locks(context: click.Context) -> None:
    """List the locks: who holds which, since when, and whether the holder lives.

    \b
    live      its holder renews it
    expired   its holder is silent for longer than the lease: whoever wants it takes it over
    stuck     held for over 10 minutes, longer than any run

    All ages are the lock server's.
    """
    if context.invoked_subcommand is None:
        found = _all(application_for_terminal(ConsoleSink(console)), LOCK_TYPES)
        console.print(_listing(found) if found else "No lock is held.")


@locks.command()
@click.argument("day", metavar="DATE")
@click.option("--type", "lock_type", required=True, type=click.Choice(LOCK_TYPES), help="The type of the lock.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def release(day: str, lock_type: str, yes: bool) -> None:
    """Remove one lock by force: for a holder that is known to be dead.

    Exactly the lock that is shown is removed. If its holder renews it in between, nothing happens. A holder that
    lives after all notices the loss and stops before it writes; its write would be refused anyway, if newer data
    is published by then. DATE is the lock's key as `locks` lists it.
    """
    application = application_for_terminal(ConsoleSink(console))
    found = [lock for lock in _all(application, [lock_type]) if lock.lock_key == day]
    if not found:
        click.echo(f"no {lock_type} lock of {day} is held")
        return
    (lock,) = found
    console.print(_listing(found))
    if lock.state == "live":
        click.echo("Its holder renews it: it lives, and is at work.", err=True)
    if not yes:
        click.confirm("Remove this lock?", abort=True)
    if not application.lock(lock_type).force_release(day, if_version=lock.version):
        click.echo("It has changed since it was shown: nothing was removed. Look again.", err=True)
        sys.exit(1)
    click.echo(f"removed {lock.key}")


@locks.command()
@click.option("--alert", is_flag=True, help="Send an alert for each stuck lock.")
def check(alert: bool) -> None:
    """Find locks held for over 10 minutes; remove those held for over 15 whose holder is silent."""
    application = application_for_terminal(ConsoleSink(console))
    found = check_for_stuck_locks(application.lock_store, LOCK_TYPES, events=application.events)
    for stuck in found:
        done = "removed" if stuck.removed else "left: its holder may live"
        click.echo(
            f"{stuck.lock.key}: held by {stuck.lock.operation_id} for {stuck.lock.held_seconds / 60:.0f} min, {done}"
        )
    if alert:
        alert_stuck_locks(found, application.notifier)
    click.echo(f"{len(found)} stuck locks" if found else "No lock is stuck.")


def _all(application: Application, types: Sequence[str]) -> list[LockStatus]:
    return [lock for lock_type in types for lock in application.lock(lock_type).list_locks()]


def _listing(found: Sequence[LockStatus]) -> Table:
    table = Table("Lock", "Holder", "Operation", box=None, pad_edge=False)
    for heading in ("Age", "Heartbeat", "Token"):
        table.add_column(heading, justify="right")
    table.add_column("State")
    for lock in found:
        table.add_row(
            f"{lock.lock_type} {lock.lock_key}",
            lock.holder_id,
            lock.operation_id,
            f"{lock.held_seconds:.0f} s",
            f"{lock.heartbeat_age_seconds:.0f} s ago",
            str(lock.token),
            lock.state,
        )
    return table
