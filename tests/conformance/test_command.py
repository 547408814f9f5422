"""The command line: what it says before it does anything, its reports and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from conformance.assertion import Observed, Verdict, differs, holds, missed, not_provable
from conformance.assertions import ASSERTIONS
from conformance.calls import ALWAYS, CALLS
from conformance.cli import main
from conformance.cost import estimate
from conformance.report import Report, as_json, as_markdown, show
from conformance.runner import Result, exit_code
from localdev.environment import isolated

ROOT = Path(__file__).parents[2]


def _results(*observed: Observed) -> list[Result]:
    return [Result(assertion, seen, 0.1) for assertion, seen in zip(ASSERTIONS, observed, strict=False)]


def _report(*observed: Observed) -> Report:
    return Report(
        results=_results(*observed),
        place="a real project",
        made=datetime(2026, 1, 17, tzinfo=UTC),
        seconds=12.0,
        estimate=estimate(ASSERTIONS),
        billed_bytes=10 * 1024**2,
    )


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ([holds("a"), not_provable("b")], 0),
        ([holds("a"), missed("b")], 3),
        ([differs("a"), missed("b")], 1),
        ([holds("a"), differs("b")], 1),
    ],
)
def test_the_exit_code_says_whether_something_differs_or_was_missed(observed: list[Observed], expected: int) -> None:
    assert exit_code(_results(*observed)) == expected


def test_without_credentials_nothing_is_made(tmp_path: Path) -> None:
    """No look at a metadata server: a machine without one waits for it otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", "conformance", "--project", "some-project"],
        cwd=ROOT,
        env=isolated() | {"HOME": str(tmp_path), "NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Nothing was made" in done.stderr
    assert "gcloud auth application-default login" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--out", "report.txt"], "ends in .json or .md"),
        (["--out", "/nowhere/report.md"], "there is no directory /nowhere"),
        (["--deep"], "need PROJECT"),
        (["--as", "a@b.c"], "need PROJECT"),
        (["--tables"], "need PROJECT"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_made(arguments: list[str], expected: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert expected in result.output


def test_a_dry_run_lists_every_call_with_its_permission() -> None:
    result = CliRunner().invoke(main, ["--dry-run", "--deep"])
    assert result.exit_code == 0
    shown = " ".join(result.output.replace("│", " ").split())
    used = {*ALWAYS, *(call for assertion in ASSERTIONS for call in assertion.calls)}
    assert used == CALLS.keys()
    for name in used:
        assert CALLS[name].permission
    for word in ("bigquery.jobs.create", "bigquery.datasets.create", "datastore.entities.create", "none was sent"):
        assert word in shown


def test_a_dry_run_of_the_shallow_ones_names_no_deployment() -> None:
    assert "gcloud" not in CliRunner().invoke(main, ["--dry-run"]).output


def test_the_list_says_what_each_promises() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--list"]).output.split())
    for assertion in ASSERTIONS:
        assert " ".join(assertion.promise.split()) in shown


def test_the_report_is_a_table_json_and_markdown() -> None:
    report = _report(holds("fine"), differs("other | text", seen=3), missed("late"))
    output = StringIO()
    show(report, Console(file=output, width=80))
    assert all(len(line) <= 80 for line in output.getvalue().splitlines())
    for word in ("holds", "differs", "not proven", "1 hold, 1 differ", "$0.0001"):
        assert word in output.getvalue()
    told = json.loads(as_json(report))
    assert [entry["verdict"] for entry in told["assertions"]] == ["holds", "differs", str(Verdict.NOT_PROVABLE)]
    assert told["assertions"][1]["figures"] == {"seen": 3}
    assert told["exit_code"] == 1
    assert {"promise", "why", "how", "documented", "observed"} <= told["assertions"][0].keys()
    assert "other \\| text" in as_markdown(report)
