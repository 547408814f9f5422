"""How long things may take."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import InvalidSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTimings:
    """The lock's durations, in seconds; a set that would be unsafe is refused.

    Args:
        lease_seconds: a holder that has not renewed for this long may be replaced.
        renew_every_seconds: how often a holder renews.
        rpc_timeout_seconds: the longest that one call to the store may take.
        outage_seconds: a store silent for this long is given up as unavailable.
        safety_poll_seconds: how often, at least, a waiter looks for itself, whatever its listener says.
        stagger_seconds: how long a free lock is left to the waiter whose turn it is, before the next one
            helps itself.

    Raises:
        InvalidSettings: a duration is not positive; two renewals and one slow call do not fit into a lease;
            or an outage would be called before a second attempt.
    """

    lease_seconds: float = 60.0
    renew_every_seconds: float = 20.0
    rpc_timeout_seconds: float = 5.0
    outage_seconds: float = 9.0
    safety_poll_seconds: float = 5.0
    stagger_seconds: float = 0.1

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise InvalidSettings(f"{name} must be positive, not {getattr(self, name)}")
        needed = 2 * self.renew_every_seconds + self.rpc_timeout_seconds
        if self.lease_seconds < needed:
            raise InvalidSettings(
                f"lease_seconds={self.lease_seconds:g} is too short: two renewals and one slow call "
                f"take {needed:g} s, so one lost answer would lose the lock"
            )
        if self.outage_seconds <= self.rpc_timeout_seconds:
            raise InvalidSettings(
                f"outage_seconds={self.outage_seconds:g} must be more than rpc_timeout_seconds="
                f"{self.rpc_timeout_seconds:g}: one slow answer is not an outage"
            )
