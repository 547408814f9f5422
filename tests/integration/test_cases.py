"""Inputs from real incidents, made anew: what is graded, by which box score, and what is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from string import Template
from typing import Any

import pytest

from foundation.clock import Clock, Deadline
from grading.maintenance.ungraded import find_ungraded
from grading.maintenance.unmatched import find_unmatched
from grading.outcome import Status
from grading.processors import GRADING, PERFORMANCE_SUMMARY, SYSTEM_DAILY_PERFORMANCE
from grading.settings import Settings
from grading.wiring import Application
from localdev.slate import BOX_SCORES, PREDICTIONS, InputTable, statement
from tests.fakes import WallClock
from tests.integration.cases import execute, grade, graded, last_run, load, played, predicted
from tests.integration.conftest import RecordingNotifier, RecordingSink, rows_of
from tests.integration.events import pubsub_event

DAY = date(2026, 2, 18)
NOW = datetime(2026, 2, 19, 15, 0, tzinfo=UTC)

Rules = Callable[..., Application]


@pytest.fixture
def clock() -> Clock:
    """The day after."""
    return WallClock(NOW)


@pytest.fixture
def with_settings(application: Application, judge: Any, statements: list[tuple[str, str]]) -> Rules:
    """The application with other settings."""

    def build(**changed: Any) -> Application:
        return Application(
            replace(application.settings, **changed),
            clock=application.clock,
            sinks=application._log.sinks,
            notifier=application._notifier,
            observe=lambda job_id, sql: statements.append((job_id, sql)),
        )

    return build


def _causes(application: Application, day: date = DAY) -> dict[str, int]:
    found = find_ungraded(application.settings, application.jobs("ungraded", 60), start=day, end=day)
    return dict(found.by_cause)


def _add_columns(application: Application, table: InputTable, *columns: str) -> None:
    """Make an empty input table anew, with further columns: the emulator does not show those that ALTER adds."""
    path = application.settings.input_table(table.setting)
    execute(application.bigquery_client, f"DROP TABLE `{path}`")
    ddl = statement(table.statement).replace("\n)\nPARTITION", f",\n  {', '.join(columns)}\n)\nPARTITION")
    execute(application.bigquery_client, Template(ddl).substitute(table=f"`{path}`"))


def _set(application: Application, setting: str, assignment: str, where: str) -> None:
    table = application.settings.input_table(setting)
    execute(application.bigquery_client, f"UPDATE `{table}` SET {assignment} WHERE {where}")


def _by_player(application: Application, day: date = DAY) -> dict[str, dict[str, Any]]:
    return {row["player_lookup"]: row for row in graded(application, day)}


# Which box score.


def test_of_differing_box_scores_played_counts_before_not_and_the_most_minutes(
    application: Application, sink: RecordingSink
) -> None:
    """A stale row of a player who was out, a half-time score, and one that is there twice."""
    load(
        application,
        [predicted(DAY, name, "20.5") for name in ("identical", "stalednp", "stalehalftime", "points", "away")],
        [
            *[played(DAY, "identical", 24)] * 2,
            played(DAY, "stalednp", None, None),
            played(DAY, "stalednp", 24),
            played(DAY, "stalehalftime", 12, "16"),
            played(DAY, "stalehalftime", 27, "34"),
            played(DAY, "points", 19),
            played(DAY, "points", 22),
            played(DAY, "away", 9, "10", teams="LAL_CHA"),  # the same game under a reversed id
            played(DAY, "away", 30, "35"),
        ],
    )
    outcome = grade(application, DAY)
    assert outcome.status is Status.SUCCESS
    rows = _by_player(application)
    assert {name: row["actual_points"] for name, row in rows.items()} == {
        "identical": 24,
        "stalednp": 24,
        "stalehalftime": 27,
        "points": 22,
        "away": 30,
    }
    assert all(row["prediction_correct"] for row in rows.values())
    assert [name for name, row in rows.items() if row["box_scores_differ"]] == [
        "away",
        "points",
        "stalednp",
        "stalehalftime",
    ]
    assert last_run(application)["box_scores_differing"] == 4
    (told,) = sink.named("box_scores_differ")
    assert told.fields["box_scores"] == 4
    assert f"stalednp {DAY:%Y%m%d}_CHA_LAL" in told.fields["samples"]


def test_a_box_score_that_is_not_final_does_not_count_and_the_newest_does(application: Application) -> None:
    """By the columns that some deployments have: without a final one the prediction waits."""
    columns = ("is_partial_game_data BOOL", "game_status_at_processing STRING", "processed_at TIMESTAMP")
    _add_columns(application, BOX_SCORES, *columns)
    names = ("partial", "live", "corrected", "waits", "overtime", "unknown")
    load(
        application,
        [predicted(DAY, name, "20.5") for name in names],
        [
            played(DAY, "partial", 30, "40"),
            played(DAY, "partial", 12, "16"),
            played(DAY, "live", 30, "40"),
            played(DAY, "live", 22, "30"),
            played(DAY, "corrected", 27, "34"),
            played(DAY, "corrected", 25, "33"),
            played(DAY, "waits", 8, "11"),
            played(DAY, "overtime", 28, "44"),
            played(DAY, "unknown", 21, "30"),
        ],
    )
    for assignment, where in (
        ("is_partial_game_data = TRUE", "player_lookup = 'partial' AND points = 30 OR player_lookup = 'waits'"),
        ("game_status_at_processing = 'in_progress'", "player_lookup = 'live' AND points = 30"),
        ("game_status_at_processing = 'Final'", "player_lookup = 'live' AND points = 22"),
        ("game_status_at_processing = 'FINAL/OT'", "player_lookup = 'overtime'"),
        ("processed_at = TIMESTAMP '2026-02-19 05:00:00+00:00'", "player_lookup = 'corrected' AND points = 27"),
        ("processed_at = TIMESTAMP '2026-02-19 11:00:00+00:00'", "player_lookup = 'corrected' AND points = 25"),
    ):
        _set(application, "box_scores_table", assignment, where)
    assert grade(application, DAY).status is Status.SUCCESS
    assert {name: row["actual_points"] for name, row in _by_player(application).items()} == {
        "partial": 12,
        "live": 22,
        "corrected": 25,
        "overtime": 28,
        "unknown": 21,
    }
    assert last_run(application)["box_scores_differing"] == 1
    assert _causes(application) == {"no_box_score_for_player": 1}


def test_catch_up_rests_on_differing_box_scores_and_ids(application: Application, sink: RecordingSink) -> None:
    """Three in a row: the second does nothing."""
    load(
        application,
        [
            predicted(DAY, "twice"),
            predicted(DAY, "twice", teams="LAL_CHA", created_at=f"{DAY}T16:00:00Z"),
            predicted(DAY, "official", game_id="0022500810"),
            predicted(DAY, "other", teams="BOS_MIA"),
            predicted(DAY, "two", game_id="0022500811"),
            predicted(DAY, "out", None, line_source="NO_PROP_LINE"),
            predicted(DAY, "strange", confidence_score="-7"),
        ],
        [
            played(DAY, "twice", 12, "16"),
            played(DAY, "twice", 27, "34", teams="LAL_CHA"),
            played(DAY, "official"),
            played(DAY, "other"),
            played(DAY, "two"),
            played(DAY, "two", teams="BOS_MIA"),
            played(DAY, "out", None, None),
            played(DAY, "out", 0, None),
            played(DAY, "strange", 3, None),
        ],
    )
    for published in (3, 0, 0):
        sink.events.clear()
        application.handler.handle(pubsub_event({"task": "catch_up", "days": 7}, NOW))
        assert sink.named("catch_up_finished")[0].fields["published"] == published
    assert sorted(_by_player(application)) == ["official", "out", "strange", "twice"]


def test_catch_up_rests_where_a_publish_would_be_refused(
    application: Application, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """Half the predictions are gone and one is new: the date would shrink. It is reported, and not tried for ever."""
    load(
        application,
        [predicted(DAY, f"player{n:02}") for n in range(20)],
        [played(DAY, f"player{n:02}") for n in range(21)],
    )
    application.handler.handle(pubsub_event({"task": "catch_up"}, NOW))
    _set(application, "predictions_table", "is_active = FALSE", "player_lookup >= 'player10'")
    load(application, [predicted(DAY, "player20")], [])
    for _ in range(3):
        sink.events.clear()
        notifier.alerts.clear()
        application.handler.handle(pubsub_event({"task": "catch_up"}, NOW))
        (finished,) = sink.named("catch_up_finished")
        assert (finished.fields["published"], finished.fields["refused"]) == (0, [DAY.isoformat()])
        assert sink.named("run_finished") == []
    assert len(graded(application, DAY)) == 20


def test_catch_up_rests_where_an_aggregate_loses_a_system(application: Application, sink: RecordingSink) -> None:
    """Two of twelve keys go, and with them one of two systems: the aggregates follow, and that is all."""
    load(
        application,
        [predicted(DAY, f"player{n:02}") for n in range(20)] + [predicted(DAY, "player00", system_id="gone_v1")],
        [played(DAY, f"player{n:02}") for n in range(20)],
    )
    application.handler.handle(pubsub_event({"task": "catch_up"}, NOW))
    _set(application, "predictions_table", "is_active = FALSE", "system_id = 'gone_v1'")
    grade(application, DAY)
    for published in (2, 0, 0):
        sink.events.clear()
        application.handler.handle(pubsub_event({"task": "catch_up"}, NOW))
        assert sink.named("catch_up_finished")[0].fields["published"] == published
    assert [row["system_id"] for row in graded(application, DAY, SYSTEM_DAILY_PERFORMANCE)] == ["catboost_v12"]


# Which game.


@pytest.mark.parametrize(
    ("prediction_id", "expected"),
    [
        ("0022500810", True),  # the league's own number
        (f"{DAY:%Y%m%d}_LAL_CHA", True),  # reversed
        ("20260217_CHA_LAL", True),  # the same two teams, a day off
        (f"{DAY:%Y%m%d}_CHA_BOS", False),
        (f"{DAY:%Y%m%d}_MIA_BOS", False),
    ],
)
def test_ids_that_differ(application: Application, sink: RecordingSink, prediction_id: str, expected: bool) -> None:
    """One game a player and day, unless both ids name teams and these are not the same two."""
    load(application, [predicted(DAY, "alex", game_id=prediction_id)], [played(DAY, "alex")])
    outcome = grade(application, DAY)
    rows = graded(application, DAY)
    if not expected:
        assert outcome.status is Status.NO_ACTUALS
        assert (rows, _causes(application)) == ([], {"game_id_differs": 1})
        return
    assert outcome.status is Status.SUCCESS
    assert [(row["game_id"], row["box_score_game_id"]) for row in rows] == [(prediction_id, f"{DAY:%Y%m%d}_CHA_LAL")]
    assert last_run(application)["game_ids_differing"] == 1
    (told,) = sink.named("game_ids_differ")
    assert f"{prediction_id} graded by {DAY:%Y%m%d}_CHA_LAL" in told.message
    assert _causes(application) == {}


def test_all_ids_of_a_date_differ_and_one_game_of_four(
    application: Application, notifier: RecordingNotifier, sink: RecordingSink
) -> None:
    """10 grades of 10, and 20 of 20: each under its prediction's id, told once until the share grows."""
    ten = [f"player{n:02}" for n in range(10)]
    load(
        application,
        [predicted(DAY, name, game_id="0022500800") for name in ten],
        [played(DAY, name, teams="MIL_ORL") for name in ten],
    )
    four = date(2026, 2, 17)
    games = ("CHA_LAL", "BOS_MIA", "NYK_GSW", "PHX_DET")
    load(
        application,
        [predicted(four, f"p{g}{n}x", teams=teams) for g, teams in enumerate(games) for n in range(5)],
        [
            played(four, f"p{g}{n}x", teams="LAL_CHA" if teams == "CHA_LAL" else teams)
            for g, teams in enumerate(games)
            for n in range(5)
        ],
    )
    assert grade(application, four).status is Status.SUCCESS
    assert len(graded(application, four)) == 20
    assert last_run(application)["game_ids_differing"] == 5
    assert [(a.check, a.count) for a in notifier.alerts] == [("game_ids_differ", 20)]
    assert notifier.alerts[0].samples == [f"{four:%Y%m%d}_CHA_LAL graded by {four:%Y%m%d}_LAL_CHA"]
    grade(application, four)
    assert len(notifier.alerts) == 1
    assert grade(application, DAY).status is Status.SUCCESS
    assert [row["game_id"] for row in graded(application, DAY)] == ["0022500800"] * 10
    assert [(a.check, a.count) for a in notifier.alerts] == [("game_ids_differ", 20), ("game_ids_differ", 100)]
    grade(application, four)
    assert len(notifier.alerts) == 2


