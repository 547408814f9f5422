"""deploy.sh: what a dry run prints, and what it refuses before any call. Real runs: tests/deploy."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from alerts.suppression import COLLECTION as ALERTS
from grading.breaker import COLLECTION as BREAKERS
from grading.memory import FAILED, FIRST_SEEN
from grading.processors import PROCESSORS
from grading.settings import Settings
from locking.line import waiters
from locking.lock import lock_document

ROOT = Path(__file__).parents[2]
URL = "https://hooks.slack.com/services/T000/B000/not-a-real-one"
PROJECT = ("--project", "demo-project")

# Every call is noted, one shell-quoted line each, and fails.
NOTES = r"""#!/bin/bash
printf '%s' "$(basename "$0")" >>"$FAKE_LOG"
printf ' %q' "$@" >>"$FAKE_LOG"
echo >>"$FAKE_LOG"
exit 1
"""


@dataclass
class Deployment:
    """deploy.sh with a PATH on which gcloud and bq are the note-takers."""

    directory: Path

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        environment = {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "PYTHON": str(self.directory / "python"),
            "FAKE_LOG": str(self.log),
        }
        return subprocess.run(
            [str(ROOT / "deploy.sh"), *arguments],
            env=environment, input=stdin, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    @property
    def log(self) -> Path:
        return self.directory / "calls"

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def changes(self) -> list[str]:
        """The calls that are no reading."""
        reading = re.compile(r" (describe|list|show|print-access-token) ?|^python -c")
        return [call for call in self.calls if not reading.search(call)]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    for name in ("gcloud", "bq", "python"):
        path = tmp_path / name
        path.write_text(NOTES)
        path.chmod(0o755)
    return Deployment(tmp_path)


def dry_run(*arguments: str, path: str | None = None) -> list[str]:
    """The commands of a dry run, without their prefix."""
    run = subprocess.run(
        [str(ROOT / "deploy.sh"), *arguments, "--dry-run", *PROJECT],
        env={"PATH": path or os.environ["PATH"], "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [line[2:] for line in run.stdout.splitlines() if line.startswith("+ ")]


@pytest.fixture(scope="module")
def planned() -> list[str]:
    return dry_run()


def command(lines: list[str], *words: str) -> list[str]:
    """The one command that has all these words, split as a shell splits it."""
    found = [shlex.split(line) for line in lines if all(word in line for word in words)]
    assert len(found) == 1, f"{words}: {found}"
    return found[0]


def test_shellcheck_finds_nothing() -> None:
    checker = shutil.which("shellcheck") or str(Path(os.sys.executable).parent / "shellcheck")
    run = subprocess.run(
        [checker, "-x", "-a", "deploy.sh"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout


def test_a_dry_run_needs_no_gcloud_no_login_and_no_network(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "basename", "sed", "grep", "tr", "sort", "base64", "cat", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    assert len(dry_run(path=str(tmp_path))) > 50


def test_a_dry_run_runs_nothing(deployment: Deployment) -> None:
    for arguments in ((), ("rollback",), ("destroy",)):
        assert deployment(*arguments, "--dry-run", *PROJECT).returncode == 0
        assert deployment.calls == []


def test_the_function_is_deployed_as_the_issue_says(planned: list[str]) -> None:
    deploy = command(planned, "gcloud functions deploy phase5b-grading")
    for flag in (
        "--gen2", "--runtime=python311", "--memory=1Gi", "--timeout=300s", "--retry", "--concurrency=1",
        "--max-instances=10", "--region=us-west2", "--entry-point=handle_event", "--trigger-topic=nba-grading-trigger",
        "--no-allow-unauthenticated", "--service-account=grading-function@demo-project.iam.gserviceaccount.com",
    ):  # fmt: skip
        assert flag in deploy


def test_the_entry_point_exists() -> None:
    assert "def handle_event(" in (ROOT / "main.py").read_text()


def test_delivery_outlasts_an_outage(planned: list[str]) -> None:
    """100 attempts, 60–600 s apart; a deadline over the function's time-out; kept longer than all attempts take."""
    update = command(planned, "gcloud pubsub subscriptions update")
    for flag in (
        "--max-delivery-attempts=100", "--min-retry-delay=60s", "--max-retry-delay=600s", "--ack-deadline=600",
        "--dead-letter-topic=projects/demo-project/topics/nba-grading-dead-letter", "--message-retention-duration=7d",
    ):  # fmt: skip
        assert flag in update


