"""The processors, as data: what each reads, the table it writes, and what makes a row unique.

A new processor is one entry here, one SQL file, and its table's schema, `sql/schema/create_{name}.sql`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One write: the rows of one date in one table.

    `name` names the SQL file that computes the rows, the schema file, and (by default) the table.
    `keep_order` is the SQL order by which one row of a business key is kept, should several be staged.
    `reads_predictions` says that the rows are the predictions that have a box score, one a business key, so that
    the others can be counted beside them. `reads_earlier_dates` says that a date's rows also come from the
    grades of the dates before it, so that they are out of date once one of these is graded again.
    """

    name: str
    partition_column: str
    business_key: tuple[str, ...]
    lock_type: str
    keep_order: tuple[str, ...]
    written_at: str
    reads_predictions: bool = False
    reads_earlier_dates: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """The business key within the whole table: the partition column and the rest."""
        return (self.partition_column, *(name for name in self.business_key if name != self.partition_column))


PREDICTION_ACCURACY = Processor(
    name="prediction_accuracy",
    partition_column="game_date",
    business_key=("player_lookup", "game_id", "system_id", "line_value"),
    lock_type="grading",
    keep_order=("graded_at", "actual_points", "predicted_points", "confidence_score", "model_version"),
    written_at="graded_at",
    reads_predictions=True,
)

SYSTEM_DAILY_PERFORMANCE = Processor(
    name="system_daily_performance",
    partition_column="game_date",
    business_key=("game_date", "system_id"),
    lock_type="daily_performance",
    keep_order=("computed_at",),
    written_at="computed_at",
)

PERFORMANCE_SUMMARY = Processor(
    name="prediction_performance_summary",
    partition_column="as_of_date",
    business_key=("summary_key",),
    lock_type="performance_summary",
    keep_order=("computed_at",),
    written_at="computed_at",
    reads_earlier_dates=True,
)

GRADING = PREDICTION_ACCURACY
AGGREGATES = (SYSTEM_DAILY_PERFORMANCE, PERFORMANCE_SUMMARY)
PROCESSORS = (GRADING, *AGGREGATES)

BY_NAME = {processor.name: processor for processor in PROCESSORS}
