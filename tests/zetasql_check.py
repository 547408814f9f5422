"""Google's own SQL analyzer as a judge: BigQuery refuses what the emulator lets pass.

Each shape of a statement is analysed once in a session: see `tests.statement_shapes`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

from zetasql.api import CatalogBuilder
from zetasql.core.exceptions import ServerError
from zetasql.types import (
    AnalyzerOptions,
    LanguageFeature,
    LanguageOptions,
    ProductMode,
    ZetaSQLBuiltinFunctionOptions,
)
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleTableProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TYPE_BOOL, TYPE_INT64, TYPE_STRING, TYPE_TIMESTAMP, TypeProto

from grading.settings import Settings
from grading.writing.schema import table_statements
from localdev.slate import INPUT_TABLES, statement
from tests.analyzer import SqlAnalyzer, service
from tests.statement_shapes import normalised, statements

_NAME = re.compile(r"`([^`]+)`")
_BOOL, _INT64 = TypeProto(type_kind=TYPE_BOOL), TypeProto(type_kind=TYPE_INT64)
_STRING, _TIMESTAMP = TypeProto(type_kind=TYPE_STRING), TypeProto(type_kind=TYPE_TIMESTAMP)
# Columns that not every deployment's tables have.
_OPTIONAL_COLUMNS: dict[str, dict[str, TypeProto]] = {
    "predictions_table": {"prediction_made_before_game": _BOOL},
    "box_scores_table": {
        "is_partial_game_data": _BOOL,
        "game_status_at_processing": _STRING,
        "processed_at": _TIMESTAMP,
    },
}
_INFORMATION_SCHEMA = {
    "TABLES": {
        "table_catalog": _STRING,
        "table_schema": _STRING,
        "table_name": _STRING,
        "table_type": _STRING,
        "creation_time": _TIMESTAMP,
        "ddl": _STRING,
    },
    "PARTITIONS": {
        "table_catalog": _STRING,
        "table_schema": _STRING,
        "table_name": _STRING,
        "partition_id": _STRING,
        "total_rows": _INT64,
        "total_logical_bytes": _INT64,
        "last_modified_time": _TIMESTAMP,
    },
}


class Refused(AssertionError):
    """The analyzer refuses a statement that the code sends."""


# What the analyzer knows and BigQuery does not have, or refuses: JSON and arrays are neither grouped nor compared
# (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_properties), and so on. A STRUCT
# or an ARRAY may be grouped in BigQuery of late; the code does without, so that it does not depend on it.
_NOT_IN_BIGQUERY = frozenset(
    {
        LanguageFeature.FEATURE_AGGREGATE_FILTERING,
        LanguageFeature.FEATURE_ARRAY_EQUALITY,
        LanguageFeature.FEATURE_ARRAY_GREATEST_LEAST,
        LanguageFeature.FEATURE_ARRAY_ORDERING,
        LanguageFeature.FEATURE_CONCAT_MIXED_TYPES,
        LanguageFeature.FEATURE_GROUP_BY_ARRAY,
        LanguageFeature.FEATURE_GROUP_BY_STRUCT,
        LanguageFeature.FEATURE_INSERT_ON_CONFLICT_CLAUSE,
        LanguageFeature.FEATURE_JSON_TYPE_COMPARISON,
        LanguageFeature.FEATURE_LATERAL_COLUMN_REFERENCES,
        LanguageFeature.FEATURE_MAP_TYPE,
        LanguageFeature.FEATURE_MATCH_MAKE_STRUCT_IN_GROUP_BY,
        LanguageFeature.FEATURE_OMIT_INSERT_COLUMN_LIST,
        LanguageFeature.FEATURE_UUID_TYPE,
    }
)


# BigQuery takes parameters of a type for columns and variables alone; the analyzer takes them in a cast, too.
_CAST_WITH_PARAMETERS = re.compile(r"\bAS\s+(?:(?:BIG)?(?:NUMERIC|DECIMAL)|STRING|BYTES)\s*\(", re.IGNORECASE)


def bigquery_language() -> LanguageOptions:
    """The language that BigQuery speaks, as near as the analyzer's features come to it."""
    service()  # before the package loads it in its own way
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    kept = [feature for feature in language.enabled_language_features if feature not in _NOT_IN_BIGQUERY]
    language.enabled_language_features = kept
    return language


