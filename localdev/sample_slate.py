"""A made-up slate in which every rule of grading has cases: the same rows for the same seed.

    python -m localdev.sample_slate DIRECTORY [--date YYYY-MM-DD] [--seed N]

Players and numbers are invented. Twelve games, several systems (one of them states its confidence on a 0-100 scale),
several lines a player, pushes, PASS, HOLD and NO_LINE, placeholder lines, inactive, invalidated and superseded
predictions, players who did not play with every kind of injury report, and players without a box score.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from localdev.slate import BOX_SCORES, INJURY_REPORT, PREDICTIONS, InputTable

SAMPLE_DATE = date(2024, 2, 10)
SAMPLE_SEED = 20240210

Cells = dict[str, str]

_TEAMS = (
    "ATL", "BOS", "BKN", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW", "HOU", "IND",
    "LAC", "LAL", "MEM", "MIA", "MIL", "MIN", "NOP", "NYK", "OKC", "ORL", "PHI", "PHX",
)  # fmt: skip
_FIRST = (
    "aaron", "blake", "caleb", "darius", "elias", "felix", "gavin", "hugo",
    "isaac", "jonas", "kofi", "luca", "marek", "noah", "otis", "pavel",
)  # fmt: skip
_LAST = (
    "abbott", "barnes", "castle", "doyle", "easton", "frost", "grant", "holloway", "ingram", "jarvis",
    "keller", "lowell", "mercer", "norris", "osgood", "parrish", "quincy", "rhodes", "sutter", "thorne",
)  # fmt: skip
_SYSTEMS = (
    "ensemble_v1",
    "xgboost_v1",
    "catboost_v8",
    "similarity_balanced_v1",
    "zone_matchup_v1",
    "moving_average_baseline_v1",
)
_PERCENT_SYSTEM = "catboost_v8"
_PLAYERS_A_TEAM = 13
PRICED = ("ACTUAL_PROP", "ODDS_API", "BETTINGPROS")
# How a player's night went, and how often: shares of 100.
_NIGHTS = {"played": 62, "dnp": 20, "no_minutes": 4, "minutes_unknown": 3, "no_points": 3, "scoreless": 4, "no_box": 4}
_REPORTED = ("", "Out", "Doubtful", "Questionable", "Probable", "Available")
# What a system knew of a player's injury when it predicted: status and flag; both empty: nothing.
_CAPTURED = (
    ("", ""), ("", ""), ("", ""), ("", ""), ("OUT", "true"), ("Doubtful", "true"), ("QUESTIONABLE", "true"),
    ("probable", "true"), ("AVAILABLE", "true"), ("", "true"), ("OUT", "false"), ("QUESTIONABLE", ""), ("", "false"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Player:
    lookup: str
    game_id: str
    team: str
    opponent: str
    night: str
    level: int
    points: int
    reported: str


def generate(day: date = SAMPLE_DATE, seed: int = SAMPLE_SEED) -> dict[str, list[Cells]]:
    """The slate's rows as text, by the setting of their table."""
    random = Random(seed)
    players = list(_players(day, random))
    predictions = [row for player in players for row in _predictions(player, day, random)]
    for number, row in enumerate(predictions, start=1):
        row["prediction_id"] = f"sample-{number:05d}"
    predictions.extend(_superseding(predictions, random))
    random.shuffle(predictions)
    return {
        PREDICTIONS.setting: predictions,
        BOX_SCORES.setting: [_box_score(player, day, random) for player in players if player.night != "no_box"],
        INJURY_REPORT.setting: [row for player in players for row in _injury_reports(player, day)],
    }


def write(directory: Path, day: date = SAMPLE_DATE, seed: int = SAMPLE_SEED) -> list[Path]:
    """Write the slate's files into a directory; returns their paths."""
    return write_rows(directory, day, generate(day, seed))