def test_a_player_with_two_games_is_graded_by_the_own_id_alone(application: Application) -> None:
    load(
        application,
        [predicted(DAY, "own"), predicted(DAY, "number", game_id="0022500810"), predicted(DAY, "third", teams="A_B")],
        [
            played(DAY, name, points, teams=teams)
            for name in ("own", "number", "third")
            for points, teams in ((11, "CHA_LAL"), (22, "BOS_MIA"))
        ],
    )
    grade(application, DAY)
    assert [(row["player_lookup"], row["actual_points"]) for row in graded(application, DAY)] == [("own", 11)]
    assert _causes(application) == {"game_id_differs": 2}


def test_home_and_games_are_those_of_the_box_score(application: Application) -> None:
    """Five grades under a reversed id: the player's team is at home where the box score says so; one game, not two."""
    load(
        application,
        [predicted(DAY, "alex", teams="LAL_CHA"), predicted(DAY, "ben")],
        [played(DAY, "alex"), played(DAY, "ben")],
    )
    grade(application, DAY)
    grade(application, DAY, PERFORMANCE_SUMMARY)
    month = [row for row in graded(application, DAY, PERFORMANCE_SUMMARY) if row["period_type"] == "month"]
    assert {row["situation"] for row in month if row["situation"]} == {"home"}
    assert {row["unique_games"] for row in month} == {1}


