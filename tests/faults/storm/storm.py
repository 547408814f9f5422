"""The storm itself: emulators, proxies and processes, and round after round of tasks and faults among them."""

from __future__ import annotations

import heapq
import itertools
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grading.wiring import Application
from grading.writing.schema import create_tables
from localdev.bigquery import BigQueryEmulator
from localdev.environment import is_foreign
from localdev.firestore import FirestoreEmulator
from localdev.firestore_proxy import Fault as CallFault
from localdev.firestore_proxy import FirestoreProxy
from localdev.load import create_input_tables
from localdev.sdk import FIRESTORE_LAUNCHER, launcher
from localdev.settings import local_settings
from localdev.slack_sink import Answer, SlackSink
from tests.faults.storm.checker import Checker, check_story
from tests.faults.storm.plan import FAULTS, ON_ALERTS, ON_LOCKS, ON_WAREHOUSE, Fault, Round, Task, happened, plan_round
from tests.faults.storm.report import Report
from tests.faults.storm.rows import DAYS, copy_rows, delete_rows, fill, set_version
from tests.faults.storm.warehouse_proxy import WarehouseProxy
from tests.faults.storm.worker import Job, Reply, Worker

_PROCESSES = 5
_ROUND_SECONDS = 120.0
_REDELIVERED_AFTER_SECONDS = 1.0
_TRIES_BY_HAND = 5

_ON_CALLS: dict[str, CallFault] = {
    "Firestore: refused": "refuse",
    "Firestore: cut after": "cut",
    "Firestore: answer swallowed": "swallow",
    "Firestore: hangs": "hang",
}
_ON_SLACK = {
    "Slack: down": Answer(status=503),
    "Slack: slow": Answer(delay_seconds=3.0),
    "Slack: 429": Answer(status=429, headers={"Retry-After": "1"}),
}


@dataclass(eq=False)
class _Delivery:
    """A task on its way: delivered again and again until one attempt ends it."""

    task: Task
    place: int
    published_at: datetime | None = None
    attempts: int = 0
    done: bool = False
    statuses: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    gave_up: str = ""


