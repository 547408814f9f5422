"""Made-up data for the report: a year, an accident, a crowd, nothing at all, and hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from grading.dates.survey import DateState
from grading.history import RunRecord
from grading.processors import GRADING, PROCESSORS
from grading.report.data import Cell, Decile, ReportData, SystemPoint, dates_in_detail

LAST = date(2026, 1, 31)
ACCIDENT = date(2026, 1, 10)
NAMES = [processor.name for processor in PROCESSORS]


def cell(day: date, name: str = GRADING.name, **given: Any) -> Cell:
    """A date that was graded once, but for what is given."""
    base: dict[str, Any] = {
        "game_date": day, "processor": name, "run_count": 1, "publishes": 1, "last_status": "success",
        "published_status": "success", "published_rows": 12_345, "published_ms": 1_700_000_000_000,
        "last_ms": 1_700_000_000_000, "longest_wait_ms": 12, "without_lock": 0, "takeovers": 0, "waits": 0,
        "refused": 0, "failures": 0,
    }  # fmt: skip
    return Cell(**{**base, **given})


def record(short: str, day: date = ACCIDENT, **given: Any) -> RunRecord:
    """A run of the accident's morning, at offsets from 06:00."""
    began = datetime(day.year, day.month, day.day, 11, tzinfo=UTC) + timedelta(seconds=given.pop("after", 0))
    token = int(began.timestamp() * 1000) + 500
    base: dict[str, Any] = {
        "run_id": short * 8, "event_id": None, "processor": GRADING.name, "game_date": day,
        "trigger_source": "schedule", "fence_token": token, "lock_wait_ms": 0, "locked": True, "rows_deleted": 0,
        "rows_inserted": 12_345, "duplicate_keys": 0, "started_at": began, "committed_at": began + timedelta(seconds=3),
        "status": "success", "detail": "", "staging_token": token, "lock_requested_ms": -500, "lock_acquired_ms": -400,
        "staged_ms": 900, "measured_ms": 1300, "refused": 0, "lock_holder": short * 4,
    }  # fmt: skip
    return RunRecord(**{**base, **given})


def accident() -> ReportData:
    """A scheduled run and a backfill on one date at once: one waited, one was refused, duplicates were found."""
    runs = [
        record("aaaa"),
        record("bbbb", after=1, trigger_source="backfill", waited_for="aaaa (schedule)", lock_wait_ms=2400,
               lock_acquired_ms=1900, staged_ms=3000, measured_ms=3400, refused=1),
        record("cccc", after=2, trigger_source="backfill", status="superseded", committed_at=None, rows_inserted=0),
        record("dddd", after=9000, trigger_source="dedupe", status="repaired"),
    ]  # fmt: skip
    cells = [cell(LAST - timedelta(days=n), name) for n in range(60) for name in NAMES]
    cells = [c for c in cells if not (c.game_date == ACCIDENT and c.processor == GRADING.name)]
    cells.append(
        cell(ACCIDENT, run_count=4, publishes=3, waits=1, refused=1, longest_wait_ms=2400, published_status="repaired",
             last_status="repaired", duplicate_keys=188_946)
    )  # fmt: skip
    return whole(60, cells, runs, detailed=[ACCIDENT])


def year() -> ReportData:
    """365 dates of three processors, each with three runs that waited: more than are shown one by one."""
    cells = [
        cell(LAST - timedelta(days=n), name, waits=1, run_count=3, longest_wait_ms=900)
        for n in range(365)
        for name in NAMES
    ]
    detailed = dates_in_detail(cells)
    runs = [
        record(f"{n:04x}", day, after=n * 700, processor=name, waited_for="x (prediction_accuracy:2026-01-10:schedule)")
        for day in detailed
        for name in NAMES
        for n in range(3)
    ]
    return whole(365, cells, runs, detailed=detailed)


def crowd(count: int, shown: int) -> ReportData:
    """One date with many runs, of which the warehouse gave the last ones."""
    cells = [cell(ACCIDENT, run_count=count, waits=count - 1)]
    runs = [record(f"{n:04x}", after=n, waited_for="x (schedule)") for n in range(shown)]
    return whole(60, cells, runs, detailed=[ACCIDENT], left_out=[f"{ACCIDENT} has {count} runs; {shown} are shown."])


def empty() -> ReportData:
    """A project in which nothing has run."""
    return ReportData(
        first=LAST - timedelta(days=59), last=LAST, made_at=datetime(2026, 2, 1, tzinfo=UTC), environment="local",
        time_zone="America/New_York", processors=NAMES,
    )  # fmt: skip


HOSTILE = '</title></style><script>alert(1)</script><img src=x onerror="alert(1)">\'"&{{ 7*7 }}'


def hostile() -> ReportData:
    """Every text that can come from a table is an attack."""
    run = record(
        "aaaa", trigger_source=HOSTILE, detail=HOSTILE, status=HOSTILE, waited_for=f"{HOSTILE} ({HOSTILE})",
        run_id=HOSTILE,
    )  # fmt: skip
    other = record("bbbb", after=3, trigger_source=HOSTILE, taken_over_from=HOSTILE)
    cells = [cell(ACCIDENT, last_status=HOSTILE, published_status=HOSTILE, run_count=2)]
    points = [SystemPoint(system_id=HOSTILE, period=ACCIDENT, correct=1, decided=2, mae=3.0, predictions=4)]
    data = whole(60, cells, [run, other], detailed=[ACCIDENT], systems=points, left_out=[HOSTILE])
    return ReportData(**{name: getattr(data, name) for name in data.__slots__} | {"environment": HOSTILE})


def whole(
    days: int,
    cells: Sequence[Cell],
    runs: Sequence[RunRecord],
    *,
    detailed: Sequence[date],
    systems: Sequence[SystemPoint] | None = None,
    left_out: Sequence[str] = (),
) -> ReportData:
    """A report over `days` dates with six systems."""
    step = 7 if days > 92 else 1
    points = [
        SystemPoint(
            system_id=f"system_{n}", period=LAST - timedelta(days=back), correct=50 + (back * (n + 3)) % 9, decided=100,
            mae=4 + n / 4 + back % 5 / 10, predictions=1000,
        )
        for n in range(6)
        for back in range(0, days, step)
    ]  # fmt: skip
    return ReportData(
        first=LAST - timedelta(days=days - 1), last=LAST, made_at=datetime(2026, 2, 1, 12, tzinfo=UTC),
        environment="production", time_zone="America/New_York", processors=NAMES, cells=cells, runs=runs,
        states=[
            DateState(date=LAST - timedelta(days=n), predictions=13_000, with_box_score=12_345, missing=0, outdated=0,
                      grades=12_345)
            for n in range(days)
        ],
        systems=points if systems is None else systems,
        deciles=[Decile(decile=n, correct=40 + 5 * n, decided=100, confidence=n / 10 - 0.05) for n in range(1, 11)],
        detailed=detailed, left_out=left_out,
    )  # fmt: skip
