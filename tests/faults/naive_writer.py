"""The replaced system's write, as a negative control: DELETE, then a load, as two jobs without a fence."""

from __future__ import annotations

import io
import json

from google.cloud import bigquery

from grading.settings import Settings


def delete_then_load(client: bigquery.Client, settings: Settings, day: str, rows: list[dict[str, object]]) -> None:
    """Replace a date the old way. Each job is whole; what lies between the two is not."""
    target = settings.target("prediction_accuracy")
    client.query_and_wait(f"DELETE FROM `{target}` WHERE game_date = DATE '{day}'", api_timeout=30)
    body = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        schema=[
            bigquery.SchemaField(name, "DATE" if name == "game_date" else "STRING", mode="REQUIRED") for name in rows[0]
        ],
    )
    client.load_table_from_file(body, str(target), job_config=config, timeout=30).result(timeout=30)