# Which prediction.


def test_one_bet_under_two_ids_is_counted_once_its_own_id_first(application: Application) -> None:
    """Also if the other id's prediction is newer."""
    load(
        application,
        [
            predicted(DAY, "alex", predicted_points="11"),
            predicted(DAY, "alex", game_id="0022500810", created_at=f"{DAY}T20:00:00Z", predicted_points="22"),
            predicted(DAY, "alex", "11.5", game_id="0022500810", predicted_points="33"),
            predicted(DAY, "ben", game_id="0022500810", predicted_points="1"),
            predicted(DAY, "ben", teams="LAL_CHA", created_at=f"{DAY}T20:00:00Z", predicted_points="2"),
        ],
        [played(DAY, "alex"), played(DAY, "ben")],
    )
    grade(application, DAY)
    rows = [(row["player_lookup"], row["line_value"], row["predicted_points"]) for row in graded(application, DAY)]
    assert sorted(rows) == [
        ("alex", Decimal("10.5"), 11),
        ("alex", Decimal("11.5"), 33),
        ("ben", Decimal("10.5"), 2),
    ]
    assert _causes(application) == {"superseded": 2}


def test_of_lines_that_moved_all_count_or_the_latest(application: Application, with_settings: Rules) -> None:
    """A row without a line stands behind each with one, however new."""
    load(
        application,
        [
            predicted(DAY, "alex", "23.5", created_at=f"{DAY}T14:00:00Z"),
            predicted(DAY, "alex", "24.5", created_at=f"{DAY}T20:00:00Z"),
            predicted(DAY, "alex", None, created_at=f"{DAY}T21:00:00Z", line_source="NO_PROP_LINE"),
            predicted(DAY, "alex", "22.5", system_id="other_v1"),
        ],
        [played(DAY, "alex", 24)],
    )
    grade(application, DAY)
    lines = [(row["system_id"], row["line_value"], row["prediction_correct"]) for row in graded(application, DAY)]
    assert lines == [
        ("catboost_v12", Decimal("23.5"), True),
        ("catboost_v12", Decimal("24.5"), False),
        ("catboost_v12", None, None),
        ("other_v1", Decimal("22.5"), True),
    ]
    assert {row["rules_version"] for row in graded(application, DAY)} == {"2026-11"}
    latest = with_settings(graded_lines="latest")
    assert grade(latest, DAY).status is Status.SHRUNK
    assert grade(latest, DAY, allow_shrink=True).status is Status.SUCCESS
    lines = [(row["system_id"], row["line_value"], row["prediction_correct"]) for row in graded(latest, DAY)]
    assert lines == [("catboost_v12", Decimal("24.5"), False), ("other_v1", Decimal("22.5"), True)]
    assert {row["rules_version"] for row in graded(latest, DAY)} == {"2026-11 lines=latest"}
    assert _causes(latest) == {"superseded": 2}
    assert latest.catch_up.run(7, Deadline.after(290, application.clock)).refused == []


