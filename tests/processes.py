"""Processes for the tests of races and crashes, started from a server that has imported what they need.

A process is there in a moment, and costs no second of imports. `multiprocessing` has one such server in a session, and
one list of what it imports.
"""

from __future__ import annotations

from multiprocessing import get_context

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["google.cloud.firestore", "google.cloud.bigquery", "google.cloud.secretmanager", "locking.firestore.store",
     "locking.sqlite_store", "alerts.slack", "alerts.secret", "grading.maintenance.repairer", "grading.wiring",
     "tests.faults.storm.worker", "tests.faults.lock.worker"]
)  # fmt: skip
