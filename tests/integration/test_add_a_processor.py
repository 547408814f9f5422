"""`docs/add-a-processor.md`, followed word for word in a copy of the source."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from google.cloud import bigquery

from grading.settings import Settings
from localdev.environment import isolated
from localdev.settings import as_environment
from tests.integration.conftest import DAY, rows_of
from tests.integration.slate import load_day
from tests.zetasql_check import Judge

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "add-a-processor.md"
_PACKAGES = ("grading", "validation", "alerts", "locking", "monitoring", "warehouse", "foundation")
_BLOCK = re.compile(r"^`(?P<path>grading/[\w/]+\.(?:sql|py))`\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(python -m grading .+)$", re.MULTILINE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the packages with the page's three steps done to it, and nothing else."""
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for block in _BLOCK.finditer(_PAGE.read_text(encoding="utf-8")):
        path, text = tmp_path / block["path"], block["text"]
        if path.exists():
            before, old, after = re.split(r"^(AGGREGATES = .*\n)", path.read_text(), flags=re.MULTILINE)
            assert old
            path.write_text(before + text + after)
        else:
            path.write_text(text)
    return tmp_path


def test_the_page_is_enough(source: Path, input_tables: Settings, bigquery_client: bigquery.Client) -> None:
    """One SQL file, one schema, one entry: the page's commands write and show the new table."""
    blocks = [block["path"] for block in _BLOCK.finditer(_PAGE.read_text(encoding="utf-8"))]
    assert blocks == [
        "grading/sql/team_daily_performance.sql",
        "grading/sql/schema/create_team_daily_performance.sql",
        "grading/processors.py",
    ]
    load_day(bigquery_client, input_tables, DAY, players=8)
    first, *others = _COMMAND.findall(_PAGE.read_text(encoding="utf-8"))
    said = _type(first, source, input_tables)
    assert said.partition("\nReady\n")[2].count("team_daily_performance") == 2  # the table and its fence
    graded = _type(f"python -m grading grade --date {DAY} --no-aggregation", source, input_tables)
    assert re.search(r"prediction_accuracy +success +8 +0 ", graded)

    said = "".join(_type(command, source, input_tables) for command in others)

    assert re.search(rf"{DAY}  team_daily_performance +success +1 +0 ", said)
    path = input_tables.target("team_daily_performance")
    sql = f"SELECT team_abbr, predictions_count, mae FROM `{path}` WHERE game_date = DATE '{DAY}'"
    assert rows_of(bigquery_client, sql) == [{"team_abbr": "AAA", "predictions_count": 8, "mae": Decimal("5.5")}]
    assert "team_daily_performance" in _type("python -m grading backfill --help", source, input_tables)


def test_the_pages_select_is_valid_for_bigquery(judge: Judge) -> None:
    """As the emulator accepts more than BigQuery does."""
    text = next(block["text"] for block in _BLOCK.finditer(_PAGE.read_text(encoding="utf-8")))
    table = "`local-grading.nba_predictions.prediction_accuracy`"
    judge.check(text.replace("${days}", "= DATE '2024-01-15'").replace("${accuracy}", table))


def _type(command: str, source: Path, settings: Settings) -> str:
    """What a command says, typed in the copy."""
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=source,
        env=isolated() | as_environment(settings),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
