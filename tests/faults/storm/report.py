"""What a storm did, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.storm.plan import FAULTS

_COLUMNS = ("published", "satisfied", "repaired", "redelivered", "alerted", "gave up")


@dataclass
class Report:
    """Counts of a storm. `outcomes` holds, for each fault, how the tasks of its rounds ended."""

    seed: int
    rounds: int
    injected: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    first_violation: int | None = None
    batches: Counter[str] = field(default_factory=Counter)
    polls: int = 0
    seconds: float = 0.0

    def add_round(self, injected: Mapping[str, int], outcomes: Mapping[str, int]) -> None:
        """Count a round: each fault that happened in it, beside how the round's tasks ended."""
        self.injected.update(injected)
        self.totals.update(outcomes)
        for kind in injected:
            self.outcomes.setdefault(kind, Counter()).update(outcomes)

    def lines(self) -> Iterator[str]:
        """The table, and one line that sums it up."""
        names = ("injected", *_COLUMNS)
        yield f"{'fault':<32}" + "".join(f"{name:>12}" for name in names)
        for kind in FAULTS:
            counts = self.outcomes.get(kind, Counter())
            yield _line(kind, [self.injected[kind], *(counts[name] for name in _COLUMNS)])
        yield _line("all rounds", [sum(self.injected.values()), *(self.totals[name] for name in _COLUMNS)])
        yield (
            f"batches: {self.batches['batches']}; dates left out: {self.batches['left out']}, leases lost: "
            f"{self.batches['leases lost']}, halvings: {self.batches['halvings']}"
        )
        yield "Outcomes are those of all the tasks in the rounds with that fault; a round has several faults."
        yield (
            f"{self.rounds} rounds, {self.totals['tasks']} tasks, {self.totals['attempts']} attempts, "
            f"{self.polls} reads by the checker, {self.seconds:.0f} s, seed {self.seed}: "
            f"{len(self.violations)} violations"
        )


def _line(name: str, counts: Sequence[int]) -> str:
    return f"{name:<32}" + "".join(f"{count:>12,}" for count in counts)
