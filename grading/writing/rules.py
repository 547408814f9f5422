"""The grading rules as SQL, each in one place: which box score counts, which game a prediction is of, which prediction.

Grading, coverage, catch-up, `ungraded` and the checks are filled with these same parts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

from foundation.clock import Deadline
from grading.batch import Batch
from grading.coverage import WAITING
from grading.run import Run
from grading.settings import Settings
from grading.writing.adapt import Sources, adapted, adapted_columns, passed_columns, sources_of
from grading.writing.inputs import OptionalInput, inputs, optional_input, optional_table
from warehouse.bigquery import Warehouse
from warehouse.columns import Column, Table
from warehouse.jobs import Jobs
from warehouse.statements import Folder, Sql, TablePath, columns, literal, on_days, texts_list

SQL = Folder("grading.sql")

# The tables that are described anew for each set of rules, as settings.
_LOOKED_AT = ("predictions_table", "box_scores_table")
# Columns that not every deployment's tables have, and what is read if they lack them.
_MADE_BEFORE_GAME = "prediction_made_before_game"
# Production is partitioned by report_date: reports from 14 days before a date to one day after it are read.
_REPORTS_BEFORE, _REPORTS_AFTER = 14, 1
_REPORT_OF_ITS_DATE = f"DATE_DIFF(game_date, report_date, DAY) BETWEEN -{_REPORTS_AFTER} AND {_REPORTS_BEFORE}"
_BOX_SCORE_IS_FINAL = {
    "is_partial_game_data": "is_partial_game_data IS NOT TRUE",
    "game_status_at_processing": "IFNULL(REGEXP_CONTAINS(LOWER(CAST(game_status_at_processing AS STRING)), "
    "r'^\\s*(final|finished|completed?|closed|f|3)\\b'), TRUE)",
}


def rules(
    settings: Settings,
    first: date,
    last: date,
    today: date,
    warehouse: Warehouse | None = None,
    deadline: Deadline | None = None,
    *,
    days: Sequence[date] = (),
    injury_report: Sql | None = None,
) -> dict[str, Sql]:
    """The inputs of the dates from `first` to `last`, and every rule about them; of `days` alone if these are given.

    Without a warehouse the tables are taken to have no optional columns. `injury_report` is what is read as the
    injury report, if the caller has looked at the inputs already: then they are as they were described last. Raises
    `NotInitialised` if an input table is missing.
    """
    predicted, played = (
        _column_names(settings.input_table(name), warehouse, deadline, anew=injury_report is None)
        for name in _LOOKED_AT
    )
    values = {
        **inputs(settings, warehouse),
        "injury_report": injury_report or optional_input("injury_report", settings, warehouse, last, deadline),
        "first": literal(first),
        "last": literal(last),
        "days": on_days(days) if days else Sql(f"BETWEEN {literal(first)} AND {literal(last)}"),
        "three_days_ago": literal(today - timedelta(days=3)),
        "first_report": literal(first - timedelta(days=_REPORTS_BEFORE)),
        "last_report": literal(last + timedelta(days=_REPORTS_AFTER)),
        # For a single date the two before say so already.
        "report_of_its_date": Sql("" if first == last else f"\n  AND {_REPORT_OF_ITS_DATE}"),
        "rules_version": literal(settings.rules_version),
        "made_after": Sql(f"{_MADE_BEFORE_GAME} IS FALSE" if _MADE_BEFORE_GAME in predicted else "FALSE"),
        "made_after_game": _made_after_game(settings, predicted),
        "box_score_is_final": Sql(
            " AND ".join(test for name, test in _BOX_SCORE_IS_FINAL.items() if name in played) or "TRUE"
        ),
        "processed_at": Sql("processed_at" if "processed_at" in played else "CAST(NULL AS TIMESTAMP)"),
        "teams_named": SQL.fill("teams_named"),
        "is_push": SQL.fill("is_push"),
        "waiting": texts_list(WAITING),
        **_bets(settings),
    }
    for part in (
        "is_kept",
        "newest_injury_reports",
        "counted_box_scores",
        "found_box_scores",
        "absent_box_scores",
        "kept_predictions",
        "placed_predictions",
    ):
        values[part] = SQL.fill(part, **values)
    return values


def _bets(settings: Settings) -> dict[str, Sql]:
    """What makes a bet, and which prediction of one is the newest."""
    bet = ["game_date", "player_lookup", "game", "system_id"]
    if settings.graded_lines == "latest":
        newest = "line_value IS NULL, created_at DESC, own_id DESC, prediction_id DESC"
        return {"bet": columns(bet), "bet_line": Sql("NULL"), "newest_first": Sql(newest)}
    return {
        "bet": columns([*bet, "line_value"]),
        "bet_line": Sql("line_value"),
        "newest_first": Sql("own_id DESC, created_at DESC, prediction_id DESC"),
    }


def _made_after_game(settings: Settings, predicted: Collection[str]) -> Sql:
    if _MADE_BEFORE_GAME not in predicted:
        return Sql("FALSE")
    return SQL.fill("made_after_game") if settings.grade_after_game else Sql("made_after AND reason IS NULL")


def _column_names(
    path: TablePath, warehouse: Warehouse | None, deadline: Deadline | None, *, anew: bool
) -> frozenset[str]:
    if warehouse is None:
        return frozenset()
    found = None if anew else warehouse.described(path, deadline=deadline)
    found = found or warehouse.describe(path, deadline=deadline)
    return frozenset(column.name.lower() for column in found.columns)


@dataclass(frozen=True, slots=True)
class Computed:
    """The rows of a batch as a SELECT, and the names of its columns.

    `carried` are the columns that keep the replaced rows' values. `rules` are those that graded rows were computed by:
    what there was to grade is counted by the same ones. `last_writes` are those of the tables in `looked_at`, in the
    server's milliseconds; None for one that does not say.
    """

    select: Sql
    columns: tuple[str, ...]
    carried: tuple[Column, ...] = ()
    optional: tuple[OptionalInput, ...] = ()
    rules: Mapping[str, Sql] | None = None
    last_writes: Mapping[TablePath, int | None] = field(default_factory=dict)


Compute = Callable[[Batch], Computed]


def select_of(run: Run) -> Sql:
    """The SELECT of the run's processor for its date; see `compute`."""
    return compute(Batch.of(run)).select


