"""bq, and `python -m grading init`, which creates the tables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import iam
from command import Answer, Call, command
from refusal import BQ, GRANT, LOCATIONS, Refused

_SCHEMA = Path(__file__).parents[3] / "grading/sql/schema"
_FLAGS = {
    "show": {"format", "dataset"},
    "mk": {"location", "dataset", "label", "default_table_expiration"},
    "update": {"dataset", "default_table_expiration", "set_label"},
    "ls": {"format", "max_results", "project_id"},
    "query": {"location", "use_legacy_sql", "project_id"},
}


def _check(call: Call, name: str) -> None:
    if unknown := set(call.flags) - _FLAGS[name] - {"headless"}:
        raise Refused(f"FATAL Flags parsing error: unknown flags {sorted(unknown)}", BQ)


def _dataset(call: Call, name: str) -> dict[str, Any]:
    found: dict[str, Any] | None = call.project["datasets"].get(name)
    if found is None:
        raise Refused(f"BigQuery error: Not found: Dataset {name}", BQ)
    return found


def _readable(found: dict[str, Any], name: str) -> None:
    if found.get("denied"):
        raise Refused(f"BigQuery error: Access Denied: {name}: Permission bigquery.datasets.get denied", BQ)


@command("bq show")
def show(call: Call) -> Answer:
    _check(call, "show")
    name, _, table = call.words[0].partition(".")
    found = _dataset(call, name)
    _readable(found, name)
    if table and table not in found["tables"]:
        raise Refused(f"BigQuery error in show operation: Not found: Table {call.words[0]}", BQ)
    text = json.dumps(
        {"labels": {} if table else found["labels"], "location": found["location"]}, separators=(",", ":")
    )
    return None if call.flags.get("format") == "none" else text


@command("bq mk")
def make(call: Call) -> Answer:
    _check(call, "mk")
    name = call.words[0]
    if name in call.project["datasets"]:
        raise Refused(f"BigQuery error in mk operation: Dataset '{name}' already exists.", BQ)
    label = call.flags.get("label", "")
    call.project["datasets"][name] = {
        "location": call.flags["location"], "labels": dict([label.split(":")]) if label else {}, "access": [],
        "tables": {},
        "expiration": call.flags.get("default_table_expiration"),
    }  # fmt: skip
    return None


@command("bq update")
def update(call: Call) -> Answer:
    _check(call, "update")
    _dataset(call, call.words[0])["expiration"] = call.flags["default_table_expiration"]
    return None


@command("bq ls")
def tables(call: Call) -> Answer:
    _check(call, "ls")
    return "\n".join(["tableId,Type", *(f"{name},TABLE" for name in _dataset(call, call.words[0])["tables"])])


@command("bq query")
def query(call: Call) -> Answer:
    """GRANT and REVOKE, in one location."""
    _check(call, "query")
    for statement in filter(str.strip, call.words[0].split(";")):
        parts = re.fullmatch(
            r'\s*(GRANT|REVOKE) `(roles/[\w.]+)` ON (SCHEMA|TABLE) `([^`]+)` (TO|FROM) "([^"]+)"', statement
        )
        if parts is None:
            raise Refused(f"Syntax error: {statement}", GRANT)
        verb, role, kind, path, _, member = parts.groups()
        project, dataset, *table = path.split(".")
        found = _dataset(call, f"{project}:{dataset}")
        if found["location"].upper() != call.flags["location"].upper():
            raise Refused(f"Not found: Dataset {path} was not found in location {call.flags['location']}", LOCATIONS)
        if kind == "TABLE" and table[0] not in found["tables"]:
            raise Refused(f"Not found: Table {path}", GRANT)
        access = found["tables"][table[0]] if kind == "TABLE" else found["access"]
        iam.known(call, member)
        if verb == "GRANT" and [member, role] not in access:
            access.append([member, role])
        if verb == "REVOKE" and [member, role] in access:
            access.remove([member, role])
    return None


@command("python")
def init(call: Call) -> Answer:
    """`python -m grading init`: our tables. Any other Python of deploy.sh's only asks whether it is there."""
    words = [word for word in call.words if "=" not in word]
    if words[-2:] != ["grading", "init"]:
        return None
    project, settings = call.project["id"], dict(word.split("=", 1) for word in call.words if "=" in word)
    target = _dataset(call, f"{project}:{settings['TARGET_DATASET'] or 'nba_predictions'}")
    _dataset(call, f"{project}:{settings['STAGING_DATASET'] or 'nba_staging'}")
    for file in sorted(_SCHEMA.glob("create_*.sql")):
        name = file.stem.removeprefix("create_")
        if name == "fence":
            continue
        named = settings.get(f"{name.upper()}_TABLE") or name
        target["tables"].setdefault(named, [])
        if (_SCHEMA.parent / f"{name}.sql").exists():
            target["tables"].setdefault(f"{named}_fence", [])
    return None
