"""Places on stand-ins: BigQuery and Firestore at the edge of the network, one pair a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.connect import emulated_firestore, emulated_place, scratch_settings
from conformance.place import Pace, Place
from conformance.scratch import Scratch
from foundation.clock import SystemClock
from localdev.bigquery import LOCAL_PROJECT, BigQueryEmulator
from locking.timings import LockTimings
from tests.conformance.bigquery_standin import BigQueryStandIn
from tests.conformance.firestore_standin import FirestoreStandIn
from tests.conformance.gcloud_standin import GcloudStandIn

# How long to wait for what does not come.
DELIVERED_SECONDS = {"events are lost": 0.5, "alerts are not told": 5.0}
QUICK = Pace(
    job_timeout=0.3,
    idle=0.0,
    stopped_within=1.0,
    recovery=5.0,
    poll=0.02,
    rounds=2,
    hand_offs=1,
    dates=2,
    delivered_within=30.0,
)
ACCOUNT = "grading-function@scratch.iam.gserviceaccount.com"


class StandIns:
    """The stand-ins of a place, to ask what they were sent."""

    def __init__(self, bigquery: BigQueryStandIn, firestore: FirestoreStandIn, gcloud: GcloudStandIn) -> None:
        self.bigquery = bigquery
        self.firestore = firestore
        self.gcloud = gcloud


@pytest.fixture(scope="session")
def scratch(bigquery_emulator: BigQueryEmulator, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Scratch datasets that are made once: each assertion replaces the dates that it looks at."""
    directory = tmp_path_factory.mktemp("conformance")
    with emulated_place(bigquery_emulator.endpoint, None, directory, SystemClock()) as place:
        # Of a far day: no sweep of a test takes it for a leftover.
        place.scratch = Scratch("29990101t000000_abcdef")
        place.settings = scratch_settings(LOCAL_PROJECT, "US", place.scratch, bigquery_emulator.endpoint)
        place.prepare()
        return place.scratch


@pytest.fixture
def make_place(
    bigquery_emulator: BigQueryEmulator, tmp_path: Path, scratch: Scratch
) -> Iterator[Callable[..., tuple[Place, StandIns]]]:
    """Makes a place whose services misbehave as named; with `prepared=False`, on scratch that is not made yet."""
    with ExitStack() as stack:

        def make(*faults: str, prepared: bool = True, **further: Any) -> tuple[Place, StandIns]:
            bigquery = stack.enter_context(BigQueryStandIn(bigquery_emulator.endpoint, *faults))
            firestore = stack.enter_context(FirestoreStandIn(*faults))
            database = stack.enter_context(emulated_firestore(firestore.host))
            timings = LockTimings(safety_poll_seconds=1.0, stagger_seconds=0.05)
            never = faults and faults[0] in DELIVERED_SECONDS
            pace = replace(QUICK, delivered_within=DELIVERED_SECONDS[faults[0]]) if never else QUICK
            chosen = {"pace": pace, "timings": timings, "impersonated": ACCOUNT, "deep": True, **further}
            if prepared:
                chosen["scratch"] = scratch
            place = stack.enter_context(emulated_place(bigquery.endpoint, database, tmp_path, SystemClock(), **chosen))
            gcloud = GcloudStandIn(place, *faults)
            stack.callback(gcloud.finish)
            place.gcloud, place.monitoring = gcloud, gcloud.monitoring
            return place, StandIns(bigquery, firestore, gcloud)

        yield make
