"""Any text that reaches SQL is accepted by Google's analyzer, and comes back as it was, or with U+FFFD."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PLANTED, any_text, tries
from tests.zetasql_check import Judge
from warehouse.statements import literal

ANY_TEXT = any_text(30)


def expected(text: str) -> str:
    """What Unicode allows of a text, found without the code under test."""
    joined = "".join(chr(c) for c in map(ord, text))
    return joined.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


@given(st.lists(ANY_TEXT, min_size=1, max_size=20))
@tries(10, 1_000)
def test_any_text_is_a_literal_for_the_analyzer(judge: Judge, texts: list[str]) -> None:
    judge.check_as_it_is(f"SELECT {', '.join(literal(text).text for text in texts)}")


def read(text: str) -> str:
    """The value of a literal by BigQuery's lexical rules, of which it uses one: `\\U` and eight hexadecimal digits.

    The local emulator does not know this escape, so that it cannot tell.
    (https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences)
    """
    inside = re.fullmatch(r"'((?:[^'\\\n]|\\U[0-9a-f]{8})*)'", text)
    assert inside, text
    return re.sub(r"\\U([0-9a-f]{8})", lambda escape: chr(int(escape[1], 16)), inside[1])


@given(ANY_TEXT)
@tries(200, 20_000)
def test_any_text_comes_back(text: str) -> None:
    assert read(literal(text).text) == expected(text)


@given(st.datetimes(timezones=st.just(UTC)))
@tries(10, 1_000)
def test_any_moment_is_a_literal_for_the_analyzer(judge: Judge, moment: datetime) -> None:
    text = literal(moment).text
    judge.check_as_it_is(f"SELECT {text}")
    assert datetime.fromisoformat(text.split("'")[1]) == moment


def test_a_literal_that_escapes_a_lone_surrogate_is_found() -> None:
    """The planted fault: what the code did before."""

    @given(ANY_TEXT)
    @PLANTED
    def attempt(text: str) -> None:
        escaped = "'" + "".join(f"\\U{ord(c):08x}" for c in text) + "'"
        assert read(escaped) == expected(text)

    with pytest.raises((AssertionError, ExceptionGroup)):
        attempt()
