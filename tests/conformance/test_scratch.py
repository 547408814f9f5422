"""A run touches what is its own, and leaves nothing: after its end, Ctrl-C, and, by the next run, SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery

from conformance.assertions import ASSERTIONS
from conformance.cli import Interrupt
from conformance.place import Place
from conformance.runner import run_all
from conformance.scratch import LABEL, PREFIX, REGISTER, NotOurs, Scratch, run_of_dataset
from conformance.sweep import refuse_foreign, remove_dataset, sweep
from localdev.bigquery import BigQueryEmulator
from localdev.environment import isolated
from locking.store import Key
from tests.conformance.conftest import StandIns
from tests.conformance.firestore_standin import FirestoreStandIn

MakePlace = Callable[..., tuple[Place, StandIns]]
ROOT = Path(__file__).parents[2]


def _own_datasets(place: Place) -> list[str]:
    return [listed.dataset_id for listed in place.owner.list_datasets() if place.scratch.run in listed.dataset_id]


def test_nothing_is_left_after_a_run(make_place: MakePlace) -> None:
    place, services = make_place(prepared=False)
    place.prepare()
    for dataset in _own_datasets(place):
        made = place.owner.get_dataset(dataset)
        assert made.labels[LABEL[0]] == LABEL[1]
        assert made.default_table_expiration_ms == 3_600_000
    results = run_all([assertion for assertion in ASSERTIONS if assertion.number in (14, 15, 19)], place)
    assert services.firestore.names
    place.clear()
    assert {result.observed.verdict for result in results} == {"holds"}
    assert services.firestore.names == []
    assert _own_datasets(place) == []


def test_a_sweep_takes_what_is_old_and_leaves_what_may_still_run(make_place: MakePlace) -> None:
    place, services = make_place(prepared=False)
    place.prepare()
    place.store.create(Key(place.scratch.collection, "left"), {"a": 1}, timeout=5)
    now, hour = place.clock.now(), timedelta(hours=1)
    assert sweep(place.owner, place.documents, now, older_than=hour) == []
    assert _own_datasets(place)
    removed = sweep(place.owner, place.documents, now + hour, older_than=hour)
    assert len(removed) == 5
    assert _own_datasets(place) == []
    assert services.firestore.names == []


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        (f"{PREFIX}results", {}),
        (f"{PREFIX}20260117t093000_1a2b3c_target", {}),
        (f"{PREFIX}results", dict([LABEL])),
        (f"{PREFIX}20260117t093000_1a2b3c_mine", dict([LABEL])),
    ],
)
def test_a_dataset_that_is_not_ours_stops_the_run(make_place: MakePlace, name: str, labels: dict[str, str]) -> None:
    place, _ = make_place(prepared=False)
    dataset = bigquery.Dataset(f"{place.owner.project}.{name}")
    dataset.labels = labels
    place.owner.create_dataset(dataset)
    try:
        with pytest.raises(NotOurs, match=PREFIX):
            refuse_foreign(place.owner, place.documents)
        with pytest.raises(NotOurs, match=PREFIX):
            sweep(place.owner, place.documents, place.clock.now(), older_than=timedelta(0))
    finally:
        place.owner.delete_dataset(name)


@pytest.mark.parametrize("key", [Key(f"{PREFIX}notes", "a"), Key(REGISTER, "a")])
def test_a_collection_that_is_not_ours_stops_the_run(make_place: MakePlace, key: Key) -> None:
    place, services = make_place(prepared=False)
    place.store.create(key, {"mine": "yes"}, timeout=5)
    with pytest.raises(NotOurs, match="not one that this command makes"):
        refuse_foreign(place.owner, place.documents)
    assert len(services.firestore.names) == 1


def test_a_run_that_claims_a_real_collection_is_refused(make_place: MakePlace) -> None:
    place, _ = make_place(prepared=False)
    fields = {LABEL[0]: LABEL[1], "collections": "grading_locks"}
    place.store.create(Key(REGISTER, place.scratch.run), fields, timeout=5)
    place.store.create(Key("grading_locks", "grading_2024-01-01"), {"holder_id": "x"}, timeout=5)
    with pytest.raises(NotOurs, match="not a scratch collection"):
        sweep(place.owner, place.documents, place.clock.now() + timedelta(hours=2), older_than=timedelta(hours=1))
    assert place.store.read(Key("grading_locks", "grading_2024-01-01"), timeout=5) is not None


@pytest.mark.parametrize("name", ["nba_predictions", "grading_conformance_", f"{PREFIX}x_target", f"{PREFIX}runs"])
def test_no_dataset_but_scratch_is_removed(make_place: MakePlace, name: str) -> None:
    place, services = make_place(prepared=False)
    with pytest.raises(NotOurs):
        remove_dataset(place.owner, name)
    assert "datasets.delete" not in services.bigquery.calls
    with pytest.raises(NotOurs):
        run_of_dataset(name)


def test_scratch_names_hold_their_moment() -> None:
    scratch = Scratch("20260117t093000_1a2b3c")
    assert run_of_dataset(scratch.dataset("target")) == scratch
    assert scratch.made.isoformat() == "2026-01-17T09:30:00+00:00"
    assert all(name.startswith(PREFIX) for name in scratch.collections(["a"]))


class _Run:
    """A conformance run in a process of its own, on the test's emulators."""

    def __init__(self, endpoint: str, host: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "conformance", *arguments],
            cwd=ROOT,
            env=isolated() | {"BIGQUERY_API_ENDPOINT": endpoint, "FIRESTORE_EMULATOR_HOST": host},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, text: str) -> None:
        assert self.process.stdout is not None
        assert any(text in line for line in self.process.stdout)

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture
def local(bigquery_emulator: BigQueryEmulator) -> Iterator[tuple[str, FirestoreStandIn]]:
    with FirestoreStandIn() as firestore:
        yield bigquery_emulator.endpoint, firestore


def _left(client: bigquery.Client) -> list[str]:
    return [
        listed.dataset_id
        for listed in client.list_datasets()
        if listed.dataset_id.startswith(PREFIX) and "29990101t" not in listed.dataset_id
    ]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_after_an_interrupt(
    local: tuple[str, FirestoreStandIn], bigquery_client: bigquery.Client, stop: signal.Signals
) -> None:
    endpoint, firestore = local
    run = _Run(endpoint, firestore.host)
    run.until("firestore_codes")
    assert _left(bigquery_client)
    os.kill(run.process.pid, stop)
    status, output = run.end()
    assert status == 130
    assert "the scratch was removed" in output
    assert "Traceback" not in output
    assert _left(bigquery_client) == []
    assert firestore.names == []


def test_an_interrupt_that_is_lost_is_obeyed_after_the_assertion() -> None:
    """As one that is raised while a destructor runs."""
    interrupt = Interrupt()
    interrupt.obey()
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interrupt.obey()


def test_what_a_killed_run_leaves_is_swept_by_a_later_one(
    local: tuple[str, FirestoreStandIn], bigquery_client: bigquery.Client
) -> None:
    endpoint, firestore = local
    run = _Run(endpoint, firestore.host)
    run.until("firestore_codes")
    run.process.kill()
    run.end()
    assert len(_left(bigquery_client)) == 4
    assert firestore.names
    young = _Run(endpoint, firestore.host, "--sweep")
    assert young.end()[0] == 0
    assert len(_left(bigquery_client)) == 4, "a run that may still work was swept"
    later = _Run(endpoint, firestore.host, "--sweep", "--older-than", "0")
    status, output = later.end()
    assert status == 0
    assert output.count("removed what an earlier run left") == 5
    assert _left(bigquery_client) == []
    assert firestore.names == []