def test_the_function_is_told_its_own_time_limit(planned: list[str]) -> None:
    """The service bounds its waits by FUNCTION_TIMEOUT_SECONDS: it must be what was deployed."""
    variables = next(word for word in command(planned, "functions deploy") if word.startswith("--set-env-vars="))
    told = dict(pair.split("=", 1) for pair in variables.removeprefix("--set-env-vars=^|^").split("|"))
    assert told["FUNCTION_TIMEOUT_SECONDS"] == "300"
    settings = Settings.from_environment(told)
    assert settings.google_cloud_project == "demo-project"
    assert settings.function_region == "us-west2"
    assert settings.publish_metrics
    assert settings.function_name == "phase5b-grading"


def test_every_scheduled_message_is_one_that_the_function_reads(planned: list[str]) -> None:
    """And each of the five schedules of the issue is there, in New York's time."""
    jobs = [shlex.split(line) for line in planned if line.startswith("gcloud scheduler jobs create http")]
    # One is the self-check's: it goes to the function, not to the topic.
    jobs = [job for job in jobs if job[5] != "grading-service-self-check"]
    assert all(job[5].startswith("grading-service-") for job in jobs)
    found = {}
    for job in jobs:
        flags = dict(word[2:].split("=", 1) for word in job if word.startswith("--"))
        assert flags["time-zone"] == "America/New_York"
        assert (
            flags["uri"] == "https://pubsub.googleapis.com/v1/projects/demo-project/topics/nba-grading-trigger:publish"
        )
        assert flags["oauth-service-account-email"].startswith("grading-scheduler@")
        message = json.loads(base64.b64decode(json.loads(flags["message-body"])["messages"][0]["data"]))
        assert flags["description"] == f"Grading service (deploy.sh): {json.dumps(message, separators=(',', ':'))}"
        found[flags["schedule"]] = message
    assert found == {
        "0 6 * * *": {"target_date": "yesterday", "trigger_source": "scheduler"},
        "30 */4 * * *": {"task": "catch_up", "days": 7},
        "0 9 * * *": {"task": "quality_check"},
        "0 10 * * 1": {"task": "duplicate_trend"},
        "*/15 * * * *": {"task": "stuck_locks"},
    }


def test_each_collection_that_keeps_an_expiry_has_a_ttl_policy(planned: list[str]) -> None:
    """Taken from the code: a new lock type or state without a policy would be kept for ever."""
    types = {processor.lock_type for processor in PROCESSORS} | {"consolidation", "publish"}
    keys = {lock_type: lock_document(lock_type, "2026-01-17") for lock_type in types}
    expected = {key.collection for key in keys.values()} | {ALERTS, BREAKERS}
    # A policy names a collection group: the last part of a nested collection's path.
    expected |= {waiters(key).rpartition("/")[2] for key in keys.values()} | {FIRST_SEEN, FAILED}
    lines = [line for line in planned if "fields ttls update expires_at" in line]
    assert {re.search(r"--collection-group=(\S+)", line)[1] for line in lines} == expected  # type: ignore[index]


