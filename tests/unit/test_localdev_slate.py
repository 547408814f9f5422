"""A slate is read whole or refused with the value and the remedy; the sample has a case for every rule."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from localdev import sample_slate
from localdev.sample_slate import Cells
from localdev.slate import BOX_SCORES, INJURY_REPORT, PREDICTIONS, SlateError, read_slate

DAY = sample_slate.SAMPLE_DATE


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    sample_slate.write(tmp_path)
    return tmp_path


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_sample_reads_back_with_typed_values(sample: Path) -> None:
    slate = read_slate(sample, DAY)
    assert list(slate) == ["predictions_table", "box_scores_table", "injury_report_table"]
    first = slate["predictions_table"][0]
    assert first["game_date"] == "2024-02-10"
    assert first["is_active"] in (True, False)


def test_the_injury_report_is_optional(sample: Path) -> None:
    sample.joinpath(INJURY_REPORT.file_name(DAY)).unlink()
    assert "injury_report_table" not in read_slate(sample, DAY)


def test_a_column_that_the_table_does_not_have_is_ignored(sample: Path) -> None:
    path = sample / BOX_SCORES.file_name(DAY)
    lines = path.read_text(encoding="utf-8").splitlines()
    wider = [f"{lines[0]},player_full_name", *(f'{line},"Doe, John"' for line in lines[1:])]
    path.write_text("\n".join(wider), encoding="utf-8")
    assert "player_full_name" not in read_slate(sample, DAY)["box_scores_table"][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("points,is_dnp", "goals,is_dnp", "lacks the column points: add it"),
        ("points,is_dnp", "points,points", "lacks the column is_dnp"),
        ("2024-02-10,", "2024-02-11,", "line 2: game_date=2024-02-11 is not 2024-02-10"),
        ("2024-02-10,", "10.02.2024,", r"line 2: game_date='10.02.2024' is not a valid DATE"),
        (",false\n", ",no\n", r"line 2: is_dnp='no' is not a valid BOOL"),
        (",false\n", ",false,more\n", "line 2: not as many values as the header has columns"),
        (",false\n", "\n", "line 2: not as many values as the header has columns"),
    ],
)
def test_a_box_score_file_that_does_not_fit_is_refused(sample: Path, old: str, new: str, message: str) -> None:
    path = sample / BOX_SCORES.file_name(DAY)
    path.write_text(
        "player_lookup,game_id,game_date,team_abbr,opponent_team_abbr,minutes_played,points,is_dnp\n"
        "someone,20240210_A_B,2024-02-10,A,B,30,12,false\n",
        encoding="utf-8",
    )
    _edit(path, old, new)
    with pytest.raises(SlateError, match=message):
        read_slate(sample, DAY)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("predicted_points", "many", "NUMERIC"),
        ("predicted_points", "NaN", "NUMERIC"),
        ("predicted_points", "1.0000000001", "NUMERIC"),
        ("predicted_points", "1e30", "NUMERIC"),
        ("predicted_points", "1_000", "NUMERIC"),
        ("similar_games_count", "1_000", "INT64"),
        ("similar_games_count", "1.5", "INT64"),
        ("similar_games_count", "9223372036854775808", "INT64"),
        ("created_at", "yesterday", "TIMESTAMP"),
        ("is_active", "1", "BOOL"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_named(tmp_path: Path, column: str, value: str, kind: str) -> None:
    slate = sample_slate.generate()
    slate[PREDICTIONS.setting][0][column] = value
    sample_slate.write_rows(tmp_path, DAY, slate)
    with pytest.raises(SlateError, match=rf"line 2: {column}='{value}' is not a valid {kind}: write "):
        read_slate(tmp_path, DAY)


@pytest.mark.parametrize(("value", "read"), [("12.0", "12"), ("12", "12"), ("1e2", "100")])
def test_a_whole_number_may_be_written_with_a_point(tmp_path: Path, value: str, read: str) -> None:
    slate = sample_slate.generate()
    slate[BOX_SCORES.setting][0]["points"] = value
    sample_slate.write_rows(tmp_path, DAY, slate)
    assert read_slate(tmp_path, DAY)["box_scores_table"][0]["points"] == read


def test_an_empty_key_column_is_refused(tmp_path: Path) -> None:
    slate = sample_slate.generate()
    slate[PREDICTIONS.setting][0]["player_lookup"] = ""
    sample_slate.write_rows(tmp_path, DAY, slate)
    with pytest.raises(SlateError, match="line 2: player_lookup is empty"):
        read_slate(tmp_path, DAY)


def test_missing_and_unreadable_files_are_told_apart(sample: Path) -> None:
    with pytest.raises(SlateError, match="is not a directory"):
        read_slate(sample / "nowhere", DAY)
    with pytest.raises(SlateError, match=r"player_prop_predictions_2024-02-11\.csv does not exist: DATA must hold"):
        read_slate(sample, date(2024, 2, 11))
    path = sample / BOX_SCORES.file_name(DAY)
    path.write_bytes(b"player_lookup\n\xff\xfe\n")
    with pytest.raises(SlateError, match="is not UTF-8 text"):
        read_slate(sample, DAY)
    path.write_text("", encoding="utf-8")
    with pytest.raises(SlateError, match="is empty"):
        read_slate(sample, DAY)


def test_the_same_seed_makes_the_same_slate_and_another_one_does_not() -> None:
    assert sample_slate.generate(seed=7) == sample_slate.generate(seed=7)
    assert sample_slate.generate(seed=7) != sample_slate.generate(seed=8)


def _graded_pairs() -> list[tuple[Cells, Cells]]:
    """Each prediction that the rules let through beside its box score."""
    slate = sample_slate.generate()
    scores = {(row["player_lookup"], row["game_id"]): row for row in slate[BOX_SCORES.setting]}
    return [
        (row, scores[(row["player_lookup"], row["game_id"])])
        for row in slate[PREDICTIONS.setting]
        if row["is_active"] == "true"
        and not row.get("invalidation_reason")
        and (
            row["line_source"] == "NO_PROP_LINE"
            or (row["line_source"] != "ESTIMATED_AVG" and row["current_points_line"] not in ("", "20"))
        )
        and (row["player_lookup"], row["game_id"]) in scores
    ]


def test_the_sample_has_a_few_hundred_players_and_several_systems() -> None:
    predictions = sample_slate.generate()[PREDICTIONS.setting]
    assert 200 <= len({row["player_lookup"] for row in predictions}) <= 500
    percent = {row["system_id"] for row in predictions if Decimal(row["confidence_score"]) > 1}
    systems = {row["system_id"] for row in predictions}
    assert len(systems) >= 4
    assert len(percent) == 1


def test_the_sample_has_every_kind_of_prediction() -> None:
    """Each rule that keeps a prediction from being graded, or a recommendation from counting, has cases."""
    predictions = sample_slate.generate()[PREDICTIONS.setting]
    assert {row["recommendation"] for row in predictions} == {"OVER", "UNDER", "PASS", "HOLD", "NO_LINE"}
    sources = {"ACTUAL_PROP", "ODDS_API", "BETTINGPROS", "NO_PROP_LINE", "ESTIMATED_AVG"}
    assert {row["line_source"] for row in predictions} == sources
    assert any(row["current_points_line"] == "20" for row in predictions)
    assert any(row["is_active"] == "false" for row in predictions)
    assert any(row.get("invalidation_reason") for row in predictions)
    assert any(row["current_points_line"] == "" and row["line_source"] in sample_slate.PRICED for row in predictions)
    for column in ("has_prop_line", "is_actionable", "pace_adjustment"):
        assert any(row[column] == "" for row in predictions), column
    keys = Counter(
        (row["player_lookup"], row["game_id"], row["system_id"], row["current_points_line"]) for row in predictions
    )
    assert any(count > 1 for count in keys.values())
    lines = {(row["player_lookup"], row["system_id"], row["current_points_line"]) for row in predictions}
    assert len(lines) > len({(player, system) for player, system, _ in lines})


def test_the_sample_has_pushes_and_players_without_a_box_score() -> None:
    pairs = _graded_pairs()
    assert any(row["current_points_line"] == score.get("points") for row, score in pairs)
    slate = sample_slate.generate()
    scored = {row["player_lookup"] for row in slate[BOX_SCORES.setting]}
    assert {row["player_lookup"] for row in slate[PREDICTIONS.setting]} - scored


def test_the_sample_has_every_way_of_not_playing_and_one_of_playing_for_nothing() -> None:
    scores = sample_slate.generate()[BOX_SCORES.setting]
    ways = {
        (row["is_dnp"], row["points"] == "", row.get("minutes_played", ""))
        for row in scores
        if row["points"] in ("0", "")
    }
    assert ("true", False, "") in ways
    assert ("false", False, "0") in ways
    assert ("false", False, "") in ways
    assert any(no_points for _, no_points, _ in ways)
    assert any(dnp == "false" and not no_points and minutes not in ("", "0") for dnp, no_points, minutes in ways)


def test_the_sample_has_every_injury_case_of_a_voided_bet() -> None:
    """Each row of the voiding table: captured with each flag and status, reported, and nothing known."""
    reports = sample_slate.generate()[INJURY_REPORT.setting]
    latest = {row["player_lookup"]: row["injury_status"].upper() for row in reports}
    cases = set()
    for row, score in _graded_pairs():
        if score["is_dnp"] != "true":
            continue
        status, flag = row["injury_status_at_prediction"].upper(), row["injury_flag_at_prediction"]
        captured = bool(status or flag)
        cases.add((captured, flag, status) if captured else (False, "", latest.get(row["player_lookup"], "")))
    for status in ("OUT", "DOUBTFUL", "QUESTIONABLE", "PROBABLE", "AVAILABLE"):
        assert (True, "true", status) in cases
        assert (False, "", status) in cases
    assert {(True, "true", ""), (True, "false", "OUT"), (True, "", "QUESTIONABLE"), (True, "false", "")} <= cases
    assert (False, "", "") in cases


@pytest.mark.parametrize("column", ["similar_games_count", "predicted_points", "current_points_line"])
def test_a_negative_value_is_refused_where_none_can_be(tmp_path: Path, column: str) -> None:
    """An adjustment may well be negative."""
    slate = sample_slate.generate()
    slate[PREDICTIONS.setting][0] |= {column: "-5", "pace_adjustment": "-1.5"}
    sample_slate.write_rows(tmp_path, DAY, slate)
    with pytest.raises(SlateError, match=rf"line 2: {column}='-5' is negative: write 0 or more"):
        read_slate(tmp_path, DAY)


def test_a_confidence_out_of_range_is_read_as_it_is(tmp_path: Path) -> None:
    """It is for grading to say what it makes of it."""
    slate = sample_slate.generate()
    given = ["-0.2", "8700", "1"]
    for row, confidence in zip(slate[PREDICTIONS.setting], given, strict=False):
        row["confidence_score"] = confidence
    sample_slate.write_rows(tmp_path, DAY, slate)
    read = read_slate(tmp_path, DAY)[PREDICTIONS.setting]
    assert [row["confidence_score"] for row in read[:3]] == given


HEADER = "player_lookup,game_id,game_date,team_abbr,opponent_team_abbr,minutes_played,points,is_dnp"
GOOD = "someone,20240210_A_B,2024-02-10,A,B,30,12,false"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{HEADER}\n{GOOD}\n".replace(",", ";"),
            "line 1: the columns are separated by ';': separate them",
        ),
        (f"{HEADER}\n{GOOD}\n".replace(",", "\t"), "line 1: the columns are separated by tabs"),
        (f"{HEADER}\n{GOOD}\n".replace(",", "|"), r"line 1: the columns are separated by '\|'"),
        (f'{HEADER}\n{GOOD}\n"{GOOD}\n{GOOD}\n', "line 3: unexpected end of data: close the quotes that open there"),
        (f'{HEADER}\n{GOOD}\n"some\none"{GOOD[7:]}\n', "line 3: a value runs over several lines: close its quotes"),
        (f"{HEADER}\n{GOOD}\n{GOOD[:-5]}\0\n", "line 3: it holds a NUL byte: save the file as UTF-8 text"),
    ],
    ids=["semicolons", "tabs", "bars", "open quotes", "quotes over lines", "NUL"],
)
def test_a_file_that_is_no_csv_is_named_with_its_line(sample: Path, text: str, message: str) -> None:
    sample.joinpath(BOX_SCORES.file_name(DAY)).write_text(text, encoding="utf-8")
    with pytest.raises(SlateError, match=f"player_game_summary_2024-02-10.csv, {message}"):
        read_slate(sample, DAY)
