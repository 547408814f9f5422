"""What a run would do, without doing it: its API calls and commands, and the permission that each needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from conformance.assertion import Assertion
from conformance.calls import ALWAYS, CALLS
from conformance.cost import Estimate


def list_calls(assertions: Sequence[Assertion], expected: Estimate, console: Console) -> None:
    """Print each call: what it is, who makes it, what that one must be allowed to do, and the assertions that do."""
    console.print("Every call of a run; none was sent.\n", markup=False)
    for name, call in CALLS.items():
        numbers = sorted(assertion.number for assertion in assertions if name in assertion.calls)
        if name not in ALWAYS and not numbers:
            continue
        uses = "every run" if name in ALWAYS else f"assertion {', '.join(map(str, numbers))}"
        console.print(call.what, style="bold", markup=False, highlight=False)
        console.print(f"    by {call.caller}: {uses}", markup=False, highlight=False)
        console.print(f"    needs {call.permission}", markup=False, highlight=False)
    console.print("\nEvery statement that it sends runs in datasets grading_conformance_* alone.", markup=False)
    console.print(
        f"{len(assertions)} assertions; at most {expected.effort.seconds} s and ${expected.usd:.2f}:", markup=False
    )
    console.print(f"  {expected.derivation}", markup=False)
