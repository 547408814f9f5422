"""Fits computed rows to the table that they are for, which another system may have made.

Why nothing of theirs is lost. Each column of the table that the service does not compute has a source: the
predictions, or the row of the same key that is replaced. What is read is what the publish deletes: a fenced write
that lands in between has the publish refused, and the rows are staged again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grading.batch import Batch
from grading.processors import Processor
from grading.settings import Settings
from grading.writing.declared import declared
from warehouse.columns import NUMBERS, Column, Table
from warehouse.statements import Folder, Sql, columns

SQL = Folder("grading.sql")

_PASSED = "passed_"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a table's further columns come from.

    `predicted` are filled by a column of the predictions, by its name; `carried` keep the value of the replaced row.
    """

    predicted: Mapping[str, str]
    carried: tuple[Column, ...]


def sources_of(processor: Processor, target: Table, predictions: Table | None, settings: Settings) -> Sources:
    """The source of each column of the target that the service does not compute itself.

    A column of the predictions fills it if `column_map` names one, or if there is one of the same name and type.
    """
    names = {name.lower() for name in declared(processor.name).names}
    predicted: dict[str, str] = {}
    carried = []
    for column in target.columns:
        if column.name.lower() in names:
            continue
        if source := _predicted(processor, column, predictions, settings):
            predicted[column.name] = source
        else:
            carried.append(column)
    return Sources(predicted, tuple(carried))


def _predicted(processor: Processor, column: Column, predictions: Table | None, settings: Settings) -> str | None:
    if predictions is None or not processor.reads_predictions:
        return None
    named = settings.mapped_columns.get(column.name.lower())
    found = predictions.column(named or column.name)
    if found and (named or same_type(found, column)):
        return found.name
    return None


def same_type(one: Column, other: Column) -> bool:
    """Whether two columns have one type, numbers of another precision included."""
    if one.repeated != other.repeated or (one.fields or other.fields):
        return one.type == other.type
    return one.base == other.base or {one.base, other.base} <= NUMBERS - {"INT64", "FLOAT64"}


def passed_columns(sources: Sources) -> Mapping[str, Sql]:
    """What the grading SELECT takes from each prediction, and gives on, for the further columns."""
    taken = [f",\n    {columns([source])} AS {columns([_PASSED + name])}" for name, source in sources.predicted.items()]
    given = [f",\n  {columns([_PASSED + name])}" for name in sources.predicted]
    return {"passed_in": Sql("".join(taken)), "passed_out": Sql("".join(given))}


def adapted(batch: Batch, rows: Sql, target: Table, sources: Sources, names: Sequence[str] = ()) -> Sql:
    """The rows in the target's types and with its further columns; as they are if the table is one of ours.

    `names` are the columns that the rows have: by default those that the service declares.
    """
    computed = _computed(batch.processor)
    if names:
        computed = [column for column in declared(batch.processor.name).columns if column.name in names]
    pairs = [(column, target.column(column.name)) for column in computed]
    fits = all(found and found.type == column.type for column, found in pairs)
    if fits and not sources.predicted and not sources.carried:
        return rows
    cast = [_cast(column.name, column.name, found or column, column) for column, found in pairs]
    cast += [_cast(_PASSED + name, name, target.by_name[name.lower()], None) for name in sources.predicted]
    kept = [columns([column.name]).text for column, _ in pairs] + [columns([name]).text for name in sources.predicted]
    selected = [f"computed.{name}" for name in kept]
    selected += [f"replaced.{columns([column.name])}" for column in sources.carried]
    return SQL.fill(
        "adapt",
        rows=rows,
        cast=Sql(",\n    ".join(cast)),
        selected=Sql(",\n  ".join(selected)),
        replaced=_replaced(batch, sources.carried) if sources.carried else Sql(""),
    )


def adapted_columns(processor: Processor, sources: Sources) -> tuple[str, ...]:
    """The names of the columns that `adapted` gives the rows of a processor."""
    carried = (column.name for column in sources.carried)
    return (*(column.name for column in _computed(processor)), *sources.predicted, *carried)


def _computed(processor: Processor) -> list[Column]:
    return [column for column in declared(processor.name).columns if column.name not in _OF_THE_RUN]


_OF_THE_RUN = ("run_id", "fence_token")


def _cast(name: str, alias: str, into: Column, given: Column | None) -> str:
    if into.repeated or into.fields or not into.groupable:
        return f"computed.{columns([name])} AS {columns([alias])}"
    return f"{into.cast(f'computed.{columns([name])}', given)} AS {columns([alias])}"


def _replaced(batch: Batch, carried: Sequence[Column]) -> Sql:
    keys = batch.processor.key
    same = [f"{_text(f'computed.{columns([key])}')} = {_text(f'replaced.{columns([key])}')}" for key in keys]
    return SQL.fill(
        "replaced_values",
        **batch.values(),
        replaced_columns=columns([*keys, *(column.name for column in carried)]),
        same_key=Sql(" AND ".join(same)),
    )


def _text(key: str) -> str:
    return f"IFNULL(CAST({key} AS STRING), '')"


def holds_values(carried: Sequence[Column]) -> Sql:
    """A condition: whether a row has a value in any of the columns that only it can give."""
    tests = [
        f"ARRAY_LENGTH({columns([c.name])}) > 0" if c.repeated else f"{columns([c.name])} IS NOT NULL" for c in carried
    ]
    return Sql("(" + " OR ".join(tests) + ")")