def test_a_prediction_made_after_the_game_never_counts_beside_an_earlier_one(
    application: Application, with_settings: Rules
) -> None:
    """Whatever its line; alone it counts, unless a setting says otherwise."""
    _add_columns(application, PREDICTIONS, "prediction_made_before_game BOOL")
    after = f"{date(2026, 2, 19)}T14:00:00Z"
    load(
        application,
        [
            predicted(
                DAY, "alex", "20.5", created_at=f"{DAY}T20:00:00Z", recommendation="UNDER", predicted_points="17"
            ),
            predicted(DAY, "alex", "20.5", created_at=after, prediction_id="after1"),
            predicted(DAY, "alex", "21.5", created_at=after, prediction_id="after2"),
            predicted(DAY, "alone", "20.5", created_at=after, prediction_id="after3"),
            predicted(DAY, "off", "20.5", is_active=False),
            predicted(DAY, "off", "20.5", created_at=after, prediction_id="after4"),
        ],
        [played(DAY, name, 27) for name in ("alex", "alone", "off")],
    )
    _set(application, "predictions_table", "prediction_made_before_game = FALSE", "STARTS_WITH(prediction_id, 'after')")
    outcome = grade(application, DAY)
    rows = [(r["player_lookup"], r["line_value"], r["prediction_correct"]) for r in graded(application, DAY)]
    assert rows == [
        ("alex", Decimal("20.5"), False),
        ("alone", Decimal("20.5"), True),
        ("off", Decimal("20.5"), True),
    ]
    assert outcome.coverage
    counted = {reason: number for reason, number in outcome.coverage.ungraded.items() if number}
    assert counted == _causes(application) == {"made_after_game": 2, "inactive": 1}
    strict = with_settings(grade_after_game=False)
    assert grade(strict, DAY, allow_shrink=True).status is Status.SUCCESS
    assert [row["player_lookup"] for row in graded(strict, DAY)] == ["alex"]
    assert _causes(strict) == {"made_after_game": 4, "inactive": 1}


