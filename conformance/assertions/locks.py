"""Firestore as the lock relies on it: preconditions, versions, and news of a release."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.cloud.firestore_v1 import types

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed, not_provable
from conformance.place import HAND_OFF, Place
from foundation.errors import LockError
from locking.firestore.values import at_version, encode
from locking.firestore.wire import FirestoreWire
from locking.store import Key

_TIMEOUT = 5.0
_HOLD_SECONDS = 0.3

# What Google's emulator answers, and what `locking.firestore.store` is written for.
EMULATOR = {
    "create of what exists": "ALREADY_EXISTS",
    "stale version": "FAILED_PRECONDITION",
    "missing document": "FAILED_PRECONDITION",
    "no-op write": "same version",
    "write": "greater version",
}


def _code(commit: Callable[[], Any]) -> str:
    try:
        commit()
    except grpc.RpcError as error:
        return str(error.code().name)
    return "accepted"


def _answers(place: Place, wire: FirestoreWire) -> Mapping[str, str]:
    """The answer to each kind of write, by the name in `EMULATOR`."""
    key, absent = (Key(place.scratch.collection, name) for name in ("codes", "absent"))

    def write(at: Key, value: int, precondition: Any) -> Any:
        document = types.Document.pb()(name=wire.name(at), fields=encode({"value": value}))
        return types.Write.pb()(update=document, current_document=precondition)

    def commit(*writes: Any) -> Callable[[], Any]:
        return lambda: wire.commit(writes, timeout=_TIMEOUT)

    absence = types.Precondition.pb()(exists=False)
    first = place.store.create(key, {"value": 1}, timeout=_TIMEOUT)
    assert first is not None
    created_again = _code(commit(write(key, 2, absence)))
    same = place.store.replace(key, {"value": 1}, if_version=first, timeout=_TIMEOUT)
    current = same or first
    second = place.store.replace(key, {"value": 2}, if_version=current, timeout=_TIMEOUT)
    return {
        "create of what exists": created_again,
        "no-op write": "same version" if same == first else "another version",
        "write": "greater version" if second and second > current else "no greater version",
        "stale version": _code(commit(write(key, 3, at_version(first)))),
        "missing document": _code(commit(write(absent, 1, at_version(first)))),
    }


@asserts(
    14,
    promise="A create that finds a document, a stale version and a missing document are refused, each with the code "
    "that Google's emulator gives; a write that changes nothing keeps the version.",
    why="The lock is these four answers: a stale holder that could write would take a lock that is not its own.",
    how="One document is created twice, replaced by a stale version, left unchanged, and sought where there is none.",
    documented=[
        Source(
            "https://cloud.google.com/firestore/docs/reference/rest/v1/Precondition",
            "exists: the document must (not) exist. updateTime: it must exist and have been last updated at that time.",
        ),
        Source(
            "https://cloud.google.com/firestore/docs/reference/rest/v1/WriteResult",
            "updateTime: if the write did not actually change the document, this is the previous updateTime.",
        ),
    ],
    calls=["commit", "batchGet"],
    effort=Effort(seconds=3),
    needs=[Ability.FIRESTORE],
)
def firestore_codes(place: Place) -> Observed:
    assert place.wire is not None
    place.locks_used_at = place.clock.monotonic()
    answers = _answers(place, place.wire)
    for name, expected in EMULATOR.items():
        if answers[name] != expected:
            return differs(f"{name}: {answers[name]}, and the emulator answers {expected}", **answers)
    return holds(", ".join(f"{name}: {answer}" for name, answer in answers.items()), **answers)


@asserts(
    15,
    promise="A waiter hears of a release from its listener, long before its safety poll; a call after minutes of "
    "idleness is answered at once.",
    why="Dates of a backfill wait for each other; a channel that fell asleep would fail each night's first lock.",
    how="A lock is handed from one thread to another, several times; before, nothing was sent for two minutes.",
    documented=[
        Source(
            "https://cloud.google.com/firestore/docs/query-data/listen",
            "A listener gets a snapshot at once, and another each time that the document changes.",
        )
    ],
    calls=["commit", "batchGet", "runQuery", "listDocuments", "listen"],
    effort=Effort(seconds=25),
    needs=[Ability.FIRESTORE],
)
def hand_off_and_idleness(place: Place) -> Observed:
    still = max(0.0, place.pace.idle - (place.clock.monotonic() - place.locks_used_at))
    if place.within(still).remaining() < still:
        return missed(f"no time was left for {place.pace.idle:g} s of idleness")
    threading.Event().wait(still)
    figures: dict[str, float] = {"idle_s": round(place.clock.monotonic() - place.locks_used_at)}
    started = time.perf_counter()
    try:
        place.store.read(Key(place.scratch.collection, "codes"), timeout=_TIMEOUT)
    except LockError as error:
        return differs(f"the first call after {figures['idle_s']} s of idleness failed: {error}", **figures)
    figures["after_idleness_ms"] = round((time.perf_counter() - started) * 1000, 1)
    seconds = [_hand_off(place) for _ in range(place.pace.hand_offs)]
    median = statistics.median(seconds)
    figures |= {"hand_off_median_ms": round(median * 1000, 1), "hand_offs": len(seconds)}
    if median > place.timings.safety_poll_seconds / 2:
        return differs(f"the median hand-off took {median:.2f} s: the listener heard nothing", **figures)
    text = f"median {median * 1000:.1f} ms; after {figures['idle_s']} s idle {figures['after_idleness_ms']} ms"
    if why := place.lacks.get(Ability.LATENCY):
        return not_provable(f"{text}; {why}", **figures)
    return holds(text, **figures)


def _hand_off(place: Place) -> float:
    """Seconds from the release of one holder to the grant of the one who waits."""
    waiting, released = threading.Event(), 0.0
    granted: list[float] = []

    def wait() -> None:
        waiting.set()
        with place.lock().acquire(HAND_OFF, "conformance-waiter", 30.0):
            granted.append(time.perf_counter())

    waiter = threading.Thread(target=wait, name="conformance-waiter", daemon=True)
    with place.lock().acquire(HAND_OFF, "conformance-holder", 30.0):
        waiter.start()
        waiting.wait()
        time.sleep(_HOLD_SECONDS)
        released = time.perf_counter()
    waiter.join(60.0)
    if not granted:
        raise LockError("the waiter never got the lock")
    return max(0.0, granted[0] - released)
