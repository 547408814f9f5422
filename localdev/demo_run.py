"""What the demo does once the stack is up: publish, watch, show."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from foundation import figures
from grading.maintenance.ungraded import ADVICE, find_ungraded
from grading.processors import GRADING, PROCESSORS
from grading.wiring import Application
from localdev.demo_report import write_report
from localdev.duplicate_alert import alert_of_a_duplicate
from localdev.graded import GradedRow, read_graded, same_grades, summarise, write_csv
from localdev.load import load_slate
from localdev.naive import race
from localdev.slack_sink import plain_text
from localdev.slate import Row
from localdev.stack import LocalStack
from warehouse.bigquery import Warehouse

LogEntry = Mapping[str, Any]
Slate = Mapping[str, Sequence[Row]]

NAIVE_DATASET = "demo_naive"

_LONGEST_WAIT_SECONDS = 300.0
_LOOK_SECONDS = 0.1
_CALL_SECONDS = 60.0
_FINISHED = "run_finished"
_GIVEN_UP = ("event_rejected", "event_failed", "event_too_old")
_PUBLISHED = ("success", "partial")


class DemoFailed(Exception):
    """The demo did not get where it should; the message says what came instead."""


def grade_files(stack: LocalStack, console: Console, day: date, slate: Slate, out: Path | None) -> None:
    """Load a slate, have the function grade it, show the figures, and write the rows where `out` says.

    Raises:
        DemoFailed: nothing was graded.
    """
    _load(stack, console, slate)
    console.rule(f"Grading {day}")
    message = {"target_date": day.isoformat(), "trigger_source": "demo"}

    def publish() -> None:
        console.print(f"$ {stack.publish(message)}", markup=False, style="bold", soft_wrap=True)

    try:
        finished = _publish_and_watch(stack, console, day, publish, runs=len(PROCESSORS))[0]
    finally:
        for post in stack.slack.posts:
            console.print(Panel(Text(plain_text(post.message)), title="Slack got", title_align="left"))
    rows = _graded(stack, day)
    _show_figures(console, finished, rows)
    _explain_difference(stack, console, day)
    if out is not None:
        write_csv(out, rows)
        console.print(f"{len(rows)} graded rows are in {out}", markup=False)


def grade_sample(stack: LocalStack, console: Console, day: date, slate: Slate, out: Path | None) -> None:
    """Grade the sample, show the alert of a duplicate, then the same date twice at once, beside the naive pair.

    Raises:
        DemoFailed: something came out otherwise than promised.
    """
    grade_files(stack, console, day, slate, out)
    before = _graded(stack, day)

    console.rule("If one row were there twice")
    console.print(Panel(Text(alert_of_a_duplicate(stack, day)), title="Slack would get", title_align="left"))

    console.rule("The same date twice at once")
    message = {"target_date": day.isoformat(), "trigger_source": "demo", "run_aggregation": False}
    finished = _publish_and_watch(stack, console, day, lambda: stack.publish_at_once(message, 2), runs=2)
    after = _graded(stack, day)
    began = datetime.now(UTC)
    naive = _naive_pair(stack, day, before)
    naive_span = began, datetime.now(UTC)
    _show_pairs(console, before, after, naive, finished)
    if not same_grades(before, after) or summarise(after).duplicate_keys:
        raise DemoFailed(f"the table of {day} is not what it was before the two runs")
    with console.status("Writing the report"), stack.client() as client:
        report = write_report(Warehouse(client), stack.settings, day, naive, naive_span)
    console.print(f"The report of all this, for a browser: {report}", markup=False, soft_wrap=True)
    console.print("Yours to grade: make demo DATA=dir DATE=YYYY-MM-DD OUT=file.csv", markup=False)


def _load(stack: LocalStack, console: Console, slate: Slate) -> None:
    with console.status("Loading the slate"), stack.client() as client:
        counts = load_slate(client, stack.settings, slate)
    loaded = ", ".join(f"{count} rows into {getattr(stack.settings, name)}" for name, count in counts.items())
    console.print(f"  {loaded}", markup=False, style="dim", soft_wrap=True)


def _graded(stack: LocalStack, day: date) -> list[GradedRow]:
    with stack.client() as client:
        return read_graded(client, stack.settings.target(GRADING.name), day)


def _publish_and_watch(
    stack: LocalStack, console: Console, day: date, publish: Callable[[], object], *, runs: int
) -> list[LogEntry]:
    """Publish, and show the function's log until `runs` processors have finished; returns how grading ended.

    Raises:
        DemoFailed: an event was given up, none published anything, or not all ended in time.
    """
    already = len(stack.function.events())
    started = time.time()
    with console.status("Publishing"):
        publish()
    with console.status("Waiting for the function") as status:
        finished = _watch(
            lambda: stack.function.events()[already:],
            lambda entry: console.print(f"  {_line(entry, started)}", markup=False, style="dim", soft_wrap=True),
            lambda seconds: status.update(f"The function is grading {day} ({seconds:.0f} s)"),
            runs=runs,
        )
    grading = [entry for entry in finished if entry["processor"] == GRADING.name]
    if not any(entry["status"] in _PUBLISHED for entry in grading):
        raise DemoFailed(_nothing_published(grading[-1]))
    return grading


def _watch(
    read: Callable[[], Sequence[LogEntry]],
    show: Callable[[LogEntry], None],
    tick: Callable[[float], None],
    *,
    runs: int,
) -> list[LogEntry]:
    """Show the function's log as it comes, until `runs` processors have finished; returns their last entries."""
    started, shown = time.monotonic(), 0
    while (seconds := time.monotonic() - started) < _LONGEST_WAIT_SECONDS:
        entries = read()
        for entry in entries[shown:]:
            if _worth_showing(entry):
                show(entry)
            if entry["event"] in _GIVEN_UP:
                raise DemoFailed(str(entry["message"]))
        shown = len(entries)
        finished = [entry for entry in entries if entry["event"] == _FINISHED]
        if len(finished) >= runs:
            return finished
        tick(seconds)
        time.sleep(_LOOK_SECONDS)
    raise DemoFailed(f"the function did not finish within {_LONGEST_WAIT_SECONDS:.0f} s")