@pytest.mark.parametrize(
    ("setting", "lines"),
    [("20", ["21"]), ("none", ["20", "21"]), ("NONE", ["20", "21"]), ("20,21.0", []), ("0.5", ["20", "21"])],
)
def test_a_setting_says_which_lines_are_placeholders(
    application: Application, with_settings: Rules, setting: str, lines: list[str]
) -> None:
    load(
        application,
        [predicted(DAY, "alex", "20.0"), predicted(DAY, "ben", "21")],
        [played(DAY, "alex", 24), played(DAY, "ben", 24)],
    )
    chosen = with_settings(placeholder_lines=setting)
    grade(chosen, DAY)
    assert [f"{row['line_value'].normalize():f}" for row in graded(chosen, DAY)] == lines
    assert _causes(chosen) == ({"placeholder_line": 2 - len(lines)} if len(lines) < 2 else {})


def test_a_confidence_out_of_range_is_none(application: Application, sink: RecordingSink) -> None:
    """Percent and shares are distinguished at 1; outside of both there is no confidence, and the row is graded."""
    given = {
        "share": "0.87",
        "percent": "87",
        "twice": "8700",
        "one": "1",
        "none": None,
        "half": "0.5",
        "negative": "-0.2",
        "hundred": "100",
        "over": "100.01",
    }
    load(
        application,
        [predicted(DAY, name, confidence_score=value) for name, value in given.items()],
        [played(DAY, name) for name in given],
    )
    assert grade(application, DAY).status is Status.SUCCESS
    rows = _by_player(application)
    assert {name: (row["confidence_score"], row["confidence_decile"]) for name, row in rows.items()} == {
        "share": (Decimal("0.87"), 9),
        "percent": (Decimal("0.87"), 9),
        "twice": (None, None),
        "one": (Decimal(1), 10),
        "none": (None, None),
        "half": (Decimal("0.5"), 6),
        "negative": (None, None),
        "hundred": (Decimal(1), 10),
        "over": (None, None),
    }
    assert last_run(application)["confidence_out_of_range"] == 3
    assert sink.named("confidence_out_of_range")[0].fields["grades"] == 3


# What is reported.


