"""The list of guards is true: each stands where it says, and its test is there. `make guards` takes them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards.guards import GUARDS, Guard

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_once_and_has_a_test(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text(encoding="utf-8").count(guard.code) == 1
    path, name = guard.test.split("::")[0], guard.test.rpartition("::")[2]
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")
