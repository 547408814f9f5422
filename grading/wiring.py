"""Builds everything from settings, and is the only module that reads the environment."""

from __future__ import annotations

import os
import sys
from functools import cache, cached_property
from typing import TYPE_CHECKING

from alerts.alert import Notifier
from alerts.suppression import SuppressingNotifier
from foundation.clock import AlertTime, Clock, Deadline, SystemClock
from foundation.events import EventLog, EventSink
from foundation.stop import stop_on_sigterm
from grading import clients
from grading.audit import Audit
from grading.breaker import GradingCircuitBreaker
from grading.dates.catch_up import CatchUp
from grading.locker import Locker
from grading.maintenance.remediation import Remediation
from grading.memory import Memory
from grading.pubsub.completion import Completion
from grading.pubsub.handler import EventHandler, Task
from grading.report.own_story import facts_of
from grading.service import GradingService
from grading.settings import Settings
from grading.writing.publish import Publisher
from grading.writing.validate import validate
from grading.writing.writer import Writer
from locking.late_store import LateLockStore
from locking.lock import DistributedLock
from locking.store import DocumentStore
from locking.timings import LockTimings
from monitoring.log_sink import JsonLogSink
from monitoring.metrics_sink import LockMetricsSink
from warehouse.bigquery import JobObserver, Warehouse
from warehouse.jobs import Jobs

if TYPE_CHECKING:
    from google.cloud import bigquery

    from grading.maintenance.repairer import Repairer
    from grading.maintenance.tasks import Tasks


