"""Statements of one shape are translated once, and to the same as if each were translated by itself."""

from __future__ import annotations

import random
import re
from collections.abc import Hashable
from datetime import date, timedelta
from pathlib import Path

import pytest
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.scripting.parser import parse_script
from bqemulator.sql.translator import SQLTranslator

from localdev import bqemulator_shapes
from localdev.bqemulator_shapes import Shapes, kept_in, read_each_script_once, shape_of, translate_each_shape_once
from tests.unit.test_bqemulator_start import FILES, RULED
from warehouse.statements import Sql, SqlFile

PROJECT = "local-grading"


class Varied:
    """Values as they differ from one run to the next."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.run = f"{self._random.getrandbits(128):032x}"
        self.suffix = f"{self._random.getrandbits(36) + 2**36:010x}"
        self.day = date(2024, 1, 1) + timedelta(days=self._random.randrange(700))
        self.note = "".join(self._random.choices('abc xyz."%é', k=9))
        self.number = self._random.randrange(10)
        self.token = 1_700_000_000_000 + self._random.randrange(10**11)

    def table(self, name: str) -> str:
        return f"`{PROJECT}.nba_staging_{self.suffix}.{name}_{self.day:%Y%m%d}_{self.run}`"

    def statement(self, file: SqlFile) -> str:
        values = {placeholder: Sql("x") for placeholder in file.placeholders} | {"date": Sql(f"DATE '{self.day}'")}
        values |= {"days": Sql(f"= DATE '{self.day}'")}
        values |= {"kept_minutes": Sql("minutes_played"), "passed_in": Sql(""), "passed_out": Sql("")}
        return file.fill(**values).text

    def statements(self) -> list[str]:
        """Run ids, tokens, dates and times as words, in names and in strings, next to what must stay as it is."""
        return [
            *map(self.statement, FILES),
            RULED,
            f"SELECT * FROM {self.table('grades')} AS g WHERE game_date = DATE '{self.day}' AND run_id = '{self.run}'",
            f"""INSERT INTO {self.table("runs")} (run_id, at, token, note, share) SELECT '{self.run}',
            TIMESTAMP '{self.day} 12:30:00.25+00:00', {self.token}, 'backfill:2024-01-05:2024-01-15:x',
            0.17 + 1.5 + 1700000000000.5 FROM UNNEST([1, 2])""",
            f"""INSERT INTO `{PROJECT}.nba_predictions_{self.suffix}.runs` (run_id, note, other, at, n, m, o, p, q, r)
            VALUES (
  '{self.run}', '{self.note}', 'a', TIMESTAMP '{self.day} 12:30:00.25+00:00', {self.number}, -{self.number},
  {self.number},
  1.5, NULL, TRUE)""",
            f"""SELECT DATETIME '{self.day} 9:00:00', TIMESTAMP '{self.day}', CAST('{self.day}T10:00:00Z' AS TIMESTAMP),
            DATE_ADD(DATE '{self.day}', INTERVAL 1 DAY), FORMAT_DATE('%Y', DATE '{self.day}'), MOD({self.token}, 7)""",
        ]


def _all_of(seed: int) -> list[str]:
    answers = [SQLTranslator().translate(sql).unwrap() for sql in Varied(seed).statements()]
    return [executor.rewrite_table_refs(sql, PROJECT) for sql in answers]


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in files"])
def test_what_is_remembered_is_what_would_be_translated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, kept: bool
) -> None:
    monkeypatch.setattr(bqemulator_shapes, "_LONG_SECONDS", 0.0)  # all are kept
    expected = {seed: _all_of(seed) for seed in (1, 2)}
    asked: list[str] = []
    translate = SQLTranslator.translate

    def counted(translator: SQLTranslator, sql: str, **further: object) -> object:
        asked.append(sql)
        return translate(translator, sql, **further)  # type: ignore[arg-type]

    for module in (executor, interpreter):
        monkeypatch.setattr(module, "rewrite_table_refs", executor.rewrite_table_refs)
    for number, seed in enumerate(expected):
        if not number or kept:  # as another emulator would
            monkeypatch.setattr(SQLTranslator, "translate", counted)
            translate_each_shape_once(kept_in(tmp_path) if kept else None)
        assert _all_of(seed) == expected[seed]
    assert len(expected[1]) <= len(asked) < 1.2 * len(expected[1])


def test_a_script_of_a_known_shape_has_the_statements_that_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(seed: int) -> str:
        return ";\n".join(["BEGIN TRANSACTION", *Varied(seed).statements(), "COMMIT TRANSACTION;"])

    expected = {seed: parse_script(script(seed)) for seed in (1, 2)}
    read: list[str] = []
    for module in (executor, interpreter):
        monkeypatch.setattr(module, "parse_script", lambda source: (read.append(source), parse_script(source))[1])
    read_each_script_once()
    assert {seed: interpreter.parse_script(script(seed)) for seed in (1, 2)} == expected
    assert len(read) == 2  # the first text, and its shape


def test_what_is_no_plain_statement_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop has statements within it, and expressions."""
    source = "DECLARE n INT64 DEFAULT 1;\nLOOP SET n = n + 1; IF n > 3 THEN LEAVE; END IF; END LOOP; SELECT n;"
    for module in (executor, interpreter):
        monkeypatch.setattr(module, "parse_script", parse_script)
    read_each_script_once()
    assert executor.parse_script(source) == parse_script(source)