class Judge:
    """Analyses statements against the project's own schemas."""

    def __init__(self, settings: Settings | None = None, shared: Path | None = None) -> None:
        """With the tables of `settings`; with none at all if there are no settings.

        Args:
            settings: whose tables are known from the beginning.
            shared: the directory in which the processes of a session tell each other what passed, if there are several.
        """
        language = bigquery_language()
        builtin = ZetaSQLBuiltinFunctionOptions(language_options=language)
        self._catalog = CatalogBuilder("project").with_builtin_functions(builtin).build().to_proto()
        self._analyzer = SqlAnalyzer(self._catalog, AnalyzerOptions(language_options=language).to_proto())
        self._passed: set[str] = set()
        self._shared = shared
        if settings:
            self._add_tables(settings)

    def _add_tables(self, settings: Settings) -> None:
        for table in INPUT_TABLES:
            path = settings.input_table(table.setting)
            self.check(Template(statement(table.statement)).substitute(table=f"`{path}`"))
        for setting, optional in _OPTIONAL_COLUMNS.items():
            self._add(str(settings.input_table(setting)), optional.items())
        self._add(
            str(settings.input_table("archetypes_table")),
            {"player_lookup": _STRING, "archetype": _STRING}.items(),
        )
        for _, ddl in table_statements(settings):
            self.check(ddl.text)
        datasets = {settings.target_dataset, settings.staging_dataset}
        for setting in ("predictions_table", "box_scores_table", "injury_report_table"):
            datasets.add(settings.input_table(setting).dataset)
        for dataset in datasets:
            for view, columns in _INFORMATION_SCHEMA.items():
                self._add(f"{settings.google_cloud_project}.{dataset}.INFORMATION_SCHEMA.{view}", columns.items())

    def check(self, script: str) -> None:
        """Analyse each statement of a script. Raises `Refused` with the analyzer's words.

        Tables that the script creates are known to the statements after it.
        """
        for shape in statements(script):
            if shape in self._passed:
                continue
            note = self._note(shape)
            if note is None or not note.exists():
                self.check_as_it_is(shape)
                if note is not None:
                    note.touch()
            self._passed.add(shape)

    def _note(self, shape: str) -> Path | None:
        """The file that is there if a process has analysed this shape with the same columns in the tables it names.

        None if nothing is shared, and for a statement that makes a table known: each process has to analyse it.
        """
        if self._shared is None or shape.upper().startswith("CREATE"):
            return None
        known = self._tables
        read = [known[name] for name in sorted({n.lower() for n in _NAME.findall(shape)}) if name in known]
        tables = b"\0".join(table.SerializeToString(deterministic=True) for table in read)
        return self._shared / hashlib.sha256(shape.encode() + b"\0" + tables).hexdigest()

    def check_as_it_is(self, statement: str) -> None:
        """Analyse one statement with the values in it. Raises `Refused` with the analyzer's words."""
        if found := _CAST_WITH_PARAMETERS.search(statement):
            raise Refused(f"Parameterized types are not allowed in CAST expressions: {found[0]!r}\nin\n{statement}")
        try:
            resolved = self._analyzer.analyze(statement)
        except ServerError as error:
            raise Refused(f"{error}\nin\n{statement}") from error
        kind = resolved.DESCRIPTOR.name
        if kind in ("ResolvedCreateTableStmtProto", "ResolvedCreateTableAsSelectStmtProto"):
            created = resolved.parent
            self._add(created.parent.name_path[0], [(c.name, c.type) for c in created.column_definition_list])
        if kind == "ResolvedCreateSnapshotTableStmtProto":
            self.alias(resolved.parent.name_path[0], statement.split("CLONE", 1)[1].split("`")[1])

    def alias(self, name: str, source: str) -> None:
        """Make a table known under another name, with the same columns."""
        table = self._tables[normalised(source).lower()]
        self._add(normalised(name), [(column.name, column.type) for column in table.column])

    def check_all(self, jobs: Iterable[tuple[str, str]]) -> None:
        """Analyse what an application sent: pairs of job id and SQL, in order.

        Loads and copies only make their table known.
        """
        for _, sql in jobs:
            if sql.startswith("COPY "):
                source, target = sql.split(" ")[2:]
                self.alias(target, source)
            elif sql.startswith("LOAD "):
                path = sql.removeprefix("LOAD ")
                processor = re.sub(r"_\d{8}_.*", "", path.rsplit(".", 1)[-1])
                target = next(name for name in self._tables if name.endswith(f".{processor}"))
                self.alias(path, target)
            else:
                self.check(sql)

    @property
    def _tables(self) -> dict[str, SimpleTableProto]:
        return {table.name.lower(): table for table in self._catalog.table}

    def _add(self, name: str, columns: Iterable[tuple[str, TypeProto]]) -> None:
        """Make a table known. Of staging tables that differ only in their run all columns are."""
        table = self._tables.get(name.lower()) or self._catalog.table.add(name=name)
        known = {column.name.lower() for column in table.column}
        added = [column for column in columns if column[0].lower() not in known]
        for column, kind in added:
            table.column.add(name=column, type=kind, is_writable_column=True)
        if added:
            self._analyzer.changed()
