"""Columns as SQL: their types, and the form in which rows are grouped and compared by them."""

from __future__ import annotations

import pytest

from warehouse.columns import Column, comparable, window_columns
from warehouse.statements import columns


@pytest.mark.parametrize(
    ("column", "kind", "compared"),
    [
        (Column("a", "INTEGER", required=False), "INT64", "a"),
        (Column("a", "FLOAT", required=False), "FLOAT64", "a"),
        (Column("a", "BOOLEAN", required=True), "BOOL", "a"),
        (Column("a", "NUMERIC", required=False), "NUMERIC(38, 9)", "a"),
        (Column("a", "NUMERIC", required=False, precision=5, scale=1), "NUMERIC(5, 1)", "a"),
        (Column("a", "NUMERIC", required=False, precision=5), "NUMERIC(5, 0)", "a"),
        (Column("a", "BIGNUMERIC", required=False), "BIGNUMERIC", "a"),
        (Column("a", "STRING", required=False, max_length=3), "STRING(3)", "a"),
        (Column("a", "JSON", required=False), "JSON", "TO_JSON_STRING(a) AS a"),
        (Column("a", "GEOGRAPHY", required=False), "GEOGRAPHY", "TO_JSON_STRING(a) AS a"),
        (Column("a", "STRING", required=False, repeated=True), "ARRAY<STRING>", "TO_JSON_STRING(a) AS a"),
        (
            Column("a", "RECORD", required=False, fields=(Column("x", "INTEGER", required=False),)),
            "STRUCT<x INT64>",
            "TO_JSON_STRING(a) AS a",
        ),
        (
            Column("a", "RECORD", required=False, repeated=True, fields=(Column("x", "JSON", required=False),)),
            "ARRAY<STRUCT<x JSON>>",
            "TO_JSON_STRING(a) AS a",
        ),
    ],
)
def test_type_and_comparison(column: Column, kind: str, compared: str) -> None:
    assert column.type.text == kind
    assert comparable([column]).text == compared


def test_a_window_is_partitioned_by_the_text_of_what_it_refuses() -> None:
    known = [Column(kind[0].lower(), kind, required=False) for kind in ("STRING", "FLOAT64", "JSON")]
    assert window_columns(known).text == "s, TO_JSON_STRING(f), TO_JSON_STRING(j)"


def test_a_name_that_is_a_keyword_is_quoted() -> None:
    assert columns(["group", "grouped"]).text == "`group`, grouped"
    assert Column("order", "JSON", required=False).comparable().text == "TO_JSON_STRING(`order`)"


def _numeric(scale: int | None = None) -> Column:
    return Column("a", "NUMERIC", required=False, precision=None if scale is None else 5, scale=scale)


@pytest.mark.parametrize(
    ("into", "given", "cast"),
    [
        (_numeric(), _numeric(), "a"),
        (_numeric(), _numeric(1), "a"),
        (_numeric(1), _numeric(1), "a"),
        (_numeric(1), _numeric(), "ROUND(a, 1)"),
        (_numeric(0), _numeric(2), "ROUND(a, 0)"),
        (_numeric(), Column("a", "FLOAT", required=False), "PARSE_NUMERIC(CAST(a AS STRING))"),
        (_numeric(1), Column("a", "FLOAT", required=False), "ROUND(PARSE_NUMERIC(CAST(a AS STRING)), 1)"),
        (_numeric(3), None, "ROUND(PARSE_NUMERIC(CAST(a AS STRING)), 3)"),
        (Column("a", "FLOAT", required=False), _numeric(), "CAST(a AS FLOAT64)"),
        (Column("a", "INTEGER", required=False), _numeric(), "CAST(a AS INT64)"),
        (Column("a", "STRING", required=False, max_length=3), Column("a", "STRING", required=False), "a"),
        (Column("a", "STRING", required=False, max_length=3), None, "CAST(a AS STRING)"),
    ],
)
def test_a_cast_has_no_parameters_and_rounds_as_the_column_does(into: Column, given: Column | None, cast: str) -> None:
    """BigQuery refuses parameters of a type in a cast."""
    assert into.cast("a", given).text == cast


def test_a_bare_type_has_no_parameters_inside_either() -> None:
    inner = (_numeric(1), Column("b", "STRING", required=False, max_length=3))
    assert Column("x", "RECORD", required=False, fields=inner).bare_type.text == "STRUCT<a NUMERIC, b STRING>"
    assert Column("x", "NUMERIC", required=False, repeated=True).bare_type.text == "ARRAY<NUMERIC>"