class Storm:
    """A context manager.

    Args:
        directory: for logs, and for locks if there is no Firestore emulator.
        seed: draws every round.
        naive: the replaced system in place of ours, as a negative control.
        firestore: whether locks live in the Firestore emulator; default: if it is installed.
    """

    def __init__(self, directory: Path, seed: int, *, naive: bool = False, firestore: bool | None = None) -> None:
        self.seed = seed
        self.naive = naive
        self.report = Report(seed=seed, rounds=0)
        self._exit = ExitStack()
        self._directory = directory
        self._wants_firestore = launcher(FIRESTORE_LAUNCHER) is not None if firestore is None else firestore
        self._emulator: FirestoreEmulator | None = None
        self._locks: FirestoreProxy | None = None
        self._workers: list[Worker] = []
        self._running: dict[Worker, _Delivery] = {}
        self._versions = dict.fromkeys(DAYS, 1)
        self._events: list[_Delivery] = []
        self._hits: Counter[str] = Counter()
        self._secret_refused = False
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def faults(self) -> list[str]:
        """The kinds of fault that can be injected here."""
        return [kind for kind in FAULTS if self._wants_firestore or kind not in ON_LOCKS]

    def run(self, rounds: int, *, tell: Callable[[str], None] = lambda _: None, until_violated: bool = False) -> Report:
        """Rounds 1 to `rounds`, then rest, then the last checks."""
        began = time.monotonic()
        with self._checker:
            for number in range(1, rounds + 1):
                self._round(plan_round(self.seed, number, faults=self.faults))
                self.report.rounds = number
                if self._violations() and self.report.first_violation is None:
                    self.report.first_violation = number
                    if until_violated:
                        break
                if number % 10 == 0:
                    tell(f"round {number}: {time.monotonic() - began:.0f} s, {self._violations()} violations")
            if not self.naive:
                self._rest()
        self.report.violations.extend(self._checker.violations)
        if not self.naive:
            self.report.violations.extend(check_story(self._client, self._application.settings))
            self.report.violations.extend(self._unanswered_events())
        self.report.polls = self._checker.polls
        self.report.seconds = time.monotonic() - began
        return self.report

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        self._exit.close()

    def _start(self) -> None:
        for name in filter(is_foreign, list(os.environ)):
            del os.environ[name]
        enter = self._exit.enter_context
        emulator = enter(BigQueryEmulator(log_directory=self._directory))
        self._warehouse = enter(WarehouseProxy(emulator.endpoint))
        self._slack = enter(SlackSink())
        locks = {"lock_store": "sqlite", "lock_sqlite_path": str(self._directory / f"locks-{self.naive}.sqlite3")}
        if self._wants_firestore:
            self._emulator = enter(FirestoreEmulator(log_directory=self._directory))
            self._locks = enter(FirestoreProxy(self._emulator.host))
            locks = {"lock_store": "firestore"}
        chosen: dict[str, Any] = {
            "function_timeout_seconds": 30.0, "write_reserve_seconds": 10.0, "alert_reserve_seconds": 2.0,
            "lock_max_wait_seconds": 8.0, "breaker_cool_down_seconds": 1.0, "auto_remediate": True, **locks,
        }  # fmt: skip
        direct = local_settings(bigquery_endpoint=emulator.endpoint, **chosen)
        self._settings = local_settings(bigquery_endpoint=self._warehouse.endpoint, **chosen)
        self._client = enter(emulator.client())
        self._application = Application(direct, sinks=())
        self._exit.callback(self._application.bigquery_client.close)
        create_input_tables(self._client, direct)
        create_tables(direct, self._application.jobs("init", 120))
        fill(self._client, direct)
        self._checker = Checker(self._client, direct)
        self._warehouse.after_publish = self._delete
        self._workers = [self._new_worker() for _ in range(_PROCESSES)]
        for place, _ in enumerate(DAYS):
            task = Task(name=f"first-{place}", role="event", date=place, at=0.0)
            self._round(Round(number=0, tasks=[task], faults=[]))

    def _new_worker(self) -> Worker:
        return Worker(self._settings, self._locks.host if self._locks else "", self._slack.url)

    def _round(self, plan: Round) -> None:
        """All tasks of a round to their end, with its faults among them."""
        self._hits = Counter({} if self.naive else happened(plan))
        tasks = [task for task in plan.tasks if not (self.naive and (task.role == "repair" or task.body is not None))]
        deliveries = [_Delivery(task, place) for place, task in enumerate(tasks) for _ in range(task.copies)]
        for delivery in deliveries:
            self._at(delivery.task.at, partial(self._publish, delivery, deliveries))
        if not self.naive:
            for place in plan.damaged:
                self._at(0.0, partial(self._copy, place))
        for fault in plan.faults:
            self._prepare(fault)
        self._faults = plan.faults
        self._drive(deliveries)
        self._clear()
        self._count(deliveries)

    def _publish(self, delivery: _Delivery, deliveries: list[_Delivery]) -> None:
        """The event's publisher: new data first, then the event. Copies share the moment."""
        task, day = delivery.task, DAYS[delivery.task.date]
        twins = [other for other in deliveries if other.place == delivery.place and other.published_at]
        if twins:
            delivery.published_at = twins[0].published_at
        else:
            if task.bumps:
                self._versions[day] += 1
                set_version(self._client, self._application.settings, day, self._versions[day])
            delivery.published_at = datetime.now(UTC) - timedelta(seconds=task.published_ago)
        if task.role == "event":
            self._events.append(delivery)
        self._send(delivery)

    def _send(self, delivery: _Delivery) -> None:
        """Give a task to an idle process, now or as soon as there is one."""
        if delivery.done:
            return
        idle = [worker for worker in self._workers if worker not in self._running]
        if not idle:
            self._at(0.05, lambda: self._send(delivery))
            return
        worker = idle[0]
        self._running[worker] = delivery
        delivery.attempts += 1
        assert delivery.published_at is not None
        job = Job(
            task=delivery.task,
            published_at=delivery.published_at,
            naive=self.naive,
            secret_refused=self._secret_refused,
            token_refused=self._meets(delivery, "no access token"),
            locks_refused=self._meets(delivery, "lock directory cannot be used"),
        )
        try:
            worker.send(job)
        except OSError:
            self._lost(worker)
            return
        if delivery.attempts == 1:
            for fault in self._faults:
                if fault.task == delivery.place and fault.kind.startswith("process"):
                    self._at(fault.after, partial(self._strike, fault, worker, delivery))

    def _meets(self, delivery: _Delivery, kind: str) -> bool:
        """Whether the first attempt at this task meets a fault of its process."""
        hit = delivery.attempts == 1 and any(f.kind == kind and f.task == delivery.place for f in self._faults)
        self._hits[kind] += hit
        return hit

    def _delete(self, sql: str) -> None:
        """Someone who knows no fence deletes half of a date's rows right after they were published."""
        if found := re.search(r"DATE '(\d{4}-\d\d-\d\d)'", sql):
            day = date.fromisoformat(found[1])
            self._checker.expect_holes(day)
            if "'repaired'" in sql:
                # The repair finds its date wrong, and puts back what was there before: copies and all.
                self._checker.expect_copies(day)
            delete_rows(self._client, self._application.settings, day)
            self._checker.expect_holes(day)

    def _strike(self, fault: Fault, worker: Worker, delivery: _Delivery) -> None:
        """Hit the process, if it still works on that task."""
        if self._running.get(worker) is not delivery:
            return
        self._hits[fault.kind] += 1
        match fault.kind:
            case "process killed":
                worker.signal(signal.SIGKILL)
            case "process told to stop":
                worker.signal(signal.SIGTERM)
            case "process frozen":
                worker.signal(signal.SIGSTOP)
                self._at(fault.lasts, lambda: worker.signal(signal.SIGCONT))
                if delivery.task.role == "event":
                    # Its acknowledgement is overdue: Pub/Sub delivers the event a second time meanwhile.
                    again = _Delivery(delivery.task, -1, published_at=delivery.published_at)
                    self._extra.append(again)
                    self._at(_REDELIVERED_AFTER_SECONDS, lambda: self._send(again))

    def _prepare(self, fault: Fault) -> None:
        kind = fault.kind
        if kind in ON_WAREHOUSE:
            self._at(fault.after, lambda: self._warehouse.arm(kind, step=fault.step, seconds=fault.lasts))
        elif kind in _ON_CALLS and self._locks:
            self._at(fault.after, lambda: self._fail_call(kind))
        elif kind in ON_LOCKS and self._emulator:
            self._at(fault.after, lambda: self._strike_locks(fault))
        elif kind in _ON_SLACK:
            self._slack.answer_always(_ON_SLACK[kind])
        elif kind in ON_ALERTS:
            self._secret_refused = True

    def _fail_call(self, kind: str) -> None:
        assert self._locks is not None
        self._hits[kind] += 1
        self._locks.once("Commit", _ON_CALLS[kind])

    def _strike_locks(self, fault: Fault) -> None:
        emulator = self._emulator
        assert emulator is not None
        self._hits[fault.kind] += 1
        if fault.kind == "Firestore: restart":
            emulator.kill()
            self._restart = threading.Thread(target=emulator.start, daemon=True)
            self._restart.start()
        else:
            emulator.pause()
            self._at(fault.lasts, emulator.resume)

    def _copy(self, place: int) -> None:
        day = DAYS[place]
        self._checker.expect_copies(day)
        copy_rows(self._client, self._application.settings, day)
        self._checker.expect_copies(day)

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._order), action))

    def _drive(self, deliveries: list[_Delivery]) -> None:
        """Until every task has ended, and every fault is over."""
        until = time.monotonic() + _ROUND_SECONDS
        self._extra: list[_Delivery] = []
        while self._waiting or self._running or not all(d.done for d in (*deliveries, *self._extra)):
            now = time.monotonic()
            if now > until:
                late = [d.task.name for d in (*deliveries, *self._extra) if not d.done]
                self.report.violations.append(f"not done within {_ROUND_SECONDS:.0f} s: {', '.join(late)}")
                self._waiting.clear()
                for worker in list(self._running):
                    worker.kill()
                    self._replace(worker)
                return
            while self._waiting and self._waiting[0][0] <= now:
                heapq.heappop(self._waiting)[2]()
            pause = min(0.2, max(0.0, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.2
            pipes = {worker.pipe: worker for worker in self._running}
            for pipe in wait(list(pipes), timeout=pause):
                self._receive(pipes[pipe])  # type: ignore[index]

    def _receive(self, worker: Worker) -> None:
        try:
            reply = worker.pipe.recv()
        except (EOFError, OSError):
            self._lost(worker)
            return
        delivery = self._running.pop(worker)
        assert isinstance(reply, Reply)
        delivery.statuses.extend(reply.statuses)
        delivery.alerts.extend(reply.alerts)
        self.report.batches.update(reply.met)
        if reply.ending == "crashed":
            self.report.violations.append(f"{delivery.task.name}: {reply.detail}")
            delivery.done = True
        elif reply.ending == "done":
            delivery.done = True
        elif delivery.task.role != "event" and delivery.attempts >= _TRIES_BY_HAND:
            delivery.done, delivery.gave_up = True, reply.detail
        else:
            self._again(delivery)
        if not worker.process.is_alive():
            self._replace(worker)

    def _lost(self, worker: Worker) -> None:
        """The process is gone: another one takes its place, and its task comes again."""
        delivery = self._running.pop(worker, None)
        self._replace(worker)
        if delivery:
            self._again(delivery)

    def _replace(self, worker: Worker) -> None:
        self._running.pop(worker, None)
        with suppress(OSError):
            worker.kill()
        self._workers[self._workers.index(worker)] = self._new_worker()

    def _again(self, delivery: _Delivery) -> None:
        self._at(min(2.0, 0.3 * delivery.attempts), lambda: self._send(delivery))

    def _clear(self) -> None:
        """The end of a round's faults."""
        for kind, count in self._warehouse.hits.items():
            self._hits[kind] += count
        self._warehouse.hits.clear()
        self._warehouse.disarm()
        self._slack.answer_always(Answer())
        self._secret_refused = False
        if restart := getattr(self, "_restart", None):
            restart.join()

    def _count(self, deliveries: list[_Delivery]) -> None:
        everything = [*deliveries, *self._extra]
        told = sum(len(delivery.alerts) for delivery in everything)
        for fault in self._faults:
            if fault.kind in ON_ALERTS and told:
                self._hits[fault.kind] += told
        outcomes: Counter[str] = Counter(tasks=len(everything))
        for delivery in everything:
            outcomes["attempts"] += delivery.attempts
            outcomes["redelivered"] += delivery.attempts - 1
            outcomes[_outcome(delivery)] += 1
        self.report.add_round({kind: hits for kind, hits in self._hits.items() if hits}, outcomes)

    def _rest(self) -> None:
        """No more faults: what copies are left, a repair removes."""
        draw = random.Random(self.seed)
        for attempt in range(10):
            self._checker.poll()
            holed = [place for place, day in enumerate(DAYS) if self._checker.has_holes(day)]
            if holed:
                name = f"rest-holes-{attempt}"
                tasks = [Task(name=name, role="backfill", date=place, at=0.0) for place in holed]
                self._round(Round(number=0, tasks=tasks, faults=[]))
                continue
            left = [place for place, day in enumerate(DAYS) if self._checker.has_copies(day)]
            if not left:
                return
            tasks = [Task(name=f"rest-{draw.random()}", role="repair", date=place, at=0.0) for place in left]
            self._round(Round(number=0, tasks=tasks, faults=[]))
        self.report.violations.append(f"copies are left: {[DAYS[place] for place in left]}")

    def _unanswered_events(self) -> list[str]:
        """Events that were acknowledged though their date is older than they are, and nobody was alerted."""
        rows = self._checker.read()
        return [
            f"event {event.task.name} was published after the newest data of {DAYS[event.task.date]}"
            for event in self._events
            if event.published_at is not None
            and not event.alerts
            and (
                event.task.body is not None
                or rows[DAYS[event.task.date]]["token"] < int(event.published_at.timestamp() * 1000)
            )
        ]

    def _violations(self) -> int:
        return len(self._checker.violations) + len(self.report.violations)


def _outcome(delivery: _Delivery) -> str:
    """How a task ended, in the words of the report."""
    last = delivery.statuses[-1] if delivery.statuses else ""
    if delivery.gave_up or not delivery.done:
        return "gave up"
    if last in ("success", "partial"):
        return "published"
    if last == "repaired":
        return "repaired"
    if last in ("superseded", "unchanged"):
        return "satisfied"
    return "alerted" if delivery.alerts else "published"
