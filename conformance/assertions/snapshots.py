"""Backups: a snapshot is made, ends by itself, and gives the rows back."""

from __future__ import annotations

import uuid
from datetime import timedelta

from google.cloud import bigquery

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, not_provable
from conformance.assertions.concurrency import JOBS
from conformance.place import APPENDED, SQL, Place, day
from grading.maintenance.backup import make_backup
from warehouse.statements import literal, table

_CALL_SECONDS = 20.0
_DAYS = 1
_SLACK = timedelta(minutes=10)


@asserts(
    13,
    promise="A backup holds the rows of its moment, deletes itself, and can be restored.",
    why="Every repair promises that it can be undone; a backup that never ends costs storage for ever.",
    how="A table is backed up as a repair does it, changed, and restored into a new table; the checksums are compared.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/table-snapshots-intro",
            "A snapshot preserves a table's content at a moment, and can be given an expiration of its own.",
        ),
        Source(
            "https://docs.cloud.google.com/bigquery/docs/table-snapshots-restore",
            "A copy job of operation RESTORE makes a table of a snapshot.",
        ),
    ],
    calls=["jobs.insert copy", *JOBS],
    effort=Effort(statements=12, tables=18, seconds=30),
)
def snapshot_expiry_restore(place: Place) -> Observed:
    when = day(9)
    run = place.published(when)
    before = place.fingerprint(when)
    # An operator repairs, never the function: it needs rights that the function does not have.
    jobs = place.jobs("backup", owner=True)
    backup = make_backup(run.target, place.settings, jobs, days=_DAYS)
    snapshot = place.owner.get_table(str(backup.path(place.settings)), timeout=_CALL_SECONDS)
    place.ask("append_row", run=place.run(when), appended=literal(APPENDED))
    restored = place.settings.staging(f"restored_{uuid.uuid4().hex}")
    jobs.copy("restore", backup.path(place.settings), restored, "RESTORE")
    after = SQL.fill("fingerprint", **{**run.values(), "target": table(restored), "appended": literal(APPENDED)})
    found = jobs.ask("fingerprint", after).first
    figures = {"rows": found["row_count"], "expires": str(snapshot.expires)}
    if (found["row_count"], found["checksum"]) != (before.row_count, before.checksum):
        return differs("the restored table does not hold the rows of the backup's moment", **figures)
    if why := place.lacks.get(Ability.EXPIRY):
        return not_provable(f"{found['row_count']} rows restored; {why}", **figures)
    if not _expires(place, snapshot):
        return differs(f"the snapshot does not end after {_DAYS} day: it expires {snapshot.expires}", **figures)
    return holds(f"{found['row_count']} rows restored; the snapshot ends {snapshot.expires:%Y-%m-%d %H:%M}", **figures)


def _expires(place: Place, snapshot: bigquery.Table) -> bool:
    wanted = place.clock.now() + timedelta(days=_DAYS)
    return snapshot.expires is not None and abs(snapshot.expires - wanted) < _SLACK
