"""Property tests: what must hold for any input, with inputs that Hypothesis makes up.

Each property is tried on a planted fault too, which it must find. `make test-long` tries more inputs.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.length import LONG

_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "derandomize": not LONG,
    "suppress_health_check": list(HealthCheck),
}


def tries(short: int, long: int) -> settings:
    """How many inputs a property is tried with: in `make test`, and in `make test-long`."""
    return settings(max_examples=long if LONG else short, **_ALWAYS)


# A planted fault must be found; the smallest input that shows it is of no interest.
PLANTED = settings(max_examples=200, phases=(Phase.explicit, Phase.generate), **_ALWAYS)


def any_text(longest: int) -> st.SearchStrategy[str]:
    """Text of any characters, among them lone surrogates, which JSON can escape and Python reads."""
    surrogates = st.characters(categories=["Cs"])
    one = st.one_of(st.characters(codec="utf-8"), surrogates, st.sampled_from("'\"\\`\n\0 "))
    # Not `st.text` of these: it draws no surrogate.
    return st.lists(one, max_size=longest).map("".join)