def write_rows(directory: Path, day: date, slate: Mapping[str, Sequence[Cells]]) -> list[Path]:
    """Write rows, given by the setting of their table, as the files of a slate; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _write_file(directory / table.file_name(day), table, slate[table.setting])
        for table in (PREDICTIONS, BOX_SCORES, INJURY_REPORT)
    ]


def _write_file(path: Path, table: InputTable, rows: Sequence[Cells]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in table.columns], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _players(day: date, random: Random) -> Iterator[_Player]:
    names = [first + last for first in _FIRST for last in _LAST]
    random.shuffle(names)
    teams = list(_TEAMS)
    random.shuffle(teams)
    nights = list(_NIGHTS)
    for away, home in zip(teams[::2], teams[1::2], strict=True):
        for team, opponent in ((away, home), (home, away)):
            for _ in range(_PLAYERS_A_TEAM):
                level = random.choice((4, 7, 10, 14, 18, 24))
                yield _Player(
                    lookup=names.pop(),
                    game_id=f"{day:%Y%m%d}_{away}_{home}",
                    team=team,
                    opponent=opponent,
                    night=random.choices(nights, weights=list(_NIGHTS.values()))[0],
                    level=level,
                    points=max(1, round(random.gauss(level, 5))),
                    reported=random.choice(_REPORTED),
                )


def _predictions(player: _Player, day: date, random: Random) -> Iterator[Cells]:
    # A whole line can be hit exactly, which is a push; 20.0 is a placeholder.
    lines = {Decimal(player.level), player.level + random.choice((Decimal("0.5"), Decimal("-1.5")))}
    if player.night == "played" and random.random() < 0.15:
        lines.add(Decimal(player.points))
    if random.random() < 0.08:
        lines.add(Decimal(20))
    for system in _SYSTEMS:
        if random.random() < 0.25:
            continue  # no system predicts every player
        for line in sorted(lines) if random.random() < 0.2 else (random.choice(sorted(lines)),):
            yield _prediction(player, day, system, line, random)


def _prediction(player: _Player, day: date, system: str, line: Decimal, random: Random) -> Cells:
    predicted = max(Decimal(0), Decimal(str(round(random.gauss(player.level, 3), 1))))
    confidence = Decimal(str(round(random.uniform(0.3, 0.95), 4)))
    if system == _PERCENT_SYSTEM:
        confidence = Decimal(str(round(random.uniform(30, 95), 2)))
    status, flag = random.choice(_CAPTURED)
    created = datetime.combine(day, time(15), UTC) + timedelta(seconds=random.randrange(4 * 3600))
    kind = random.choices(("priced", "no_line", "estimated", "lineless"), weights=(86, 9, 4, 1))[0]
    row: Cells = {
        "system_id": system,
        "player_lookup": player.lookup,
        "game_id": player.game_id,
        "game_date": day.isoformat(),
        "predicted_points": str(predicted),
        "confidence_score": str(confidence),
        "recommendation": "OVER" if predicted > line else "UNDER",
        "current_points_line": str(line),
        "pace_adjustment": random.choice(("", str(round(random.uniform(-2, 2), 2)))),
        "similar_games_count": str(random.randrange(5, 40)) if system.startswith("similarity") else "",
        "model_version": "v8.2" if system == _PERCENT_SYSTEM else "v1",
        "has_prop_line": random.choice(("true", "true", "true", "")),
        "line_source": random.choice(PRICED),
        "is_actionable": random.choice(("true", "true", "true", "")),
        "injury_status_at_prediction": status,
        "injury_flag_at_prediction": flag,
        "is_active": "true",
        "created_at": created.isoformat().replace("+00:00", "Z"),
    }
    if random.random() < 0.15:
        row["recommendation"] = random.choice(("PASS", "HOLD"))
    if random.random() < 0.08:
        row |= {"is_actionable": "false", "filter_reason": "confidence_tier_88_90"}
    match kind:
        case "no_line":
            row |= {"current_points_line": "", "recommendation": "NO_LINE", "has_prop_line": "false"}
            row |= {"line_source": "NO_PROP_LINE", "estimated_line_value": str(line)}
        case "estimated":
            row |= {"line_source": "ESTIMATED_AVG", "estimated_line_value": str(line)}
        case "lineless":
            row |= {"current_points_line": ""}
    if random.random() < 0.04:
        row["is_active"] = "false"
    if random.random() < 0.02:
        row["invalidation_reason"] = "game_postponed"
    return row


def _superseding(predictions: Sequence[Cells], random: Random) -> Iterator[Cells]:
    """A second prediction of one in thirty keys: newer, or of the same second, when the greater id counts."""
    for number, row in enumerate(random.sample(list(predictions), len(predictions) // 30)):
        later = datetime.fromisoformat(row["created_at"]) + timedelta(minutes=0 if number % 4 == 0 else 30)
        yield row | {
            "prediction_id": f"{row['prediction_id']}-again",
            "predicted_points": str(Decimal(row["predicted_points"]) + 1),
            "created_at": later.isoformat().replace("+00:00", "Z"),
        }


def _box_score(player: _Player, day: date, random: Random) -> Cells:
    row: Cells = {
        "player_lookup": player.lookup,
        "game_id": player.game_id,
        "game_date": day.isoformat(),
        "team_abbr": player.team,
        "opponent_team_abbr": player.opponent,
    }
    played = {"minutes_played": str(random.randrange(8, 40)), "points": str(player.points), "is_dnp": "false"}
    outcome: dict[str, Cells] = {
        "played": played,
        "dnp": {"points": "0", "is_dnp": "true"},
        "no_minutes": {"minutes_played": "0", "points": "0", "is_dnp": "false"},
        "minutes_unknown": {"points": "0", "is_dnp": "false"},
        "no_points": played | {"points": "", "is_dnp": ""},
        "scoreless": played | {"points": "0"},
    }
    return row | outcome[player.night]


def _injury_reports(player: _Player, day: date) -> Iterator[Cells]:
    """Who did not play may be reported: earlier as out, and then as in the report that counts."""
    if player.night == "played" or not player.reported:
        return
    for reported, report_day, hour in (("Out", day - timedelta(days=1), 17), (player.reported, day, 13)):
        yield {
            "player_lookup": player.lookup,
            "game_id": player.game_id,
            "game_date": day.isoformat(),
            "injury_status": reported,
            "reason": "Injury/Illness",
            "report_date": report_day.isoformat(),
            "report_hour": str(hour),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a slate where the caller says."""
    parser = argparse.ArgumentParser(prog="python -m localdev.sample_slate", description="Write a made-up slate.")
    parser.add_argument("directory", type=Path, help="where to write the files")
    parser.add_argument("--date", type=date.fromisoformat, default=SAMPLE_DATE, help=f"default: {SAMPLE_DATE}")
    parser.add_argument("--seed", type=int, default=SAMPLE_SEED, help="the same seed makes the same rows")
    given = parser.parse_args(arguments)
    for path in write(given.directory, given.date, given.seed):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
