"""Nothing reaches SQL as text: every value goes through a constructor that validates or escapes it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from foundation.errors import InvalidSettings
from warehouse.statements import Folder, Sql, TablePath, columns, key_texts, literal, on_days, table

SQL = Folder("grading.sql")


@pytest.mark.parametrize(
    ("days", "condition"),
    [
        ([15], "= DATE '2024-01-15'"),
        ([15, 16, 17], "BETWEEN DATE '2024-01-15' AND DATE '2024-01-17'"),
        ([17, 15, 16], "BETWEEN DATE '2024-01-15' AND DATE '2024-01-17'"),
        ([15, 17], "IN (DATE '2024-01-15', DATE '2024-01-17')"),
    ],
)
def test_days_are_a_range_only_if_none_is_left_out(days: list[int], condition: str) -> None:
    assert on_days([date(2024, 1, day) for day in days]).text == condition


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (False, "FALSE"),
        (5, "5"),
        (-(2**63), "-9223372036854775808"),
        ("plain", "'plain'"),
        ("it's", "'it\\U00000027s'"),
        ('quote" back\\slash', "'quote\\U00000022 back\\U0000005cslash'"),
        ("line\nbreak\0", "'line\\U0000000abreak\\U00000000'"),
        ("Dončić", "'Don\\U0000010di\\U00000107'"),
        (date(2024, 1, 15), "DATE '2024-01-15'"),
        (datetime(2024, 1, 15, 1, 2, 3, 4, tzinfo=UTC), "TIMESTAMP '2024-01-15 01:02:03.000004+00:00'"),
        (
            datetime(2024, 1, 15, 1, tzinfo=timezone(timedelta(hours=-5))),
            "TIMESTAMP '2024-01-15 06:00:00.000000+00:00'",
        ),
    ],
)
def test_literals(value: Any, text: str) -> None:
    assert literal(value).text == text


@pytest.mark.parametrize("value", [1.5, b"x", [1], 2**63, datetime(2024, 1, 15)])  # noqa: DTZ001 - naive on purpose
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no SQL literal|INT64|no time zone"):
        literal(value)


def test_no_text_can_end_its_literal() -> None:
    """Whatever is between the quotes is printable ASCII without a quote or a backslash that is ours."""
    hostile = "".join(chr(code) for code in range(0x250)) + "' OR 1=1; DROP TABLE x; -- \u2028\U0001f3c0"
    inner = literal(hostile).text[1:-1]
    assert inner.isascii()
    assert "'" not in inner
    assert '"' not in inner
    assert inner.count("\\") == inner.count("\\U")


@pytest.mark.parametrize("name", ["a b", "a;b", "1a", "", "a`b", "a.b", "a" * 301])
def test_a_column_name_must_be_an_identifier(name: str) -> None:
    with pytest.raises(InvalidSettings, match="not a valid column name"):
        columns([name])


@pytest.mark.parametrize(
    "parts", [("P", "d", "t"), ("p`", "d", "t"), ("p", "d-d", "t"), ("p", "d", "t`; DROP"), ("p", "", "t")]
)
def test_a_table_name_must_be_valid(parts: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidSettings, match="not a valid BigQuery name"):
        TablePath(*parts)


def test_a_file_is_filled_with_values_of_ours_only() -> None:
    path = TablePath("project-1", "data", "runs_fence")
    text = SQL.fill("read_fence", fence=table(path), lock_keys=literal("2024-01-15"), unused=Sql("x")).text
    assert "FROM `project-1.data.runs_fence`" in text
    assert text.endswith("lock_key IN ('2024-01-15')")


def test_plain_text_is_refused() -> None:
    with pytest.raises(TypeError, match="lock_keys is str, not Sql"):
        SQL.fill("read_fence", fence=Sql("`x`"), lock_keys="'; DROP TABLE x; --")  # type: ignore[arg-type]


def test_a_forgotten_value_is_an_error() -> None:
    assert SQL.file("read_fence").placeholders == {"fence", "lock_keys"}
    with pytest.raises(KeyError, match="lock_keys"):
        SQL.fill("read_fence", fence=Sql("`x`"))


def test_keys_are_text_under_their_own_names() -> None:
    assert key_texts(["a", "b"], "t").text == "CAST(t.a AS STRING) AS a, CAST(t.b AS STRING) AS b"
    with pytest.raises(InvalidSettings, match="not a valid column name"):
        key_texts(["a b"], "t")
