"""The daily tasks, by message or by command: quality check, duplicate trend, stuck locks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from alerts import upkeep_messages as messages
from alerts.alert import Notifier, Resolver
from foundation import figures
from foundation.clock import Clock, Deadline
from foundation.errors import GradingError
from foundation.events import EventLog
from grading.dates.unfinished import UnfinishedBackfill, unfinished_backfills
from grading.maintenance.check_queries import ask_warehouse
from grading.maintenance.findings import update_findings
from grading.maintenance.repair_tables import FIRST_DAY, PREDICTIONS, REPAIR_TABLES, RepairTable
from grading.maintenance.stuck_locks import LOCK_TYPES, alert_stuck_locks
from grading.processors import GRADING, PROCESSORS
from grading.settings import Settings
from locking.status import LockStatus
from locking.store import DocumentStore
from locking.stuck import StuckLock, check_for_stuck_locks
from locking.timings import LockTimings
from validation.checks import CheckResult, Verdict, with_limits, worst
from validation.quality import Window, run_checks
from validation.trend import Trend, check_duplicate_trend
from warehouse.bigquery import Warehouse
from warehouse.jobs import Jobs

DEFAULT_DAYS = 7

# A backfill that nobody resumed by then is not wanted any more.
_TOLD_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What runs by schedule beside the grading. Each method is one task; all raise what the warehouse raises."""

    settings: Settings
    clock: Clock
    events: EventLog
    warehouse: Warehouse
    lock_store: DocumentStore
    notifier: Notifier
    resolver: Resolver

    def quality_check(self, deadline: Deadline, *, days: int | None = None, alert: bool = True) -> list[CheckResult]:
        """Run the daily checks over the last `days` dates; keep the audit of duplicates; alert what does not pass.

        What cannot be checked is a failure of its own; only if nothing can be is the warehouse's error raised.
        """
        window = Window(self._today(), days or DEFAULT_DAYS)
        jobs = Jobs.of(self.warehouse, "check", deadline)
        checks = with_limits(self.settings.check_limits)
        results = run_checks(ask_warehouse(self.settings, jobs, window), window, checks)
        self._audit(results, window, Jobs.of(self.warehouse, "audit", deadline))
        overall: Verdict = worst(results)
        self.events.emit(
            "quality_checked",
            f"quality check: {overall}",
            "ERROR" if overall == "fail" else "WARNING" if overall == "warn" else "INFO",
            **{result.check.name: result.verdict for result in results},
        )
        if alert:
            for result in results:
                self._alert(result)
        return results

    def duplicate_trend(self, deadline: Deadline) -> Trend:
        """Compare this week's rate of duplicates with last week's; alert growth over what is allowed."""
        window = Window(self._today(), DEFAULT_DAYS)
        ask = ask_warehouse(self.settings, Jobs.of(self.warehouse, "check", deadline), window)
        trend = check_duplicate_trend(ask, self.settings.duplicate_growth_allowed)
        self.events.emit(
            "duplicate_trend",
            f"duplicates: {figures.share(trend.this_week, 3)} of this week's rows, "
            f"{figures.share(trend.last_week, 3)} of last week's",
            "WARNING" if trend.grows else "INFO",
            this_week_rate=trend.this_week,
            last_week_rate=trend.last_week,
        )
        if trend.grows:
            self.notifier.send(
                messages.duplicate_trend(
                    table=GRADING.name,
                    this_week_rate=trend.this_week,
                    last_week_rate=trend.last_week,
                    threshold=trend.growth_allowed,
                )
            )
        else:
            self.resolver.resolve("duplicate_trend", table=GRADING.name, date=None)
        return trend

    def stuck_locks(self) -> list[StuckLock]:
        """Find stuck locks, remove the dead ones, alert each."""
        found = check_for_stuck_locks(self.lock_store, LOCK_TYPES, events=self.events)
        alert_stuck_locks(found, self.notifier)
        return found

    def sweep(self, deadline: Deadline) -> None:
        """Stuck locks, then backfills that died. Raises what the warehouse raises, the locks being done."""
        self.stuck_locks()
        self.unfinished_backfills(deadline)

    def unfinished_backfills(self, deadline: Deadline) -> list[UnfinishedBackfill]:
        """Find the backfills that ended before they were done; alert each of the last days that is not at work."""
        types = dict.fromkeys(processor.lock_type for processor in PROCESSORS)
        locks = [
            LockStatus.of(document)
            for lock_type in types
            for document in self.lock_store.list(f"{lock_type}_locks", timeout=LockTimings().rpc_timeout_seconds)
        ]
        jobs = Jobs.of(self.warehouse, "unfinished", deadline)
        now = self.clock.now()
        found = [
            backfill
            for backfill in unfinished_backfills(self.settings, jobs, locks)
            if not backfill.at_work and now - backfill.last_seen < _TOLD_FOR
        ]
        for backfill in found:
            self.events.emit(
                "backfill_unfinished", f"backfill {backfill.range_text} has {backfill.left} runs left", "WARNING",
                trigger_source=backfill.trigger, left=backfill.left,
            )  # fmt: skip
            self.notifier.send(
                messages.backfill_unfinished(
                    backfill.start,
                    backfill.end,
                    runs_left=backfill.left,
                    runs_done=backfill.done,
                    silent_seconds=(now - backfill.last_seen).total_seconds(),
                    command=backfill.resume_command,
                )
            )
        return found

    def _alert(self, result: CheckResult) -> None:
        check = result.check
        alert = f"quality_{check.name}"
        if result.error is None:
            self.resolver.resolve(alert, table=None, date=None, subject=messages.NOT_RUN)
        if result.verdict == "pass":
            if check.ends:
                self.resolver.resolve(alert, table=None, date=None)
            return
        self.notifier.send(
            messages.quality_check_result(
                name=check.name,
                meaning=check.meaning,
                outcome=result.verdict,
                figure=result.figure_text,
                threshold=check.threshold,
                next_command=result.next_command,
                count=round(result.figure) if result.figure is not None and check.unit == "count" else None,
                samples=result.samples,
                names=result.names,
                not_run=result.error is not None,
            )
        )

    def _audit(self, results: list[CheckResult], window: Window, jobs: Jobs) -> None:
        """Record the duplicates that were found, and close what is clean. The audit never fails the check."""
        failed = {result.check.name for result in results if result.verdict != "pass" and result.error is None}
        grades = bool(failed & {"duplicate_grades", "recent_duplicate_keys"})
        self._audit_table(REPAIR_TABLES[GRADING.name], FIRST_DAY, window.today, jobs, found=grades)
        sources = "duplicate_source_keys" in failed
        self._audit_table(PREDICTIONS, window.start, window.end, jobs, found=sources)

    def _audit_table(self, repaired: RepairTable, start: date, end: date, jobs: Jobs, *, found: bool) -> None:
        merge = repaired.merges_differing
        place = (repaired, self.settings, jobs)
        update = partial(update_findings, start=start, end=end, merge_differing=merge)
        try:
            if found:
                update("record", *place, notes="found by the daily check")
            update("resolve", *place, notes="clean at the daily check")
        except GradingError as error:
            self.events.emit("audit_failed", f"the audit of {repaired.name} was not kept: {error}", "ERROR")

    def _today(self) -> date:
        return self.settings.local_date(self.clock.now())
