"""What a publish changed: two states of a date, compared in the warehouse by business key and by column.

The rows stay there; the client gets counts and a few samples, however large the date is. BigQuery reads a table at
one point in time a statement (https://cloud.google.com/bigquery/docs/access-historical-data), and its change history
refuses tables that had multi-statement transactions (https://cloud.google.com/bigquery/docs/change-history): so the
older state is copied to staging, and a second statement compares. The state after a publish is the one just before the
next: a row of `grading_runs` holds as `committed_at` a moment of its own transaction before the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from foundation import commands
from foundation.errors import InvalidSettings
from grading.history import RunRecord
from grading.run import Run
from warehouse.columns import Column, comparable
from warehouse.statements import Folder, Sql, TablePath, columns, key_texts, literal, table

SQL = Folder("grading.report.sql")

SAMPLES = 10
# Who wrote a row and when differs with each publish, and says nothing of its content.
_PROVENANCE = frozenset({"run_id", "fence_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row that differs: its business key as text, `added`, `removed` or `changed`, and old and new values."""

    key: Mapping[str, str | None]
    kind: str
    differs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Rows by how they differ; `columns` has the changed rows by column, those without a change left out. `old_keys`
    are the business keys of the older state."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    old_keys: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    samples: Sequence[Sample] = ()

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishes:
    """The two publishes whose states are compared, and the moments at which the states can be read (None: now)."""

    older: RunRecord
    newer: RunRecord
    older_as_of: datetime
    newer_as_of: datetime | None


def choose(runs: Sequence[RunRecord], older: str | None, newer: str | None) -> Publishes:
    """The publishes to compare, of one processor's runs of a date; by default the last two.

    `older` and `newer` are run ids or their beginnings. Raises `InvalidSettings` if there are no two, or one is not
    found, or they are the wrong way round.
    """
    published = sorted(
        (run for run in runs if run.committed_at),
        key=lambda run: run.committed_at.timestamp() if run.committed_at else 0,
    )
    if len(published) < 2:
        raise InvalidSettings(
            f"{len(published)} publish of this date is recorded, and a difference needs two; "
            f"`--from` also takes the name of a backup (`{commands.UNDO}` lists them)"
        )
    last = len(published) - 1 if newer is None else _place(published, newer)
    first = last - 1 if older is None else _place(published, older)
    if not 0 <= first < last:
        raise InvalidSettings(f"--from {older or '(the one before)'} was not published before --to {newer}: swap them")
    following = published[last + 1] if last + 1 < len(published) else None
    as_of = published[first + 1].committed_at
    assert as_of is not None
    return Publishes(
        older=published[first],
        newer=published[last],
        older_as_of=as_of,
        newer_as_of=following.committed_at if following else None,
    )


def _place(published: Sequence[RunRecord], prefix: str) -> int:
    found = [place for place, run in enumerate(published) if run.run_id.startswith(prefix)]
    if len(found) != 1:
        known = ", ".join(run.run_id[:8] for run in published[-10:])
        what = "no publish of this date" if not found else f"{len(found)} publishes of this date"
        raise InvalidSettings(f"{prefix!r} is {what}: use one of {known}")
    return found[0]


def ensure_readable(moment: datetime, now: datetime, hours: int) -> None:
    """Raise `InvalidSettings` if a moment is before what the dataset keeps."""
    if moment < now - timedelta(hours=hours):
        raise InvalidSettings(
            f"the rows of {moment:%Y-%m-%d %H:%M:%S} UTC cannot be read any more: the dataset keeps them for "
            f"{hours / 24:g} days; compare with a backup instead: --from BACKUP (`{commands.UNDO}` lists them)"
        )


def between(run: Run, publishes: Publishes) -> Difference:
    """The difference between two publishes. Raises what `Jobs.ask` raises; leaves no table."""
    known = _compared(run.jobs.warehouse.columns(run.target))
    older = run.staging_table()
    run.jobs.ask(
        "copy-older",
        SQL.fill(
            "rows_as_of",
            **{
                **run.values(),
                "staging": table(older),
                "columns": columns([column.name for column in known]),
                "as_of": _as_of(publishes.older_as_of),
            },
        ),
    )
    try:
        return compare(run, old=older, new=run.target, known=known, new_as_of=publishes.newer_as_of)
    finally:
        run.jobs.warehouse.drop(older)


def compare(
    run: Run,
    *,
    old: TablePath,
    new: TablePath,
    known: Sequence[Column] | None = None,
    new_as_of: datetime | None = None,
) -> Difference:
    """The run's date in two tables, which have the same columns or, of the target's, at least those of `new`."""
    known = _compared(run.jobs.warehouse.columns(new)) if known is None else known
    names = [column.name for column in known]
    processor = run.processor
    compared = [name for name in names if name not in (_PROVENANCE | {*processor.business_key, processor.written_at})]
    values = {
        **run.values(),
        "columns": comparable(known),
        "old": table(old),
        "new": table(new),
        "new_as_of": _as_of(new_as_of) if new_as_of else Sql(""),
        "key_texts": key_texts(processor.business_key, "sample"),
        "samples": literal(SAMPLES),
        "comparisons": Sql("".join(_comparison(name) for name in compared)),
        "any_differs": Sql(" OR ".join(f"differs_{name}" for name in compared) or "FALSE"),
        "column_counts": Sql(
            "".join(
                f",\n  COUNTIF(old_rows = 1 AND new_rows = 1 AND differs_{name}) AS changed_{name}" for name in compared
            )
        ),
        "differences": Sql(",\n        ".join(_difference(name) for name in compared) or "''"),
    }
    values["paired"] = SQL.fill("paired_rows", **values)
    counts = run.jobs.ask("diff", SQL.fill("diff_counts", **values)).first
    found = Difference(
        added=counts["added"],
        removed=counts["removed"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        old_keys=counts["old_keys"],
        columns={name: counts[f"changed_{name}"] for name in compared if counts[f"changed_{name}"]},
    )
    if found.same:
        return found
    rows = run.jobs.ask("diff-samples", SQL.fill("diff_samples", **values)).rows
    samples = [
        Sample(
            key={name: row[name] for name in processor.business_key},
            kind=row["kind"],
            differs=row["differs"].rstrip("; "),
        )
        for row in rows
    ]
    return replace(found, samples=samples)


def _compared(found: Sequence[Column]) -> list[Column]:
    return [column for column in found if column.name not in _PROVENANCE]


def _as_of(moment: datetime) -> Sql:
    return Sql(f"FOR SYSTEM_TIME AS OF {literal(moment)}")


def _comparison(name: str) -> str:
    checked = columns([name])
    old, new = f"MAX(IF(is_new, NULL, {checked}))", f"MAX(IF(is_new, {checked}, NULL))"
    return (
        f",\n  {new} IS DISTINCT FROM {old} AS differs_{checked},"
        f"\n  CAST({old} AS STRING) AS old_{checked},\n  CAST({new} AS STRING) AS new_{checked}"
    )


def _difference(name: str) -> str:
    checked = columns([name])
    return (
        f"IF(differs_{checked}, CONCAT('{checked}: ', IFNULL(old_{checked}, 'NULL'), ' -> ', "
        f"IFNULL(new_{checked}, 'NULL'), '; '), '')"
    )
