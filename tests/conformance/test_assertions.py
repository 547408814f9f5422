"""Each assertion holds if the services behave as documented, and differs if they misbehave in its way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.assertion import Assertion, Observed, Verdict
from conformance.assertions import ASSERTIONS
from conformance.assertions.deployed import function_of, sweep_functions
from conformance.calls import ALWAYS, CALLS
from conformance.cost import MAXIMUM_BYTES_BILLED, estimate
from conformance.place import Place
from conformance.runner import exit_code, run_all
from conformance.scratch import Scratch
from tests.conformance.conftest import StandIns

MakePlace = Callable[..., tuple[Place, StandIns]]

BY_NUMBER = {assertion.number: assertion for assertion in ASSERTIONS}

# The way in which each assertion's service misbehaves; some in several.
MISBEHAVING = [
    (1, "never aborts"),
    (1, "tells a conflict otherwise"),
    (2, "snapshots are not isolated"),
    (3, "a stopped script is kept"),
    (3, "a stopped script is permanent"),
    (4, "an appended row is lost"),
    (5, "a DELETE reads bytes"),
    (6, "the clock is ahead"),
    (7, "guards are masked"),
    (8, "runs a job id again"),
    (9, "missing is a syntax error"),
    (9, "the closed dataset is open"),
    (10, "own jobs are hidden"),
    (11, "creation times go back"),
    (11, "creation times are off"),
    (11, "jobs are created after their start"),
    (12, "partitions are not pruned"),
    (12, "statements are refused"),
    (13, "snapshots never end"),
    (14, "a create overwrites"),
    (14, "a stale version writes"),
    (14, "a no-op changes the version"),
    (14, "another code"),
    (15, "listeners are silent"),
    (15, "idle calls fail"),
    (16, "events are lost"),
    (16, "alerts are not told"),
    (16, "grades without the lock"),
    (16, "a deployment resets delivery"),
    (17, "increase counts no first point"),
    (18, "events are lost"),
    (18, "publishes twice"),
    (19, "jobs are slow"),
]
SHALLOW = [assertion for assertion in ASSERTIONS if not assertion.deep]


def _observe(assertion: Assertion, place: Place) -> Observed:
    return run_all([assertion], place)[0].observed


def _a_day_later(place: Place, services: StandIns) -> None:
    """The counter was made by an earlier run, and has its point."""
    assert _observe(BY_NUMBER[17], place).missed
    services.gcloud.points = 1.0


@pytest.mark.parametrize("number", sorted(BY_NUMBER))
def test_it_holds_on_services_that_behave_as_documented(make_place: MakePlace, number: int) -> None:
    assertion = BY_NUMBER[number]
    place, services = make_place("two at once") if number == 1 else make_place()
    if number == 17:
        _a_day_later(place, services)
    observed = _observe(assertion, place)
    assert observed.verdict is Verdict.HOLDS, observed
    calls = {*services.bigquery.calls, *services.firestore.calls, *services.gcloud.calls}
    assert calls <= {*assertion.calls, *ALWAYS}, "a dry run would not list them"
    queries = [asked["query"] for asked in services.bigquery.configurations if "query" in asked]
    assert all(query["maximumBytesBilled"] == str(MAXIMUM_BYTES_BILLED) for query in queries)
    statements, tables = services.bigquery.sent
    assert statements <= assertion.effort.statements
    assert tables <= assertion.effort.tables


@pytest.mark.parametrize(("number", "fault"), MISBEHAVING)
def test_it_differs_on_services_that_misbehave(make_place: MakePlace, number: int, fault: str) -> None:
    place, services = make_place(fault, "two at once") if number == 1 else make_place(fault)
    if number == 17:
        _a_day_later(place, services)
    observed = _observe(BY_NUMBER[number], place)
    assert observed.verdict is Verdict.DIFFERS, observed


def test_two_jobs_that_did_not_overlap_prove_nothing(make_place: MakePlace) -> None:
    place, _ = make_place("never at once")
    results = run_all([BY_NUMBER[1]], place)
    assert results[0].observed.verdict is Verdict.NOT_PROVABLE
    assert results[0].observed.missed
    assert exit_code(results) == 3


def test_a_script_that_is_not_stopped_proves_nothing(make_place: MakePlace) -> None:
    """BigQuery does not promise that a job timeout stops a job in time."""
    place, _ = make_place("scripts are not stopped")
    observed = _observe(BY_NUMBER[3], place)
    assert observed.missed


@pytest.mark.parametrize("number", [9, 10])
def test_rights_are_not_proven_without_the_deployed_account(make_place: MakePlace, number: int) -> None:
    place, _ = make_place(impersonated="")
    observed = _observe(BY_NUMBER[number], place)
    assert observed.missed
    assert "AS names no service account" in observed.text


def test_a_service_that_cannot_be_reached_proves_nothing(make_place: MakePlace) -> None:
    place, services = make_place()
    services.bigquery.refuses = True
    results = run_all([BY_NUMBER[11]], place)
    assert results[0].observed.missed
    assert exit_code(results) == 3


def test_every_assertion_says_all_that_a_report_shows() -> None:
    numbers = [assertion.number for assertion in ASSERTIONS]
    assert sorted(numbers) == list(range(1, 20))
    for assertion in ASSERTIONS:
        assert all((assertion.promise, assertion.why, assertion.how, assertion.documented, assertion.calls))
        assert set(assertion.calls) <= CALLS.keys()
        assert all(source.url.startswith("https://") and source.says for source in assertion.documented)


def test_the_shallow_ones_take_at_most_ten_minutes_and_ten_cents() -> None:
    expected = estimate(SHALLOW)
    assert expected.effort.seconds <= 600
    assert expected.usd <= 0.10


def test_each_assertion_has_a_way_to_differ() -> None:
    assert {number for number, _ in MISBEHAVING} == BY_NUMBER.keys()


def test_every_guard_of_the_publish_script_is_asked_for() -> None:
    root = Path(__file__).parents[2]
    guards = {
        name
        for path in (root / "grading").rglob("*.sql")
        for name in re.findall(r"'grading:([a-z_]+)'", path.read_text())
    }
    asked = re.findall(r"_Case\(\s*\"([a-z_]+)\"", (root / "conformance/assertions/guards.py").read_text())
    assert set(asked) == guards


def test_a_scratch_function_leaves_nothing(make_place: MakePlace) -> None:
    place, services = make_place()
    observed = _observe(BY_NUMBER[18], place)
    assert observed.verdict is Verdict.HOLDS
    assert services.gcloud.functions == services.gcloud.topics == set()
    names = [name.rpartition("/documents/")[2] for name in services.firestore.names]
    known = place.scratch.collections(*place._lock_keys())
    assert names
    assert {name.rpartition("/")[0] for name in names} <= set(known), "a sweep would not find them"


def test_what_a_killed_deep_run_left_is_swept(make_place: MakePlace) -> None:
    place, services = make_place()
    old, young = Scratch("20240101t000000_abcdef"), Scratch.new(place.clock.now())
    for scratch in (old, young):
        function_of(place, scratch).create()
    removed = sweep_functions(place, place.clock.now(), timedelta(hours=1))
    assert len(removed) == 1
    assert services.gcloud.functions == {function_of(place, young).name}
    assert len(services.gcloud.topics) == 2


def test_a_counter_without_a_point_proves_nothing(make_place: MakePlace) -> None:
    place, services = make_place()
    _a_day_later(place, services)
    services.gcloud.points = None
    assert _observe(BY_NUMBER[17], place).missed


def test_real_tables_are_only_dry_run_against(make_place: MakePlace) -> None:
    place, services = make_place()
    names = {"target_dataset": "nba_real", "staging_dataset": "nba_real"}
    place.real = replace(place.settings, **names)
    observed = _observe(BY_NUMBER[12], place)
    assert observed.verdict is Verdict.HOLDS
    assert "real tables" in observed.figures
    asked = [(bool(sent.get("dryRun")), "nba_real" in str(sent)) for sent in services.bigquery.configurations]
    assert (True, True) in asked
    assert (False, True) not in asked
