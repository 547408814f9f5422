"""The benchmark's arithmetic."""

from __future__ import annotations

import pytest

from bench.growth import exponent, marginal_exponent

SIZES = (10_000.0, 100_000.0, 1_000_000.0)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_power_law_is_found(power: float) -> None:
    """Seconds that are a power of the size give that power back."""
    assert exponent(SIZES, [3.0 * size**power for size in SIZES]) == pytest.approx(power)


def test_the_two_largest_dates_show_what_a_fixed_part_hides() -> None:
    """A fixed part pulls the exponent over all below 1; between the two largest dates it weighs less."""
    seconds = [1.0 + size / 1e6 for size in SIZES]
    assert exponent(SIZES, seconds) < marginal_exponent(SIZES, seconds) < 1.0
