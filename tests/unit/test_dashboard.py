"""The dashboard, alert policies and log-based metrics: Google's own types read them, and the code feeds them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import monitoring_dashboard_v1, monitoring_v3

from grading.outcome import Status
from grading.processors import PROCESSORS
from monitoring.metrics_sink import LOCK_CONTENTION, LOCK_TIMEOUT, LOCK_WAIT_TIME

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
DASHBOARD = MONITORING / "dashboard.json"
POLICIES = sorted((MONITORING / "alert_policies").glob("*.json"))
METRICS = sorted((MONITORING / "log_metrics").glob("*.json"))
PACKAGES = ("grading", "locking", "validation", "alerts", "maintenance", "monitoring")

# Google's own, which no code of ours emits.
PLATFORM_METRICS = {"pubsub.googleapis.com/subscription/num_undelivered_messages"}


def emitted() -> dict[str, set[str]]:
    """Event name → the fields that its `emit` call gives, over the whole source.

    Fields given as `**about` are the keys of the dictionaries written in the same function.
    """
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef):
                    for name, fields in calls_of_emit(function):
                        found.setdefault(name, set()).update(fields)
    return found


def calls_of_emit(function: ast.FunctionDef) -> Iterator[tuple[str, set[str]]]:
    nodes = list(ast.walk(function))
    written = {
        str(key.value)
        for node in nodes
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "emit":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                named = {word.arg for word in node.keywords if word.arg}
                yield str(first.value), named | (written if any(word.arg is None for word in node.keywords) else set())


def bound() -> set[str]:
    """The fields that are bound to an event log anywhere, and so are on every event after that."""
    return {
        word.arg
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "bind"
        for word in node.keywords
        if word.arg
    }


EMITTED, BOUND = emitted(), bound()


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def events_in(text: str) -> list[str]:
    return re.findall(r'jsonPayload\.event="(\w+)"', text)


def log_metrics_in(text: str) -> dict[str, set[str]]:
    """Log-based metric → the labels by which a PromQL query selects or groups it."""
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"logging_googleapis_com:user_(\w+)\{([^}]*)\}", text):
        keys = set(re.findall(r"(\w+)(?:=~|!=|=)", labels)) - {"monitored_resource"}
        found.setdefault(re.sub(r"_(bucket|sum|count)$", "", name), set()).update(keys)
    return found


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def test_the_dashboard_is_one_by_googles_own_type() -> None:
    dashboard = monitoring_dashboard_v1.Dashboard.from_json(DASHBOARD.read_text(), ignore_unknown_fields=False)
    assert dashboard.display_name == "Grading service"
    assert len(dashboard.mosaic_layout.tiles) == len(load(DASHBOARD)["mosaicLayout"]["tiles"])
    for tile in dashboard.mosaic_layout.tiles:
        assert tile.x_pos + tile.width <= dashboard.mosaic_layout.columns, tile.widget.title


def test_no_two_tiles_of_the_dashboard_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for tile in load(DASHBOARD)["mosaicLayout"]["tiles"]:
        for x in range(tile["xPos"], tile["xPos"] + tile["width"]):
            for y in range(tile["yPos"], tile["yPos"] + tile["height"]):
                title = tile["widget"]["title"]
                assert taken.setdefault((x, y), title) == title


def test_the_dashboard_shows_what_was_asked_for() -> None:
    titles = {tile["widget"]["title"] for tile in load(DASHBOARD)["mosaicLayout"]["tiles"]}
    assert titles >= {
        "Lock success rate, 24 h", "Lock wait, average, 7 d", "Lock wait, p95, 7 d", "Lock timeouts, 30 d",
        "Excess rows (duplicates), 7 d", "Failed runs, 24 h", "Runs by status", "Grading duration",
    }  # fmt: skip
    for processor in PROCESSORS:
        assert {f"{processor.name}: runs", f"{processor.name}: duration p95 and rows"} <= titles


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_policy_is_one_by_googles_own_type_and_says_what_to_do(path: Path) -> None:
    policy = monitoring_v3.AlertPolicy.from_json(path.read_text(), ignore_unknown_fields=False)
    assert policy.conditions
    assert policy.user_labels["grading_policy"] == path.stem, "deploy.sh finds the policy by this label"
    for word in ("**Meaning:**", "**Look:**", "**Do:**", f"docs/runbook.md, section `{path.stem}`"):
        assert word in policy.documentation.content
    by_log = any(condition.condition_matched_log.filter for condition in policy.conditions)
    # The API asks for it if a log entry is matched, and refuses it elsewhere.
    assert bool(policy.alert_strategy.notification_rate_limit) == by_log


def test_a_misspelt_field_is_caught() -> None:
    """The parsing tests mean something: the types refuse what they do not know."""
    text = POLICIES[0].read_text().replace('"conditions"', '"condition"')
    with pytest.raises(Exception, match="condition"):
        monitoring_v3.AlertPolicy.from_json(text, ignore_unknown_fields=False)


def test_there_is_a_policy_for_each_reason_to_be_paged() -> None:
    assert {path.stem for path in POLICIES} >= {
        "lock-wait", "lock-timeout", "duplicates", "no-successful-run", "breaker-open", "dead-letters"
    }  # fmt: skip


@pytest.mark.parametrize("path", [DASHBOARD, *POLICIES, *METRICS], ids=lambda path: path.stem)
def test_every_log_event_that_is_named_is_one_that_the_code_emits(path: Path) -> None:
    for text in texts(load(path)):
        for name in events_in(text):
            assert name in EMITTED, f"{path.name} waits for {name}, which no code emits"


@pytest.mark.parametrize("path", [*POLICIES, *METRICS], ids=lambda path: path.stem)
def test_every_field_that_is_read_is_one_that_each_of_its_events_carries(path: Path) -> None:
    for holder in [load(path), *load(path).get("conditions", [])]:
        holder = holder.get("conditionMatchedLog", holder)
        events = events_in(holder.get("filter", ""))
        strings = [
            *texts(holder.get("labelExtractors", {})),
            holder.get("valueExtractor", ""),
            holder.get("filter", ""),
        ]
        for field in {name for text in strings for name in re.findall(r"jsonPayload\.(\w+)", text)} - {"event"}:
            carriers = [name for name in events if field in EMITTED[name] | BOUND]
            assert carriers, f"{path.name} reads {field}, which none of {events} carries"


@pytest.mark.parametrize("path", [DASHBOARD, *POLICIES], ids=lambda path: path.stem)
def test_every_log_based_metric_that_is_queried_is_defined_with_those_labels(path: Path) -> None:
    defined = {metric.stem: {each["key"] for each in load(metric)["metricDescriptor"]["labels"]} for metric in METRICS}
    for text in texts(load(path)):
        for name, labels in log_metrics_in(text).items():
            assert name in defined, f"{path.name} queries {name}, which no file defines"
            assert labels <= defined[name]


def test_every_log_based_metric_is_used() -> None:
    used = {name for path in [DASHBOARD, *POLICIES] for text in texts(load(path)) for name in log_metrics_in(text)}
    assert used == {path.stem for path in METRICS}


def test_every_metric_type_is_one_that_the_code_writes_or_the_platform_does() -> None:
    named = {
        name
        for path in [DASHBOARD, *POLICIES]
        for text in texts(load(path))
        for name in re.findall(r'metric\.type="([^"]+)"', text)
    }
    assert named == {LOCK_WAIT_TIME, LOCK_TIMEOUT, LOCK_CONTENTION} | PLATFORM_METRICS


def test_every_status_that_is_queried_is_one_that_a_run_can_end_with() -> None:
    for path in [DASHBOARD, *POLICIES]:
        for text in texts(load(path)):
            for alternatives in re.findall(r'status=~?"([\w|]+)"', text):
                assert set(alternatives.split("|")) <= set(Status)


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_a_log_based_metric_is_well_formed(path: Path) -> None:
    """By the rules of LogMetric: a label has an extractor, and a distribution has a value and buckets."""
    metric = load(path)
    assert metric["name"] == path.stem
    descriptor = metric["metricDescriptor"]
    assert {each["key"] for each in descriptor["labels"]} == set(metric["labelExtractors"])
    distribution = descriptor["valueType"] == "DISTRIBUTION"
    assert distribution == ("valueExtractor" in metric) == ("bucketOptions" in metric)
    assert descriptor["metricKind"] == "DELTA"
