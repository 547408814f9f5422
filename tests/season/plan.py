"""What happens in a season: its games, and what goes wrong on which date. Generated, and the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from localdev.slate import Row

FIRST = date(2025, 10, 21)
SYSTEMS = ("alpha", "beta", "gamma", "delta")
TEAMS = ("ATL", "BKN", "BOS", "CHI", "CLE", "DAL", "DEN", "GSW", "LAL", "MIA", "NYK", "PHX")

_PLAYERS_A_GAME = 6
_WIN_RATE = 0.54
_ERROR = 5.2
"""The standard deviation of a prediction's error: a mean absolute error of about 4.15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Dates are numbers of days since `FIRST`.

    Args:
        days: the dates of the season.
        breaks: the first and last date of a break that the deployment knows.
        empty: dates without games that it does not know.
        late_hours: dates whose box scores come after the scheduled run and before catch-up.
        late_days: dates whose box scores come a day later.
        half_late: dates on which those of every second game come after the scheduled run.
        outage: dates with games of which neither predictions nor box scores came; they come when it is over.
        ids_differ: the first and last date on which the box scores name all games by other ids.
        retired: the last date of the system `delta`.
        accident: the date whose grades another writer inserts a second time; `copied` is the date when it does so.
        silent: the date of which one game never gets a box score.
        corrected: the date of which box scores are corrected, 12 dates later.
    """

    days: int
    breaks: tuple[int, int]
    empty: tuple[int, ...]
    late_hours: tuple[int, ...]
    late_days: tuple[int, ...]
    half_late: tuple[int, ...]
    outage: tuple[int, int]
    ids_differ: tuple[int, int]
    retired: int
    accident: int
    copied: int
    silent: int
    corrected: int

    def has_games(self, number: int) -> bool:
        return number not in self.empty and not self.breaks[0] <= number <= self.breaks[1]

    def in_outage(self, number: int) -> bool:
        return self.outage[0] <= number <= self.outage[1]


SEASON = Plan(
    days=170,
    breaks=(115, 120),
    empty=(20, 37, 64, 90, 133),
    late_hours=(8, 29, 55, 101, 140),
    late_days=(48, 126),
    half_late=(12, 75),
    outage=(80, 82),
    ids_differ=(138, 167),
    retired=60,
    accident=70,
    copied=72,
    silent=110,
    corrected=92,
)
"""The whole season, of 170 dates."""

SHORT = Plan(
    days=9,
    breaks=(8, 8),
    empty=(1,),
    late_hours=(2,),
    late_days=(),
    half_late=(3,),
    outage=(4, 5),
    ids_differ=(7, 7),
    retired=99,
    accident=2,
    copied=4,
    silent=6,
    corrected=99,
)
"""Nine dates: no system retires, and no box score is late by a day or corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One game, by its place among those of its date, and its two teams."""

    day: date
    number: int
    index: int
    away: str
    home: str

    @property
    def game_id(self) -> str:
        return f"{self.day:%Y%m%d}_{self.away}_{self.home}"

    @property
    def official_id(self) -> str:
        return f"{self.day:%Y%m%d}_{self.home}_{self.away}"


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


def games(plan: Plan, number: int) -> list[Game]:
    """The games of a date: two to four."""
    if not plan.has_games(number):
        return []
    draw = random.Random(f"games {number}")
    teams = draw.sample(TEAMS, 2 * draw.randint(3, 4))
    return [
        Game(day=day_of(number), number=number, index=index, away=teams[2 * index], home=teams[2 * index + 1])
        for index in range(len(teams) // 2)
    ]


def predictions(plan: Plan, number: int) -> Iterator[Row]:
    """What the systems predict for a date."""
    for game in games(plan, number):
        for player in _players(game):
            for system in SYSTEMS:
                if system == "delta" and number > plan.retired:
                    continue
                line, points = _line_and_points(game, player)
                draw = random.Random(f"{system} {game.game_id} {player}")
                went_over = points > line
                over = went_over if draw.random() < _WIN_RATE else not went_over
                yield {
                    "prediction_id": f"{system}-{game.game_id}-{player}",
                    "system_id": system,
                    "player_lookup": player,
                    "game_id": game.game_id,
                    "game_date": game.day.isoformat(),
                    "predicted_points": f"{points + draw.gauss(0, _ERROR):.1f}",
                    "confidence_score": f"{draw.uniform(0.5, 0.8):.3f}",
                    "recommendation": "OVER" if over else "UNDER",
                    "current_points_line": f"{line}",
                    "has_prop_line": True,
                    "line_source": "ACTUAL_PROP",
                    "is_actionable": True,
                    "is_active": True,
                    "created_at": f"{game.day.isoformat()}T15:00:00Z",
                }


def box_scores(plan: Plan, game: Game) -> Iterator[Row]:
    """A game's box score."""
    differs = plan.ids_differ[0] <= game.number <= plan.ids_differ[1]
    for position, player in enumerate(_players(game)):
        yield {
            "player_lookup": player,
            "game_id": game.official_id if differs else game.game_id,
            "game_date": game.day.isoformat(),
            "team_abbr": game.home if position % 2 else game.away,
            "opponent_team_abbr": game.away if position % 2 else game.home,
            "minutes_played": "31",
            "points": str(_line_and_points(game, player)[1]),
            "is_dnp": False,
        }


def injury_report(plan: Plan, number: int) -> Iterator[Row]:
    """One player of each game, who is questionable."""
    for game in games(plan, number):
        yield {
            "player_lookup": f"{game.home.lower()}injured",
            "game_id": game.game_id,
            "game_date": game.day.isoformat(),
            "injury_status": "Questionable",
            "reason": "ankle",
            "report_date": game.day.isoformat(),
            "report_hour": "17",
        }


def _players(game: Game) -> list[str]:
    return [
        f"{(game.home if position % 2 else game.away).lower()}player{position // 2}"
        for position in range(_PLAYERS_A_GAME)
    ]


def _line_and_points(game: Game, player: str) -> tuple[float, int]:
    draw = random.Random(f"{game.game_id} {player}")
    line = draw.randint(8, 27) + 0.5
    return line, max(1, round(draw.gauss(line, 6)))
