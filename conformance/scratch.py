"""Names of a run's own: datasets and collections that begin with `grading_conformance_`, and how they are known again.

A dataset of ours carries a label. A collection cannot carry one: so a run writes down its collections in
`grading_conformance_runs` before it makes them. Whatever has the prefix and neither is someone else's: then nothing
runs.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from foundation.errors import InvalidSettings
from locking.line import waiters
from locking.lock import lock_document

PREFIX = "grading_conformance_"
LABEL = ("owner", "grading-conformance")
REGISTER = f"{PREFIX}runs"
# The least that BigQuery takes as a table's default lifetime; what a crash leaves deletes its own tables.
LIFETIME_SECONDS = 3600

ROLES = ("inputs", "target", "staging", "closed")

_RUN = re.compile(r"(?P<made>\d{8}t\d{6})_[0-9a-f]{6}")
_MADE = "%Y%m%dt%H%M%S"


_DEPLOYED_LOCKS = ("grading", "publish")
_DEPLOYED_OTHERS = ("grading_alerts", "grading_breakers", "ended")


class NotOurs(InvalidSettings):
    """A name with our prefix belongs to someone else."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """The names of one run; `run` says when it was made: `20260117t093000_1a2b3c`."""

    run: str

    def __post_init__(self) -> None:
        if not _RUN.fullmatch(self.run):
            raise NotOurs(f"{self.run!r} is not the name of a conformance run")

    @classmethod
    def new(cls, now: datetime) -> Scratch:
        """Names that were never used."""
        return cls(f"{now.astimezone(UTC):{_MADE}}_{uuid.uuid4().hex[:6]}")

    def dataset(self, role: str) -> str:
        """The dataset of a role; see `ROLES`."""
        return f"{PREFIX}{self.run}_{role}"

    @property
    def lock_type(self) -> str:
        return f"{PREFIX}{self.run}"

    @property
    def collection(self) -> str:
        """The collection of documents that are no locks."""
        return f"{PREFIX}{self.run}_documents"

    def collections(self, lock_keys: Iterable[str], deployed_keys: Iterable[str] = ()) -> list[str]:
        """Every collection that a run fills: documents, locks, and beneath each lock its waiters.

        `deployed_keys` are those that the scratch function locks.
        """
        mine = [self.collection, *_of_locks(self.lock_type, lock_keys)]
        keys = list(deployed_keys)
        # The scratch function's: those of the service, behind a prefix.
        further = [*(name for kind in _DEPLOYED_LOCKS for name in _of_locks(kind, keys)), *_DEPLOYED_OTHERS]
        return [*mine, *(f"{PREFIX}{self.run}_{name}" for name in further)]

    @property
    def made(self) -> datetime:
        return datetime.strptime(self.run.partition("_")[0], _MADE).replace(tzinfo=UTC)


def run_of_dataset(name: str) -> Scratch:
    """The run that a dataset belongs to. Raises `NotOurs` for a name that no run gives."""
    run, _, role = name.removeprefix(PREFIX).rpartition("_")
    if not name.startswith(PREFIX) or role not in ROLES:
        raise NotOurs(f"dataset {name} is not one that this command makes")
    return Scratch(run)


def _of_locks(lock_type: str, keys: Iterable[str]) -> list[str]:
    return [f"{lock_type}_locks", *(waiters(lock_document(lock_type, key)) for key in keys)]
