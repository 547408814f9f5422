"""Runs the assertions in order, within a run's time, and turns whatever happens into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from google.api_core import exceptions as api

from conformance.assertion import Assertion, Observed, Verdict, missed, not_provable
from conformance.place import Place
from foundation.errors import GradingError


@dataclass(frozen=True, slots=True)
class Result:
    """An assertion, what it saw, and the seconds that it took."""

    assertion: Assertion
    observed: Observed
    seconds: float


def run_all(
    assertions: Iterable[Assertion], place: Place, tell: Callable[[Result], None] = lambda _result: None
) -> list[Result]:
    """Run each assertion, and report its result as it comes. Returns them in the order of their numbers."""
    results = []
    for assertion in assertions:
        started = place.clock.monotonic()
        observed = _observe(assertion, place)
        results.append(Result(assertion, observed, place.clock.monotonic() - started))
        tell(results[-1])
    return sorted(results, key=lambda result: result.assertion.number)


def _observe(assertion: Assertion, place: Place) -> Observed:
    for ability in sorted(assertion.needs):
        if why := place.lacks.get(ability):
            return not_provable(why)
    if assertion.deep and not place.deep:
        return not_provable("only with DEEP=yes, on a function and topic of its own")
    if place.deadline and place.deadline.expired:
        return missed("the run's time was used up before its turn")
    try:
        return assertion.check(place)
    except (GradingError, api.GoogleAPICallError, api.RetryError, ConnectionError, OSError) as error:
        return missed(f"it could not be carried out: {type(error).__name__}: {error}".partition("\n")[0])


def exit_code(results: Iterable[Result]) -> int:
    """1 if something differs; 3 if something that could be proven was not; 0 otherwise."""
    found = list(results)
    if any(result.observed.verdict is Verdict.DIFFERS for result in found):
        return 1
    return 3 if any(result.observed.missed for result in found) else 0
