"""Both aggregates computed anew in plain Python, straight from the rules, for the SQL to be compared with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Grade = Mapping[str, Any]
Row = dict[str, Any]


def _round(value: Decimal | None, decimals: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _share(part: int, whole: int) -> Decimal | None:
    return _round(Decimal(part) / Decimal(whole), 3) if whole else None


def _mean(values: Iterable[Decimal | None], decimals: int) -> Decimal | None:
    known = [value for value in values if value is not None]
    return _round(sum(known, Decimal(0)) / len(known), decimals) if known else None


def _count(grades: Sequence[Grade], condition: Callable[[Grade], object]) -> int:
    return sum(bool(condition(grade)) for grade in grades)


def _correct(grade: Grade) -> bool:
    return grade["prediction_correct"] is True


def _recommended(grade: Grade) -> bool:
    return grade["recommendation"] in ("OVER", "UNDER")


def _decided(grade: Grade) -> bool:
    return grade["prediction_correct"] is not None


def _played(grades: Sequence[Grade]) -> list[Grade]:
    return [grade for grade in grades if grade["is_voided"] is not True]


def _push(grade: Grade) -> bool:
    return _recommended(grade) and grade["is_voided"] is not True and grade["actual_margin"] == 0


def _rate(grades: Sequence[Grade]) -> Decimal | None:
    """Of decided bets."""
    return _share(_count(grades, _correct), _count(grades, _decided))


def daily_performance(grades: Sequence[Grade], day: date) -> Iterator[Row]:
    """The rows of system_daily_performance for a date."""
    by_system: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        if grade["game_date"] == day:
            by_system[grade["system_id"]].append(grade)
    for system, rows in by_system.items():
        over = [g for g in rows if g["recommendation"] == "OVER"]
        under = [g for g in rows if g["recommendation"] == "UNDER"]
        sure = [g for g in rows if g["confidence_score"] is not None and g["confidence_score"] >= Decimal("0.70")]
        seen = _played(rows)
        within_3, within_5 = _count(seen, lambda g: g["within_3_points"]), _count(seen, lambda g: g["within_5_points"])
        yield {
            "game_date": day,
            "system_id": system,
            "predictions_count": len(rows),
            "recommendations_count": _count(rows, _recommended),
            "correct_count": _count(rows, _correct),
            "incorrect_count": _count(rows, lambda g: g["prediction_correct"] is False),
            "pass_count": _count(rows, lambda g: g["recommendation"] == "PASS"),
            "win_rate": _rate(rows),
            "mae": _mean((g["absolute_error"] for g in _played(rows)), 2),
            "avg_bias": _mean((g["signed_error"] for g in _played(rows)), 2),
            "over_count": len(over),
            "over_correct": _count(over, _correct),
            "over_win_rate": _rate(over),
            "under_count": len(under),
            "under_correct": _count(under, _correct),
            "under_win_rate": _rate(under),
            "within_3_count": within_3,
            "within_3_pct": _share(within_3, len(seen)),
            "within_5_count": within_5,
            "within_5_pct": _share(within_5, len(seen)),
            "avg_confidence": _mean((g["confidence_score"] for g in rows), 3),
            "high_confidence_count": len(sure),
            "high_confidence_correct": _count(sure, _correct),
            "high_confidence_win_rate": _rate(sure),
            "voided_count": _count(rows, lambda g: g["is_voided"]),
            "push_count": _count(rows, _push),
        }


def periods(day: date) -> Iterator[tuple[str, str, date]]:
    """Each period that ends on a date: its type, its value and its first day."""
    year = day.year if day.month >= 10 else day.year - 1
    yield "rolling_7d", day.isoformat(), day - timedelta(days=6)
    yield "rolling_30d", day.isoformat(), day - timedelta(days=29)
    yield "month", f"{day:%Y-%m}", day.replace(day=1)
    yield "season", f"{year}-{(year + 1) % 100:02}", date(year, 10, 1)


def performance_summary(grades: Sequence[Grade], day: date, archetypes: Mapping[str, str]) -> Iterator[Row]:
    """The rows of prediction_performance_summary as of a date."""
    for system in {grade["system_id"] for grade in grades}:
        for kind, value, start in periods(day):
            rows = [g for g in grades if g["system_id"] == system and start <= g["game_date"] <= day]
            for slice_, members in _slices(rows, archetypes):
                yield _summary(system, kind, value, start, day, slice_, members)


def _slices(rows: Sequence[Grade], archetypes: Mapping[str, str]) -> Iterator[tuple[dict[str, str], list[Grade]]]:
    if not rows:
        return
    yield {}, list(rows)
    counted = Counter(g["player_lookup"] for g in rows)
    for player, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:200]:
        if count >= 5:
            yield {"player_lookup": player}, [g for g in rows if g["player_lookup"] == player]
    for archetype in sorted(set(archetypes.values())):
        members = [g for g in rows if archetypes.get(g["player_lookup"]) == archetype]
        if len(members) >= 10:
            yield {"archetype": archetype}, members
    for tier in ("high", "medium", "low"):
        if members := [g for g in rows if _tier(g["confidence_score"]) == tier]:
            yield {"confidence_tier": tier}, members
    for situation in ("home", "away"):
        if members := [g for g in rows if _situation(g) == situation]:
            yield {"situation": situation}, members


def _tier(confidence: Decimal | None) -> str | None:
    if confidence is None or not 0 <= confidence <= 1:
        return None
    return "high" if confidence >= Decimal("0.70") else "medium" if confidence >= Decimal("0.55") else "low"


def _situation(grade: Grade) -> str | None:
    if grade["team_abbr"] is None:
        return None
    return "home" if grade["team_abbr"] == _game(grade).split("_")[2] else "away"


def _game(grade: Grade) -> str:
    game: str = grade["box_score_game_id"] or grade["game_id"]
    return game


def _summary(
    system: str, kind: str, value: str, start: date, day: date, slice_: Mapping[str, str], rows: Sequence[Grade]
) -> Row:
    names = ("player_lookup", "archetype", "confidence_tier", "situation")
    over = [g for g in rows if g["recommendation"] == "OVER"]
    under = [g for g in rows if g["recommendation"] == "UNDER"]
    return {
        "summary_key": "|".join((system, kind, value, *(slice_.get(name, "NULL") for name in names))),
        "as_of_date": day,
        "system_id": system,
        "period_type": kind,
        "period_value": value,
        **{name: slice_.get(name) for name in names},
        "total_predictions": len(rows),
        "total_recommendations": _count(rows, _recommended),
        "hits": _count(rows, _correct),
        "misses": _count(rows, lambda g: g["prediction_correct"] is False),
        "hit_rate": _rate(rows),
        "over_hit_rate": _rate(over),
        "under_hit_rate": _rate(under),
        "mae": _mean((g["absolute_error"] for g in _played(rows)), 2),
        "avg_bias": _mean((g["signed_error"] for g in _played(rows)), 2),
        "within_3_pct": _share(_count(_played(rows), lambda g: g["within_3_points"]), len(_played(rows))),
        "within_5_pct": _share(_count(_played(rows), lambda g: g["within_5_points"]), len(_played(rows))),
        "avg_confidence": _mean((g["confidence_score"] for g in rows), 3),
        "unique_players": len({g["player_lookup"] for g in rows}),
        "unique_games": len({_game(g) for g in rows}),
        "period_start_date": start,
        "period_end_date": day,
        "pushes": _count(rows, _push),
    }
