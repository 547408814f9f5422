"""Every command with its real output, at 80, 100 and 140 columns, in a pipe, and as JSON.

Nothing is wider than the screen but commands, nothing that has a value is left out, nothing to be typed is cut.
Each command runs twice, once for people and once as JSON. What it printed for people is laid out anew at each width:
the console is the only thing that knows how wide a screen is.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from foundation import figures
from grading.cli import commands
from localdev.bigquery import BigQueryEmulator
from tests.integration.damaged import execute
from tests.integration.prepared import Prepared, prepare

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTHS = (80, 100, 140)
RANGE = ("--start", "2026-01-15", "--end", "2026-01-15")

Before = Callable[[Prepared], None]


def _nothing(_: Prepared) -> None: ...


def _locks(state: Prepared) -> None:
    state.free()
    young, expired, stuck = AGES
    state.lock("2026-01-16", young)
    state.lock("2026-01-17", expired, operation="prediction_accuracy:2026-01-17:schedule")
    state.lock("prediction_accuracy", stuck, lock_type="publish")


def _orphan(state: Prepared) -> None:
    path = state.application.settings.input_table("predictions_table").sibling("_staging_batch_20260117")
    execute(
        state.client, f"CREATE OR REPLACE TABLE `{path}` AS SELECT * FROM `{path.sibling('player_prop_predictions')}`"
    )


def _repaired(state: Prepared) -> None:
    state.damage()
    assert run(["dedupe", "--table", "prediction_accuracy", "--execute"])[0] == 0


def _shrunk(state: Prepared) -> None:
    table = state.application.settings.input_table("box_scores_table")
    execute(state.client, f"DELETE FROM `{table}` WHERE game_date = '2026-01-16' AND player_lookup > 'player0010'")


def _other_grades(state: Prepared) -> None:
    path = state.application.settings.target("prediction_accuracy")
    execute(
        state.client,
        f"""CREATE OR REPLACE TABLE `{path.sibling("prediction_accuracy_old")}` AS
        SELECT * REPLACE (IF(player_lookup = 'player0001', 1, actual_points) AS actual_points) FROM `{path}`
        WHERE game_date = '2026-01-15' AND player_lookup != 'player0002'""",
    )


@dataclass(frozen=True, slots=True)
class Case:
    """A command as it is typed, what is done before each time, and its exit code."""

    name: str
    arguments: tuple[str, ...]
    code: int = 0
    before: Before = _nothing
    last_backup: bool = False


CASES = (
    Case("init", ("init",)),
    Case("init dry run", ("init", "--dry-run")),
    Case("status", ("status",)),
    Case("status of a date", ("status", "--date", "2026-01-17")),
    Case("status of a date without runs", ("status", "--date", "2026-01-12")),
    Case("check", ("check",), code=1),
    Case("ungraded", ("ungraded",)),
    Case("accuracy", ("accuracy", "--last", "6")),
    Case("locks", ("locks",), before=_locks),
    Case("locks release", ("locks", "release", "2026-01-17", "--type", "grading", "--yes"), before=_locks),
    Case("locks check", ("locks", "check"), before=_locks),
    Case("dedupe preview", ("dedupe", "--table", "prediction_accuracy"), before=lambda state: state.free()),
    Case("backfill dry run", ("backfill", *RANGE, "--dry-run")),
    Case("backfill unfinished", ("backfill", "--unfinished")),
    Case("dedupe", ("dedupe", "--table", "prediction_accuracy", "--execute"), before=lambda state: state.damage()),
    Case("undo preview", ("undo",), before=_repaired, last_backup=True),
    Case("undo", ("undo", "--execute"), before=_repaired, last_backup=True),
    Case("staging", ("staging", "--older-than", "-100000"), before=_orphan),
    Case("staging drop", ("staging", "--older-than", "-100000", "--execute"), before=_orphan),
    Case("recompute", ("recompute", *RANGE, "--all", "--concurrency", "1")),
    Case("backfill", ("backfill", *RANGE, "--concurrency", "1")),
    Case("grade", ("grade", "--date", "2026-01-15")),
    Case("grade shrunk", ("grade", "--date", "2026-01-16", "--no-aggregation"), code=1, before=_shrunk),
    Case("catch-up", ("catch-up", "--days", "6")),
    Case(
        "compare",
        ("compare", "--date", "2026-01-15", "--with", "nba_predictions.prediction_accuracy_old"),
        code=1,
        before=_other_grades,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def state(bigquery_emulator: BigQueryEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    prepared = prepare(bigquery_emulator, tmp_path_factory.mktemp("prepared"))
    yield prepared
    prepared.client.close()


@pytest.fixture(autouse=True)
def _at_the_terminal(state: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["grading.cli.output"], "application_for_terminal", lambda *_: state.application)
    # How long something took differs from run to run; how old the prepared locks and runs are does not.
    monkeypatch.setattr(figures, "span", lambda value: _SPAN(value) if value in AGES or value >= 3600 else "1.5 s")


_SPAN = figures.span
AGES = (5, 90, 1200)


class Recorder(Console):
    """Keeps what is printed, so that it can be printed again on other screens."""

    def __init__(self) -> None:
        super().__init__(**_screen(80))
        self.printed: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def print(self, *objects: Any, **given: Any) -> None:
        self.printed.append((objects, given))
        super().print(*objects, **given)

    def at(self, width: int) -> str:
        """The same on a screen of this width."""
        screen = Console(**_screen(width), file=io.StringIO())
        for objects, given in self.printed:
            screen.print(*objects, **given)
        assert isinstance(screen.file, io.StringIO)
        return screen.file.getvalue()


def _screen(width: int) -> dict[str, Any]:
    return {
        "force_terminal": True, "force_interactive": False, "width": width, "color_system": None, "highlight": False,
        "emoji": False,
    }  # fmt: skip


def run(arguments: list[str], console: Console | None = None) -> tuple[int, str]:
    """A command's exit code and output, in a pipe unless a console is given."""
    with pytest.MonkeyPatch.context() as patch:
        if console:
            patch.setattr(sys.modules["grading.cli.output"], "make_console", lambda *, quiet=False: console)
        result = CliRunner().invoke(commands, arguments, prog_name="python -m grading")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_every_command_is_here() -> None:
    """A new one needs a case, and so a golden file."""

    def leaves(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from leaves(command, (*before, name))
            yield (*before, name)

    # What these print is of times and run ids; tests of their own read it.
    typed = [case.arguments for case in CASES] + [("explain",), ("diff",), ("report",), ("compare",)]
    assert [name for name in leaves(commands) if not any(words[: len(name)] == name for words in typed)] == []


@pytest.mark.timeout(900)
def test_each_command_reads_well_everywhere(state: Prepared) -> None:
    """One after the other, in the order of the list: what a command shows depends on those before it."""
    for case in CASES:
        _reads_well(case, state)
    _every_backup_is_listed(state)


def _reads_well(case: Case, state: Prepared) -> None:
    recorder = Recorder()
    code, _ = run(_typed(case, state), recorder)
    shown = {f"{width} columns": recorder.at(width) for width in WIDTHS}
    shown["in a pipe"] = recorder.at(10_000)
    assert code == case.code, shown["80 columns"]
    for width in WIDTHS:
        lines = shown[f"{width} columns"].splitlines()
        assert [line for line in lines if len(line.rstrip()) > width and not _is_command(line)] == []
    code, text = run([*_typed(case, state), "--format", "json"])
    assert code == case.code
    answer = json.loads(text)
    _assert_nothing_is_left_out(answer, shown["in a pipe"])
    for name, text in shown.items():
        for command in _commands(shown["in a pipe"]):
            assert command in _commands(text), f"{name}: {command} is cut"
    _compare(case.name, shown)


def _typed(case: Case, state: Prepared) -> list[str]:
    known = _backups() if case.last_backup else set()
    case.before(state)
    dataset = state.application.settings.target_dataset
    arguments = [argument.replace("nba_predictions.", f"{dataset}.") for argument in case.arguments]
    if case.last_backup:
        (made,) = _backups() - known  # the clock stands still: the order of the list does not tell which is the last
        arguments.insert(1, made)
    return arguments


def _backups() -> set[str]:
    _, text = run(["undo", "--format", "json"])
    return {backup["backup"] for backup in json.loads(text)["backups"]}


def _every_backup_is_listed(state: Prepared) -> None:
    """Those of staging, too; a restore is told from a repair; by a short name that works."""
    recorder = Recorder()
    run(["undo"], recorder)
    text = recorder.at(80)
    assert max(map(len, map(str.rstrip, text.splitlines()))) <= 80
    _, answer = run(["undo", "--format", "json"])
    listed = json.loads(answer)["backups"]
    assert {backup["made_for"] for backup in listed} == {"dedupe", "undo", "staging"}
    effects = {backup["made_for"]: backup["effect"] for backup in listed}
    assert re.fullmatch(r"restores duplicates: \d rows come back", effects["dedupe"])
    assert re.fullmatch(r"repairs again: \d duplicates removed", effects["undo"])
    assert effects["staging"] == "creates the dropped table anew"
    assert all(re.fullmatch("[0-9a-f]{6}", backup["backup"]) and backup["backup"] in text for backup in listed)


def _is_command(line: str) -> bool:
    return re.match(r"  (python -m|gcloud|make|export) ", line) is not None


def _commands(text: str) -> list[str]:
    return [_masked(line).strip() for line in text.splitlines() if _is_command(line)]


def _assert_nothing_is_left_out(answer: dict[str, object], text: str) -> None:
    """Each date, processor and number of the JSON's tables that a narrow screen shows is in the text of the pipe."""
    for rows in answer.values():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                for name in ("date", "processor", "name", "table", "lock_key", "host", "cause"):
                    if row.get(name) and f"heads_{name}" not in answer:
                        assert str(row[name]) in text, (name, row[name])


def _masked(text: str) -> str:
    """Without what differs from run to run: ids, the server's clock, names of datasets."""
    text = re.sub(r"\b(Backup |backup |undo )[0-9a-f]{6}\b", r"\g<1>1a2b3c", text)
    text = re.sub(r"_[0-9a-f]{10}\b", "", text)
    text = re.sub(r"\b[0-9a-f]{8}(?=  2026)", "0a1b2c3d", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2026-01-20 10:00:00 UTC", text)
    # A repair removes what the cases before it have damaged, and which these are depends on the worker.
    text = re.sub(r"\b\d+ rows? come back", "3 rows come back", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def _compare(name: str, shown: dict[str, str]) -> None:
    text = "".join(f"--- {form}\n{_masked(part).rstrip()}\n\n" for form, part in shown.items())
    path = GOLDEN / f"{name.replace(' ', '-')}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: see tests/golden/README.md"
