"""The results: a table on the terminal, JSON, and Markdown to paste."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from conformance.assertion import Assertion, Verdict
from conformance.cost import Estimate, usd_of
from conformance.runner import Result, exit_code
from foundation.errors import InvalidSettings

_STYLES = {Verdict.HOLDS: "green", Verdict.DIFFERS: "bold red", Verdict.NOT_PROVABLE: "yellow"}
_MISSED = "not proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run's results, and what it took. The project is not named: the report is made to be passed on."""

    results: Sequence[Result]
    place: str
    made: datetime
    seconds: float
    estimate: Estimate
    billed_bytes: int | None

    @property
    def cost(self) -> str:
        """What was billed, in one line."""
        if self.billed_bytes is None:
            return "billed: nothing is reported here"
        return f"billed: {self.billed_bytes:,} bytes = ${usd_of(self.billed_bytes):.4f}"

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {
            "place": self.place,
            "made": self.made.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "estimated_usd": round(self.estimate.usd, 4),
            "estimate": self.estimate.derivation,
            "billed_bytes": self.billed_bytes,
            "billed_usd": None if self.billed_bytes is None else round(usd_of(self.billed_bytes), 4),
            "exit_code": exit_code(self.results),
            "assertions": [_as_dict(result) for result in self.results],
        }


def _as_dict(result: Result) -> dict[str, Any]:
    assertion, observed = result.assertion, result.observed
    return {
        "number": assertion.number,
        "name": assertion.name,
        "verdict": str(observed.verdict),
        "missed": observed.missed,
        "observed": observed.text,
        "figures": dict(observed.figures),
        "seconds": round(result.seconds, 2),
        "promise": assertion.promise,
        "why": assertion.why,
        "how": assertion.how,
        "documented": [{"url": source.url, "says": source.says} for source in assertion.documented],
    }


def show(report: Report, console: Console) -> None:
    """The table, and below it each assertion that differs or was missed."""
    table = Table(title=f"Conformance: {report.place}", title_justify="left", title_style="bold", header_style="bold")
    table.add_column("", justify="right")
    table.add_column("verdict", no_wrap=True)
    table.add_column("what was observed", overflow="fold")
    for result in report.results:
        name = result.assertion.name.replace("_", " ")
        observed = result.observed
        verdict = _MISSED if observed.missed else str(observed.verdict)
        table.add_row(
            str(result.assertion.number),
            f"[{_STYLES[observed.verdict]}]{verdict}[/]",
            f"{name}: {_plain(observed.text)}",
        )
    console.print(table)
    for result in report.results:
        if result.observed.verdict is Verdict.DIFFERS:
            console.print(f"{result.assertion.number} differs. Promised: {result.assertion.promise}", markup=False)
            console.print(f"   It matters: {result.assertion.why}", markup=False)
            console.print(
                f"   What rests on it: the rows of docs/guarantees.md with assertion {result.assertion.number}",
                markup=False,
            )
    counts = {verdict: sum(r.observed.verdict is verdict for r in report.results) for verdict in Verdict}
    lost = sum(result.observed.missed for result in report.results)
    console.print(
        f"{counts[Verdict.HOLDS]} hold, {counts[Verdict.DIFFERS]} differ, {counts[Verdict.NOT_PROVABLE]} not provable "
        f"here ({lost} of these could have been proven); {report.seconds:.0f} s; {report.cost}"
    )


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def describe(assertions: Sequence[Assertion], console: Console) -> None:
    """Each assertion in words, for `--list`."""
    for assertion in assertions:
        deep = " (DEEP=yes)" if assertion.deep else ""
        console.print(f"{assertion.number}. {assertion.promise}{deep}", markup=False)
        console.print(f"    Why: {assertion.why}", markup=False)
        console.print(f"    How: {assertion.how}", markup=False)
        for source in assertion.documented:
            console.print(f"    {source.url}: {source.says}", markup=False)


def write(report: Report, path: Path) -> None:
    """Write the report to a file, as its ending says. Raises `InvalidSettings` for one that is neither."""
    writers = {".json": as_json, ".md": as_markdown}
    check_path(path)
    path.write_text(writers[path.suffix](report), encoding="utf-8")


def check_path(path: Path) -> None:
    """Raises `InvalidSettings` for a file that cannot be written, before anything is made."""
    if path.suffix not in (".json", ".md"):
        raise InvalidSettings(f"OUT={path}: name a file that ends in .json or .md")
    if not path.parent.is_dir():
        raise InvalidSettings(f"OUT={path}: there is no directory {path.parent}")


def as_json(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report.as_dict(), indent=2, default=str) + "\n"


def as_markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [
        f"# Conformance: {report.place}, {report.made:%Y-%m-%d}",
        "",
        f"{report.seconds:.0f} s; {report.cost}. Estimate before: {report.estimate.derivation}.",
        "",
        "| | verdict | promise | observed |",
        "| ---: | --- | --- | --- |",
    ]
    for result in report.results:
        verdict = _MISSED if result.observed.missed else str(result.observed.verdict)
        cells = (str(result.assertion.number), verdict, result.assertion.promise, result.observed.text)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    for result in report.results:
        assertion = result.assertion
        lines += ["", f"## {assertion.number}. {assertion.name.replace('_', ' ')}", ""]
        lines += [
            f"- Promised: {assertion.promise}",
            f"- Why it matters: {assertion.why}",
            f"- Tested: {assertion.how}",
        ]
        lines += [f"- Documented: [{source.url}]({source.url}): {source.says}" for source in assertion.documented]
        lines += [f"- Observed: {result.observed.text}"]
        if result.observed.figures:
            figures = json.dumps(dict(result.observed.figures), indent=2, default=str)
            lines += ["", "```json", figures, "```"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