def test_keys_that_a_regrade_removes_are_named(
    application: Application, sink: RecordingSink, notifier: RecordingNotifier
) -> None:
    """Two of twenty are deactivated after the first grading, and one prediction is new."""
    load(
        application,
        [predicted(DAY, f"player{n:02}") for n in range(20)],
        [played(DAY, f"player{n:02}") for n in range(21)],
    )
    grade(application, DAY)
    first = last_run(application)
    assert (first["keys_added"], first["keys_removed"], first["rules_version"]) == (20, 0, "2026-11")
    assert notifier.checks() == []
    _set(application, "predictions_table", "is_active = FALSE", "player_lookup IN ('player03', 'player11')")
    load(application, [predicted(DAY, "player20")], [])
    assert grade(application, DAY).status is Status.SUCCESS
    second = last_run(application)
    assert (second["keys_added"], second["keys_removed"]) == (1, 2)
    (alert,) = notifier.alerts
    assert (alert.check, alert.count) == ("keys_removed", 2)
    assert alert.title == f"2 graded keys of {DAY} are gone from prediction_accuracy"
    game = f"{DAY:%Y%m%d}_CHA_LAL"
    assert list(alert.samples) == [f"{name} {game} catboost_v12 10.5" for name in ("player03", "player11")]
    assert sink.named("keys_removed")[0].fields["samples"] == list(alert.samples)
    grade(application, DAY)
    assert last_run(application)["keys_removed"] == 0
    assert len(notifier.alerts) == 1


def test_a_game_and_a_system_without_grades_are_named_above_the_least_coverage(
    application: Application, notifier: RecordingNotifier
) -> None:
    """18 of 21: a game without box scores, and a system whose one player is missing. Out is not missing."""
    load(
        application,
        [
            *[predicted(DAY, f"player{n:02}") for n in range(18)],
            predicted(DAY, "waits1", teams="BOS_MIA"),
            predicted(DAY, "waits2", teams="BOS_MIA"),
            predicted(DAY, "missing", system_id="silent_v1"),
            predicted(DAY, "hurt", system_id="hurt_v1"),
        ],
        [played(DAY, f"player{n:02}") for n in range(18)],
        [_report("hurt", "Out")],
    )
    outcome = grade(application, DAY)
    assert outcome.status is Status.SUCCESS
    assert outcome.coverage
    assert (outcome.coverage.with_box_score, outcome.coverage.gradable) == (18, 21)
    (alert,) = notifier.alerts
    assert alert.check == "grades_missing"
    silent = {"Games without a grade": f"{DAY:%Y%m%d}_BOS_MIA", "Systems without a grade": "silent_v1"}
    assert silent.items() <= dict(alert.facts).items()
    assert f"games without a grade: {DAY:%Y%m%d}_BOS_MIA" in last_run(application)["detail"]


def _report(player: str, status: str, *, day: date = DAY, reported: date = DAY, hour: int = 17) -> dict[str, Any]:
    return {
        "player_lookup": player,
        "game_id": f"{day:%Y%m%d}_CHA_LAL",
        "game_date": day.isoformat(),
        "injury_status": status,
        "report_date": reported.isoformat(),
        "report_hour": hour,
    }


def test_a_player_listed_as_out_is_a_cause_of_its_own(application: Application) -> None:
    """By the newest report that is of the date's fortnight."""
    load(
        application,
        [predicted(DAY, name) for name in ("plays", "scratched", "doubtful", "upgraded", "longago", "later")],
        [played(DAY, "plays")],
        [
            _report("scratched", "out"),
            _report("doubtful", "Doubtful"),
            _report("upgraded", "Out", hour=9),
            _report("upgraded", "Available", hour=17),
            _report("longago", "Out", reported=date(2026, 2, 3)),
            _report("later", "OUT", reported=date(2026, 2, 19)),
        ],
    )
    grade(application, DAY)
    assert _causes(application) == {"listed_out": 2, "no_box_score_for_player": 3}


