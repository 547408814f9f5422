"""The interval of a median: its ends and its confidence, beside tables of the sign test."""

from __future__ import annotations

import pytest

from bench.paired import interval


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"),
    [
        (1, 1, 1, 0.0),
        (5, 1, 5, 0.9375),
        (6, 1, 6, 0.96875),
        (9, 2, 8, 0.9609),
        (15, 4, 12, 0.9648),
        (20, 6, 15, 0.9586),
    ],
)
def test_the_interval_is_between_order_statistics(count: int, low: int, high: int, confidence: float) -> None:
    values = [float(value) for value in range(count, 0, -1)]
    assert interval(values) == (low, high, pytest.approx(confidence, abs=1e-4))