def compute(batch: Batch) -> Computed:
    """The rows of the batch's processor for its dates, fitted to its table; an optional input may be empty.

    Raises `NotInitialised` if an input table is missing.
    """
    warehouse, settings, processor = batch.jobs.warehouse, batch.settings, batch.processor
    target = warehouse.described(batch.target, deadline=batch.deadline)
    look = _look(batch) if processor.reads_predictions else None
    values = {**batch.values(), **inputs(settings, warehouse), "is_push": SQL.fill("is_push")}
    values |= {"first": literal(batch.days[0]), "last": literal(batch.days[-1])}
    if len(batch) == 1:
        values["date"] = values["first"]
    optional = []
    described: dict[TablePath, Table | None] = {}
    rules: Mapping[str, Sql] | None = None
    wanted = SQL.file(processor.name).placeholders
    if "archetypes" in wanted:
        found, values["archetypes"] = optional_table(settings, "archetypes", warehouse, batch.days[-1], batch.deadline)
        optional.append(found)
    if look or not wanted <= values.keys():
        found, report = look or _look(batch)
        optional.append(found)
        rules = rules_of(batch, injury_report=report)
        values |= rules
        described = {path: warehouse.described(path) for path in looked_at(batch)}
    sources = Sources({}, ())
    if target:
        predictions = described.get(settings.input_table("predictions_table"))
        sources = sources_of(processor, target, predictions, settings)
    rows = SQL.fill(processor.name, **{**values, **passed_columns(sources)})
    return Computed(
        adapted(batch, rows, target, sources) if target else rows,
        adapted_columns(processor, sources),
        carried=sources.carried,
        optional=tuple(optional),
        rules=rules if processor.reads_predictions else None,
        last_writes={path: known.modified_ms for path, known in described.items() if known},
    )


def _look(batch: Batch) -> tuple[OptionalInput, Sql]:
    """Look at the inputs at once, since the locks are held meanwhile: describe the tables, and ask for the injury
    report. Returns what is read as the report. Raises `NotInitialised` if a table is missing."""
    warehouse, deadline = batch.jobs.warehouse, batch.deadline
    paths = [batch.settings.input_table(name) for name in _LOOKED_AT]
    with ThreadPoolExecutor(len(paths), "look") as pool:
        looks = [pool.submit(warehouse.describe, path, deadline=deadline) for path in paths]
        report = optional_table(batch.settings, "injury_report", warehouse, batch.days[-1], deadline)
    for look in looks:
        look.result()
    return report


def looked_at(batch: Batch) -> Collection[TablePath]:
    """The tables that `compute` describes anew."""
    names = _LOOKED_AT if batch.processor.reads_predictions else ()
    return [batch.settings.input_table(name) for name in names]


def rules_of(batch: Batch, *, injury_report: Sql | None = None) -> dict[str, Sql]:
    """The inputs of the batch's dates, and every rule about them. Raises as `rules` does."""
    days = batch.days
    return rules_between(batch.settings, batch.jobs, days[0], days[-1], days=days, injury_report=injury_report)


def rules_between(
    settings: Settings,
    jobs: Jobs,
    first: date,
    last: date,
    *,
    days: Sequence[date] = (),
    injury_report: Sql | None = None,
) -> dict[str, Sql]:
    """The inputs of the dates from `first` to `last`, and every rule about them, as of now. Raises as `rules` does."""
    today = settings.local_date(jobs.deadline.clock.now())
    return rules(settings, first, last, today, jobs.warehouse, jobs.deadline, days=days, injury_report=injury_report)
