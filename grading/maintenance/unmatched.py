"""Predictions that no box score matches, beside the box scores that no prediction names: the nearest spelling first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from grading.settings import Settings
from grading.writing.rules import rules_between
from warehouse.jobs import Jobs
from warehouse.statements import Folder

SQL = Folder("grading.maintenance.sql")

MOST_PLAYERS = 50
NEAREST_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A player as one table names one. `game` is the same for all ids of a game that name its teams."""

    name: str
    game_id: str
    game: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A player whose predictions wait for a box score; `nearest` are box scores that no prediction names."""

    day: date
    player: Player
    nearest: Sequence[Player]


def find_unmatched(settings: Settings, jobs: Jobs, *, start: date, end: date) -> list[Unmatched]:
    """The players without a box score of the dates from `start` to `end`, at most 50 a date; one query."""
    rows = jobs.ask("unmatched", SQL.fill("unmatched", **rules_between(settings, jobs, start, end))).rows
    found: dict[tuple[date, str], list[Player]] = {}
    for row in rows:
        player = Player(name=row["player_lookup"], game_id=row["game_id"], game=row["game"])
        found.setdefault((row["game_date"], row["side"]), []).append(player)
    return [
        Unmatched(day=day, player=player, nearest=nearest(player, found.get((day, "box_score"), [])))
        for (day, side), players in found.items()
        if side == "prediction"
        for player in players[:MOST_PLAYERS]
    ]


def nearest(player: Player, others: Sequence[Player]) -> list[Player]:
    """The three names that are spelt most alike, those of the same game before all others.

    Letters and digits count, by the Damerau-Levenshtein distance
    (https://rapidfuzz.github.io/RapidFuzz/Usage/distance/DamerauLevenshtein.html).
    """
    from rapidfuzz.distance import DamerauLevenshtein  # for the terminal: the function goes without it

    def far(other: Player) -> tuple[bool, float, str]:
        distance = DamerauLevenshtein.normalized_distance(_plain(player.name), _plain(other.name))
        return other.game != player.game, distance, other.name

    return sorted(others, key=far)[:NEAREST_SHOWN]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
