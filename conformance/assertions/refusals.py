"""How a missing table is reported, and one that may not be read."""

from __future__ import annotations

from conformance.assertion import Ability, Effort, Observed, Source, asserts, differs, holds, missed, not_provable
from conformance.assertions.concurrency import JOBS
from conformance.place import SQL, Place
from conformance.scripts import raw
from foundation.errors import AccessRefused, GradingError, NotInitialised
from warehouse.statements import TablePath, table


@asserts(
    9,
    promise="A missing table or dataset is NotInitialised, which is permanent; a refusal for missing rights is "
    "transient, since rights spread with a delay.",
    why="The remedy that the person on call reads depends on it, and an event is lost if a passing refusal ends it.",
    how="A table, a dataset, and a table in a scratch dataset that AS was not granted, are read.",
    documented=[
        Source(
            "https://docs.cloud.google.com/bigquery/docs/error-messages",
            "404 notFound: the resource does not exist. 403 accessDenied: no access to the resource.",
        )
    ],
    calls=JOBS,
    effort=Effort(statements=5, tables=5, seconds=10),
)
def what_is_missing_or_closed(place: Place) -> Observed:
    closed = TablePath(place.settings.google_cloud_project, place.scratch.dataset("closed"), "closed")
    place.jobs("closed", owner=True).ask("create", SQL.fill("create_once", once=table(closed)))
    nowhere = TablePath(closed.project, f"{place.scratch.dataset('closed')}_missing", "missing")
    expected: dict[str, tuple[TablePath, type[GradingError], int]] = {
        "missing table": (place.settings.target("missing"), NotInitialised, 404),
        "missing dataset": (nowhere, NotInitialised, 404),
    }
    if place.impersonated:
        expected["dataset without rights"] = (closed, AccessRefused, 403)
    answers = {}
    for name, (path, kind, code) in expected.items():
        try:
            place.jobs("refused").ask("read", SQL.fill("count_once", once=table(path)))
        except GradingError as error:
            answers[name] = raw(error)
            if type(error) is not kind or answers[name].get("code") != code:
                return differs(
                    f"{name}: {type(error).__name__}, expected {kind.__name__} and {code}: {error}", **answers
                )
        else:
            return differs(f"{name}: it could be read", **answers)
    said = "; ".join(f"{name}: {answer['code']} {answer['reason']}" for name, answer in answers.items())
    if place.impersonated:
        return holds(said, **answers)
    if why := place.lacks.get(Ability.PERMISSIONS):
        return not_provable(f"{said}; dataset without rights: {why}", **answers)
    return missed(f"{said}; dataset without rights: AS names no service account", **answers)
