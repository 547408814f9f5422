"""Creates the input tables, and loads a slate into them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from string import Template

from google.cloud import bigquery

from grading.settings import Settings
from localdev.slate import INPUT_TABLES, InputTable, Row, statement

_CALL_SECONDS = 60.0


def create_input_tables(client: bigquery.Client, settings: Settings) -> None:
    """Create the input tables and their datasets if they are missing. Upstream owns them in production."""
    for dataset in sorted({settings.input_table(table.setting).dataset for table in INPUT_TABLES}):
        client.create_dataset(
            bigquery.DatasetReference(settings.google_cloud_project, dataset), exists_ok=True, timeout=_CALL_SECONDS
        )
    for table in INPUT_TABLES:
        sql = Template(statement(table.statement)).substitute(table=f"`{settings.input_table(table.setting)}`")
        client.query_and_wait(sql, api_timeout=_CALL_SECONDS)


def load_slate(client: bigquery.Client, settings: Settings, slate: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Append a slate's rows to the input tables; returns the number of rows by the table's setting."""
    for table in INPUT_TABLES:
        load_rows(client, settings, table, slate.get(table.setting, ()))
    return {setting: len(rows) for setting, rows in slate.items()}


def load_rows(client: bigquery.Client, settings: Settings, table: InputTable, rows: Sequence[Row]) -> None:
    """Append rows to one input table."""
    if not rows:
        return
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    job = client.load_table_from_file(
        io.BytesIO(lines),  # without a size: a resumable upload, which the emulator takes
        str(settings.input_table(table.setting)),
        job_config=bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=[
                bigquery.SchemaField(column.name, column.kind, mode="REQUIRED" if column.required else "NULLABLE")
                for column in table.columns
            ],
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        ),
        timeout=_CALL_SECONDS,
    )
    job.result(timeout=_CALL_SECONDS)
