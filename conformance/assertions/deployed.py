"""What only a deployed function shows: delivery, the end of an instance, the run counter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed
from conformance.deployed_main import END_IN_PUBLISH
from conformance.place import DEPLOYED_DAYS, Place, day
from conformance.scratch import Scratch
from conformance.scratch_function import DELIVERY, GcloudFailed, ScratchFunction
from warehouse.statements import Folder

_SQL = Folder("grading.sql")
_COUNTER = "grading_conformance_runs"
_CALLS = (
    "gcloud topics", "gcloud subscriptions", "gcloud deploy", "gcloud logging", "jobs.insert", "jobs.get",
    "jobs.getQueryResults", "tables.get", "tables.delete", "commit", "batchGet", "listen", "runQuery",
)  # fmt: skip
_EVENTS = Source(
    "https://cloud.google.com/eventarc/docs/retry-events",
    "The trigger's subscription holds retries, deadline and dead letters; they are set on the subscription.",
)
_ALERTS = ("alert_sent", "alert_failed")


def function_of(place: Place, scratch: Scratch) -> ScratchFunction:
    """The function of a run."""
    return ScratchFunction(
        scratch=scratch,
        settings=place.settings,
        account=place.impersonated,
        region=place.region,
        gcloud=place.gcloud,
    )


def sweep_functions(place: Place, now: datetime, older_than: timedelta) -> list[str]:
    """Remove the functions and topics that runs older than this left."""
    project = f"--project={place.settings.google_cloud_project}"
    removed = []
    for command in (
        ("functions", "list", f"--regions={place.region}", "--filter=name:grading-conformance-"),
        ("pubsub", "topics", "list", "--filter=name:grading-conformance-"),
    ):
        for listed in place.gcloud([*command, "--format=value(name)", project]).split():
            name = listed.rpartition("/")[2].removesuffix("-dead")
            scratch = Scratch(name.removeprefix("grading-conformance-").replace("-", "_"))
            if name not in removed and now - scratch.made >= older_than:
                function_of(place, scratch).remove()
                removed.append(name)
    return removed


@contextmanager
def _function(place: Place) -> Iterator[ScratchFunction]:
    """A function of the run's own, removed whatever happens."""
    function = function_of(place, place.scratch)
    try:
        function.create()
        yield function
    finally:
        function.remove()


class _Published:
    """The runs that published a date since this was made, by what grading_runs records."""

    def __init__(self, place: Place, when: date) -> None:
        self._place, self._when = place, when
        self._earlier: frozenset[str] = frozenset()
        self._earlier = frozenset(run["run_id"] for run in self.runs())

    def runs(self) -> list[Mapping[str, Any]]:
        run = self._place.run(self._when)
        rows = run.jobs.ask("runs", _SQL.fill("runs_of_date", **run.values())).rows
        return [
            row
            for row in rows
            if row["processor"] == self._place.processor.name
            and row["status"] in ("success", "partial")
            and row["run_id"] not in self._earlier
        ]


def _until(place: Place, seen: Callable[[], object]) -> bool:
    deadline, pause = place.within(place.pace.delivered_within), threading.Event()
    while not seen():
        if deadline.expired:
            return False
        pause.wait(place.pace.poll)
    return True


@asserts(
    16,
    promise="An event on the topic ends as rows, written under the lock; an unreadable one is alerted; and a second "
    "deployment keeps the subscription's deadline, retries and dead letters.",
    why="Each part is tested alone: that the deployed whole delivers, locks, writes and alerts is what a night needs.",
    how="A function and a topic of the run's own are deployed; one event and one unreadable message are published; "
    "the function is deployed again, and its subscription is read.",
    documented=[_EVENTS],
    calls=_CALLS,
    effort=Effort(statements=40, tables=70, seconds=900, further_usd=0.10),
    needs=[Ability.DEPLOYMENT],
    deep=True,
)
def end_to_end(place: Place) -> Observed:
    if not place.impersonated:
        return missed("AS names no service account for the function to run as")
    with _function(place) as function:
        when = day(DEPLOYED_DAYS[0])
        published = _Published(place, when)
        function.publish({"target_date": when.isoformat(), "trigger_source": "conformance", "run_aggregation": False})
        if not _until(place, published.runs):
            return differs(f"the event was not graded within {place.pace.delivered_within:g} s")
        run, left = published.runs()[0], place.fingerprint(when)
        if not run["locked"]:
            return differs("the date was graded without the lock", detail=run["detail"])
        if left.run_id != run["run_id"] or left.run_count != 1:
            return differs("the date does not hold the rows of the run that grading_runs names", rows=left.row_count)
        function.publish({"target_date": "not a date"})
        if not _until(place, lambda: function.logged(*_ALERTS)):
            return differs("an unreadable message was not alerted", rows=left.row_count)
        before = function.delivery()
        function.deploy(2)
        after = function.delivery()
    figures = {"rows": left.row_count, "lock_wait_ms": run["lock_wait_ms"], "delivery": after}
    if after != before or after != DELIVERY:
        return differs(f"a second deployment left the subscription with {after}, wanted {DELIVERY}", **figures)
    return holds(f"{left.row_count} rows under the lock, the alert was sent, delivery stayed as set", **figures)


