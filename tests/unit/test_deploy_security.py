"""What docs/security.md claims, held against what is deployed and what is written."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from tests.unit.test_deploy import dry_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
PACKAGES = ("grading", "validation", "alerts", "locking", "monitoring", "warehouse", "foundation")
AGENT = "Pub/Sub's service agent"


def granted(tmp_path: Path) -> set[tuple[str, str]]:
    """(account, role) of each grant in a dry run; invoking is what the trigger's own command grants."""
    settings = tmp_path / "all.env"
    settings.write_text("GRADING_COMPLETE_TOPIC=done\n")
    found = set()
    for line in dry_run("--env-file", str(settings)):
        words = shlex.split(line)
        flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)
        if "add-iam-policy-binding" in line or "add-invoker-policy-binding" in line:
            name = flags["member"].removeprefix("serviceAccount:").partition("@")[0]
            account = AGENT if name.startswith("service-") else name
            found.add((account, flags.get("role", "roles/run.invoker")))
        if "GRANT" in line:
            found |= {("grading-function", role) for role in re.findall(r"GRANT `(roles/[\w.]+)`", words[-1])}
    return found


def test_the_table_of_permissions_is_what_is_granted(tmp_path: Path) -> None:
    rows = [line.split("|")[1:4] for line in PAGE.splitlines() if line.startswith("|") and "roles/" in line]
    documented = {
        (account.strip(), role.strip()) for account, roles, _ in rows for role in roles.split(",")
    }  # fmt: skip
    assert documented == granted(tmp_path)


def test_no_role_on_the_project_reads_or_writes_data(tmp_path: Path) -> None:
    """Project-wide grants are for jobs, logs, metrics and images; Firestore's is bound to one database."""
    for line in dry_run():
        if "gcloud projects add-iam-policy-binding" in line:
            role = re.search(r"--role=roles/([\w.]+)", line)
            assert role is not None
            assert role[1] in {
                "bigquery.jobUser", "datastore.user", "monitoring.metricWriter", "logging.logWriter",
                "artifactregistry.writer", "storage.objectViewer",
            }  # fmt: skip
            if role[1] == "datastore.user":
                assert 'resource.name=="projects/demo-project/databases/(default)"' in line


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


# These put statements together from parts that are `Sql` already. A new one is a decision: read what it puts in.
COMPOSERS = {
    "grading/audit.py",
    "grading/dates/survey.py",
    "grading/writing/adapt.py",
    "grading/report/data.py",
    "grading/report/diff.py",
    "grading/trace.py",
    "grading/writing/input_state.py",
    "grading/writing/inputs.py",
    "grading/writing/rules.py",
    "grading/writing/publish_script.py",
    "grading/writing/measuring.py",
    "grading/maintenance/grades_compared.py",
    "grading/maintenance/orphans.py",
    "grading/maintenance/preflight.py",
    "grading/maintenance/comparison.py",
    "grading/maintenance/repair_tables.py",
    "warehouse/columns.py",
    "grading/maintenance/undo.py",
}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_values_become_sql_in_one_module_only(path: Path) -> None:
    """Elsewhere `Sql` is made from a constant, or from what is `Sql` already: no input can become SQL as text."""
    if str(path.relative_to(ROOT)) in {"warehouse/statements.py", *COMPOSERS}:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Sql":
            chosen = node.args[0]
            texts = [chosen.body, chosen.orelse] if isinstance(chosen, ast.IfExp) else [chosen]
            assert all(isinstance(text, ast.Constant) for text in texts), f"{path.name}:{node.lineno}: SQL of a value"


def test_a_query_is_sent_by_one_module_only_and_takes_nothing_but_sql() -> None:
    """`Warehouse.run(sql: Sql)` is the only caller of BigQuery's `query`; mypy holds every caller to the type."""
    callers = {
        str(path.relative_to(ROOT))
        for path in sources()
        if path.relative_to(ROOT).parts[0] in ("grading", "validation", "warehouse")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("query", "query_and_wait")
    }
    assert callers == {"warehouse/bigquery.py"}


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==\S+", line), f"{name}: {line}"


# The client library that a call goes through → the roles of the function that its calls need.
NEEDED = {
    "bigquery": {"roles/bigquery.jobUser", "roles/bigquery.dataEditor", "roles/bigquery.dataViewer"},
    "firestore": {"roles/datastore.user"},
    "monitoring_v3": {"roles/monitoring.metricWriter"},
    "pubsub_v1": {"roles/pubsub.publisher"},
    "secretmanager_v1": {"roles/secretmanager.secretAccessor"},
}


def test_the_function_has_the_roles_that_its_calls_need_and_no_more(tmp_path: Path) -> None:
    """By the client libraries that the deployed packages import. Logs go to stdout, for which no role is needed."""
    text = "\n".join(path.read_text() for path in sources())
    used = set(re.findall(r"google\.cloud(?:\.| import )(\w+)", text)) - {"firestore_v1", "secretmanager"}
    assert used == NEEDED.keys()
    needed = {role for library in used for role in NEEDED[library]}
    assert {role for account, role in granted(tmp_path) if account == "grading-function"} == needed


def test_metrics_that_are_not_published_need_no_role(tmp_path: Path) -> None:
    settings = tmp_path / "no-metrics.env"
    settings.write_text("PUBLISH_METRICS=false\n")
    assert not any("monitoring.metricWriter" in line for line in dry_run("--env-file", str(settings)))
