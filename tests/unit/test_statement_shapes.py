"""Statements that differ only in values have one shape; whatever the analyzer looks into stays."""

from __future__ import annotations

import pytest

from tests.statement_shapes import statements


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT DATE '2024-01-15'", "SELECT DATE '2025-12-31'"),
        ("SELECT TIMESTAMP '2024-01-15 01:02:03+00:00'", "SELECT TIMESTAMP '2025-12-31 23:59:59.123456+00:00'"),
        ("SELECT a IN ('x', 'it\\'s')", "SELECT a IN ('y')"),
        ("SELECT a IN (DATE '2024-01-15', DATE '2024-01-16')", "SELECT a IN (DATE '2024-01-15')"),
        ("SELECT * FROM UNNEST([('x', 1, NULL), ('y', 22, NULL)])", "SELECT * FROM UNNEST([('z', -3, NULL)])"),
        ("INSERT INTO t VALUES ('x', 1), ('y', 2)", "INSERT INTO t VALUES ('a; b', 9), ('it\\'s', -2)"),
        ("SELECT a, 'x', 5, TRUE, b FROM t", "SELECT a, 'yy', 66, TRUE, b FROM t"),
        ("SELECT 1 -- of 5", "SELECT 1 /* of 6 */"),
        ("SELECT 1 FROM `p.d_0123456789.t`", "SELECT 1 FROM `p.d_9876543210.t`"),
        (
            "SELECT 1 FROM `p.d.backup-20240115T010203-abcdef-d_0123456789-t`",
            "SELECT 1 FROM `p.d.backup-20250115T010203-012345-d_9876543210-t`",
        ),
        (f"SELECT 1 FROM `p.d.t_20240115_{'0' * 32}_1`", f"SELECT 1 FROM `p.d.t_20250115_{'f' * 32}`"),
        ("SELECT a = '0b7c1a52-0000-4000-8000-0123456789ab'", "SELECT a = 'ffffffff-0000-4000-8000-0123456789ab'"),
    ],
)
def test_statements_that_differ_in_values_have_one_shape(one: str, other: str) -> None:
    assert statements(one) == statements(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT DATE '2024-01-15'", "SELECT DATE '2024-02-30'"),
        ("SELECT TIMESTAMP '2024-01-15 01:02:03+00:00'", "SELECT TIMESTAMP '2024-01-15 01:02:61+00:00'"),
        ("SELECT a IN ('2024-01-15')", "SELECT a IN ('2024-01-15 ')"),
        ("SELECT a IN ('x', 'y')", "SELECT a IN ('x', 5)"),
        ("SELECT a IN ('x', 'y')", "SELECT a IN ('x', NULL)"),
        ("SELECT a IN (1, 2)", "SELECT a IN (1, 2.5)"),
        ("SELECT a IN (1)", "SELECT a IN (9999999999999999999999)"),
        ("SELECT a IN ('x', b, b)", "SELECT a IN ('x', b)"),
        ("SELECT a IN (SELECT b FROM t)", "SELECT a IN (SELECT b, b FROM t)"),
        ("SELECT * FROM UNNEST([('x', 1), ('y', 2)])", "SELECT * FROM UNNEST([('x', 1), ('y')])"),
        ("SELECT * FROM UNNEST([('x', 1), ('y', 2)])", "SELECT * FROM UNNEST([('x', 1), (2, 'y')])"),
        ("INSERT INTO t VALUES ('x', 'y')", "INSERT INTO t VALUES ('x')"),
        ("INSERT INTO t VALUES ('x', DATE '2024-01-15')", "INSERT INTO t VALUES ('x', '2024-01-15')"),
        ("SELECT a, 'x', b FROM t", "SELECT a, 'x', 'x', b FROM t"),
        ("SELECT a, 'x', b FROM t", "SELECT a, '\\q', b FROM t"),
        ("SELECT a, b, c FROM t GROUP BY 1, 2, 3", "SELECT a, b, c FROM t GROUP BY 1, 7, 3"),
        ("SELECT FORMAT('%d', a, 5, b)", "SELECT FORMAT('%q', a, 5, b)"),
        ("SELECT a.b[0]", "SELECT a.b[1]"),
        ("SELECT CAST(a AS NUMERIC(5, 1))", "SELECT CAST(a AS NUMERIC(99, 1))"),
        ("SELECT 'IN (1, 2)'", "SELECT 'IN (1)'"),
    ],
)
def test_what_the_analyzer_looks_into_is_part_of_the_shape(one: str, other: str) -> None:
    assert statements(one) != statements(other)


def test_a_script_is_parted_where_its_statements_end() -> None:
    script = """-- first; or not
BEGIN TRANSACTION;
SELECT ';', "--", `a;b` FROM t /* ; */;; # ;
SELECT '''
;''';
COMMIT TRANSACTION"""
    assert statements(script) == [
        "BEGIN TRANSACTION",
        """SELECT ';', "--", `a;b` FROM t""",
        "SELECT '''\n;'''",
        "COMMIT TRANSACTION",
    ]


@pytest.mark.parametrize("script", ["SELECT (1; SELECT 2", "SELECT [1, 2"])
def test_a_bracket_that_is_not_closed_leaves_the_script_as_it_is(script: str) -> None:
    assert statements(script) == [script]


def test_a_bracket_too_many_and_a_quote_that_is_not_closed_stay() -> None:
    assert statements("SELECT 1)") == ["SELECT 1)"]
    assert statements("SELECT 'x") == ["SELECT 'x"]
