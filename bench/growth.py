"""How time and memory grow with the date: the slope of a straight line through the logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The e of `seconds = c * size ** e` that fits best, by least squares over logarithms.

    1 is linear. What a date costs however small it is pulls the exponent below 1; see `marginal_exponent`.
    """
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    products = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return products / sum((a - mean_x) ** 2 for a in x)


def marginal_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent between the two largest dates, if the fixed part weighs least."""
    return exponent(sizes[-2:], seconds[-2:])
