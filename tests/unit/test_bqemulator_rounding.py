"""The local BigQuery rounds a NUMERIC column in 64 bits, to what it was rounded to before."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pytest
from bqemulator.sql import rules
from bqemulator.sql.translator import SQLTranslator

from localdev.bqemulator_rounding import round_short_numbers_in_64_bits

_STEP = Decimal("0.000000001")
_LARGE = "99999999999999999999999999998.123449999"
NUMBERS = (
    *(Decimal(number) for number in ("0", "0.12345", "0.12355", "-0.12345", "0.123449999", "0.5", "-0.5", "2.5", "87")),
    *(Decimal(999_999_999) + digits for digits in (Decimal("0.999999999"), Decimal(0), Decimal("-0.000000001"))),
    *(sign * (Decimal(10) ** 9 + digits) for sign in (1, -1) for digits in (Decimal(0), Decimal("0.123450001"), _STEP)),
    Decimal(_LARGE),
    Decimal(f"-{_LARGE}"),
)


@pytest.fixture
def translator(monkeypatch: pytest.MonkeyPatch) -> SQLTranslator:
    monkeypatch.setattr(rules, "_REGISTRY", list(rules._REGISTRY))
    round_short_numbers_in_64_bits()
    return SQLTranslator()


def translated(translator: SQLTranslator, column: str, decimals: int | None, type_: str = "DECIMAL(38, 9)") -> str:
    rounding = f"ROUND({column})" if decimals is None else f"ROUND({column}, {decimals})"
    sql = translator.translate(f"SELECT {rounding} AS rounded FROM `p.d.given`", schema={"given": {"n": type_}})
    return str(sql.unwrap())


@pytest.mark.parametrize("decimals", [0, 1, 4, 9])
def test_it_rounds_as_bigquery_does(translator: SQLTranslator, decimals: int) -> None:
    """Half away from zero, numbers that do not fit into 64 bits included; the type stays."""
    sql = translated(translator, "n", decimals)
    assert "TRY_CAST" in sql
    sql = sql.replace('"p"."d"."given"', '"given"')
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given (n DECIMAL(38, 9))")
        connection.executemany("INSERT INTO given VALUES (CAST($1 AS DECIMAL(38, 9)))", [[str(n)] for n in NUMBERS])
        connection.execute("INSERT INTO given VALUES (NULL)")
        found = connection.execute(f"SELECT rounded, typeof(rounded) FROM ({sql})").fetchall()
    with localcontext(prec=50):
        exact = [number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP) for number in NUMBERS]
    assert [number for number, _ in found] == [*exact, None]
    assert {type_ for _, type_ in found} == {f"DECIMAL(38,{decimals})"}


@pytest.mark.parametrize(
    ("column", "decimals", "type_"),
    [
        ("n", None, "DECIMAL(38, 9)"),
        ("n", -2, "DECIMAL(38, 9)"),
        ("n * 2", 2, "DECIMAL(38, 9)"),
        ("n", 2, "DECIMAL(38, 18)"),
        ("n", 2, "DECIMAL(5, 3)"),
        ("n", 2, "DOUBLE"),
        ("n", 2, "BIGINT"),
    ],
)
def test_nothing_else_is_touched(translator: SQLTranslator, column: str, decimals: int | None, type_: str) -> None:
    assert "TRY_CAST" not in translated(translator, column, decimals, type_)
