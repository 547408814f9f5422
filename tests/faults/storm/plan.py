"""What a round of the storm does: drawn from the seed and the round's number alone, so that both replay it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Role = Literal["event", "backfill", "repair", "batch"]

ON_PROCESSES = ("process killed", "process frozen", "process told to stop")
ON_WAREHOUSE = (
    "BigQuery: slow answer",
    "BigQuery: cut before",
    "BigQuery: answer swallowed",
    "BigQuery: runs after the cut",
    "BigQuery: 409 for a job id",
    "BigQuery: 429",
    "BigQuery: 500",
    "BigQuery: 503",
    "BigQuery: concurrent update",
    "BigQuery: outage",
    "BigQuery: 404 for a job that runs on",
    "BigQuery: 403 for a while",
    "BigQuery: DML queue full",
    "BigQuery: rows deleted after the commit",
)
ON_TASKS = ("no access token", "lock directory cannot be used")
ON_LOCKS = (
    "Firestore: refused",
    "Firestore: cut after",
    "Firestore: answer swallowed",
    "Firestore: hangs",
    "Firestore: restart",
    "Firestore: frozen",
)
ON_ALERTS = ("Slack: down", "Slack: slow", "Slack: 429", "Secret Manager: refused")
ON_EVENTS = ("event delivered twice at once", "event reordered", "event too late", "event malformed")
OTHERS = ("wrong clock", "copies by a foreign writer", "writer without the lock")
# What a batch meets between its staging and its publish: nothing, newer data of one date, a lock that was taken away,
# and an error for which it is halved.
ON_BATCHES = ("", "overtaken", "overtaken", "lock lost", "too big")

FAULTS = (*ON_PROCESSES, *ON_WAREHOUSE, *ON_TASKS, *ON_LOCKS, *ON_ALERTS, *ON_EVENTS, *OTHERS)

DATES = 3
_FAULTS_A_ROUND = 4
_STEPS = ("fence", "stage", "measure", "publish", "publish", "publish", "validate")
_MALFORMED = (b"{", b"[]", b'{"target_date": "2024-02-30"}', b'{"target_date": 7}', b'{"task": "nap"}', b"\xff\xfe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work for one process. `date` is an index; `at` is in seconds after the round's begin."""

    name: str
    role: Role
    date: int
    at: float
    published_ago: float = 0.0
    body: bytes | None = None
    skew_seconds: float = 0.0
    bumps: bool = False
    copies: int = 1
    locked: bool = True
    meets: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `task` is the index of the task that it hits, `after` the seconds before, `lasts` its length."""

    kind: str
    task: int = 0
    step: str = ""
    after: float = 0.0
    lasts: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Tasks and faults, all at once."""

    number: int
    tasks: Sequence[Task]
    faults: Sequence[Fault]
    damaged: Sequence[int] = field(default=())


def plan_round(seed: int, number: int, *, faults: Sequence[str] = FAULTS) -> Round:
    """The round of this number. Kinds of fault come in turn, from a deck that each full turn shuffles anew."""
    draw = random.Random(f"{seed}:{number}")
    kinds = _deck(seed, number, faults)
    tasks = [_event(draw, number, place) for place in range(draw.randint(2, 3))]
    if draw.random() < 0.6:
        tasks.append(_plain(draw, number, "backfill"))
    damaged: list[int] = []
    if any(kind in ON_ALERTS for kind in kinds):
        tasks = _changed(draw, "event malformed", tasks, number)  # something to alert
    if "copies by a foreign writer" in kinds or draw.random() < 0.2:
        tasks.append(_plain(draw, number, "repair"))
        damaged.append(tasks[-1].date)
    if draw.random() < 0.8:
        tasks.append(replace(_plain(draw, number, "batch"), meets=draw.choice(ON_BATCHES)))
    chosen = []
    for kind in kinds:
        if kind in OTHERS or kind in ON_EVENTS:
            tasks = _changed(draw, kind, tasks, number)
        else:
            chosen.append(_fault(draw, kind, len(tasks)))
    return Round(number=number, tasks=tasks, faults=chosen, damaged=damaged)


