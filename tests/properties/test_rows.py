"""Any row from Python is stored as it is, or refused with row, column and value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidRow
from grading.processors import Processor
from grading.writing.rows import check_rows
from tests.properties import PLANTED, any_text, tries
from warehouse.bigquery import Column

DAY = date(2024, 1, 15)
PROCESSOR = Processor(
    name="p", partition_column="day", business_key=("value",), lock_type="grading", keep_order=(), written_at="day"
)
KINDS = ("STRING", "INT64", "NUMERIC", "FLOAT64", "BOOL", "DATE", "TIMESTAMP")
ZONES = st.integers(-14 * 60 + 1, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SCALARS = st.one_of(
    st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_]).flatmap(
        lambda kind: st.sampled_from([0, 1, 7]).map(kind)
    ),
    st.sampled_from([np.float64("nan"), np.float64("inf"), np.datetime64("2024-01-15"), np.str_("x")]),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.decimals(Decimal("-1e30"), Decimal("1e30"), places=9),
    st.sampled_from([Decimal("9" * 29), Decimal("9" * 29 + "." + "9" * 9), Decimal("9" * 29 + "." + "9" * 10)]),
    st.sampled_from([Decimal("Infinity"), Decimal("sNaN"), Decimal("1E+999999"), 10**5000]),
    any_text(20),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=ZONES),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
    SCALARS,
    st.just(time(1)),
)

Check = Callable[..., list[dict[str, Any]]]


def exact(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def stored_rightly(kind: str, value: Any, stored: Any) -> bool:
    """Whether what is loaded means the value."""
    value = exact(value)
    match kind:
        case "STRING":
            return isinstance(stored, str) and stored == value.encode("utf-16-be", "surrogatepass").decode(
                "utf-16-be", "replace"
            )
        case "INT64":
            return int(stored) == value
        case "NUMERIC":
            with localcontext(Context(prec=400)):
                as_given = Decimal(str(value)).quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP)
                return Decimal(stored) == as_given and abs(as_given) < Decimal("1e29")
        case "FLOAT64":
            return math.isfinite(stored) and stored == float(value)
        case "BOOL":
            return stored is value
        case "DATE":
            return not isinstance(value, datetime) and date.fromisoformat(stored) == (
                date.fromisoformat(value) if isinstance(value, str) else value
            )
    moment = datetime.fromisoformat(stored)
    return moment.utcoffset() == timedelta(0) and moment == (
        datetime.fromisoformat(value) if isinstance(value, str) else value
    )


def check(kind: str, value: Any, check_with: Check) -> None:
    columns = [Column("day", "DATE", True), Column("value", kind, False)]
    refused = ""
    try:
        [row] = check_with([{"day": DAY, "value": value}], DAY, PROCESSOR, columns)
    except InvalidRow as error:
        refused = str(error)
    if refused:
        assert re.match(r"row 1, column 'value': .+ is not a valid ", refused)
        refused.encode()
        return
    json.dumps(row, allow_nan=False).encode()
    assert row["value"] is None if value is None else stored_rightly(kind, value, row["value"])


@pytest.mark.parametrize("kind", KINDS)
def test_any_value_is_stored_rightly_or_refused(kind: str) -> None:
    @given(VALUES)
    @tries(50, 10_000)
    def attempt(value: Any) -> None:
        check(kind, value, check_rows)

    attempt()


@pytest.mark.parametrize("number", ["9" * 29, "9" * 29 + "." + "9" * 9, "-" + "1" * 29 + ".000000001"])
def test_a_numeric_of_all_its_digits_is_stored_as_it_is(number: str) -> None:
    columns = [Column("day", "DATE", True), Column("value", "NUMERIC", False)]
    [row] = check_rows([{"day": DAY, "value": Decimal(number)}], DAY, PROCESSOR, columns)
    assert row["value"] == number


def test_a_check_that_rounds_to_28_digits_is_found() -> None:
    """The planted fault: the default context of `decimal`, with which a NUMERIC of 29 digits crashes or is rounded."""

    def rounding(rows: list[dict[str, Any]], *others: Any) -> list[dict[str, Any]]:
        value = rows[0]["value"]
        if isinstance(value, Decimal) and value.is_finite():
            return [{"value": f"{+value:f}"}]
        return check_rows(rows, *others)

    @given(VALUES)
    @PLANTED
    def attempt(value: Any) -> None:
        check("NUMERIC", value, rounding)

    with pytest.raises((AssertionError, ExceptionGroup)):
        attempt()
