"""What is retried and what is not: each answer of the catalogue has its class, and the documentation shows the same."""

from __future__ import annotations

import pytest

from alerts.slack import _Answer
from foundation.errors import (
    GradingError,
    GuardRaised,
    LockStoreUnavailable,
    NotInitialised,
    OutcomeUnknown,
    Permanent,
    PublishConflict,
    StatementRefused,
    Transient,
    WarehouseUnavailable,
)
from locking.firestore.wire import is_answer, translate
from locking.store import StoreContended, StoreUnanswered
from tests.unit.answers import ANSWERS, BEGIN, END, PAGE, Answer, error_of, table
from warehouse.bigquery_errors import classify
from warehouse.job_end import sent

CLASSES: dict[str, type[GradingError]] = {
    "outcome_unknown": OutcomeUnknown,
    "conflict": PublishConflict,
    "transient": WarehouseUnavailable,
    "not_initialised": NotInitialised,
    "refused": StatementRefused,
    "lock_contended": StoreContended,
    "lock_unanswered": StoreUnanswered,
    "lock_unavailable": LockStoreUnavailable,
}


def of(*through: str) -> list[object]:
    return [pytest.param(answer, id=answer["id"]) for answer in ANSWERS if answer["through"] in through]


def is_exactly(found: Exception, name: str) -> bool:
    """The class itself, not one that says more: an unknown outcome is not merely transient."""
    others = [c for n, c in CLASSES.items() if n != name and issubclass(c, CLASSES[name])]
    return isinstance(found, CLASSES[name]) and not isinstance(found, (*others, GuardRaised))


@pytest.mark.parametrize("answer", of("classify"))
def test_an_answer_of_bigquery_has_its_class(answer: Answer) -> None:
    found = classify(error_of(answer))
    assert is_exactly(found, answer["class"]), repr(found)


@pytest.mark.parametrize("answer", of("sent"))
def test_an_answer_to_a_request_that_sends_a_job_has_its_class(answer: Answer) -> None:
    found = sent(error_of(answer), "job")
    assert is_exactly(found, answer["class"]), repr(found)


@pytest.mark.parametrize("answer", [p for p in of("classify") if p.values[0].get("if_sent")])  # type: ignore[attr-defined]
def test_without_an_answer_a_job_may_have_been_accepted(answer: Answer) -> None:
    assert is_exactly(sent(error_of(answer), "job"), answer["if_sent"])


@pytest.mark.parametrize("answer", of("translate"))
def test_an_answer_of_firestore_has_its_class(answer: Answer) -> None:
    error = error_of(answer)
    assert is_answer(error) is (answer["class"] == "answer")  # type: ignore[arg-type]
    if answer["class"] != "answer":
        assert is_exactly(translate(error), answer["class"])  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", of("notifier"))
def test_an_answer_of_slack_has_its_class(answer: Answer) -> None:
    found = _Answer(answer["status"], answer["text"])
    assert (found.delivered, found.worth_repeating) == (answer["class"] == "delivered", answer["class"] == "retry")


def test_what_is_not_known_is_transient() -> None:
    """Permanent is only what is known to be."""
    for error in (ValueError("?"), RuntimeError(), KeyError("x"), AttributeError("no attribute"), Exception()):
        found = classify(error)
        assert isinstance(found, Transient)
        assert not isinstance(found, Permanent)


def test_the_catalogue_is_large_and_has_its_sources() -> None:
    assert len([a for a in ANSWERS if a.get("page", "").startswith("https://")]) >= 60
    assert all(a.get("synthetic") or a["page"] for a in ANSWERS)
    assert len({a["id"] for a in ANSWERS}) == len(ANSWERS)


def test_the_documentation_shows_the_catalogue() -> None:
    """`python -m tests.unit.answers` writes it."""
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == table()