def test_equal_values_stay_equal_and_different_ones_different() -> None:
    """Two statements have one shape only if the same places hold the same value."""
    one, other = Varied(1), Varied(2)
    same = [shape_of(f"SELECT '{x.run}', '{x.run}', '{y.run}'")[0] for x, y in ((one, other), (other, one), (one, one))]
    assert same[0] == same[1] != same[2]


@pytest.mark.parametrize(
    "differs",
    [("'2024-01-15 10:00:00'", "'2024-01-15 10:00:00+00:00'"), ("'2024-01-15'", "'2024-01-15 10:00:00'"),
     ("\n'x',\n", "\n'2024-01-15',\n"), ("\n'x',\n", "\n1,\n"), ("f('x', a)", "f('y', a)"), ("\n1,\n", "\n1.5,\n"),
     ("0.1700000000000", "0.1700000000001"), ("'id 2024-01-15'", "'id 2024-01-16'"), ("1.5", "2.5"),
     ("INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1-3' YEAR TO MONTH")],
)  # fmt: skip
def test_what_a_translation_may_read_is_part_of_the_shape(differs: tuple[str, str]) -> None:
    assert shape_of(f"SELECT {differs[0]}")[0] != shape_of(f"SELECT {differs[1]}")[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("  'x', 1, NULL,\n  0", "  'some text', 1000, NULL,\n  1"),
        ("VALUES (\n  'x', 'x', 5, 5)", "VALUES (\n  'x', 'y', 5, 6)"),
        ("SELECT 1 FROM `p.nba_a_0123456789.t`", "SELECT 1 FROM `p.nba_b.t`"),
        (
            "[\n  ('x', DATE '2024-01-15', 7),\n  ('y', DATE '2024-01-16', 8)\n]",
            "[\n  ('z', DATE '2024-02-15', 9),\n  ('z', DATE '2024-02-16', 9)\n]",
        ),
    ],
)
def test_the_values_of_a_row_and_the_name_of_a_dataset_are_no_part_of_the_shape(one: str, other: str) -> None:
    assert shape_of(one)[0] == shape_of(other)[0]


def test_an_answer_is_translated_further_by_its_own_shape() -> None:
    """A row's values are found in the statement, of which they fill lines, and no longer in its translation."""
    asked: list[str] = []

    def translate(text: str, _: Hashable) -> str:
        return " ".join(text.split())

    def name(text: str, _: Hashable) -> str:
        asked.append(text)
        return text.replace("a_table", "the_table")

    translated, named = Shapes(translate), Shapes(name)
    one, other = (named(translated(f"INSERT a_table SELECT\n  '{note}',\n  {n}")) for note, n in (("x", 1), ("yy", 22)))
    assert (one, other) == ("INSERT the_table SELECT 'x', 1", "INSERT the_table SELECT 'yy', 22")
    assert len(asked) == 1


def test_a_translation_that_reads_what_it_should_copy_is_not_remembered() -> None:
    shapes = Shapes(lambda text, _: re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\1/\2/\3", text))
    assert shapes("SELECT '2024-01-15'") == "SELECT '2024/01/15'"
    assert shapes("SELECT '2024-01-16'") == "SELECT '2024/01/16'"


def test_an_error_tells_of_the_statement_as_it_is() -> None:
    def refuse(text: str, _: Hashable) -> str:
        raise ValueError(text)

    with pytest.raises(ValueError, match="2024-01-15"):
        Shapes(refuse)("SELECT '2024-01-15'")