def test_only_reports_of_the_dates_fortnight_explain_a_void(application: Application) -> None:
    """14 days before the date to one day after it: production is partitioned by report_date."""
    statuses = {
        "before": date(2026, 2, 3),
        "first": date(2026, 2, 4),
        "last": date(2026, 2, 19),
        "after": date(2026, 2, 20),
    }
    load(
        application,
        [predicted(DAY, name) for name in statuses],
        [played(DAY, name, None, None) for name in statuses],
        [_report(name, "Out", reported=reported) for name, reported in statuses.items()],
    )
    grade(application, DAY)
    assert {name: row["void_reason"] for name, row in _by_player(application).items()} == {
        "before": "dnp_unknown",
        "first": "dnp_injury_confirmed",
        "last": "dnp_injury_confirmed",
        "after": "dnp_unknown",
    }


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        ("2026-02-19T15:00:00+00:00", "no_box_score_for_game"),
        ("2026-02-21T20:00:00+00:00", "no_box_score_for_game"),
        ("2026-02-22T20:00:00+00:00", "game_not_played"),
    ],
)
def test_a_game_without_box_scores_was_not_played_after_three_days(
    application: Application, clock: WallClock, now: str, cause: str
) -> None:
    clock.wall = datetime.fromisoformat(now)
    load(
        application,
        [
            predicted(DAY, "plays"),
            predicted(DAY, "waits", teams="MIA_CHI"),
            predicted(DAY, "saidso", teams="MIA_CHI", invalidation_reason="game_postponed"),
        ],
        [played(DAY, "plays")],
    )
    outcome = grade(application, DAY)
    assert outcome.coverage
    assert outcome.coverage.ungraded[cause] == 1
    assert _causes(application) == {cause: 1, "invalidated": 1}


def test_names_that_nothing_matches_stand_beside_each_other(application: Application) -> None:
    """The nearest spelling first, those of the same game before all others."""
    load(
        application,
        [
            *[predicted(DAY, f"player{n:02}") for n in range(8)],
            predicted(DAY, "jtginner"),
            predicted(DAY, "marcusholtjr"),
            predicted(DAY, "jusufnurkic", game_id="0022500810"),
            predicted(DAY, "player00", game_id="0022500810", system_id="other_v1"),
        ],
        [
            *[played(DAY, f"player{n:02}") for n in range(8)],
            played(DAY, "j.t.ginner", 15),
            played(DAY, "marcusholt", 15),
            played(DAY, "marcusholtjs", 15, teams="BOS_MIA"),
            played(DAY, "jusufnurkić", 15),
        ],
    )
    grade(application, DAY)
    settings, jobs = application.settings, application.jobs("unmatched", 60)
    found = {u.player.name: [o.name for o in u.nearest] for u in find_unmatched(settings, jobs, start=DAY, end=DAY)}
    assert found["jtginner"][0] == "j.t.ginner"
    assert found["marcusholtjr"][0] == "marcusholt"
    assert found["jusufnurkic"][0] == "jusufnurkić"
    assert len(found) == 3
    assert "player00" not in str(found.values())


def test_voids_are_no_bets_and_pushes_decide_nothing(application: Application) -> None:
    """One win, one who did not play, one push."""
    load(
        application,
        [
            predicted(DAY, "alex", "23.5"),
            predicted(DAY, "ben", "19.5", predicted_points="24"),
            predicted(DAY, "push", "24"),
        ],
        [played(DAY, "alex", 24), played(DAY, "ben", 0, None, is_dnp=False), played(DAY, "push", 24)],
    )
    for processor in (GRADING, SYSTEM_DAILY_PERFORMANCE, PERFORMANCE_SUMMARY):
        assert grade(application, DAY, processor).status is Status.SUCCESS
    (daily,) = graded(application, DAY, SYSTEM_DAILY_PERFORMANCE)
    assert (daily["win_rate"], daily["mae"], daily["avg_bias"]) == (1, 1, 1)
    assert (daily["recommendations_count"], daily["correct_count"], daily["incorrect_count"]) == (3, 1, 0)
    assert (daily["push_count"], daily["voided_count"], daily["within_3_count"], daily["within_3_pct"]) == (1, 1, 2, 1)
    for row in graded(application, DAY, PERFORMANCE_SUMMARY):
        assert (row["hit_rate"], row["over_hit_rate"], row["mae"], row["pushes"]) == (1, 1, 1, 1)


def test_a_rule_stands_in_the_settings(settings: Settings) -> None:
    assert replace(settings, graded_lines="latest", placeholder_lines="none", grade_after_game=False).rules_version == (
        "2026-11 lines=latest placeholders=none after_game=no"
    )


def test_target_date_words_are_read_in_any_case(application: Application) -> None:
    load(application, [predicted(DAY, "alex")], [played(DAY, "alex")])
    application.handler.handle(pubsub_event({"target_date": "Yesterday "}, NOW))
    assert len(graded(application, DAY)) == 1
    assert rows_of(
        application.bigquery_client,
        f"SELECT COUNT(*) AS n FROM `{application.settings.target(GRADING.name)}` WHERE game_date > '2000-01-01'",
    ) == [{"n": 1}]