def happened(plan: Round) -> Mapping[str, int]:
    """The faults of a round that lie in the events themselves; the others are counted where they hit."""
    counts: dict[str, int] = {}
    for task in plan.tasks:
        for kind, hit in (
            ("event delivered twice at once", task.copies > 1),
            ("event reordered", 0 < task.published_ago < 3600),
            ("event too late", task.published_ago >= 3600),
            ("event malformed", task.body is not None),
            ("wrong clock", bool(task.skew_seconds)),
            ("writer without the lock", not task.locked),
        ):
            counts[kind] = counts.get(kind, 0) + hit
    counts["copies by a foreign writer"] = len(plan.damaged)
    return {kind: count for kind, count in counts.items() if count}


def _deck(seed: int, number: int, faults: Sequence[str]) -> list[str]:
    turns = -(-len(faults) // _FAULTS_A_ROUND)
    turn, place = divmod(number - 1, turns)
    deck = list(faults)
    random.Random(f"{seed}:deck:{turn}").shuffle(deck)
    return deck[place * _FAULTS_A_ROUND : (place + 1) * _FAULTS_A_ROUND]


def _event(draw: random.Random, number: int, place: int) -> Task:
    # Mostly the same date: that is where writers meet.
    return Task(
        name=f"r{number}-e{place}",
        role="event",
        date=0 if draw.random() < 0.6 else draw.randrange(DATES),
        at=draw.uniform(0, 0.4),
        bumps=draw.random() < 0.7,
    )


def _plain(draw: random.Random, number: int, role: Role) -> Task:
    return Task(name=f"r{number}-{role}", role=role, date=draw.choice((0, 0, 1, 2)), at=draw.uniform(0, 0.4))


def _changed(draw: random.Random, kind: str, tasks: list[Task], number: int) -> list[Task]:
    events = [place for place, task in enumerate(tasks) if task.role == "event"]
    place = draw.choice(events)
    match kind:
        case "event delivered twice at once":
            return _put(tasks, place, replace(tasks[place], copies=2))
        case "event reordered":
            late = replace(tasks[place], name=f"r{number}-old", published_ago=draw.uniform(5, 60), at=0.5, bumps=False)
            return [*tasks, late]
        case "event too late":
            return [*tasks, replace(tasks[place], name=f"r{number}-late", published_ago=7 * 3600.0, bumps=False)]
        case "event malformed":
            body = draw.choice(_MALFORMED)
            return [*tasks, Task(name=f"r{number}-bad", role="event", date=0, at=draw.uniform(0, 0.4), body=body)]
        case "writer without the lock":
            # Among writers that hold it, on the date where they meet: only the fence keeps these in order.
            alone = Task(name=f"r{number}-alone", role="backfill", date=0, at=0.0, bumps=True, locked=False)
            return [*tasks, *(replace(alone, name=f"{alone.name}{n}", at=draw.uniform(0, 0.6)) for n in range(3))]
        case "wrong clock":
            return _put(tasks, place, replace(tasks[place], skew_seconds=draw.choice((-600.0, 600.0, -3000.0))))
    return tasks


def _put(tasks: list[Task], place: int, task: Task) -> list[Task]:
    return [*tasks[:place], task, *tasks[place + 1 :]]


def _fault(draw: random.Random, kind: str, tasks: int) -> Fault:
    if kind in ON_PROCESSES:
        return Fault(kind=kind, task=draw.randrange(tasks), after=draw.uniform(0.02, 1.2), lasts=draw.uniform(0.3, 4.0))
    if kind in ON_WAREHOUSE:
        return Fault(kind=kind, step=draw.choice(_STEPS), after=draw.uniform(0, 0.5), lasts=draw.uniform(0.3, 2.0))
    if kind in ON_TASKS:
        return Fault(kind=kind, task=draw.randrange(tasks))
    if kind in ON_LOCKS:
        return Fault(kind=kind, after=draw.uniform(0, 0.8), lasts=draw.uniform(0.5, 3.0))
    return Fault(kind=kind)