def test_the_function_may_edit_its_own_tables_and_staging_and_only_read_the_inputs(planned: list[str]) -> None:
    """The predictions share a dataset with our tables: an editor of that dataset could change them."""
    (script,) = (shlex.split(line)[-1] for line in planned if line.startswith("bq") and "GRANT" in line)
    grants = set(re.findall(r"GRANT `roles/bigquery\.(\w+)` ON (\w+) `demo-project\.([\w.]+)` TO", script))
    tables = {table for each in PROCESSORS for table in (each.name, f"{each.name}_fence")}
    tables |= {"grading_runs", "grading_duplicate_audit"}
    assert {name for role, kind, name in grants if (role, kind) == ("dataEditor", "SCHEMA")} == {"nba_staging"}
    assert {name for role, kind, name in grants if (role, kind) == ("dataEditor", "TABLE")} == {
        f"nba_predictions.{table}" for table in tables
    }
    assert {name for role, kind, name in grants if role == "dataViewer"} == {
        "nba_predictions", "nba_box_scores", "nba_raw", "nba_analytics"
    }  # fmt: skip


def test_settings_reach_function_and_init_and_move_the_grants(tmp_path: Path) -> None:
    file = tmp_path / "production.env"
    file.write_text(
        "# ours\nMIN_COVERAGE=0.8\n\nTARGET_DATASET=grades\nBOX_SCORES_TABLE=other-project.scores.players\n"
        "GRADING_COMPLETE_TOPIC=done\nBIGQUERY_LOCATION=us-west2"
    )
    lines = dry_run("--env-file", str(file))
    assert "MIN_COVERAGE=0.8" in command(lines, "grading init")
    assert "|MIN_COVERAGE=0.8" in next(word for word in command(lines, "functions deploy") if "set-env-vars" in word)
    script = command(lines, "GRANT")[-1]
    assert "ON TABLE `demo-project.grades.prediction_accuracy` " in script
    assert "`roles/bigquery.dataViewer` ON SCHEMA `other-project.scores` " in script
    assert "--location=us-west2" in command(lines, "GRANT")
    assert "--role=roles/pubsub.publisher" in command(lines, "add-iam-policy-binding done")


# What --env-file may not hold: deploy.sh decides it, or it is for one machine.
DECIDED = {
    "GOOGLE_CLOUD_PROJECT": PROJECT[1], "FUNCTION_TIMEOUT_SECONDS": "300", "FUNCTION_REGION": "us-west2",
    "FUNCTION_NAME": None, "SLACK_SECRET_ID": None,
}  # fmt: skip
LOCAL = {"LOCK_STORE", "LOCK_SQLITE_PATH", "BIGQUERY_API_ENDPOINT", "SLACK_WEBHOOK_URL"}


def test_every_setting_reaches_the_function_and_init(tmp_path: Path) -> None:
    """Each field of `Settings`, and so each line of docs/settings.md: from the file, or decided by deploy.sh."""
    names = [field.name.upper() for field in fields(Settings)]
    given = {name: f"the-{name.lower()}" for name in names if name not in {*DECIDED, *LOCAL}}
    file = tmp_path / "all.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    lines = dry_run("--env-file", str(file))
    expected = given | {name: value for name, value in DECIDED.items() if value is not None}
    variables = next(word for word in command(lines, "functions deploy") if word.startswith("--set-env-vars="))
    told = dict(pair.split("=", 1) for pair in variables.removeprefix("--set-env-vars=^|^").split("|"))
    assert told == expected | {"THREADS": "1"}
    init = command(lines, "grading init")
    assert dict(word.split("=", 1) for word in init if "=" in word) == expected
    # What is not passed has deploy.sh's own value as its default.
    defaults = {field.name: field.default for field in fields(Settings)}
    assert defaults["function_name"] == "phase5b-grading"
    assert defaults["slack_secret_id"] == "slack-webhook-url"
    assert any("secrets create slack-webhook-url" in line for line in lines)


