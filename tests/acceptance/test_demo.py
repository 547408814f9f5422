"""`make demo` does what it says, for the sample and for a user's files, and leaves nothing running."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import signal
import subprocess
import sys
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from localdev import sample_slate
from localdev.demo import main, rules_of
from localdev.demo_run import DemoFailed, grade_files
from localdev.environment import isolated
from localdev.graded import RUN_COLUMNS
from localdev.processes import wait_until
from localdev.slate import BOX_SCORES, PREDICTIONS, read_slate
from localdev.stack import LocalStack
from tests.acceptance.conftest import MakeDemo

_SECONDS = 100.0


def _figure(output: str, name: str) -> str:
    found = re.search(rf"│ {name} +│ +([^ ]+)", output)
    assert found, output
    return found[1]


def _assert_sample_output(output: str) -> None:
    assert int(_figure(output, "rows graded").replace(",", "")) > 1000
    assert int(_figure(output, "voided")) > 100
    assert _figure(output, "accuracy").endswith("%")
    assert _figure(output, "duplicates") == "0"
    assert int(_figure(output, "token")) > 0
    for text in ("lock wait", "time", "CRITICAL: 1 duplicate business key", "the same grades, row for row"):
        assert text in output
    assert re.search(r"The naive pair left [1-9][\d,]* rows too many", output)


def test_make_demo_grades_the_sample_and_shows_what_it_did(sample_demo: subprocess.CompletedProcess[str]) -> None:
    assert sample_demo.returncode == 0, sample_demo.stdout + sample_demo.stderr
    _assert_sample_output(sample_demo.stdout)


def test_the_demo_works_without_the_gcloud_sdk(repository: Path, tmp_path: Path) -> None:
    """With nothing on the PATH: SQLite locks, and the event straight to the function."""
    done = subprocess.run(
        [sys.executable, "-m", "localdev.demo"],
        cwd=repository,
        env=isolated() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _assert_sample_output(done.stdout)
    assert "no Firestore emulator (the gcloud SDK is not on the PATH)" in done.stdout.replace("\n", " ")


def test_a_real_slate_is_graded_to_the_expected_answer_in_every_column(
    make_demo: MakeDemo, repository: Path, tmp_path: Path
) -> None:
    data = repository.parent / "shared" / "data"
    expected_file = data / "expected_prediction_accuracy_2024-01-15.csv"
    if not expected_file.exists():
        pytest.skip("../shared/data is not there: it holds the real slate and its expected answer")
    out = tmp_path / "graded.csv"
    done = make_demo(f"DATA={data}", "DATE=2024-01-15", f"OUT={out}")
    assert done.returncode == 0, done.stdout + done.stderr
    expected, graded = _read(expected_file), _read(out)
    assert len(graded) == len(expected) == 2009
    columns = list(expected[0])
    assert list(graded[0]) == [*columns, *RUN_COLUMNS[:3], *sorted(RUN_COLUMNS[3:], key=list(graded[0]).index)]
    for ours, theirs in zip(graded, expected, strict=True):
        assert {name: _value(ours[name]) for name in columns} == {name: _value(theirs[name]) for name in columns}


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _value(text: str) -> str | Decimal:
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


def test_files_that_hold_no_score_yet_are_not_graded(stack: LocalStack, tmp_path: Path) -> None:
    """Nothing is published and no file is written; the status says why, and so does the alert."""
    day = date(2024, 3, 5)
    slate = sample_slate.generate(day) | {BOX_SCORES.setting: []}
    sample_slate.write_rows(tmp_path, day, slate)
    out, screen = tmp_path / "graded.csv", io.StringIO()
    with pytest.raises(DemoFailed, match=r"the run ended as no_actuals .*nothing was published"):
        grade_files(stack, Console(file=screen, width=100), day, read_slate(tmp_path, day), out)
    assert "Check: no_actuals" in screen.getvalue()
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("--data={data}", "DATE is missing"),
        ("--date=2024-02-10", "DATA is missing"),
        ("--data={data} --date=10.02.2024", "DATE=10.02.2024 is not a date: write it as YYYY-MM-DD"),
        ("--data={data} --date=2024-02-30", "DATE=2024-02-30 does not exist in the calendar"),
        ("--data={data} --date=2999-01-01", "DATE=2999-01-01 is in the future"),
        ("--data={data}/nowhere --date=2024-02-10", "is not a directory"),
        ("--data={data} --date=2024-02-11", "player_prop_predictions_2024-02-11.csv does not exist"),
        ("--data={data} --date=2024-02-10 --out={data}", "is a directory: name a file in it"),
        ("--data={data} --date=2024-02-10 --out={data}/no/graded.csv", "does not exist"),
        ("--data={data} --date=2024-02-10", "line 2: predicted_points='many' is not a valid NUMERIC"),
    ],
)
def test_what_cannot_be_graded_is_told_before_anything_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: str, text: str
) -> None:
    _write_sample_with_a_wrong_value(tmp_path)
    assert main([argument.format(data=tmp_path) for argument in arguments.split()]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("demo: ")
    assert text in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        ({}, {"placeholder_lines": "20", "graded_lines": "all", "grade_after_game": True}),
        (
            {"PLACEHOLDER_LINES": "none", "GRADED_LINES": "latest", "GRADE_AFTER_GAME": "false", "ENVIRONMENT": "x"},
            {"placeholder_lines": "none", "graded_lines": "latest", "grade_after_game": False},
        ),
    ],
)
def test_own_files_are_graded_by_the_rules_of_the_environment(given: dict[str, str], rules: dict[str, object]) -> None:
    """And by nothing else of it."""
    assert rules_of(given) == rules


def test_a_rule_that_is_none_is_told_before_anything_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample_slate.write(tmp_path, sample_slate.SAMPLE_DATE)
    monkeypatch.setenv("GRADED_LINES", "newest")
    assert main([f"--data={tmp_path}", f"--date={sample_slate.SAMPLE_DATE}"]) == 2
    assert "GRADED_LINES='newest': use 'all' or 'latest'" in capsys.readouterr().err


def test_make_hands_its_variables_over_as_they_are(make_demo: MakeDemo, tmp_path: Path) -> None:
    """Also if a shell would read something into them."""
    directory = tmp_path / "it's $(my) data; echo x"
    directory.mkdir()
    _write_sample_with_a_wrong_value(directory)
    done = make_demo(f"DATA={directory}".replace("$", "$$"), f"DATE={sample_slate.SAMPLE_DATE}")
    assert done.returncode == 2
    assert "player_prop_predictions_2024-02-10.csv, line 2: predicted_points='many'" in done.stderr


def _write_sample_with_a_wrong_value(directory: Path) -> None:
    slate = sample_slate.generate()
    slate[PREDICTIONS.setting][0]["predicted_points"] = "many"
    sample_slate.write_rows(directory, sample_slate.SAMPLE_DATE, slate)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc")
def test_a_demo_that_is_interrupted_leaves_no_process(repository: Path, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    errors = (tmp_path / "stderr").open("w+")
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "localdev.demo"],
        cwd=repository,
        env=isolated() | {"DEMO_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    with demo, errors:
        assert demo.stdout is not None
        said = list(itertools.takewhile(lambda line: "function answers" not in line, demo.stdout))
        assert demo.poll() is None, f"{''.join(said)}{(tmp_path / 'stderr').read_text()}"
        assert len(_processes_with(mark)) > 3
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        demo.wait(_SECONDS)
    assert wait_until(lambda: not _processes_with(mark), timeout_seconds=20), _processes_with(mark)


def _processes_with(mark: str) -> list[str]:
    """The command lines of all processes that inherited `mark` in their environment."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            if mark.encode() in directory.joinpath("environ").read_bytes():
                found.append(directory.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # ended meanwhile
    return found