class Application:
    """The service of one process, built part by part as it is used.

    Any part can be given instead of built, which is how tests and benchmarks replace one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        sinks: tuple[EventSink, ...] | None = None,
        lock_store: DocumentStore | None = None,
        notifier: Notifier | None = None,
        observe: JobObserver = lambda _job_id, _sql: None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._log = EventLog((JsonLogSink(self.clock),) if sinks is None else sinks)
        self._lock_store = lock_store
        self._notifier = notifier
        self._observe = observe

    @cached_property
    def events(self) -> EventLog:
        return EventLog((*self._log.sinks, self.metrics))

    @cached_property
    def metrics(self) -> LockMetricsSink:
        return LockMetricsSink(clients.metric_writer(self.settings, self._log, self.clock), self._log, self.clock)

    @cached_property
    def bigquery_client(self) -> bigquery.Client:
        return clients.bigquery_client(self.settings)

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.bigquery_client, observe=self._observe)

    def jobs(self, task: str, seconds: float) -> Jobs:
        """A query session for a task of at most `seconds`."""
        return Jobs.of(self.warehouse, task, Deadline.after(seconds, self.clock))

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.events)

    @cached_property
    def lock_store(self) -> DocumentStore:
        return self._lock_store or LateLockStore(lambda: clients.lock_store(self.settings), self.clock)

    @cached_property
    def lock_timings(self) -> LockTimings:
        lease = self.settings.lock_lease_seconds
        return LockTimings(lease_seconds=lease, renew_every_seconds=lease / 3, rpc_timeout_seconds=min(5.0, lease / 3))

    def lock(self, lock_type: str, events: EventLog | None = None) -> DistributedLock:
        """The lock of a type, on the configured store."""
        return DistributedLock(
            self.settings.google_cloud_project,
            lock_type,
            store=self.lock_store,
            timings=self.lock_timings,
            clock=self.clock,
            events=events or self.events,
        )

    @cached_property
    def locker(self) -> Locker:
        return Locker(self.lock, self.settings.lock_max_wait_seconds, self.settings.write_reserve_seconds)

    @cached_property
    def writer(self) -> Writer:
        publisher = Publisher(self.locker.publishing)
        return Writer(publisher, self.settings.min_keys_ratio)

    @cached_property
    def memory(self) -> Memory:
        """What is remembered from one delivery to the next."""
        return Memory(self.lock_store, self.clock)

    @cached_property
    def alert_time(self) -> AlertTime:
        """How long alerts may take: an invocation sets its end."""
        return AlertTime(self.clock)

    @cached_property
    def notifier(self) -> SuppressingNotifier:
        """What carries alerts: each state reported once, and its end."""
        return SuppressingNotifier(
            self._notifier or clients.notifier(self.settings, self.events, self.clock, self.alert_time),
            self.lock_store,
            self.events,
            self.clock,
            environment=self.settings.environment,
            interval_seconds=self.settings.alert_repeat_seconds,
            time=self.alert_time,
        )

    def breaker(self, processor: str, events: EventLog | None = None) -> GradingCircuitBreaker:
        """A processor's circuit breaker, for one call."""
        return GradingCircuitBreaker(
            self.lock_store,
            processor,
            events or self.events,
            self.clock,
            threshold=self.settings.breaker_threshold,
            cool_down_seconds=self.settings.breaker_cool_down_seconds,
        )

    @cached_property
    def service(self) -> GradingService:
        return GradingService(
            settings=self.settings,
            clock=self.clock,
            events=self.events,
            warehouse=self.warehouse,
            locker=self.locker,
            writer=self.writer,
            audit=self.audit,
            notifier=self.notifier,
            resolver=self.notifier,
            breaker_of=self.breaker,
            repair=self.remediation.repair if self.settings.auto_remediate else None,
            facts_of=facts_of,
        )

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The upkeep tasks that a message may name."""
        return {
            "catch_up": lambda command, deadline: self.catch_up.task(command.days, deadline),
            "quality_check": lambda command, deadline: self.upkeep.quality_check(deadline, days=command.days),
            "duplicate_trend": lambda _command, deadline: self.upkeep.duplicate_trend(deadline),
            "stuck_locks": lambda _command, deadline: self.upkeep.sweep(deadline),
            "self_check": lambda _command, deadline: self._self_check(deadline),
        }

    def _self_check(self, deadline: Deadline) -> None:
        from grading.maintenance.adoption import self_check

        self_check(self.settings, Jobs.of(self.warehouse, "self-check", deadline))

    @cached_property
    def catch_up(self) -> CatchUp:
        return CatchUp(
            service=self.service,
            events=self.events,
            after=self.completion.announce,
            failed_before=self.memory.failed,
        )

    @cached_property
    def completion(self) -> Completion:
        topic, project = self.settings.grading_complete_topic, self.settings.google_cloud_project
        return Completion(clients.pubsub_publisher, topic, project, self.events)

    @cached_property
    def upkeep(self) -> Tasks:
        from grading.maintenance.tasks import Tasks

        return Tasks(
            settings=self.settings,
            clock=self.clock,
            events=self.events,
            warehouse=self.warehouse,
            lock_store=self.lock_store,
            notifier=self.notifier,
            resolver=self.notifier,
        )

    @cached_property
    def repairer(self) -> Repairer:
        from grading.maintenance.repairer import Repairer

        return Repairer(
            settings=self.settings,
            clock=self.clock,
            events=self.events,
            warehouse=self.warehouse,
            locker=self.locker,
            writer=self.writer,
            audit=self.audit,
        )

    @cached_property
    def remediation(self) -> Remediation:
        from grading.maintenance.repair_rows import DeduplicatedRows
        from grading.maintenance.repair_tables import REPAIR_TABLES

        return Remediation(
            settings=self.settings,
            events=self.events,
            warehouse=self.warehouse,
            locker=self.locker,
            writer=self.writer,
            audit=self.audit,
            notifier=self.notifier,
            find=validate,
            deduplicated=lambda processor: DeduplicatedRows(
                repaired=REPAIR_TABLES[processor.name], backup=None, merge_differing=True
            ),
        )

    @cached_property
    def handler(self) -> EventHandler:
        return EventHandler(
            settings=self.settings,
            clock=self.clock,
            events=self.events,
            notifier=self.notifier,
            service=self.service,
            tasks=self.tasks,
            after=self.completion.announce,
            flush=self.metrics.flush,
            memory=self.memory,
            alert_time=self.alert_time,
        )


@cache
def application_from_environment() -> Application:
    """The application of this process, configured by its environment."""
    return Application(Settings.from_environment(os.environ))


@cache
def application_for_terminal(sink: EventSink | None = None) -> Application:
    """The same for a person at a terminal: events go to `sink`, by default the structured log on the standard error."""
    clock = SystemClock()
    sinks = (sink or JsonLogSink(clock, sys.stderr),)
    application = Application(Settings.from_environment(os.environ), clock=clock, sinks=sinks)
    stop_with_sigterm(application)
    return application


def stop_with_sigterm(application: Application) -> None:
    """From now on SIGTERM ends the application's work; see `foundation.stop`. For processes that are ours alone."""
    clock = application.clock
    if not (isinstance(clock, SystemClock) and stop_on_sigterm(clock)):
        application.events.emit("stop_unhandled", "SIGTERM cannot be handled here: work ends with the process", "DEBUG")
