"""The tables that can be repaired, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from grading.processors import PROCESSORS, Processor
from grading.run import Run
from grading.settings import Settings
from grading.writing.inputs import inputs
from warehouse.columns import Column, comparable, window_columns
from warehouse.statements import Folder, Sql, TablePath, columns, key_texts, literal, table

SQL = Folder("grading.maintenance.sql")

PROVENANCE = ("run_id", "fence_token")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9999, 12, 31)

_SOURCE_PREDICTIONS = Processor(
    name="player_prop_predictions",
    partition_column="game_date",
    business_key=("player_lookup", "game_id", "system_id", "current_points_line"),
    lock_type="grading",
    keep_order=("created_at", "prediction_id"),
    written_at="created_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTable:
    """A table whose duplicates can be removed.

    Args:
        processor: table name, partition column, business key and lock.
        identity: columns in which copies of one row may differ: when it was written, and by which run.
        scope: file of a condition; rows outside are never touched. Must not be NULL.
        merges_differing: whether rows of one key are copies even if they differ in more than `identity`. They
            are where each row is computed, so that a key can have one only. A prediction may be revised: then
            both rows are kept, and grading takes the newest.
        input_setting: the setting that names the table, if the service only reads it.
    """

    processor: Processor
    identity: Sequence[str]
    scope: str = ""
    merges_differing: bool = True
    input_setting: str = ""

    @property
    def name(self) -> str:
        return self.processor.name

    def path(self, settings: Settings) -> TablePath:
        return settings.input_table(self.input_setting) if self.input_setting else settings.target(self.name)

    @property
    def key(self) -> Sequence[str]:
        """The business key within the whole table: the partition column and the rest."""
        return self.processor.key

    def condition(self, settings: Settings) -> Sql:
        """What `scope` says, as SQL."""
        return SQL.fill(self.scope, **inputs(settings)) if self.scope else Sql("TRUE")

    def values(
        self,
        settings: Settings,
        known: Sequence[Column],
        *,
        merge_differing: bool,
        start: date = FIRST_DAY,
        end: date = LAST_DAY,
    ) -> Mapping[str, Sql]:
        """What the table fills into the files of `grading/maintenance/sql`; `known` are the columns that it has."""
        content = [column for column in known if column.name not in self.identity]
        keys = [column for column in known if column.name in self.key]
        key = columns(self.key)
        row = keys if merge_differing else content
        audited = {"player": "player_lookup", "system": "system_id", "line": "line_value"}
        if "current_points_line" in self.key:
            audited["line"] = "current_points_line"
        return {
            "target": table(self.path(settings)),
            "audit": table(settings.target("grading_duplicate_audit")),
            "processor": literal(self.name),
            "partition_column": columns([self.processor.partition_column]),
            "written_at": columns([self.processor.written_at]),
            "keep_order": columns(self.processor.keep_order),
            "columns": columns(column.name for column in known),
            "comparable_columns": comparable(known),
            "content": columns(column.name for column in content),
            "comparable_content": comparable(content),
            "key": key,
            "key_texts": key_texts(self.key, "target"),
            "one_row_per": key if merge_differing else columns(column.name for column in content),
            "comparable_row": comparable(row),
            "window_row": window_columns(row),
            "differing_columns": differing(column for column in content if column.name not in self.key),
            "scope": self.condition(settings),
            "start": literal(start),
            "end": literal(end),
            "audit_player": _audited(audited["player"], "STRING", self.key),
            "audit_system": _audited(audited["system"], "STRING", self.key),
            "audit_line": _audited(audited["line"], "FLOAT64", self.key),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRun(Run):
    """A run that repairs a table, which may be one that the service otherwise only reads."""

    repaired: RepairTable

    @property
    def target(self) -> TablePath:
        return self.repaired.path(self.settings)


def differing(known: Iterable[Column]) -> Sql:
    """For each column, its name if the grouped rows differ in it."""
    parts = []
    for column in known:
        name, value = columns([column.name]).text.strip("`"), column.comparable()
        parts.append(
            f"IF(MIN({value}) IS DISTINCT FROM MAX({value}) OR COUNT({value}) NOT IN (0, COUNT(*)), '{name} ', '')"
        )
    return Sql(", ".join(parts) or "''")


def _audited(name: str, kind: str, key: Sequence[str]) -> Sql:
    return Sql(f"CAST({columns([name]) if name in key else 'NULL'} AS {kind})")


PREDICTIONS = RepairTable(
    processor=_SOURCE_PREDICTIONS,
    identity=("created_at", "prediction_id"),
    scope="gradable",
    merges_differing=False,
    input_setting="predictions_table",
)

REPAIR_TABLES: Mapping[str, RepairTable] = {
    **{
        processor.name: RepairTable(processor=processor, identity=(processor.written_at, *PROVENANCE))
        for processor in PROCESSORS
    },
    PREDICTIONS.name: PREDICTIONS,
}
