"""Backups: table snapshots that delete themselves.

They live in the staging dataset. Its default expiration does not reach them, since a snapshot is given its own
(https://cloud.google.com/bigquery/docs/table-snapshots-intro). Making one needs `bigquery.tables.createSnapshot`
on the table and `bigquery.tables.deleteSnapshot`, which roles/bigquery.dataOwner holds and dataEditor does not
(https://cloud.google.com/bigquery/docs/table-snapshots-create): repairs are made by an operator.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from foundation import commands
from foundation.errors import InvalidSettings
from grading.settings import Settings
from warehouse.jobs import Jobs
from warehouse.statements import TablePath

KEPT_DAYS = 14

_NAME = re.compile(
    r"backup-(?P<made>\d{8}T\d{6})-(?P<short>[0-9a-f]{6})-(?P<dataset>[A-Za-z0-9_]+)-(?P<table>[A-Za-z0-9_-]+)"
)

_SHORT = re.compile(r"[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Backup:
    """A snapshot, by a name that says what it is of: `backup-20260117T093000-1a2b3c-dataset-table`."""

    name: str
    dataset: str
    table: str

    @classmethod
    def named(cls, name: str) -> Backup:
        """Reads a name. Raises `InvalidSettings` if it is none of ours."""
        match = _NAME.fullmatch(name)
        if not match:
            raise InvalidSettings(f"{name!r} is not the name of a backup: `{commands.UNDO}` lists them")
        return cls(name, match["dataset"], match["table"])

    @staticmethod
    def is_name(text: str) -> bool:
        """Whether a text is a backup's whole name."""
        return bool(_NAME.fullmatch(text))

    @staticmethod
    def is_short_name(text: str) -> bool:
        """Whether a text may be a backup's short name."""
        return bool(_SHORT.fullmatch(text))

    @classmethod
    def of(cls, path: TablePath, now: datetime) -> Backup:
        """A name that was never used."""
        return cls.named(f"backup-{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}-{path.dataset}-{path.table}")

    def path(self, settings: Settings) -> TablePath:
        return settings.staging(self.name)

    @property
    def short(self) -> str:
        """The part of the name that distinguishes it from the others; `undo` takes it, too."""
        return self.name.split("-")[2]

    @property
    def made_at(self) -> datetime:
        """When it was made, in UTC, to the second."""
        return datetime.strptime(self.name.split("-")[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)

    @property
    def undo_command(self) -> str:
        return commands.undo(self.short)


def make_backup(path: TablePath, settings: Settings, jobs: Jobs, *, days: int) -> Backup:
    """Snapshot a table. Raises what `Warehouse.run` raises; without a backup nothing may be changed."""
    now = jobs.deadline.clock.now()
    backup = Backup.of(path, now)
    jobs.copy("backup", path, backup.path(settings), "SNAPSHOT", expires=now + timedelta(days=days))
    return backup
