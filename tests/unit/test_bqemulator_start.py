"""The local BigQuery is started to answer sooner; what it answers is the same."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.expressions import core

from grading.statements import Sql, fragment, placeholders
from localdev.bqemulator_start import copy_flat_values_flat, parse_each_text_once

FILES = ("prediction_accuracy", "prediction_performance_summary", "system_daily_performance", "dates", "coverage")


def _statement(name: str) -> str:
    values = {placeholder: Sql("x") for placeholder in placeholders(name)} | {"date": Sql("DATE '2024-01-15'")}
    return fragment(name, **values).text


def _translated() -> list[str]:
    return [sql for name in FILES for sql in sqlglot.transpile(_statement(name), read="bigquery", write="duckdb")]


@pytest.fixture
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqlglot as the emulator has it, for one test."""
    monkeypatch.setattr(sqlglot, "parse_one", sqlglot.parse_one)
    monkeypatch.setattr(core, "deepcopy", core.deepcopy)  # type: ignore[attr-defined]
    parse_each_text_once()
    copy_flat_values_flat()


def test_statements_are_translated_as_without_it(request: pytest.FixtureRequest) -> None:
    before = _translated()
    request.getfixturevalue("sooner")
    assert _translated() == before
    assert _translated() == before


@pytest.mark.usefixtures("sooner")
def test_who_changes_a_tree_changes_no_other() -> None:
    """Nodes, their positions and their comments belong to one tree alone."""
    text = "SELECT a /* note */ FROM t"
    first = sqlglot.parse_one(text, read="bigquery")
    second = sqlglot.parse_one(text, read="bigquery")
    for node in first.walk():
        node.meta["line"] = 99
        node.add_comments(["changed"])
    first.find(exp.Table).replace(exp.to_table("other"))  # type: ignore[union-attr]
    assert second.sql() == text == sqlglot.parse_one(text, read="bigquery").sql()
    assert not any(node.meta.get("line") == 99 for node in second.walk())