@asserts(
    17,
    promise="increase() over 26 h counts a run whose counter has a single point.",
    why="The alert for a night without a run asks increase(): were a first point not counted, it would page each day.",
    how="A log-based counter of the run's own gets one point in one DEEP run; the next, a day later, asks increase().",
    documented=[
        Source(
            "https://cloud.google.com/monitoring/promql/promql-mapping",
            "Cloud Monitoring's counters carry the start of their interval, so that increase() knows the first point.",
        )
    ],
    calls=["gcloud metrics", "prometheus query"],
    effort=Effort(seconds=20),
    needs=[Ability.DEPLOYMENT],
    deep=True,
)
def increase_over_a_single_point(place: Place) -> Observed:
    project = f"--project={place.settings.google_cloud_project}"
    try:
        place.gcloud(["logging", "metrics", "describe", _COUNTER, project])
    except GcloudFailed:
        logged = 'resource.type="cloud_run_revision" AND resource.labels.service_name:"grading-conformance-"'
        place.gcloud(
            ["logging", "metrics", "create", _COUNTER, "--description=Scratch of make conformance",
             f'--log-filter={logged} AND jsonPayload.event="run_finished"', project]
        )  # fmt: skip
        return missed("the counter was made now; its point comes from this run: run DEEP=yes again in a day")
    series = f'logging_googleapis_com:user_{_COUNTER}{{monitored_resource="cloud_run_revision"}}'
    points = place.monitoring(f"sum(count_over_time({series}[26h]))")
    counted = place.monitoring(f"sum(increase({series}[26h]))")
    figures = {"points": points, "increase": counted}
    if not points:
        return missed("no point of an earlier DEEP run within 26 h: run DEEP=yes a day after the last one", **figures)
    place.gcloud(["logging", "metrics", "delete", _COUNTER, project])
    if not counted or counted < 0.5:
        return differs("the counter has a point, and increase() does not count it", **figures)
    return holds(f"increase() answered {counted:g}", **figures)


@asserts(
    18,
    promise="An instance that ends in mid-publish leaves one publication: its own, or the redelivered event's.",
    why="Instances end at any moment; neither may the event be lost, nor the date be published twice.",
    how="The function ends itself by SIGKILL while its publish runs; Pub/Sub delivers the event again.",
    documented=[
        _EVENTS,
        Source(
            "https://cloud.google.com/run/docs/container-contract#instance-shutdown",
            "An instance may be shut down at any time.",
        ),
    ],
    calls=_CALLS,
    effort=Effort(statements=60, tables=100, seconds=700, further_usd=0.05),
    needs=[Ability.DEPLOYMENT],
    deep=True,
)
def instance_ended_in_mid_publish(place: Place) -> Observed:
    if not place.impersonated:
        return missed("AS names no service account for the function to run as")
    with _function(place) as function:
        when = day(DEPLOYED_DAYS[1])
        published = _Published(place, when)
        function.publish({"target_date": when.isoformat(), "trigger_source": END_IN_PUBLISH, "run_aggregation": False})
        settled = _until(place, lambda: len(published.runs()) > 1 or function.ended_and_finished())
    times, left = len(published.runs()), place.fingerprint(when)
    figures = {"published": times, "rows": left.row_count}
    if not times:
        return differs("the event was lost: nothing was published", **figures)
    if times > 1 or left.run_count != 1:
        return differs(f"the date was published {times} times, and holds rows of {left.run_count} runs", **figures)
    if not settled:
        return missed(f"no second delivery was seen within {place.pace.delivered_within:g} s", **figures)
    return holds(f"one publication, {left.row_count} rows", **figures)