def _nothing_published(entry: LogEntry) -> str:
    detail = f" ({entry['detail']})" if entry.get("detail") else ""
    return f"the run ended as {entry['status']}{detail}: nothing was published"


def _line(entry: LogEntry, started: float) -> str:
    after = datetime.fromisoformat(entry["time"]).timestamp() - started
    message = str(entry["message"])
    processor = str(entry.get("processor", ""))
    about = "" if processor in message else f"{processor}: "
    return f"{after:6.2f} s  {entry['event']:<18} {about}{message}"


def _worth_showing(entry: LogEntry) -> bool:
    """Not the metrics, nor the short lock around each publish."""
    return entry["event"] != "lock_metrics" and entry.get("lock_type") != "publish"


def _show_figures(console: Console, finished: LogEntry, rows: Sequence[GradedRow]) -> None:
    summary = summarise(rows)
    accuracy = "–" if summary.accuracy is None else f"{summary.accuracy:.1%}"
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for figure, value, meaning in (
        ("rows graded", f"{summary.rows:,}", f"status {finished['status']}"),
        ("voided", f"{summary.voided:,}", "did not play: no bet"),
        ("accuracy", accuracy, f"{summary.correct:,} of {summary.decided:,} decided recommendations"),
        ("duplicates", f"{summary.duplicate_keys:,}", "business keys with more than one row"),
        ("lock wait", f"{finished['lock_wait_ms']:,} ms", "held" if finished["locked"] else "proceeded without"),
        ("token", str(finished["token"]), "the data token that fences this write"),
        ("time", f"{finished['duration_ms'] / 1000:.2f} s", "lock, stage, publish, validate"),
    ):
        table.add_row(figure, value, meaning)
    console.print(table)


def _explain_difference(stack: LocalStack, console: Console, day: date) -> None:
    """Predictions in and rows out: what was not graded, by cause."""
    application = Application(stack.settings, sinks=())
    report = find_ungraded(stack.settings, application.jobs("ungraded", _CALL_SECONDS), start=day, end=day)
    console.print(
        f"{figures.counted(report.predictions, 'prediction')} in: {report.graded:,} graded, one row each; "
        f"{report.total:,} not graded{', because:' if report.total else ''}",
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    for cause, count in report.by_cause.items():
        table.add_row(f"{count:,}", cause, ADVICE[cause])
    console.print(table)


def _naive_pair(stack: LocalStack, day: date, rows: Sequence[GradedRow]) -> list[GradedRow]:
    """The same rows, written by two DELETE-then-load writers at once into a table of their own."""
    source = stack.settings.target(GRADING.name)
    with stack.client() as client:
        client.create_dataset(NAIVE_DATASET, exists_ok=True, timeout=_CALL_SECONDS)
        table = type(source)(source.project, NAIVE_DATASET, source.table)
        client.query_and_wait(
            f"CREATE OR REPLACE TABLE `{table}` AS SELECT * FROM `{source}` WHERE game_date = '{day}'",
            api_timeout=_CALL_SECONDS,
        )
        race(stack.client, table, day, rows, writers=2)
        return read_graded(client, table, day)


def _show_pairs(
    console: Console,
    before: Sequence[GradedRow],
    after: Sequence[GradedRow],
    naive: Sequence[GradedRow],
    finished: Sequence[LogEntry],
) -> None:
    table = Table("", "rows", "keys twice", "excess rows", "the two runs")
    ended = ", ".join(str(entry["status"]) for entry in finished)
    for name, rows, note in (
        ("before", before, ""),
        ("this service", after, ended),
        ("naive DELETE, then load", naive, "both DELETEs ran before either load"),
    ):
        summary = summarise(rows)
        table.add_row(name, f"{summary.rows:,}", f"{summary.duplicate_keys:,}", f"{summary.excess_rows:,}", note)
    console.print(table)
    same = "the same grades, row for row" if same_grades(before, after) else "NOT the same grades"
    console.print(f"This service's table before and after: {same}.", markup=False, soft_wrap=True)
    verdict = summarise(naive).excess_rows
    console.print(
        f"The naive pair left {verdict:,} rows too many: the accident that this project prevents.\n", soft_wrap=True
    )
