"""What `explain` says of a date now, and what it tells one to type: as the person on call meets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grading.history import RunRecord
from grading.processors import GRADING
from grading.report.facts import DateFacts, Finding, RowsOfRun, TableFacts
from grading.report.sentences import of_one_run
from grading.report.story import Story, tell
from grading.trace import InputState, inputs_of, inputs_text
from locking.status import LockStatus
from locking.store import Key
from tests.report_data import ACCIDENT, record
from validation.duplicates import DuplicateReport

CLEAN = DuplicateReport(total_rows=10, distinct_keys=10)
ROWS = [RowsOfRun(run_id="aaaa" * 8, row_count=10, first_ms=0, last_ms=0)]


def story(**given: Any) -> Story:
    about = {name: given.pop(name) for name in ("predictions", "with_box_score") if name in given}
    base: dict[str, Any] = {
        "processor": GRADING,
        "runs": [record("aaaa", rows_inserted=10)],
        "rows": ROWS,
        "duplicates": CLEAN,
    }
    return tell(DateFacts(date=ACCIDENT, tables=[TableFacts(**{**base, **given})], **about))


def lock(held: float, silent: float) -> LockStatus:
    return LockStatus(
        key=Key("grading_locks", "x"), lock_type="grading", lock_key=f"{ACCIDENT}", holder_id="h",
        operation_id="prediction_accuracy:2026-01-10:backfill:1", version=1, token=1, held_seconds=held,
        heartbeat_age_seconds=silent, lease_seconds=60.0,
    )  # fmt: skip


def test_a_date_that_is_well_needs_nothing() -> None:
    told = story()
    assert told.now == [
        "prediction_accuracy has 10 rows, all of Run aaaaaaaa (schedule).", "It is as new as its inputs.",
    ]  # fmt: skip
    assert told.next_command is None


def test_duplicates_name_the_writer_and_the_repair() -> None:
    doubled = DuplicateReport(total_rows=20, distinct_keys=10, duplicate_keys=10)
    rows = [*ROWS, RowsOfRun(run_id=None, row_count=10, first_ms=0, last_ms=0)]
    told = story(duplicates=doubled, rows=rows)
    assert told.now[1] == (
        "10 of its business keys have more than one row: 10 rows too many. 10 rows are of no run of this service: "
        "a writer without the fence was at work."
    )
    assert told.next_command == (
        f"python -m grading dedupe --table prediction_accuracy --start {ACCIDENT} --end {ACCIDENT} --execute"
    )


def test_a_missing_date_says_what_is_missing() -> None:
    """No run, with predictions and box scores, with predictions alone, and with neither."""
    nothing: dict[str, Any] = {"runs": [], "rows": [], "duplicates": DuplicateReport()}
    told = story(**nothing, predictions=5, with_box_score=5, due="never graded")
    assert told.now[1] == "It is behind its inputs: never graded."
    assert told.next_command == f"python -m grading grade --date {ACCIDENT}"
    told = story(**nothing, predictions=5)
    assert told.now[1] == "5 predictions wait: no box score is in yet."
    assert told.next_command is None
    assert story(**nothing).now[1] == "There is no prediction for this date."


def test_a_stuck_lock_a_dead_holder_and_one_at_work() -> None:
    told = story(lock=lock(held=700, silent=5))
    assert "for 12 min: longer than any run lasts." in told.now[1]
    assert told.next_command == f"python -m grading locks release {ACCIDENT} --type grading"
    told = story(lock=lock(held=300, silent=120))
    assert "silent for 2 min and probably died. The next run takes the lock over by itself." in told.now[1]
    assert told.next_command is None
    assert story(lock=lock(held=3, silent=3)).now[1].endswith("for 3.0 s: it is at work.")
    assert "is not known: no answer" in story(lock_unknown="no answer").now[1]


def test_late_box_scores_show_what_there_was_then_and_is_now() -> None:
    then = inputs_text({"box_scores": InputState(table="p.d.t", rows=8, modified_ms=1_000)})
    now = {"box_scores": InputState(table="p.d.t", rows=10, modified_ms=2_000)}
    told = story(runs=[record("aaaa", inputs=then)], inputs=now, due="2 predictions have a box score and no grade")
    assert told.now[-1] == "The date had 8 box scores then; it has 10 now."
    assert told.next_command == f"python -m grading grade --date {ACCIDENT}"
    same = {"box_scores": InputState(table="p.d.t", rows=8, modified_ms=2_000)}
    assert "was written since" in story(runs=[record("aaaa", inputs=then)], inputs=same).now[-1]


@pytest.mark.parametrize(
    ("status", "said", "command"),
    [
        ("failed", "failed and changed nothing (why)", "python -m grading grade --date 2026-01-10 --processor {p}"),
        (
            "shrunk", "far fewer keys were staged than the date had",
            "python -m grading grade --date 2026-01-10 --processor {p} --dry-run",
        ),
        ("no_actuals", "no box score was there yet (why)", None),
        ("no_predictions", "there was no prediction to grade", None),
        ("superseded", "data as new as it asked for was there by run cccccccc", None),
        ("staging_dropped", "ended as staging_dropped (why)", None),
    ],
)  # fmt: skip
def test_runs_that_published_nothing(status: str, said: str, command: str | None) -> None:
    run = record("bbbb", status=status, committed_at=None, detail="why", found_run_id="c" * 32)
    told = story(runs=[run], rows=[], duplicates=DuplicateReport())
    assert any(said in moment.text for moment in told.moments)
    assert told.next_command == (command.format(p=GRADING.name) if command else None)


def test_findings_and_their_end_are_moments() -> None:
    at = datetime(2026, 1, 10, 12, tzinfo=UTC)
    found = Finding(
        processor=GRADING.name, detected_at=at, duplicate_keys=7, resolved_at=at + timedelta(hours=1),
        notes="deduplicated",
    )  # fmt: skip
    said = [moment.text for moment in story(findings=[found]).moments]
    assert said[-2:] == [
        "Duplicates were found: 7 business keys had more than one row.", "The duplicates were gone: deduplicated.",
    ]  # fmt: skip


def test_a_record_of_an_earlier_version_is_told_from_what_it_has() -> None:
    old = RunRecord.of(
        {
            "run_id": "a" * 32, "event_id": "7", "processor": GRADING.name, "game_date": ACCIDENT,
            "trigger_source": None,
            "fence_token": 5, "lock_wait_ms": 2500, "locked": True, "rows_deleted": 0, "rows_inserted": 3,
            "duplicate_keys": 1, "started_at": datetime(2026, 1, 10, tzinfo=UTC), "detail": "",
            "committed_at": datetime(2026, 1, 10, tzinfo=UTC), "status": "success", "a_column_of_later": 1,
        }
    )  # fmt: skip
    began, published = of_one_run(old)
    assert began == "Run aaaaaaaa (unknown trigger) began. It had the lock after 2.5 s."
    assert published.startswith(
        "Run aaaaaaaa (unknown trigger) published 3 rows, in place of 0. 1 keys were staged more"
    )
    assert old.input_states == {}


def test_inputs_are_read_as_they_were_written() -> None:
    given = {"a": InputState(table="p-1.d.t", rows=3, modified_ms=None), "b": InputState(table="x.y.z")}
    assert inputs_of(inputs_text(given)) == given
    assert inputs_text({}) is None
    for nonsense in (None, "", "x", "a b c d", "a b 1 -1; ;", "{'a': 1}"):
        assert inputs_of(nonsense) == {}
