"""Google's own SQL analyzer as a judge: BigQuery refuses what the emulator lets pass.

Statements are normalised first (run ids, test datasets), so that each shape is analysed once in a session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Template

import wasmtime
import zetasql.core.wasm_client
from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
from zetasql.types import (
    AnalyzerOptions,
    LanguageFeature,
    LanguageOptions,
    ParseResumeLocation,
    ProductMode,
    ResolvedCreateSnapshotTableStmt,
    ResolvedCreateTableAsSelectStmt,
    ResolvedCreateTableStmt,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)

from grading.settings import Settings
from grading.writing.schema import table_statements
from localdev.slate import INPUT_TABLES, statement

# What differs from run to run, and what stands for it.
_ALWAYS = (
    (re.compile(r"(_\d{8}_)?[0-9a-f]{32}(_\d+)?"), "RUN"),
    (re.compile(r"(?<=[a-z])_[0-9a-f]{10}(?=\.)"), ""),  # a test's own dataset
    (re.compile(r"TIMESTAMP '[^']*'"), "TIMESTAMP '2024-01-01 00:00:00+00:00'"),
    (re.compile(r"DATE '\d{4}-\d\d-\d\d'"), "DATE '2024-01-01'"),
    (re.compile(r"\b1\d{12}\b"), "1700000000000"),  # a data token
)
# Columns that not every deployment's tables have.
_OPTIONAL_COLUMNS: dict[str, dict[str, object]] = {
    "predictions_table": {"prediction_made_before_game": TypeKind.TYPE_BOOL},
    "box_scores_table": {
        "is_partial_game_data": TypeKind.TYPE_BOOL,
        "game_status_at_processing": TypeKind.TYPE_STRING,
        "processed_at": TypeKind.TYPE_TIMESTAMP,
    },
}
_INFORMATION_SCHEMA = {
    "TABLES": {
        "table_catalog": TypeKind.TYPE_STRING,
        "table_schema": TypeKind.TYPE_STRING,
        "table_name": TypeKind.TYPE_STRING,
        "table_type": TypeKind.TYPE_STRING,
        "creation_time": TypeKind.TYPE_TIMESTAMP,
        "ddl": TypeKind.TYPE_STRING,
    },
    "PARTITIONS": {
        "table_catalog": TypeKind.TYPE_STRING,
        "table_schema": TypeKind.TYPE_STRING,
        "table_name": TypeKind.TYPE_STRING,
        "partition_id": TypeKind.TYPE_STRING,
        "total_rows": TypeKind.TYPE_INT64,
        "total_logical_bytes": TypeKind.TYPE_INT64,
        "last_modified_time": TypeKind.TYPE_TIMESTAMP,
    },
}


class Refused(AssertionError):
    """The analyzer refuses a statement that the code sends."""


class _CachingConfig(wasmtime.Config):
    """Keeps the compiled analyzer on disk: compiling it takes both cores 15 s in each session otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


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


def bigquery_language() -> LanguageOptions:
    """The language that BigQuery speaks, as near as the analyzer's features come to it."""
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    kept = [feature for feature in language.enabled_language_features if feature not in _NOT_IN_BIGQUERY]
    language.enabled_language_features = kept
    return language


class Judge:
    """Analyses statements against the project's own schemas."""

    def __init__(self, settings: Settings | None = None) -> None:
        """With the tables of `settings`; with none at all if there are no settings."""
        zetasql.core.wasm_client.Config = _CachingConfig
        language = bigquery_language()
        builtin = ZetaSQLBuiltinFunctionOptions(language_options=language)
        self._catalog = CatalogBuilder("project").with_builtin_functions(builtin).build()
        self._options = AnalyzerOptions(language_options=language)
        self._names: set[str] = set()
        self._passed: set[str] = set()
        if settings:
            self._add_tables(settings)

    def _add_tables(self, settings: Settings) -> None:
        for table in INPUT_TABLES:
            path = settings.input_table(table.setting)
            self.check(Template(statement(table.statement)).substitute(table=f"`{path}`"))
        for setting, optional in _OPTIONAL_COLUMNS.items():
            self._add(str(settings.input_table(setting)), optional)
        self._add(
            str(settings.input_table("archetypes_table")),
            {"player_lookup": TypeKind.TYPE_STRING, "archetype": TypeKind.TYPE_STRING},
        )
        for _, ddl in table_statements(settings):
            self.check(ddl.text)
        datasets = {settings.target_dataset, settings.staging_dataset}
        for setting in ("predictions_table", "box_scores_table", "injury_report_table"):
            datasets.add(settings.input_table(setting).dataset)
        for dataset in datasets:
            for view, columns in _INFORMATION_SCHEMA.items():
                self._add(f"{settings.google_cloud_project}.{dataset}.INFORMATION_SCHEMA.{view}", columns)

    def check(self, script: str) -> None:
        """Analyse each statement of a script. Raises `Refused` with the analyzer's words.

        Tables that the script creates are known to the statements after it.
        """
        text = normalised(script)
        if text in self._passed:
            return
        location = ParseResumeLocation(input=text, byte_position=0)
        while rest := text.encode()[location.byte_position :].decode().strip(" \n;"):
            try:
                resolved = Analyzer(self._options, self._catalog).analyze_next_statement(location)
            except Exception as error:
                raise Refused(f"{error}\nin\n{rest}") from error
            if isinstance(resolved, ResolvedCreateTableStmt | ResolvedCreateTableAsSelectStmt):
                self._add(resolved.name_path[0], {c.name: c.type for c in resolved.column_definition_list})
            if isinstance(resolved, ResolvedCreateSnapshotTableStmt):
                self.alias(resolved.name_path[0], rest.split("CLONE", 1)[1].split("`")[1])
        self._passed.add(text)

    def alias(self, name: str, source: str) -> None:
        """Make a table known under another name, with the same columns."""
        table = next(t for t in self._catalog.table if t.name.lower() == normalised(source).lower())
        self._add(normalised(name), {column.name: column.type for column in table.column})

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
                target = next(name for name in self._names if name.endswith(f".{processor}"))
                self.alias(path, target)
            else:
                self.check(sql)

    def _add(self, name: str, columns: dict[str, object]) -> None:
        """Make a table known. Of staging tables that differ only in their run all columns are."""
        builder = TableBuilder(name)
        for column, kind in columns.items():
            builder.add_column(column, kind)
        built = builder.build()
        if name.lower() not in self._names:
            self._names.add(name.lower())
            self._catalog.table.append(built)
            return
        known = next(table for table in self._catalog.table if table.name.lower() == name.lower())
        names = {column.name.lower() for column in known.column}
        known.column.extend(column for column in built.column if column.name.lower() not in names)


def normalised(sql: str) -> str:
    """The statement without what differs from run to run."""
    for pattern, always in _ALWAYS:
        sql = pattern.sub(always, sql)
    return sql