def test_the_function_may_edit_its_tables_by_the_names_that_settings_give_them(tmp_path: Path) -> None:
    """A table of another system that has the default name is not ours to edit."""
    file = tmp_path / "named.env"
    file.write_text("PREDICTION_PERFORMANCE_SUMMARY_TABLE=summary_graded\n")
    script = command(dry_run("--env-file", str(file)), "GRANT")[-1]
    edited = set(re.findall(r"dataEditor` ON TABLE `demo-project\.nba_predictions\.(\w+)`", script))
    assert {"summary_graded", "summary_graded_fence", "prediction_accuracy", "grading_runs"} <= edited
    assert not edited & {"prediction_performance_summary", "prediction_performance_summary_fence"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"SLACK_WEBHOOK_URL={URL}", "line 1: the webhook is a secret: remove the line and give the URL on stdin"),
        ("MIN_COVERAGE=1\nFUNCTION_TIMEOUT_SECONDS=500", "line 2: FUNCTION_TIMEOUT_SECONDS is decided by deploy.sh"),
        ("LOCK_STORE=sqlite", "LOCK_STORE is for one machine, not for a deployment"),
        ("min_coverage=1", "write KEY=VALUE with an upper-case key"),
        ("just text", "write KEY=VALUE with an upper-case key"),
        ("SEASON=1|2", "a value cannot hold |"),
        ("MIN_COVERGE=0.8", "line 1: there is no setting MIN_COVERGE; docs/settings.md lists them"),
        ("SEASON=a\n\nSEASON=b", "line 3: SEASON is there twice"),
    ],
)
def test_a_bad_settings_file_is_refused(tmp_path: Path, deployment: Deployment, text: str, complaint: str) -> None:
    (tmp_path / "bad.env").write_text(text)
    run = deployment("--env-file", str(tmp_path / "bad.env"), *PROJECT)
    assert run.returncode == 2
    assert complaint in run.stderr
    assert URL not in run.stdout + run.stderr
    assert deployment.calls == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--projekt", "x"), "unknown: --projekt"),
        (("--project",), "--project needs a value"),
        (("--project", "a b; rm"), "that is no project id"),
        (("--project", "demo", "--region", "us west"), "that is no region"),
        (("--env-file", "/no/such/file"), "there is no file /no/such/file"),
        ((), "which project?"),
    ],
)
def test_wrong_usage_exits_2_and_says_why(deployment: Deployment, arguments: tuple[str, ...], complaint: str) -> None:
    run = deployment(*arguments)
    assert run.returncode == 2
    assert complaint in run.stderr
    assert deployment.changes in ([], ["gcloud config get-value project"])


def test_help_names_every_option() -> None:
    text = subprocess.run(
        [str(ROOT / "deploy.sh"), "--help"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    for word in (
        "rollback",
        "destroy",
        "--project",
        "--region",
        "--dry-run",
        "--skip-scheduler",
        "--env-file",
        "stdin",
    ):
        assert word in text


def test_destroy_asks_and_takes_nothing_but_the_projects_name_for_a_yes(deployment: Deployment) -> None:
    run = deployment("destroy", *PROJECT, stdin="yes\n")
    assert run.returncode == 1
    assert "nothing was removed" in run.stderr
    assert deployment.calls == []
    assert deployment("destroy", *PROJECT, stdin="demo-project\n").returncode == 1
    assert deployment.calls != []


def test_destroy_removes_every_account_and_binding_and_no_data(planned: list[str]) -> None:
    removed = [shlex.split(line) for line in dry_run("destroy")]
    for line in planned:
        if "projects add-iam-policy-binding" in line:
            assert [word.replace("add-iam", "remove-iam") for word in shlex.split(line)] in removed
        if "service-accounts create" in line:
            account = f"{shlex.split(line)[4]}@demo-project.iam.gserviceaccount.com"
            assert any(words[:5] == ["gcloud", "iam", "service-accounts", "delete", account] for words in removed)
    assert not any("firestore" in words for words in removed)
    (revoked,) = (words[-1] for words in removed if words[0] == "bq")
    (granted,) = (shlex.split(line)[-1] for line in planned if "GRANT" in line)
    assert revoked == granted.replace("GRANT ", "REVOKE ").replace(" TO ", " FROM ")
