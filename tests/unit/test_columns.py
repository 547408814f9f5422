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
