"""Every error of the service, in one tree.

::

    GradingError
    ├── Transient                  raised to Pub/Sub: the event is redelivered
    │   ├── LockError
    │   │   ├── LockAcquisitionError    held by someone else for the whole wait
    │   │   ├── LockStoreUnavailable    the store gave no usable answer
    │   │   └── LeaseLost               ours, until someone else took it over
    │   ├── WarehouseUnavailable        no usable answer from BigQuery
    │   │   ├── OutcomeUnknown              a job was sent, and may still commit
    │   │   ├── ResourcesExceeded           BigQuery had not enough resources for the statement, this time
    │   │   ├── AccessRefused               the account may not read or write what the statement names, yet
    │   │   └── UnknownFailure              nobody has foreseen it: tried again until the event is too old
    │   ├── PublishConflict             aborted by a concurrent transaction
    │   ├── StagingOutdated             newer data than ours is published already
    │   ├── DeadlineExceeded            the invocation has no time left
    │   ├── SelfCheckFailed             the tables or settings do not fit the statements that would be sent
    │   └── CircuitOpen                 the breaker refuses work for now
    └── Permanent                  logged, alerted, acknowledged: a repeat cannot help
        ├── InvalidMessage              an event that no one can read
        ├── InvalidRow                  a row given from Python that its table cannot hold
        ├── InvalidSettings             a setting that is missing or unsafe
        ├── NotInitialised              a table, a fence or a sentinel is missing
        ├── TokenFromTheFuture          a data token ahead of the warehouse's clock
        ├── WouldExpire                 the table's expiration would delete the date as soon as it is written
        └── StatementRefused            BigQuery refuses the statement itself
            └── GuardRaised                 a check inside our own script refused it

"Held by someone else" is a result inside the lock store, not an error; only a wait that ends without
the lock is one. Each class's docstring is its default message.
"""

from __future__ import annotations


class GradingError(Exception):
    """The grading service failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Transient(GradingError):
    """A later attempt can succeed."""


class Permanent(GradingError):
    """A later attempt fails the same way."""


class LockError(Transient):
    """The lock was not available."""


class LockAcquisitionError(LockError):
    """The lock was held by someone else for the whole wait."""

    def __init__(self, message: str | None = None, *, holder: str | None = None, waited_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.holder = holder
        self.waited_seconds = waited_seconds


class LockStoreUnavailable(LockError):
    """The lock store gave no usable answer."""


class LeaseLost(LockError):
    """The lease ended, or someone else holds the lock now."""


class WarehouseUnavailable(Transient):
    """BigQuery gave no usable answer."""


class OutcomeUnknown(WarehouseUnavailable):
    """A job was sent, and whether it ran or still runs is unknown."""


class ResourcesExceeded(WarehouseUnavailable):
    """BigQuery had not enough resources for the statement."""


class PublishConflict(Transient):
    """BigQuery aborted the transaction, because another one wrote the same table."""


class StagingOutdated(Transient):
    """The fence holds newer data than what was staged."""


class DeadlineExceeded(Transient):
    """The invocation has no time left for the next step."""


class CircuitOpen(Transient):
    """The circuit breaker is open after repeated failures."""


class SelfCheckFailed(Transient):
    """The tables or settings do not fit the statements that the service would send."""


class AccessRefused(WarehouseUnavailable):
    """The account may not read or write what the statement names. A new role takes minutes to spread."""


class UnknownFailure(WarehouseUnavailable):
    """Something failed in a way that is not known."""


class InvalidMessage(Permanent):
    """The event cannot be read."""


class InvalidRow(Permanent):
    """A row does not fit its table."""


class InvalidSettings(Permanent):
    """A setting is missing or unsafe."""


class NotInitialised(Permanent):
    """A table, a fence or a sentinel row is missing: run `python -m grading init`."""


class StatementRefused(Permanent):
    """BigQuery refuses the statement."""


class WouldExpire(Permanent):
    """The table's expiration would delete the date as soon as it is written."""


class GuardRaised(StatementRefused):
    """A check inside a script refused to go on; nothing of the script was kept."""

    def __init__(self, guard: str) -> None:
        super().__init__(f"the script's check {guard!r} refused")
        self.guard = guard


class TokenFromTheFuture(Permanent):
    """The data token is more than 60 s ahead of the warehouse's clock; publishing it would block the date."""
