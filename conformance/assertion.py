"""What an assertion is, and the three verdicts that it can end with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.place import Place


class Verdict(StrEnum):
    """How an assertion ended."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_PROVABLE = "not provable here"


class Ability(StrEnum):
    """What a place must be able to do for an assertion to mean anything."""

    CONCURRENCY = "runs transactions at once, and aborts one of two that conflict"
    CANCELLING = "stops a script that runs"
    STATISTICS = "reports each child job's bytes and times"
    JOB_IDS = "refuses a job id that was used"
    PERMISSIONS = "knows who may do what"
    PARTITIONS = "reads only the partitions that a filter names"
    EXPIRY = "ends a snapshot at its expiration"
    FIRESTORE = "keeps documents in Firestore"
    LATENCY = "takes the time that the real service takes"
    DEPLOYMENT = "runs a deployed function"


@dataclass(frozen=True, slots=True)
class Source:
    """A page of the documentation, and what it says."""

    url: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What an assertion needs on a real project, at most.

    Args:
        statements: statements that are billed, each statement of a script counted.
        tables: tables that these statements read or write, counted once for each statement.
        seconds: how long it takes there.
        further_usd: cost outside BigQuery, such as a build.
    """

    statements: int = 0
    tables: int = 0
    seconds: int = 0
    further_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What an assertion saw.

    `missed` says that it could have been proven here and was not, such as two jobs that did not overlap.
    """

    verdict: Verdict
    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    missed: bool = False


def holds(text: str, **figures: Any) -> Observed:
    """The promise was seen to hold."""
    return Observed(verdict=Verdict.HOLDS, text=text, figures=figures)


def differs(text: str, **figures: Any) -> Observed:
    """Something else was seen than is promised."""
    return Observed(verdict=Verdict.DIFFERS, text=text, figures=figures)


def not_provable(why: str, **figures: Any) -> Observed:
    """This place cannot show it."""
    return Observed(verdict=Verdict.NOT_PROVABLE, text=why, figures=figures)


def missed(why: str, **figures: Any) -> Observed:
    """This place can show it, but this run did not."""
    return Observed(verdict=Verdict.NOT_PROVABLE, text=why, figures=figures, missed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One promise, and how it is put to the test. Its fields are what the report shows.

    Args:
        number: its place in the report.
        name: the function's name.
        promise: what is promised.
        why: what breaks if it is not so.
        how: how it is tested.
        documented: what the documentation says, page by page.
        needs: what the place must be able to do.
        calls: the API methods that it uses, keys of `conformance.calls.CALLS`.
        effort: what it costs on a real project, at most.
        check: looks, and says what it saw.
        deep: only with DEEP=yes, on a function and a topic of its own.
    """

    number: int
    name: str
    promise: str
    why: str
    how: str
    documented: Sequence[Source]
    needs: frozenset[Ability]
    calls: Sequence[str]
    effort: Effort
    check: Callable[[Place], Observed]
    deep: bool = False


def asserts(
    number: int,
    *,
    promise: str,
    why: str,
    how: str,
    documented: Sequence[Source],
    calls: Sequence[str],
    effort: Effort,
    needs: Sequence[Ability] = (),
    deep: bool = False,
) -> Callable[[Callable[[Place], Observed]], Assertion]:
    """Makes an `Assertion` of a function that looks at a place; see there for the arguments."""

    def decorate(check: Callable[[Place], Observed]) -> Assertion:
        return Assertion(
            number=number,
            name=check.__name__,
            promise=promise,
            why=why,
            how=how,
            documented=documented,
            needs=frozenset(needs),
            calls=calls,
            effort=effort,
            check=check,
            deep=deep,
        )

    return decorate
