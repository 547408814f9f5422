"""What a run would do, without doing it: its API calls and commands, and the permission that each needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from conformance.assertion import Assertion
from conformance.calls import ALWAYS, CALLS
from conformance.cost import Estimate


def list_calls(assertions: Sequence[Assertion], expected: Estimate, console: Console) -> None:
    """Print each call with who makes it, the permission, and the assertions that make it."""
    table = Table(title="Every call of a run; none was sent", title_justify="left", header_style="bold")
    for name in ("call", "made by", "permission", "for"):
        table.add_column(name, overflow="fold")
    for name, call in CALLS.items():
        numbers = sorted(assertion.number for assertion in assertions if name in assertion.calls)
        if name in ALWAYS or numbers:
            uses = [*(["every run"] if name in ALWAYS else []), *map(str, numbers)]
            table.add_row(call.what, call.caller, call.permission, ", ".join(uses))
    console.print(table)
    console.print(
        f"{len(assertions)} assertions; at most {expected.effort.seconds} s and ${expected.usd:.2f}:", markup=False
    )
    console.print(f"  {expected.derivation}", markup=False)
